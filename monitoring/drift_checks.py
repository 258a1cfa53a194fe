"""The checks: how far a window lies from the baseline or the reference, whether that matters, and is more than chance.

Each check measures the size of an effect. It is red when the effect is larger than the least effect that matters plus
what chance can do at these numbers of records on both sides, so sure that all checks together are wrong at most once in
`1 / doubt` windows. Chance is bounded for the whole family of checks (Bonferroni):

- distributions of a number: the Kolmogorov-Smirnov distance, with the bound of Dvoretzky, Kiefer, Wolfowitz and
  Massart (1990) at the harmonic size of the two samples;
- a share: the difference, with the interval of Agresti and Caffo (2000);
- the whole intent mix: the total variation distance, with its expectation under no change and McDiarmid's
  inequality (1989) around it.

The least effects were chosen on real messages whose near-duplicates never lie on both sides (`tools.bench.drift`):
two honest samples of the same traffic differ by more than chance, because people repeat themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from monitoring.drift_columns import SUMMARY_AXES, TEXT_FEATURES
from monitoring.drift_tally import Tally

DOUBT = 0.005
"""How often all checks together may be red by chance alone, before the least effects are counted: of the default
schedule's 122 runs a month less than one."""
LOW_SCOPE = 0.05
"""Of the baseline, the share that counts as unlike what the bot was taught."""
LOW_CONFIDENCE = 0.1

LEAST = {
    "chars": 0.08,
    "words": 0.08,
    "non_letter_share": 0.08,
    "upper_share": 0.08,
    "confidence": 0.05,
    "scope": 0.05,
    "confidence.low": 0.03,
    "scope.low": 0.02,
    "intent": 0.02,
    "intents": 0.05,
    "embedding": 0.08,
    "topic": 0.03,
    "handoffs": 0.03,
    "feedback": 0.05,
    "messages": 0.16,
    "new_kind": 0.025,
}
"""The least effect that matters, by check: a distance or a difference of shares, both from 0 to 1; of `messages`, the
distance of the means in standard deviations of the baseline (`monitoring.drift_kernel`)."""
LEAST_FROM_REFERENCE = LEAST | {"confidence": 0.2, "scope": 0.2, "confidence.low": 0.2, "scope.low": 0.2}
"""Live messages are not those that were written to teach: against the reference more is normal."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's numbers.

    Attributes:
        statistic: of the window: a share, a median, a distance. effect: see the module.
        before: the same statistic of the other side. what: the intent, axis or topic it is about, if it is about one.
        records: of the window that it could be computed from.
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
    base: Tally,
    window: Tally,
    doubt: float = DOUBT,
    least: dict[str, float] | None = None,
    lower_only: bool = False,
) -> list[Finding]:
    """All checks that both sides have numbers for.

    Args:
        base: of the baseline or the reference. window: over the same grid.
        doubt: how often all of them together may be red by chance.
        least: the least effects that matter; by default `LEAST`.
        lower_only: count confidence and scope as moved only where they fell: models that were taught less (out of
            fold) are less sure than the one that serves.
    """
    least = least or LEAST
    each = doubt / len(LEAST)
    found = [*_numbers(base, window, each, least, lower_only), *_intents(base, window, each, least)]
    found += [*_embedding(base, window, each, least), *_shares(base, window, each, least)]
    return found


def ks_margin(n: int, m: int, doubt: float) -> float:
    """What chance adds to the Kolmogorov-Smirnov distance of two samples, at most."""
    return math.sqrt(math.log(2 / doubt) / 2 * (1 / n + 1 / m))


def share_margin(
    hits: NDArray[np.int64], n: int, other_hits: NDArray[np.int64], m: int, doubt: float
) -> NDArray[np.float64]:
    """What chance adds to the difference of two shares, at most; shape of the hits."""
    z = NormalDist().inv_cdf(1 - doubt / 2)
    p, q = (hits + 1) / (n + 2), (other_hits + 1) / (m + 2)
    return np.asarray(z * np.sqrt(p * (1 - p) / (n + 2) + q * (1 - q) / (m + 2)))


def mix_margin(p: NDArray[np.float64], n: int, m: int, doubt: float) -> float:
    """What chance adds to the total variation distance of two samples of the mix `p`, at most."""
    variance = 1 / n + 1 / m
    expected = 0.5 * np.minimum(np.sqrt(2 / math.pi * p * (1 - p) * variance), 2 * p).sum()
    return float(expected) + math.sqrt(math.log(1 / doubt) / 2 * variance)


def _distance(base: Tally, window: Tally, name: str, lower_only: bool = False) -> tuple[float, int, int]:
    """The Kolmogorov-Smirnov distance over the grid (one-sided where asked), and the sizes of both samples."""
    before, now = base.counts[name], window.counts[name]
    m, n = int(before.sum()), int(now.sum())
    if not m or not n:
        return 0.0, n, m
    more_below = np.cumsum(now) / n - np.cumsum(before) / m
    return float(more_below.max() if lower_only else np.abs(more_below).max()), n, m


def _numbers(
    base: Tally, window: Tally, each: float, least: dict[str, float], lower_only: bool
) -> Iterator[Finding]:
    for name in (*TEXT_FEATURES, "confidence", "scope"):
        effect, n, m = _distance(base, window, name, lower_only and name not in TEXT_FEATURES)
        if n and m:
            threshold = least[name] + ks_margin(n, m, each)
            now, before = (tally.quantile(name, 0.5) for tally in (window, base))
            yield Finding(name, now, effect, threshold, before, records=n)
    for name, low in (("confidence", LOW_CONFIDENCE), ("scope", LOW_SCOPE)):
        finding = _low(base, window, name, low, each, least[f"{name}.low"])
        if finding and not (lower_only and finding.statistic < finding.before):
            yield finding


def _low(base: Tally, window: Tally, name: str, low: float, each: float, least: float) -> Finding | None:
    """How the share of records below the baseline's `low` quantile changed."""
    n, m = window.total(name), base.total(name)
    if not n or not m:
        return None
    below = np.cumsum(base.counts[name])
    bins = int(np.searchsorted(below, low * m)) + 1
    hits, other = int(window.counts[name][:bins].sum()), int(below[bins - 1])
    return _share(f"{name}.low", hits, n, other, m, each, least)


