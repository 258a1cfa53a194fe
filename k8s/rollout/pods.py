"""Reads /version and /metrics of the API's pods over plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.request import Request

from chatbot.runtime import REAL, Runtime
from k8s.api.deployment import Pod
from k8s.rollout.counters import PodCounters, total


class PodReader:
    """Reads pods repeatedly and accumulates their counters, including those of restarted and deleted pods."""

    def __init__(self, port: int, seconds: float, runtime: Runtime = REAL) -> None:
        """Args: port: the API's port. seconds: timeout of one request. runtime: threads and network."""
        self._port = port
        self._seconds = seconds
        self._runtime = runtime
        self._last: dict[str, PodCounters] = {}
        self._before_restart: dict[str, PodCounters] = {}

    def bundle_digests(self, pods: Iterable[Pod]) -> dict[str, str]:
        """Return the bundle digest that each pod reports, by pod name; empty: the pod did not report one."""
        found = {}
        for pod, text in self._fetch_all(pods, "/version"):
            try:
                found[pod.name] = str(json.loads(text or "{}").get("bundle_digest", ""))
            except ValueError:
                found[pod.name] = ""
        return found

    def read_counters(self, pods: Iterable[Pod]) -> tuple[PodCounters, int]:
        """Read all pods; return the counters of every pod seen so far, and how many pods answered this time."""
        answered = 0
        for pod, text in self._fetch_all(pods, "/metrics"):
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

    def _fetch_all(self, pods: Iterable[Pod], path: str) -> list[tuple[Pod, str | None]]:
        pods = list(pods)
        return list(
            zip(pods, self._runtime.map_concurrently(lambda pod: self._fetch(pod, path), pods), strict=True)
        )

    def _fetch(self, pod: Pod, path: str) -> str | None:
        host = f"[{pod.address}]" if ":" in pod.address else pod.address
        try:
            request = Request(f"http://{host}:{self._port}{path}")
            return self._runtime.fetch(request, self._seconds).decode()
        except (OSError, UnicodeDecodeError):
            return None
