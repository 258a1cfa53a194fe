"""When a new version was watched for long enough, and whether it is worse than the one before it."""

from __future__ import annotations

from typing import NamedTuple

from chatbot.settings import KubernetesSettings
from k8s.rollout.counters import Margins, Tally, Worse, worse

NOT_READY = "not_ready"
_LEAST = 30
"""Messages under which nobody looks: a first failure says nothing."""
_PASSING_SECONDS = 60.0
"""Pods that are not ready for less are being started, moved or restarted: that condemns no model."""


class Seen(NamedTuple):
    """What a look at the metrics said."""

    over: bool
    worse: list[Worse]
    """What got worse; `not_ready` beside what `k8s.rollout.counters` measures."""
    sentence: str


class Watch:
    """Looks again and again, and stays within the chance of a false alarm that the setting allows over all looks."""

    def __init__(self, settings: KubernetesSettings, before: Tally) -> None:
        """Args: before: what the version before had counted."""
        self._settings = settings
        self._before = before
        self._margins = Margins(
            settings.error_rise, settings.slow_rise, settings.handoff_rise, settings.negative_rise
        )
        self._most = max(settings.watch_seconds, settings.watch_most_seconds)
        self._looks = max(1.0, self._most / settings.watch_every_seconds)
        self._trouble_since: float | None = None

    def look(self, now: Tally, seconds: float, trouble: str = "") -> Seen:
        """Judge.

        Args:
            now: what the new version counted since it serves.
            seconds: how long it serves.
            trouble: why its pods are not all ready; empty: they are.
        """
        enough = now.messages >= self._settings.watch_messages
        if not trouble:
            self._trouble_since = None
        elif self._trouble_since is None:
            self._trouble_since = seconds
        passing = self._trouble_since is not None and seconds - self._trouble_since < _PASSING_SECONDS
        least = self._settings.watch_seconds if enough and not trouble else self._most
        at_end = seconds >= least and not passing
        sentence = f"{now.messages:.0f} messages in {seconds:.0f} s"
        if not enough:
            sentence += f", too few to tell (CHATBOT_K8S_WATCH_MESSAGES={self._settings.watch_messages})"
        if not at_end and now.messages < _LEAST:
            return Seen(False, [], sentence)
        # Half of the false alarms for the looks on the way, half for the last one.
        allowed = self._settings.false_alarm / 2 / (1.0 if at_end else self._looks)
        found = worse(self._before, now, self._margins, allowed)
        if at_end and trouble:
            found.append(Worse(NOT_READY, f"its pods do not stay ready: {trouble}"))
        return Seen(at_end, found, sentence)
