"""When a new version was watched for long enough, and whether it is worse than the one before it."""

from __future__ import annotations

from typing import NamedTuple

from chatbot.settings import KubernetesSettings
from k8s.rollout.counters import Margins, PodCounters, Regression, find_regressions

NOT_READY = "not_ready"
_MIN_MESSAGES = 30
"""Messages under which nobody looks: a first failure says nothing."""
_GRACE_SECONDS = 60.0
"""Pods that are not ready for less are being started, moved or restarted: that condemns no model."""


class AnalysisResult(NamedTuple):
    """What a look at the metrics said."""

    finished: bool
    regressions: list[Regression]
    """What got worse; `not_ready` beside what `k8s.rollout.counters` measures."""
    summary: str


class RolloutAnalysis:
    """Looks again and again, and stays within the chance of a false alarm that the setting allows over all looks."""

    def __init__(self, settings: KubernetesSettings, baseline: PodCounters) -> None:
        """Args: before: what the version before had counted."""
        self._settings = settings
        self._baseline = baseline
        self._margins = Margins(
            settings.error_rise, settings.slow_rise, settings.handoff_rise, settings.negative_rise
        )
        self._max_seconds = max(settings.watch_seconds, settings.watch_most_seconds)
        self._evaluations = max(1.0, self._max_seconds / settings.watch_every_seconds)
        self._not_ready_since: float | None = None

    def evaluate(self, current: PodCounters, seconds: float, problem: str = "") -> AnalysisResult:
        """Judge.

        Args:
            now: what the new version counted since it serves.
            seconds: how long it serves.
            trouble: why its pods are not all ready; empty: they are.
        """
        enough = current.messages >= self._settings.watch_messages
        if not problem:
            self._not_ready_since = None
        elif self._not_ready_since is None:
            self._not_ready_since = seconds
        in_grace_period = (
            self._not_ready_since is not None and seconds - self._not_ready_since < _GRACE_SECONDS
        )
        min_seconds = self._settings.watch_seconds if enough and not problem else self._max_seconds
        is_last = seconds >= min_seconds and not in_grace_period
        summary = f"{current.messages:.0f} messages in {seconds:.0f} s"
        if not enough:
            summary += f", too few to tell (CHATBOT_K8S_WATCH_MESSAGES={self._settings.watch_messages})"
        if not is_last and current.messages < _MIN_MESSAGES:
            return AnalysisResult(False, [], summary)
        # Half of the false alarms for the looks on the way, half for the last one.
        false_alarm_rate = self._settings.false_alarm / 2 / (1.0 if is_last else self._evaluations)
        regressions = find_regressions(self._baseline, current, self._margins, false_alarm_rate)
        if is_last and problem:
            regressions.append(Regression(NOT_READY, f"its pods do not stay ready: {problem}"))
        return AnalysisResult(is_last, regressions, summary)
