"""Read /version and /metrics of the API's pods over plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.request import Request

from chatbot.runtime import REAL, Runtime
from chatbot.settings import ApiClientSettings, KubernetesSettings
from k8s.api.deployment import Pod
from k8s.rollout.counters import PodCounters, total


class PodReader:
    """Reads pods repeatedly and accumulates their counters, including those of restarted and deleted pods."""

    def __init__(self, settings: KubernetesSettings, runtime: Runtime = REAL) -> None:
        """Args: settings: ports, timeout of one request. runtime: threads and network.

        Raises: SettingError: the API key's setting is invalid.
        """
        self._api_port = settings.api_port
        self._metrics_port = settings.metrics_port or settings.api_port
        self._headers = ApiClientSettings().headers()
        self._seconds = settings.request_seconds
        self._runtime = runtime
        self._last: dict[str, PodCounters] = {}
        self._before_restart: dict[str, PodCounters] = {}

    def bundle_digests(self, pods: Iterable[Pod]) -> dict[str, str]:
        """Return the bundle digest that each pod reports, by pod name; empty: the pod did not report one."""
        found = {}
        for pod, text in self._fetch_all(pods, self._api_port, "/version"):
            try:
                found[pod.name] = str(json.loads(text or "{}").get("bundle_digest", ""))
            except (ValueError, AttributeError, RecursionError):  # something else answers on this port
                found[pod.name] = ""
        return found

    def read_counters(self, pods: Iterable[Pod]) -> tuple[PodCounters, int]:
        """Read all pods; return the counters of every pod seen so far, and how many pods answered this time."""
        answered = 0
        for pod, text in self._fetch_all(pods, self._metrics_port, "/metrics"):
            if text is None:
                continue
            try:
                counters = PodCounters.parse(text)
            except ValueError:
                continue
            answered += 1
            last = self._last.get(pod.uid)
            # The counters of a restarted container start at zero.
            if last is not None and counters.messages < last.messages:
                self._before_restart[pod.uid] = self._before_restart.get(pod.uid, PodCounters()) + last
            self._last[pod.uid] = counters
        return total([*self._last.values(), *self._before_restart.values()]), answered

    def _fetch_all(self, pods: Iterable[Pod], port: int, path: str) -> list[tuple[Pod, str | None]]:
        pods = list(pods)
        found = self._runtime.map_concurrently(lambda pod: self._fetch(pod, port, path), pods)
        return list(zip(pods, found, strict=True))

    def _fetch(self, pod: Pod, port: int, path: str) -> str | None:
        host = f"[{pod.address}]" if ":" in pod.address else pod.address
        try:
            request = Request(f"http://{host}:{port}{path}", headers=self._headers)
            return self._runtime.fetch(request, self._seconds).decode()
        except (OSError, UnicodeDecodeError):
            return None
