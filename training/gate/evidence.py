"""Pair the outcomes of champion and challenger on the same test messages: the evidence of every gate check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chatbot.dialog.message import OUT_OF_SCOPE
from training.gate.paired import Groups, Paired
from training.gate.verdict import Cell
from training.model.distinct import weights
from training.model.evaluation.outcome import Outcome

Mask = NDArray[np.bool_]
TableRow = dict[str, Cell]


@dataclass(frozen=True, slots=True)
class PairedOutcomes:
    """Paired outcomes on n test messages; every array and mask has shape (n,).

    Attributes:
        new: mask of the rows whose labels came with the challenger.
        slices: masks by name of the slice (`training.model.evaluation.slices.slices_of`).
        groups: near-duplicates share a group, which is one piece of evidence; None: every message is distinct.
    """

    messages: Sequence[str]
    champion: Outcome | None
    challenger: Outcome
    champion_intents: frozenset[str]
    challenger_intents: frozenset[str]
    new: Mask
    slices: Mapping[str, Mask]
    groups: NDArray[np.str_] | None = None

    @property
    def truth(self) -> NDArray[np.str_]:
        """The label of each message."""
        return self.challenger.truth

    @property
    def shared(self) -> frozenset[str]:
        """Return the intents of both bundles; for a first version, its own."""
        return self.challenger_intents & (self.champion_intents if self.champion else self.challenger_intents)

    @property
    def new_intents(self) -> frozenset[str]:
        """Return the intents that the champion lacks; none for a first version."""
        return self.challenger_intents - self.shared

    @property
    def in_scope(self) -> Mask:
        """Mask of the frozen rows whose intent both bundles have: the rows on which they are compared."""
        return ~self.new & np.isin(self.truth, sorted(self.shared))

    @property
    def out_of_scope(self) -> Mask:
        """Mask of the frozen out-of-scope rows."""
        return np.asarray(~self.new & (self.truth == OUT_OF_SCOPE))

    def groups_of(self, mask: Mask) -> Groups:
        """Return the numbers of the groups of some messages, from 0."""
        if self.groups is None:
            return np.arange(int(mask.sum()))
        return np.unique(self.groups[mask], return_inverse=True)[1]

    def weights_of(self, mask: Mask) -> NDArray[np.float64]:
        """Return what each message counts among those of the mask: a group counts one; 0 outside it. Shape (n,)."""
        found = np.zeros(len(mask))
        found[mask] = weights(self.groups_of(mask))
        return found

    def top_predictions(self, mask: Mask) -> Paired:
        """Pair the top predictions on some messages: right or wrong. A first version is compared with itself.

        This uses the classifier's top prediction, not the router's decision. Thresholds are learned from few
        rows and vary between trainings; that noise hid poisoned challengers and refused sound ones (measured:
        docs/operations/gate.md). The checks `out_of_scope` and `answers` judge the effect of the thresholds.
        """
        before = self.champion or self.challenger
        return Paired.of(
            (before.likeliest == self.truth)[mask],
            (self.challenger.likeliest == self.truth)[mask],
            self.groups_of(mask),
        )

    def out_of_scope_detected(self, acceptance: float) -> Paired:
        """Pair the detection of out-of-scope messages by the out-of-distribution (scope) score.

        Each bundle is evaluated at the score that accepts the same share of its in-scope messages, not at its
        own threshold. Thresholds are learned for a target risk, so a more accurate challenger may accept more
        messages at the same risk. Messages whose likeliest intent is a new one are left out: what is near to an
        intent is hard to recognise only where that intent exists. The check `answers` counts them if answered.
        """
        before = self.champion or self.challenger
        judged = self.out_of_scope & ~np.isin(self.challenger.likeliest, sorted(self.new_intents))
        caught_before, caught = (
            side.scope[judged] < np.quantile(side.scope[self.in_scope], 1 - acceptance)
            for side in (before, self.challenger)
        )
        return Paired.of(caught_before, caught, self.groups_of(judged))


def paired_row(name: str, paired: Paired, adjusted: float) -> TableRow:
    """Return a check's row about an intent, a slice or a group, with its Holm-adjusted p-value."""
    return {
        "name": name,
        "messages": paired.messages,
        "champion": paired.champion / paired.messages,
        "challenger": paired.challenger / paired.messages,
        "regressions": paired.regressions,
        "fixes": paired.fixes,
        "p": paired.p,
        "adjusted": adjusted,
    }


def percent(share: object) -> str:
    """Format a share as a percentage; "-" if it is not a number."""
    return f"{100 * share:.1f} %" if isinstance(share, int | float) else "-"


def points(share: float) -> str:
    """Format a difference of shares in signed percentage points."""
    return f"{100 * share:+.1f} points"
