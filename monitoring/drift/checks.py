"""Compute the drift checks: effect sizes of a window against the baseline or the reference, with their thresholds.

A check is red if its effect exceeds the threshold: the minimum effect that matters plus a bound on the sampling error
for the sizes of both samples. The family-wise error rate is at most `DOUBT` per window (Bonferroni-split over the
checks). Two-sample tests and bounds:

- distribution of a number: Kolmogorov-Smirnov distance, with the bound of Dvoretzky, Kiefer, Wolfowitz and
  Massart (1990) at the harmonic size of the two samples;
- a share: difference, with the interval of Agresti and Caffo (2000);
- the whole intent mix: total variation distance, with its expectation under no change and McDiarmid's
  inequality (1989) around it.

The minimum effects were chosen on real messages whose near-duplicates are never on both sides
(`tools.bench.drift`): two samples of the same traffic differ by more than the sampling error, because users
repeat themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.documents import read_yaml
from monitoring.drift.columns import SCORES, SUMMARY_AXES, TEXT_FEATURES
from monitoring.drift.histograms import Tally

DOUBT = 0.005
"""Family-wise error rate (alpha), Bonferroni-split over the checks, before minimum effects are added: less than one
false alarm in the 122 runs per month of the default schedule."""
LOW_SCOPE = 0.05
"""Quantile of the baseline's scope (out-of-distribution score) below which a message counts as out of distribution."""
LOW_CONFIDENCE = 0.1
"""Quantile of the baseline's confidence below which a prediction counts as uncertain."""

CHECKS: dict[str, dict[str, Any]] = read_yaml(Path(__file__).with_name("checks.yaml"))
"""Minimum effect that matters, title, measure and sentence, by check."""
LEAST: dict[str, float] = {name: check["least"] for name, check in CHECKS.items()}
EACH = DOUBT / len(LEAST)
"""Error rate of one check."""
LEAST_FROM_REFERENCE = {
    name: check.get("least_from_reference", LEAST[name]) for name, check in CHECKS.items()
}
"""Minimum effects against the reference."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Numbers of one check.

    Attributes:
        name: name of the check, a key of `CHECKS`.
        statistic: statistic of the window: a share, a median or a distance.
        effect: effect size, see the module.
        threshold: the check is red if the effect exceeds it.
        before: the same statistic of the baseline or the reference.
        what: the intent, axis or topic that the check is about; empty if it is about all.
        records: number of records of the window that the statistic was computed from.
    """

    name: str
    statistic: float
    effect: float
    threshold: float
    before: float = math.nan
    what: str = ""
    records: int = 0

    @property
    def red(self) -> bool:
        return self.effect > self.threshold


def findings(
    base: Tally, window: Tally, least: Mapping[str, float], lower_only: bool = False
) -> list[Finding]:
    """Compute all checks for which the tallies of both sides, over the same grid, have values.

    Args:
        least: minimum effects that matter, by check.
        lower_only: one-sided: count a change of confidence and scope only if they fell. The reference has out-of-fold
            scores, of models trained on less data, which are less confident than the serving model.
    """
    return [
        *_numbers(base, window, least, lower_only),
        *_intents(base, window, least),
        *_embedding(base, window, least),
        *_shares(base, window, least),
    ]


def ks_margin(n: int, m: int, doubt: float) -> float:
    """Return the upper bound of the sampling error of the Kolmogorov-Smirnov distance of two samples.

    Source: Dvoretzky, Kiefer, Wolfowitz and Massart (1990).
    """
    return math.sqrt(math.log(2 / doubt) / 2 * (1 / n + 1 / m))


def share_margin(
    hits: int | NDArray[np.int64], n: int, other_hits: int | NDArray[np.int64], m: int, doubt: float
) -> NDArray[np.float64]:
    """Return the upper bound of the sampling error of the difference of two shares; shape of `hits`.

    Source: Agresti and Caffo (2000).
    """
    z = NormalDist().inv_cdf(1 - doubt / 2)
    p, q = (hits + 1) / (n + 2), (other_hits + 1) / (m + 2)
    return np.asarray(z * np.sqrt(p * (1 - p) / (n + 2) + q * (1 - q) / (m + 2)))


def mix_margin(p: NDArray[np.float64], n: int, m: int, doubt: float) -> float:
    """Return the upper bound of the sampling error of the total variation distance of two samples of the mix `p`.

    Source: McDiarmid (1989), around the expectation under no change.
    """
    variance = 1 / n + 1 / m
    expected = 0.5 * np.minimum(np.sqrt(2 / math.pi * p * (1 - p) * variance), 2 * p).sum()
    return float(expected) + math.sqrt(math.log(1 / doubt) / 2 * variance)