def _share(name: str, hits: int, n: int, other: int, m: int, each: float, least: float) -> Finding:
    margin = share_margin(np.array([hits]), n, np.array([other]), m, each)[0]
    now, before = hits / n, other / m
    return Finding(name, now, abs(now - before), least + float(margin), before, records=n)


def _intents(base: Tally, window: Tally, each: float, least: dict[str, float]) -> Iterator[Finding]:
    names = sorted(base.intents.keys() | window.intents.keys())
    n, m = window.rows, base.rows
    if not n or not m:
        return
    hits = np.array([window.intents[name] for name in names])
    other = np.array([base.intents[name] for name in names])
    yield _largest("intent", names, hits, n, other, m, each, least["intent"])
    now, before = hits / n, other / m
    effect = float(np.abs(now - before).sum() / 2)
    threshold = least["intents"] + mix_margin((hits + other) / (n + m), n, m, each)
    yield Finding("intents", effect, effect, threshold, 0.0, records=n)


def _largest(
    name: str,
    names: list[str],
    hits: NDArray[np.int64],
    n: int,
    other: NDArray[np.int64],
    m: int,
    each: float,
    least: float,
) -> Finding:
    """Of many shares the one that is largest for its threshold."""
    effect = np.abs(hits / n - other / m)
    threshold = least + share_margin(hits, n, other, m, each / len(names))
    place = int((effect / threshold).argmax())
    return Finding(
        name,
        float(hits[place] / n),
        float(effect[place]),
        float(threshold[place]),
        float(other[place] / m),
        names[place],
        n,
    )


def _embedding(base: Tally, window: Tally, each: float, least: dict[str, float]) -> Iterator[Finding]:
    axes = [(_distance(base, window, f"axis{axis}"), axis) for axis in range(SUMMARY_AXES)]
    (effect, n, m), axis = max(axes)
    if n and m:
        threshold = least["embedding"] + ks_margin(n, m, each / SUMMARY_AXES)
        yield Finding("embedding", effect, effect, threshold, 0.0, f"axis {axis + 1}", n)
    n, m = window.total("topic"), base.total("topic")
    if n and m:
        names = [str(topic) for topic in range(len(base.counts["topic"]))]
        hits, other = window.counts["topic"], base.counts["topic"]
        yield _largest("topic", names, hits, n, other, m, each, least["topic"])


def _shares(base: Tally, window: Tally, each: float, least: dict[str, float]) -> Iterator[Finding]:
    if base.knows_handoffs and window.knows_handoffs and base.rows and window.rows:
        counts = window.handoffs, window.rows, base.handoffs, base.rows
        yield _share("handoffs", *counts, each, least["handoffs"])
    if base.said and window.said:
        counts = window.negative, window.said, base.negative, base.said
        yield _share("feedback", *counts, each, least["feedback"])
