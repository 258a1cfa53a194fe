"""What the API's pods say of themselves: /version and /metrics, over plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.request import Request

from k8s.api.deployment import Pod
from k8s.api.outside import REAL, Outside
from k8s.rollout.counters import Tally, total


class PodReader:
    """Reads the pods again and again, and adds up what they counted, those too that are gone by now."""

    def __init__(self, port: int, seconds: float, outside: Outside = REAL) -> None:
        """Args: port: the API's. seconds: how long a pod may take to answer."""
        self._port = port
        self._seconds = seconds
        self._outside = outside
        self._last: dict[str, Tally] = {}
        self._before_restart: dict[str, Tally] = {}

    def digests(self, pods: Iterable[Pod]) -> dict[str, str]:
        """The bundle digest that each pod says it serves, by the pod's name; empty: it did not say."""
        found = {}
        for pod, text in self._get(pods, "/version"):
            try:
                found[pod.name] = str(json.loads(text or "{}").get("bundle_digest", ""))
            except ValueError:
                found[pod.name] = ""
        return found

    def read(self, pods: Iterable[Pod]) -> tuple[Tally, int]:
        """What all pods seen so far counted, and how many of these answered now."""
        answered = 0
        for pod, text in self._get(pods, "/metrics"):
            if text is None:
                continue
            try:
                tally = Tally.parse(text)
            except ValueError:
                continue
            answered += 1
            last = self._last.get(pod.uid)
            if (
                last is not None and tally.messages < last.messages
            ):  # a container that was restarted counts anew
                self._before_restart[pod.uid] = self._before_restart.get(pod.uid, Tally()) + last
            self._last[pod.uid] = tally
        return total([*self._last.values(), *self._before_restart.values()]), answered

    def _get(self, pods: Iterable[Pod], path: str) -> list[tuple[Pod, str | None]]:
        pods = list(pods)
        return list(zip(pods, self._outside.together(lambda pod: self._one(pod, path), pods), strict=True))

    def _one(self, pod: Pod, path: str) -> str | None:
        host = f"[{pod.address}]" if ":" in pod.address else pod.address
        try:
            request = Request(f"http://{host}:{self._port}{path}")
            return self._outside.fetch(request, self._seconds).decode()
        except (OSError, UnicodeDecodeError):
            return None
