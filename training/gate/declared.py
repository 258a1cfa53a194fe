"""Judge a champion under the names that its intents have after declared changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.model.bundle import Manifest
from data.declarations import Declared
from training.gate.verdict import GateCheck
from training.model.evaluation.outcome import Outcome

_WORDS = {"target": "target risk", "share": "out-of-scope share"}


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


def declared_promise(declared: Declared) -> dict[str, float]:
    """Return the declared target risk and out-of-scope share, by their names in `target` of a manifest."""
    named = {"target": declared.target, "share": declared.out_of_scope_share}
    return {name: value for name, value in named.items() if value is not None}


def with_promise(
    check: GateCheck, declared: Declared, before: Mapping[str, Any], now: Mapping[str, Any]
) -> GateCheck:
    """Return `check_answers`; fewer answers refuse no challenger whose target risk or share is a declared change.

    Args: before, now: `target` of the two manifests; empty without a champion.
    """
    said = [
        f"The {_WORDS[name]} was changed on purpose, from {before[name]:.1%} to {wanted:.1%}."
        for name, wanted in declared_promise(declared).items()
        if before.get(name) is not None and now.get(name) == wanted != before[name]
    ]
    if not said:
        return check
    risk, bound = check.numbers["risk_lower_bound"], check.numbers["target"]
    is_risky = isinstance(risk, float) and isinstance(bound, float) and risk > bound
    verdict = "warned" if check.verdict == "refused" and not is_risky else check.verdict
    return replace(check, verdict=verdict, sentence=" ".join([check.sentence, *said]))


def _names(intents: NDArray[np.str_], successors: Mapping[str, str]) -> NDArray[np.str_]:
    return np.asarray([successors.get(intent, intent) for intent in intents.tolist()], dtype=np.str_)
