"""State of a rollout: one JSON annotation on the Deployment, written in the same patch as the model.

The annotation is never removed, only set to phase `done`: `kubectl rollout undo` copies the annotations of the old
ReplicaSet to the Deployment, and a ReplicaSet keeps annotations that the Deployment no longer has.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatbot.errors import ChatbotError
from chatbot.model.ref import ModelRef

STATE_ANNOTATION = "support-chatbot/promotion"
BLOCKED_ANNOTATION = "support-chatbot/taken-back"
"""Digests of bundles blocked from automatic promotion, the most recent first."""
_MAX_BLOCKED = 20


class Phase(StrEnum):
    """Phase of a rollout.

    Attributes:
        ROLLING: the pods of the target become ready.
        WATCHING: canary analysis of the live metrics.
        NAMING: the alias `champion` moves to the target.
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


class RolloutState(BaseModel):
    """Persisted state of one rollout."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = Field(default_factory=lambda: secrets.token_hex(4))
    target: str
    """`<version>@<bundle digest>`; empty: the bundle inside the image."""
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
    """Baseline: counters of the previous version (`k8s.rollout.counters`)."""
    outcome: RolloutOutcome | None = None

    @property
    def desired_model(self) -> str:
        """Return the model that the annotation names in this phase."""
        is_rolled_back = self.phase is Phase.TAKING_BACK or self.outcome is RolloutOutcome.TAKEN_BACK
        return self.previous if is_rolled_back else self.target

    @property
    def is_unproven(self) -> bool:
        """Whether the target serves, or served until now, without having passed the analysis."""
        return self.phase in (Phase.ROLLING, Phase.WATCHING, Phase.TAKING_BACK)

    def advance(self, phase: Phase, now: datetime, **changes: Any) -> RolloutState:
        """Return a copy in another phase that starts now."""
        return self.model_copy(update={"phase": phase, "since": now, **changes})

    def seconds_in_phase(self, now: datetime) -> float:
        """Return the seconds since the current phase started."""
        return (now - self.since).total_seconds()


def read(annotations: Mapping[str, str]) -> RolloutState | None:
    """Parse the state from the Deployment's annotations; None: there has been no rollout.

    Raises:
        ChatbotError: the annotation is malformed.
    """
    text = annotations.get(STATE_ANNOTATION)
    if not text:
        return None
    try:
        return RolloutState.model_validate_json(text)
    except ValidationError as error:
        raise ChatbotError(
            f"the annotation {STATE_ANNOTATION} is not what k8s.promote wrote: {error.errors()[0]['msg']}. "
            f"Take it away with `kubectl annotate deployment/... {STATE_ANNOTATION}-` and run "
            "k8s.rollback without a version"
        ) from error


def blocked_digests(annotations: Mapping[str, str]) -> list[str]:
    """Return the digests blocked from automatic promotion."""
    return annotations.get(BLOCKED_ANNOTATION, "").split()


def block(annotations: Mapping[str, str], *models: str, without: str = "") -> dict[str, str]:
    """Return the annotation with the digests of `models` added and the digest of `without` removed."""
    added = [ModelRef.parse(model).digest for model in models if model]
    unblocked = {ModelRef.parse(without).digest} if without else set()
    digests = list(dict.fromkeys([*added, *blocked_digests(annotations)]))
    return {BLOCKED_ANNOTATION: " ".join([d for d in digests if d not in unblocked][:_MAX_BLOCKED])}


def dump(rollout: RolloutState) -> dict[str, str]:
    """Serialize the state to its annotation."""
    content = rollout.model_dump(mode="json", exclude_defaults=True, exclude={"id", "since"})
    content |= {"id": rollout.id, "phase": rollout.phase.value, "since": rollout.since.isoformat()}
    return {STATE_ANNOTATION: json.dumps(content, separators=(",", ":"))}


def describe(model: str) -> str:
    """Return a model's name for messages."""
    if not model:
        return "the bundle inside the image"
    ref = ModelRef.parse(model)
    return f"version {ref.version} ({ref.digest[:12]})"
