"""Estimate the share of messages that belong to no intent, and compare it with what the thresholds were learned for.

Adjusted count (Forman, 2008, "Quantifying counts and costs via classification"): below a cut of the scope score are a
known share of the in-scope training messages and a known share of the out-of-scope ones; the share of the window's
messages below it is a mixture of the two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import numpy as np

from chatbot.loop.drift_verdict import OutOfScopeShare
from monitoring.drift.checks import DOUBT
from monitoring.drift.histograms import Tally

LEAST_DIFFERENCE = 0.2
"""Least difference of the two known shares: a cut that does not separate says nothing about the mixture."""


def out_of_scope_share(target: Mapping[str, Any], reference: Tally, window: Tally) -> OutOfScopeShare | None:
    """Return the estimate; None if the bundle has no cut, the cut does not separate, or no message has a score.

    Args:
        target: `target` of the bundle's manifest, with the cut (`training.model.operating_points.ScopeCut`).
        reference: counts of the bundle's reference, whose scores are out-of-fold; `window` has the same grid.
    """
    cut = target.get("out_of_scope", {}).get("cut")
    n, m = window.total("scope"), reference.total("scope")
    if cut is None or not n or not m:
        return None
    bins = int(np.searchsorted(reference.grid.edges["scope"], cut)) + 1
    inside = int(reference.counts["scope"][:bins].sum()) / m
    outside: float = target["out_of_scope"]["below"]
    if outside - inside < LEAST_DIFFERENCE:
        return None
    below = int(window.counts["scope"][:bins].sum()) / n

    def mixture(share_below: float) -> float:
        return min(max((share_below - inside) / (outside - inside), 0.0), 1.0)

    share, at_least = mixture(below), mixture(_lower_bound(below, n))
    return OutOfScopeShare(
        share=round(share, 4),
        at_least=round(at_least, 4),
        learned_for=target["share"],
        sentence=_sentence(share, at_least, target["share"], target["target"]),
    )


def _lower_bound(share: float, n: int) -> float:
    """Return the lower bound of a share of n (Wilson, 1927); it is wrong in `DOUBT` of the windows."""
    z = NormalDist().inv_cdf(1 - DOUBT)
    middle = share + z * z / (2 * n)
    return (middle - z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))) / (1 + z * z / n)


def _sentence(share: float, at_least: float, learned_for: float, target: float) -> str:
    found = f"About {share:.0%} of the messages belong to no intent"
    if at_least <= learned_for:
        return f"{found}; the thresholds were learned for {learned_for:.0%}."
    wanted = min(math.ceil(100 * share), 99) / 100
    return (
        f"{found} (at least {at_least:.0%}), and the thresholds were learned for {learned_for:.0%}: more than "
        f"{target:.1%} of the automatic answers may be wrong. Declare out_of_scope_share: {wanted:g} in declared.yaml "
        "and retrain: the weights stay, and the thresholds fit. If the messages are about a topic of yours, make it "
        "an intent."
    )
