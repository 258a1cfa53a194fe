"""What became of a run, for people and for Prometheus: Events on the Deployment, metrics through the pushgateway.

Neither ever stops a promotion: what cannot be said is said on standard error instead.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal
from urllib.request import Request

from prometheus_client import CollectorRegistry, Gauge, pushadd_to_gateway

from chatbot.errors import ChatbotError
from k8s.api.client import Cluster
from k8s.api.deployment import Deployment
from k8s.api.outside import REAL, Outside
from k8s.rollout.state import Outcome, Promotion, words

_MOST_EVENT_CHARS = 1000


def say(line: str) -> None:
    """One line for whoever reads the container's log."""
    sys.stdout.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}\n")
    sys.stdout.flush()


def event(
    cluster: Cluster, on: Deployment, reason: str, message: str, kind: Literal["Normal", "Warning"] = "Normal"
) -> None:
    """An Event on the Deployment (`kubectl describe` shows it), and the same in the log."""
    say(f"{reason}: {message}")
    now = cluster.outside.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = on.content["metadata"]
    content = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{on.name}.{secrets.token_hex(8)}", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": on.name,
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
        "reason": reason,
        "message": message[:_MOST_EVENT_CHARS],
        "type": kind,
        "source": {"component": "support-chatbot"},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    try:
        cluster.create_event(content)
    except ChatbotError as error:
        sys.stderr.write(f"no Event: {error}\n")


def outcome(cluster: Cluster, on: Deployment, promotion: Promotion, outcome: Outcome) -> None:
    """The Event that says what became of a promotion."""
    target, previous = words(promotion.target), words(promotion.previous)
    match outcome:
        case Outcome.PROMOTED:
            event(cluster, on, "ModelPromoted", f"{target} serves and is champion, after {previous}")
        case Outcome.ROLLED_BACK:
            sentence = f"{target} serves and is champion, in place of {previous}: {promotion.why}"
            event(cluster, on, "ModelRolledBack", sentence)
        case Outcome.TAKEN_BACK:
            sentence = f"{previous} serves again, {target} was taken back: {promotion.why}"
            event(cluster, on, "ModelTakenBack", sentence, "Warning")
        case Outcome.SUPERSEDED:
            sentence = (
                f"{words(on.model)} was set by hand while {target} was on its way: {target} is given up"
            )
            event(cluster, on, "ModelChangedByHand", sentence, "Warning")


class Pushed:
    """Metrics of a run that is over before anybody could scrape it."""

    def __init__(self, gateway: str, job: str, seconds: float, outside: Outside = REAL) -> None:
        """Args: gateway: its address; empty: nothing is pushed. job: the label `job` of all of them."""
        self._gateway = gateway
        self._job = job
        self._seconds = seconds
        self._outside = outside

    def push(
        self,
        name: str,
        description: str,
        value: float,
        labels: Mapping[str, str] | None = None,
        group: Mapping[str, str] | None = None,
    ) -> None:
        """Replace this metric in its group.

        Args:
            labels: go away with the next push of this name.
            group: stay until the same group is pushed again.
        """
        self.push_all(name, description, [(labels or {}, value)], group)

    def push_time(self, name: str, description: str, group: Mapping[str, str] | None = None) -> None:
        """A metric whose value is now, in seconds since 1970."""
        self.push(name, description, self._outside.now().timestamp(), group=group)

    def push_all(
        self,
        name: str,
        description: str,
        samples: list[tuple[Mapping[str, str], float]],
        group: Mapping[str, str] | None = None,
    ) -> None:
        """As `push`, of several samples with the same label names."""
        if not self._gateway or not samples:
            return
        registry = CollectorRegistry()
        gauge = Gauge(name, description, sorted(samples[0][0]), registry=registry)
        for labels, value in samples:
            (gauge.labels(**labels) if labels else gauge).set(value)
        try:
            pushadd_to_gateway(
                self._gateway,
                self._job,
                registry,
                grouping_key=dict(group or {}),
                timeout=self._seconds,
                handler=self._send,
            )
        except (OSError, ValueError) as error:
            sys.stderr.write(
                f"no metric {name}: the pushgateway at {self._gateway} does not take it: {error}\n"
            )

    def _send(
        self, url: str, method: str, timeout: float, headers: list[tuple[str, str]], data: bytes
    ) -> Callable[[], None]:
        """As prometheus_client's own handler, which has the network built in."""
        request = Request(url, data=data, headers=dict(headers), method=method)  # noqa: S310  # http(s)

        def send() -> None:
            self._outside.fetch(request, timeout)

        return send
