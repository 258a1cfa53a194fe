"""Evaluate a training on its own rows: out-of-fold, so that no row has to be left out of the training.

Each row is predicted by the model of the fold that it was held out in, and routed by thresholds learned on the
other folds. Only temperature and scale of the scope score, three numbers, are of all rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chatbot.model.bundle import Bundle
from chatbot.model.classifier import Scores, join
from training.model.distinct import weights
from training.model.evaluation.outcome import Outcome, route
from training.model.fit import FOLDS, Fitted, folds_of_groups
from training.model.held_out import most_likely, predictions_of, to_tensors
from training.model.params import TrainParams
from training.model.thresholds import Learned, judge, learn

OUT_OF_FOLD, TRAINING_ROWS = "out-of-fold", "training rows: nothing could be held out"


@dataclass(frozen=True, slots=True)
class Held:
    """What a training knows about its in-scope `rows` and its out-of-scope rows, `outside`.

    Attributes:
        groups, outside_groups: the group of distinct messages of each.
        fitted: of `rows`.
        own: scores of `outside`: out-of-fold where the scope score learned from them.
        generic: its scores of the generic pool's messages.
        stand_ins: scores of messages whose intent was left out, if they replace the pool.
    """

    rows: pd.DataFrame
    outside: pd.DataFrame
    groups: NDArray[np.str_]
    outside_groups: NDArray[np.str_]
    fitted: Fitted
    own: Scores
    generic: Scores
    stand_ins: Scores | None = None

    @property
    def evaluated(self) -> str:
        """Return which rows the scores are computed on: held-out ones, or those of the training."""
        return OUT_OF_FOLD if self.fitted.measured else TRAINING_ROWS

    def out_of_scope(self, own: NDArray[np.int64]) -> Scores:
        """Return the scores that thresholds are learned with: of these rows of `outside`, and of all other messages."""
        return join(self.own.part(own), self.generic, *([] if self.stand_ins is None else [self.stand_ins]))

    def kept(self) -> dict[str, NDArray[Any]]:
        """Return the predictions that the bundle keeps for the gate; none if nothing could be held out."""
        if not self.fitted.measured:
            return {}
        held = self.fitted.out_of_fold
        both = join(Scores(held.probabilities, held.scope), self.own)
        hashes = [*self.rows["row_hash"].to_numpy()[held.rows].tolist(), *self.outside["row_hash"].tolist()]
        return to_tensors(hashes, both.probabilities, both.scope)


def evaluate_out_of_fold(
    bundle: Bundle, held: Held, in_force: Learned, params: TrainParams
) -> tuple[pd.DataFrame, Outcome]:
    """Route every row that could be held out, and every out-of-scope row; return them and their outcome.

    The thresholds of each fold are learned for the target and the share of those `in_force`.
    """
    inside = held.fitted.out_of_fold
    judged = judge(held.fitted)
    fold_outside = folds_of_groups(held.outside_groups.tolist(), params.seed)
    thresholds = []
    for fold in range(FOLDS):
        others = fold_outside != fold
        first = np.unique(held.outside_groups[others], return_index=True)[1]
        outside = held.out_of_scope(np.flatnonzero(others)[first])
        rest = inside.fold != fold
        learned = learn(
            judged.part(rest) if rest.any() else judged,
            outside.probabilities.max(axis=1),
            outside.scope,
            in_force.target,
            in_force.share,
            params.require_proof,
        )
        thresholds.append(learned.thresholds)
    rows = pd.concat([held.rows.iloc[inside.rows], held.outside])
    both = join(Scores(inside.probabilities, inside.scope), held.own)
    predictions = predictions_of(bundle.manifest.labels, *most_likely(both.probabilities), both.scope)
    outcome = route(
        bundle,
        rows["message"].tolist(),
        rows["intent"].tolist(),
        predictions,
        weights(np.concatenate([held.groups[inside.rows], held.outside_groups])),
        [thresholds[fold] for fold in [*inside.fold.tolist(), *fold_outside.tolist()]],
    )
    return rows, outcome
