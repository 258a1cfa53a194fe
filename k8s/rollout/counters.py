"""What a version did so far, in counts: read from /metrics of its pods, added up, and compared with another version's.

Two versions are compared by shares: of failed messages, of slow ones, of handoffs, of negative feedback. A version
is worse where its share is higher by more than a stated difference and Fisher's exact test (one-sided) says that
chance does not do that. The probability of an error of the first kind, over all measures and all looks, is what
the setting says (Bonferroni: half of it for the looks on the way, half for the last one).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

CHAT = "/chat"
FAST_SHARE = 0.99
"""`slow` is what took longer than this share of the earlier version's messages."""
MEASURES = ("failed", "slow", "handoffs", "negative_feedback")


@dataclass(frozen=True, slots=True)
class PodCounters:
    """Counts of one version; `a + b` of two pods, `a - b` since an earlier reading.

    Attributes:
        answered: messages answered with 2xx.
        failed: messages answered with 5xx.
        within: messages by the seconds they took at most: cumulative, as Prometheus has them.
        replies: of `/chat`.
        handoffs: replies that hand over to a person.
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
        bounds = [*self.within, *(b for b in other.within if b not in self.within)]
        within = {b: self.within.get(b, 0) + other.within.get(b, 0) for b in bounds}
        return PodCounters(
            self.answered + other.answered,
            self.failed + other.failed,
            within,
            self.replies + other.replies,
            self.handoffs + other.handoffs,
            self.helped + other.helped,
            self.not_helped + other.not_helped,
        )

    @property
    def messages(self) -> float:
        """Messages that were answered or failed."""
        return self.answered + self.failed

    @classmethod
    def parse(cls, text: str) -> PodCounters:
        """Of one pod's /metrics.

        Raises:
            ValueError: the text is no Prometheus exposition.
        """
        answered = failed = replies = handoffs = helped = not_helped = 0.0
        within: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = sample.labels
                match sample.name:
                    case "chatbot_requests_total" if labels.get("route") == CHAT:
                        status = labels.get("status", "")
                        answered += sample.value if status.startswith("2") else 0
                        failed += sample.value if status.startswith("5") else 0
                    case "chatbot_request_seconds_bucket" if labels.get("route") == CHAT:
                        bound = labels.get("le", "")
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

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> PodCounters:
        """What `as_dict` made; a field that is missing is zero."""
        known = {name: content[name] for name in cls.__slots__ if name in content}
        return cls(**known)


def total(all_counters: Iterable[PodCounters]) -> PodCounters:
    """The sum."""
    result = PodCounters()
    for counters in all_counters:
        result = result + counters
    return result


class Margins(NamedTuple):
    """By how much each share may be higher than with the version before."""

    failed: float
    slow: float
    handoffs: float
    negative: float


class Regression(NamedTuple):
    """One measure that got worse."""

    measure: str
    """One of MEASURES."""
    summary: str


class ShareComparison(NamedTuple):
    """So many of so many, before and now."""

    measure: str
    name: str
    baseline: tuple[float, float]
    current: tuple[float, float]
    margin: float


def slow_threshold(baseline: PodCounters) -> str:
    """The least bound that 99 in 100 messages of the earlier version kept; empty: it had none, or nothing is slower."""
    counts = sorted((float(bound), bound, count) for bound, count in baseline.within.items())
    total_count = counts[-1][2] if counts else 0
    for value, bound, count in counts:
        if total_count and count >= FAST_SHARE * total_count:
            return "" if math.isinf(value) else bound
    return ""


def compare_shares(baseline: PodCounters, current: PodCounters, margins: Margins) -> list[ShareComparison]:
    """The four shares of both versions."""
    bound = slow_threshold(baseline)
    found = [
        ShareComparison(
            "failed",
            "failed messages",
            (baseline.failed, baseline.messages),
            (current.failed, current.messages),
            margins.failed,
        ),
        ShareComparison(
            "handoffs",
            "handoffs",
            (baseline.handoffs, baseline.replies),
            (current.handoffs, current.replies),
            margins.handoffs,
        ),
        ShareComparison(
            "negative_feedback",
            "negative feedback",
            (baseline.not_helped, baseline.helped + baseline.not_helped),
            (current.not_helped, current.helped + current.not_helped),
            margins.negative,
        ),
    ]
    if bound and bound in current.within:
        name = f"messages over {bound} s"
        found.append(
            ShareComparison(
                "slow", name, _slower_than(baseline, bound), _slower_than(current, bound), margins.slow
            )
        )
    return found


def _slower_than(counters: PodCounters, bound: str) -> tuple[float, float]:
    total_count = max(counters.within.values(), default=0.0)
    return total_count - counters.within[bound], total_count


def find_regressions(
    baseline: PodCounters, current: PodCounters, margins: Margins, false_alarm_rate: float
) -> list[Regression]:
    """What got worse, each in a sentence with its numbers; empty: nothing that chance does not explain.

    Args:
        before: the earlier version.
        now: the new one.
        margins: differences that matter.
        false_alarm: the most that equal versions are told apart by chance, over all measures.
    """
    found = []
    for comparison in compare_shares(baseline, current, margins):
        (hits_before, drawn_before), (hits_now, drawn_now) = comparison.baseline, comparison.current
        if (
            not drawn_before
            or not drawn_now
            or hits_now / drawn_now - hits_before / drawn_before < comparison.margin
        ):
            continue
        p_value = fisher_exact(int(hits_now), int(drawn_now), int(hits_before), int(drawn_before))
        if p_value < false_alarm_rate / len(MEASURES):
            summary = (
                f"{comparison.name}: {hits_now:.0f} of {drawn_now:.0f} ({hits_now / drawn_now:.1%}), with the "
                f"version before {hits_before:.0f} of {drawn_before:.0f} ({hits_before / drawn_before:.1%}); "
                f"by chance at most one time in {1 / max(p_value, 1e-12):.0f}"
            )
            found.append(Regression(comparison.measure, summary))
    return found


def fisher_exact(hits: int, drawn: int, other_hits: int, other_drawn: int) -> float:
    """One-sided Fisher's exact test (Fisher 1922): how likely at least so many of all hits fall into the draw.

    Args:
        hits: of `drawn`.
        other_hits: of `other_drawn`.

    Returns:
        The probability under equal shares, 0 to 1.
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
