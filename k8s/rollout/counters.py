"""Parse and sum a version's counters from its pods' /metrics, and compare two versions statistically.

The comparison covers shares: failed messages, slow messages, handoffs, negative feedback. A version is worse if its
share exceeds the baseline's by at least a margin and a one-sided Fisher's exact test is significant. The setting bounds
the false-alarm rate (type I error) over all measures and all evaluations by Bonferroni correction: one half for the
interim evaluations, one half for the last. Slow messages come in bursts: `k8s.rollout.analysis` also requires that the
rise is sustained.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from chatbot.settings import KubernetesSettings

CHAT = "/chat"
FAST_SHARE = 0.99
"""A message is `slow` if it takes longer than this share of the baseline's messages."""
SLOW = "slow"
MEASURES = ("failed", SLOW, "handoffs", "negative_feedback")


_COUNTERS = frozenset((
    "chatbot_requests_total", "chatbot_request_duration_seconds_bucket", "chatbot_predictions_total",
    "chatbot_handoffs_total", "chatbot_feedback_total",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class PodCounters:
    """Counters of one version: `a + b` adds two pods.

    Attributes:
        answered, failed: messages answered with 2xx, and with 5xx.
        within: cumulative latency histogram: messages by upper bound in seconds, as in Prometheus.
        replies, handoffs: replies of `/chat`, and those that hand over to a human.
        helped, not_helped: feedback.
    """

    answered: float = 0
    failed: float = 0
    within: Mapping[str, float] = field(default_factory=dict)
    replies: float = 0
    handoffs: float = 0
    helped: float = 0
    not_helped: float = 0

    def __add__(self, other: PodCounters) -> PodCounters:
        bounds = dict.fromkeys([*self.within, *other.within])
        within = {b: self.within.get(b, 0) + other.within.get(b, 0) for b in bounds}
        sums = {
            f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self) if f.name != "within"
        }
        return PodCounters(within=within, **sums)

    @property
    def messages(self) -> float:
        """Return the number of messages, answered or failed."""
        return self.answered + self.failed

    @classmethod
    def parse(cls, text: str) -> PodCounters:
        """Parse one pod's /metrics.

        Raises: ValueError: the text is not a Prometheus exposition, or a value is none that a counter can have.
        """
        answered = failed = replies = handoffs = helped = not_helped = 0.0
        within: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = sample.labels
                if sample.name in _COUNTERS and not 0 <= sample.value < math.inf:
                    raise ValueError(f"{sample.name} is {sample.value}: a counter is finite and not negative")
                match sample.name:
                    case "chatbot_requests_total" if labels.get("route") == CHAT:
                        status = labels.get("status", "")
                        answered += sample.value if status.startswith("2") else 0
                        failed += sample.value if status.startswith("5") else 0
                    case "chatbot_request_duration_seconds_bucket" if labels.get("route") == CHAT:
                        bound = labels.get("le", "")
                        float(bound)
                        within[bound] = within.get(bound, 0) + sample.value
                    case "chatbot_predictions_total":
                        replies += sample.value
                    case "chatbot_handoffs_total":
                        handoffs += sample.value
                    case "chatbot_feedback_total":
                        yes = labels.get("helpful") == "yes"
                        helped += sample.value if yes else 0
                        not_helped += 0 if yes else sample.value
        return cls(answered, failed, within, replies, handoffs, helped, not_helped)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> PodCounters:
        """Restore what `dataclasses.asdict` returned; missing fields are zero."""
        return cls(**{name: content[name] for name in cls.__slots__ if name in content})


def total(all_counters: Iterable[PodCounters]) -> PodCounters:
    """Return the sum of all counters."""
    return sum(all_counters, PodCounters())


class Regression(NamedTuple):
    """A measure that got worse."""

    measure: str
    """One of MEASURES."""
    summary: str


def slow_threshold(baseline: PodCounters) -> str:
    """Return the smallest histogram bound that 99% of the baseline's messages meet.

    Returns: the bound; empty if no messages were counted or the bound is infinite.
    """
    counts = sorted((float(bound), bound, count) for bound, count in baseline.within.items())
    total_count = counts[-1][2] if counts else 0
    for value, bound, count in counts:
        if total_count and count >= FAST_SHARE * total_count:
            return "" if math.isinf(value) else bound
    return ""


def _shares(counters: PodCounters, bound: str) -> dict[str, tuple[float, float]]:
    """Return hits and total by measure; `slow` only if the histogram has the bound."""
    found = {
        "failed": (counters.failed, counters.messages),
        "handoffs": (counters.handoffs, counters.replies),
        "negative_feedback": (counters.not_helped, counters.helped + counters.not_helped),
    }
    return found | ({SLOW: slow_messages(counters, bound)} if bound in counters.within else {})


def slow_messages(counters: PodCounters, bound: str) -> tuple[float, float]:
    """Return how many messages took longer than `bound`, one of the histogram's, and how many there were."""
    total_count = max(counters.within.values(), default=0.0)
    return total_count - counters.within[bound], total_count


def find_regressions(
    baseline: PodCounters, current: PodCounters, settings: KubernetesSettings, false_alarm_rate: float
) -> list[Regression]:
    """Return the measures that are significantly worse, each with a sentence that contains its numbers.

    Args: false_alarm_rate: probability, over all measures, that equal versions yield a regression.
    """
    bound = slow_threshold(baseline)
    earlier = _shares(baseline, bound)
    names_and_margins = {
        "failed": ("failed messages", settings.error_rise),
        "handoffs": ("handoffs", settings.handoff_rise),
        "negative_feedback": ("negative feedback", settings.negative_rise),
        SLOW: (f"messages over {bound} s", settings.slow_rise),
    }
    found = []
    for measure, (hits_now, drawn_now) in _shares(current, bound).items():
        hits_before, drawn_before = earlier[measure]
        name, margin = names_and_margins[measure]
        if not drawn_before or not drawn_now:
            continue
        before, now = hits_before / drawn_before, hits_now / drawn_now
        if now - before < margin:
            continue
        p_value = fisher_exact(int(hits_now), int(drawn_now), int(hits_before), int(drawn_before))
        if p_value < false_alarm_rate / len(MEASURES):
            summary = (
                f"{name}: {hits_now:.0f} of {drawn_now:.0f} ({now:.1%}), with the "
                f"version before {hits_before:.0f} of {drawn_before:.0f} ({before:.1%}); "
                f"by chance at most one time in {1 / max(p_value, 1e-12):.0f}"
            )
            found.append(Regression(measure, summary))
    return found


def fisher_exact(hits: int, drawn: int, other_hits: int, other_drawn: int) -> float:
    """One-sided Fisher's exact test (Fisher 1922): probability of at least this many hits among those drawn.

    Returns: the p-value under equal shares, 0 to 1.
    """
    all_hits, everything = hits + other_hits, drawn + other_drawn

    def log_choose(n: int, k: int) -> float:
        return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)

    log_all = log_choose(everything, drawn)
    least = max(hits, drawn - (everything - all_hits))
    terms = (
        math.exp(log_choose(all_hits, k) + log_choose(everything - all_hits, drawn - k) - log_all)
        for k in range(least, min(drawn, all_hits) + 1)
    )
    return min(1.0, math.fsum(terms))
