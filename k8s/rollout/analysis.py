"""Canary analysis of live metrics: decides whether a new version continues, passes or is rolled back."""

from __future__ import annotations

from typing import NamedTuple

from chatbot.settings import KubernetesSettings
from k8s.rollout.counters import (
    SLOW,
    PodCounters,
    Regression,
    find_regressions,
    slow_messages,
    slow_threshold,
)

NOT_READY = "not_ready"
_MIN_MESSAGES = 30
"""Below this many messages only the last evaluation compares versions: a few early failures prove nothing."""
_GRACE_SECONDS = 60.0
"""Pods unready for less than this are starting, moving or restarting, which is not evidence against the model."""

_BLOCK_MESSAGES = 20
"""Latency is judged by blocks of consecutive messages, at least this many in each."""
_MIN_BLOCKS = 5
"""With fewer blocks only the last evaluation judges latency."""


class AnalysisResult(NamedTuple):
    """Result of one evaluation."""

    finished: bool
    regressions: list[Regression]
    """Measures that got worse: those of `k8s.rollout.counters`, and `not_ready`."""
    summary: str


class RolloutAnalysis:
    """Compares a new version's counters with the baseline repeatedly; one false-alarm rate covers all evaluations."""

    def __init__(self, settings: KubernetesSettings, baseline: PodCounters) -> None:
        """Args: settings: durations, margins and false-alarm rate. baseline: counters of the previous version."""
        self._settings = settings
        self._baseline = baseline
        self._max_seconds = settings.longest_watch_seconds
        self._evaluations = max(1.0, self._max_seconds / settings.watch_every_seconds)
        self._not_ready_since: float | None = None
        self._latency = _LatencyBlocks(baseline, settings.slow_rise)

    def evaluate(self, current: PodCounters, seconds: float, problem: str = "") -> AnalysisResult:
        """Compare the new version with the baseline.

        Args:
            seconds: how long it has been under analysis.
            problem: why its pods are not all ready; empty: all are ready.

        Returns: whether the analysis is finished, and the regressions found; any regression calls for a rollback.
        """
        self._latency.add(current)
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
        # Bonferroni: half of the false-alarm rate for the interim evaluations, half for the last one.
        false_alarm_rate = self._settings.false_alarm / 2 / (1.0 if is_last else self._evaluations)
        regressions = find_regressions(self._baseline, current, self._settings, false_alarm_rate)
        if not self._latency.is_sustained(at_least=1 if is_last else _MIN_BLOCKS):
            regressions = [found for found in regressions if found.measure != SLOW]
        if is_last and problem:
            regressions.append(Regression(NOT_READY, f"its pods do not stay ready: {problem}"))
        return AnalysisResult(is_last, regressions, summary)


class _LatencyBlocks:
    """Tells a sustained rise in latency from a burst, by blocks of consecutive messages.

    Slow messages are not independent: one stall of the node (a pod that starts, a neighbour's work) makes all messages
    of that moment slow, which the exact test over messages takes for evidence. A model that is slower is slower in
    most blocks; a stall is in few of them.
    """

    def __init__(self, baseline: PodCounters, margin: float) -> None:
        self._bound = slow_threshold(baseline)
        self._limit = 0.0
        if self._bound:
            slow, total = slow_messages(baseline, self._bound)
            self._limit = slow / total + margin
        self._start = (0.0, 0.0)
        self._blocks: list[bool] = []

    def add(self, current: PodCounters) -> None:
        """Close a block if enough messages were answered since the last one."""
        if self._bound not in current.within:
            return
        slow, total = slow_messages(current, self._bound)
        messages = total - self._start[1]
        if messages >= _BLOCK_MESSAGES:
            self._blocks.append((slow - self._start[0]) / messages >= self._limit)
            self._start = (slow, total)

    def is_sustained(self, at_least: int) -> bool:
        """Return whether more than half of the blocks are slow, of which there must be `at_least`."""
        return len(self._blocks) >= at_least and 2 * sum(self._blocks) > len(self._blocks)
