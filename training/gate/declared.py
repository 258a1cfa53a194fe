"""Judge a champion under the names that its intents have after declared changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from chatbot.model.bundle import Manifest
from data.declarations import Declared
from training.gate.verdict import GateCheck
from training.model.evaluation.outcome import Outcome


def champion_intents(manifest: Manifest, declared: Declared) -> frozenset[str]:
    """Return the champion's intents under their names after the changes; a removed one keeps its name."""
    return frozenset(declared.now(name) or name for name in manifest.labels)


def renamed(outcome: Outcome, successors: Mapping[str, str]) -> Outcome:
    """Return an outcome with renamed and merged intents under their new names (`Declared.successors`)."""
    if not successors:
        return outcome
    return replace(
        outcome, likeliest=_names(outcome.likeliest, successors), routed=_names(outcome.routed, successors)
    )


def with_target(check: GateCheck, declared: Declared, before: float | None, now: float | None) -> GateCheck:
    """Return `check_answers`; fewer answers refuse no challenger whose target risk is a declared change."""
    if declared.target is None or before is None or now != declared.target or before == now:
        return check
    sentence = f"{check.sentence} The target risk was changed on purpose, from {before:.1%} to {now:.1%}."
    risk, bound = check.numbers["risk_lower_bound"], check.numbers["target"]
    is_risky = isinstance(risk, float) and isinstance(bound, float) and risk > bound
    verdict = "warned" if check.verdict == "refused" and not is_risky else check.verdict
    return replace(check, verdict=verdict, sentence=sentence)


def _names(intents: NDArray[np.str_], successors: Mapping[str, str]) -> NDArray[np.str_]:
    return np.asarray([successors.get(intent, intent) for intent in intents.tolist()], dtype=np.str_)
