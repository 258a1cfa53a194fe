"""What the gate asked two bundles, and what became of it: the ground that every check stands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chatbot.message import OUT_OF_SCOPE
from training.evaluation import Outcome
from training.gate_verdict import Cell
from training.paired import Paired

Mask = NDArray[np.bool_]
Row = dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of n test messages; every array and mask has shape (n,).

    Attributes:
        champion: None where there is none.
        known: the intents of the champion; taught: those of the challenger.
        new: rows whose labels came with the challenger.
        slices: `training.slices.slices_of`.
    """

    messages: Sequence[str]
    champion: Outcome | None
    challenger: Outcome
    known: frozenset[str]
    taught: frozenset[str]
    new: Mask
    slices: Mapping[str, Mask]

    @property
    def truth(self) -> NDArray[np.str_]:
        """The label of each message."""
        return self.challenger.truth

    @property
    def shared(self) -> frozenset[str]:
        """The intents that both know; of a first version, its own."""
        return self.taught if self.champion is None else self.known & self.taught

    @property
    def inside(self) -> Mask:
        """Frozen rows of intents that both know: what the two are compared on."""
        return ~self.new & np.isin(self.truth, sorted(self.shared))

    @property
    def outside(self) -> Mask:
        """Frozen rows that belong to no intent."""
        return np.asarray(~self.new & (self.truth == OUT_OF_SCOPE))

    def recognised(self, mask: Mask) -> Paired:
        """Whose first choice was right, among some messages; a first version is compared with itself.

        The first choice and not what the router made of it: thresholds are learned from few rows and move from one
        training to the next, and that noise hid poisoned challengers and blamed honest ones (measured:
        docs/operations/gate.md). What thresholds do is judged apart, as `out_of_scope` and `answers`.
        """
        before = self.champion or self.challenger
        return Paired.of(
            (before.likeliest == self.truth)[mask], (self.challenger.likeliest == self.truth)[mask]
        )

    def foreign(self, acceptance: float) -> Paired:
        """Who recognises the messages that belong to no intent, by the scope score.

        Each side at the score that lets the same share of its in-scope messages pass, and not at its own threshold:
        thresholds are learned for a risk, so a challenger that is more often right may let more pass at the same risk.

        Args:
            acceptance: the share of in-scope messages that passes.
        """
        before = self.champion or self.challenger
        caught = [
            side.scope[self.outside] < np.quantile(side.scope[self.inside], 1 - acceptance)
            for side in (before, self.challenger)
        ]
        return Paired.of(*caught)


def percent(share: object) -> str:
    """A share as people read it."""
    return f"{100 * share:.1f} %" if isinstance(share, int | float) else "-"


def points(share: float) -> str:
    """A difference of shares as people read it."""
    return f"{100 * share:+.1f} points"