def share(name: str, hits: int, n: int, other: int, m: int, least: float) -> Finding:
    """Check the difference of two shares: `hits` of the window's `n` records, `other` of the base's `m`."""
    now, before = hits / n, other / m
    threshold = least + float(share_margin(hits, n, other, m, EACH))
    return Finding(name, now, abs(now - before), threshold, before, records=n)


def _numbers(base: Tally, window: Tally, least: Mapping[str, float], lower_only: bool) -> Iterator[Finding]:
    for name in (*TEXT_FEATURES, *SCORES):
        effect, n, m = _distance(base, window, name, lower_only and name in SCORES)
        if n and m:
            threshold = least[name] + ks_margin(n, m, EACH)
            now, before = (tally.quantile(name, 0.5) for tally in (window, base))
            yield Finding(name, now, effect, threshold, before, records=n)
    for name, low in (("confidence", LOW_CONFIDENCE), ("scope", LOW_SCOPE)):
        n, m = window.total(name), base.total(name)
        if n and m:
            # The share of records below the baseline's `low` quantile.
            below = np.cumsum(base.counts[name])
            bins = int(np.searchsorted(below, low * m)) + 1
            hits = int(window.counts[name][:bins].sum())
            finding = share(f"{name}.low", hits, n, int(below[bins - 1]), m, least[f"{name}.low"])
            if not (lower_only and finding.statistic < finding.before):
                yield finding


def _distance(base: Tally, window: Tally, name: str, lower_only: bool = False) -> tuple[float, int, int]:
    """Return the Kolmogorov-Smirnov distance over the grid, and the sizes of the window and the base."""
    before, now = base.counts[name], window.counts[name]
    m, n = int(before.sum()), int(now.sum())
    if not m or not n:
        return 0.0, n, m
    more_below = np.cumsum(now) / n - np.cumsum(before) / m
    return float(more_below.max() if lower_only else np.abs(more_below).max()), n, m


def _intents(base: Tally, window: Tally, least: Mapping[str, float]) -> Iterator[Finding]:
    names = sorted(base.intents.keys() | window.intents.keys())
    n, m = window.rows, base.rows
    if not n or not m:
        return
    hits, other = (np.array([tally.intents[name] for name in names]) for tally in (window, base))
    yield _largest("intent", names, hits, other, least["intent"])
    effect = float(np.abs(hits / n - other / m).sum() / 2)
    threshold = least["intents"] + mix_margin((hits + other) / (n + m), n, m, EACH)
    yield Finding("intents", effect, effect, threshold, 0.0, records=n)


def _largest(
    name: str, names: list[str], hits: NDArray[np.int64], other: NDArray[np.int64], least: float
) -> Finding:
    """Return the finding of the share with the largest ratio of effect to threshold, of a window's and a base's."""
    n, m = int(hits.sum()), int(other.sum())
    effect = np.abs(hits / n - other / m)
    threshold = least + share_margin(hits, n, other, m, EACH / len(names))
    at = int((effect / threshold).argmax())
    now, before = float(hits[at] / n), float(other[at] / m)
    return Finding(name, now, float(effect[at]), float(threshold[at]), before, names[at], n)


def _embedding(base: Tally, window: Tally, least: Mapping[str, float]) -> Iterator[Finding]:
    axes = [(_distance(base, window, f"axis{axis}"), axis) for axis in range(SUMMARY_AXES)]
    (effect, n, m), axis = max(axes)
    if n and m:
        threshold = least["embedding"] + ks_margin(n, m, EACH / SUMMARY_AXES)
        yield Finding("embedding", effect, effect, threshold, 0.0, f"axis {axis + 1}", n)
    if window.total("topic") and base.total("topic"):
        hits, other = window.counts["topic"], base.counts["topic"]
        yield _largest("topic", [str(topic) for topic in range(len(hits))], hits, other, least["topic"])


def _shares(base: Tally, window: Tally, least: Mapping[str, float]) -> Iterator[Finding]:
    if base.knows_handoffs and window.knows_handoffs and base.rows and window.rows:
        yield share("handoffs", window.handoffs, window.rows, base.handoffs, base.rows, least["handoffs"])
    if base.said and window.said:
        yield share("feedback", window.negative, window.said, base.negative, base.said, least["feedback"])
