"""Push metrics of short-lived runs to the Prometheus Pushgateway, with retries.

Alerts depend on these metrics, and a run that has ended cannot push them again: a name that does not resolve for some
seconds, or a gateway that restarts, must not lose them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from urllib.request import Request

from prometheus_client import CollectorRegistry, Gauge, push_to_gateway, pushadd_to_gateway

from chatbot.runtime import REAL, Runtime

_RETRY_SECONDS = 30.0


class PushgatewayClient:
    """Pushes metrics of a run that ends before Prometheus can scrape it."""

    def __init__(self, gateway: str, job: str, seconds: float, runtime: Runtime = REAL) -> None:
        """Configure the client; sends nothing.

        Args:
            gateway: address of the Pushgateway; empty: nothing is pushed.
        """
        self._gateway = gateway
        self._job = job
        self._seconds = seconds
        self._runtime = runtime
        self._retry_seconds = _RETRY_SECONDS

    def push(
        self,
        name: str,
        description: str,
        value: float,
        labels: Mapping[str, str] | None = None,
        group: Mapping[str, str] | None = None,
    ) -> None:
        """Push one sample; it replaces this metric in its group.

        Args:
            labels: replaced by the next push of this metric.
            group: grouping key; the sample persists until the same group is pushed again.
        """
        self.push_samples(name, description, [(labels or {}, value)], group)

    def push_timestamp(self, name: str, description: str, group: Mapping[str, str] | None = None) -> None:
        """Push a metric whose value is the current Unix time in seconds."""
        self.push(name, description, self._runtime.now().timestamp(), group=group)

    def push_samples(
        self,
        name: str,
        description: str,
        samples: list[tuple[Mapping[str, str], float]],
        group: Mapping[str, str] | None = None,
    ) -> None:
        """Push several samples with the same label names; otherwise like `push`.

        A failure does not stop the run: it is reported on standard error.
        """
        if not samples:
            return
        registry = CollectorRegistry()
        gauge = Gauge(name, description, sorted(samples[0][0]), registry=registry)
        for labels, value in samples:
            (gauge.labels(**labels) if labels else gauge).set(value)
        try:
            self.push_registry(registry, group)
        except (OSError, ValueError) as error:
            sys.stderr.write(
                f"no metric {name}: the pushgateway at {self._gateway} does not take it: {error}\n"
            )

    def push_registry(
        self, registry: CollectorRegistry, group: Mapping[str, str] | None = None, *, replace: bool = False
    ) -> None:
        """Push all metrics of a registry, and retry for 30 s while the gateway does not accept them.

        Once the retries of one push have failed, later pushes are attempted once: an outage delays a run only once.

        Args:
            group: grouping key besides the job.
            replace: whether metrics of the group that the registry lacks are deleted.

        Raises:
            OSError: the gateway cannot be reached or refuses the metrics.
            ValueError: its address is not a URL.
        """
        if not self._gateway:
            return
        push = push_to_gateway if replace else pushadd_to_gateway

        def send() -> None:
            push(
                self._gateway,
                self._job,
                registry,
                grouping_key=dict(group or {}),
                timeout=self._seconds,
                handler=self._send,
            )

        try:
            self._runtime.retry(send, OSError, self._retry_seconds)
        except OSError:
            self._retry_seconds = 0.0
            raise

    def _send(
        self, url: str, method: str, timeout: float, headers: list[tuple[str, str]], data: bytes
    ) -> Callable[[], None]:
        """Create the request handler for prometheus_client, whose own handler bypasses the injected network."""
        request = Request(url, data=data, headers=dict(headers), method=method)  # noqa: S310  # http(s)

        def send() -> None:
            self._runtime.fetch(request, timeout)

        return send
