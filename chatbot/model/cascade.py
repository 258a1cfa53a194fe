"""Decide which messages the first tier answers and which go to the full model, in serving and offline alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from chatbot.dialog.router import FIRST, FULL, SAMPLED, Alternative, Prediction, Thresholds
from chatbot.model.first_tier import FirstTier, TierThresholds, is_sampled

MAX_ALTERNATIVES = 5


class Cascade:
    """The first tier, with the labels and thresholds of its bundle."""

    def __init__(self, tier: FirstTier, labels: Sequence[str], thresholds: Thresholds) -> None:
        """Raise the tier's thresholds to the router's: a prediction of the tier is one that the router answers.

        Args:
            thresholds: the router's.
        """
        self._tier = tier
        self._labels = labels
        own = tier.tier.thresholds
        self._thresholds = TierThresholds(
            max(own.confidence, thresholds.answer),
            max(own.scope, thresholds.scope),
            own.unknown,
            own.margin,
        )

    def predict(self, messages: Sequence[str]) -> list[Prediction | None]:
        """Classify the easy ones of some cleaned messages without the encoder.

        Returns:
            One prediction per message, in input order; None: the full model must classify the message.
        """
        found: list[Prediction | None] = [None] * len(messages)
        rows = [row for row, message in enumerate(messages) if not is_sampled(message)]
        if not rows:
            return found
        scores = self._tier.score([messages[row] for row in rows], self._thresholds)
        passing = scores.passing(self._thresholds).nonzero()[0]
        probabilities = scores.probabilities[passing]
        top = np.argsort(-probabilities, axis=1, kind="stable")[:, :MAX_ALTERNATIVES]
        shares = np.take_along_axis(probabilities, top, axis=1)
        for at, columns, values, scope in zip(
            passing.tolist(), top.tolist(), shares.tolist(), scores.scope[passing].tolist(), strict=True
        ):
            found[rows[at]] = Prediction(
                [
                    Alternative(self._labels[column], value)
                    for column, value in zip(columns, values, strict=True)
                ],
                scope,
                tier=FIRST,
            )
        return found

    def overlay(
        self, messages: Sequence[str], full: Callable[[Sequence[int]], Sequence[Prediction]]
    ) -> list[Prediction]:
        """Classify messages: the easy ones here, the others by the full model.

        Args:
            full: returns the full model's predictions of messages by row index.
        """
        found = self.predict(messages)
        rest = [row for row, prediction in enumerate(found) if prediction is None]
        for row, prediction in zip(rest, full(rest) if rest else (), strict=True):
            found[row] = replace(prediction, tier=tier_of(messages[row]))
        return [prediction for prediction in found if prediction is not None]


def tier_of(message: str) -> str:
    """Return the tier of a message that the full model classified, beside a first tier."""
    return SAMPLED if is_sampled(message) else FULL
