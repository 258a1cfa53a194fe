"""Define the state of a rollout: phases, transitions, and the decisions that depend on nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from chatbot.documents import Document
from chatbot.model.ref import ModelRef

_MAX_BLOCKED = 20


class Phase(StrEnum):
    """Phase of a rollout.

    Attributes:
        ROLLING: the target is set and becomes ready.
        WATCHING: canary analysis of the live metrics.
        NAMING: the target becomes champion in the registry.
        TAKING_BACK: automatic rollback to the previous model.
        DONE: finished, with an outcome.
    """

    ROLLING = "rolling"
    WATCHING = "watching"
    NAMING = "naming"
    TAKING_BACK = "taking-back"
    DONE = "done"


class RolloutOutcome(StrEnum):
    """Outcome of a finished rollout.

    Attributes:
        PROMOTED: the target passed the canary analysis and is champion.
        ROLLED_BACK: the target was set by hand and is champion.
        TAKEN_BACK: automatic rollback; the previous model serves.
        SUPERSEDED: the desired model was changed by hand meanwhile.
    """

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    TAKEN_BACK = "taken_back"
    SUPERSEDED = "superseded"


class Failure(NamedTuple):
    """Why a model must not serve."""

    why: str
    reasons: tuple[str, ...] = ()
    """The same as labels of a metric."""


class RolloutState(Document):
    """Persisted state of one rollout."""

    id: str
    target: str
    """`<version>@<bundle digest>`; empty: the bundle that ships with the code."""
    previous: str
    """The model that served before, in the same form; target of an automatic rollback."""
    phase: Phase = Phase.ROLLING
    since: datetime
    """Start of the current phase."""
    why: str = ""
    """Who requested the rollout and why; after an automatic rollback, the reason of that."""
    reasons: tuple[str, ...] = ()
    """Reasons of an automatic rollback, as the metric reports them."""
    by_hand: bool = False
    """Whether a person requested it: no canary analysis, and the previous model is blocked from automatic promotion."""
    before: Mapping[str, Any] = {}
    """Baseline of the canary analysis: measurements of the previous version."""
    outcome: RolloutOutcome | None = None

    @property
    def desired_model(self) -> str:
        """Return the model that must serve in this phase."""
        is_rolled_back = self.phase is Phase.TAKING_BACK or self.outcome is RolloutOutcome.TAKEN_BACK
        return self.previous if is_rolled_back else self.target

    @property
    def is_unproven(self) -> bool:
        """Whether the target serves, or served until now, without having passed the analysis."""
        return self.phase in (Phase.ROLLING, Phase.WATCHING, Phase.TAKING_BACK)

    @property
    def is_in_progress(self) -> bool:
        """Whether phases remain."""
        return self.phase is not Phase.DONE

    def seconds_in_phase(self, now: datetime) -> float:
        """Return the seconds since the current phase started."""
        return (now - self.since).total_seconds()

    def next(self, failure: Failure | None, now: datetime) -> RolloutState:
        """Return the state that follows when the current phase succeeded (None) or failed."""
        if failure is not None:
            return self._enter(Phase.TAKING_BACK, now, why=failure.why, reasons=failure.reasons)
        match self.phase:
            case Phase.ROLLING if not self.by_hand:
                return self._enter(Phase.WATCHING, now)
            case Phase.ROLLING | Phase.WATCHING:
                return self._enter(Phase.NAMING, now)
            case Phase.NAMING:
                return self.finish(
                    RolloutOutcome.ROLLED_BACK if self.by_hand else RolloutOutcome.PROMOTED, now
                )
            case _:
                return self.finish(RolloutOutcome.TAKEN_BACK, now)

    def finish(self, outcome: RolloutOutcome, now: datetime) -> RolloutState:
        """Return the finished rollout."""
        return self._enter(Phase.DONE, now, outcome=outcome, before={})

    def _enter(self, phase: Phase, now: datetime, **changes: Any) -> RolloutState:
        return self.model_copy(update={"phase": phase, "since": now, **changes})


def previous_model(current: RolloutState | None, desired_model: str) -> str:
    """Return the target of an automatic rollback for the next rollout.

    A model under analysis, or one that failed it, is not a rollback target.
    """
    return current.previous if current and current.is_unproven else desired_model


def block(blocked: tuple[str, ...], model: str, without: str = "") -> tuple[str, ...]:
    """Return the blocked digests with the digest of `model` added and the digest of `without` removed."""
    added = [ModelRef.parse(model).digest] if model else []
    unblocked = {ModelRef.parse(without).digest} if without else set()
    return tuple(d for d in dict.fromkeys([*added, *blocked]) if d not in unblocked)[:_MAX_BLOCKED]


def blocked_after(blocked: tuple[str, ...], rollout: RolloutState) -> tuple[str, ...]:
    """Return the digests blocked from automatic promotion after this state."""
    match rollout.outcome:
        case RolloutOutcome.TAKEN_BACK | RolloutOutcome.SUPERSEDED:
            return block(blocked, rollout.target)
        case RolloutOutcome.ROLLED_BACK:
            return block(blocked, rollout.previous, without=rollout.target)
        case _:
            return blocked
