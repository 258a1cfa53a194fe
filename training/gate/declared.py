"""Judge a champion under the names that its intents have after declared changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.model.evaluation.outcome import Outcome


def renamed(outcome: Outcome, successors: Mapping[str, str]) -> Outcome:
    """Return an outcome with renamed and merged intents under their new names (`Declared.successors`)."""
    if not successors:
        return outcome
    return replace(
        outcome, likeliest=_names(outcome.likeliest, successors), routed=_names(outcome.routed, successors)
    )


def _names(intents: NDArray[np.str_], successors: Mapping[str, str]) -> NDArray[np.str_]:
    return np.asarray([successors.get(intent, intent) for intent in intents.tolist()], dtype=np.str_)
