"""How far a promotion is: one JSON annotation on the Deployment, changed in the same request as the model.

It is never taken away, only set to `done`: `kubectl rollout undo` puts the annotations of the old ReplicaSet back
on the Deployment, and a ReplicaSet keeps what a Deployment has no more.
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
from chatbot.model_ref import ModelRef

STATE_ANNOTATION = "support-chatbot/promotion"
BLOCKED_ANNOTATION = "support-chatbot/taken-back"
"""Digests of bundles that were taken back, the latest first: no run promotes one of them again by itself."""
_MAX_BLOCKED = 20


class Phase(StrEnum):
    """What is being done."""

    ROLLING = "rolling"
    WATCHING = "watching"
    NAMING = "naming"
    TAKING_BACK = "taking-back"
    DONE = "done"


class RolloutOutcome(StrEnum):
    """What became of it."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    TAKEN_BACK = "taken_back"
    SUPERSEDED = "superseded"


class RolloutState(BaseModel):
    """A model on its way to serve, or back."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = Field(default_factory=lambda: secrets.token_hex(4))
    target: str
    """`<version>@<bundle digest>`; empty: the bundle inside the image."""
    previous: str
    """What served before, in the same form."""
    phase: Phase = Phase.ROLLING
    since: datetime
    """When this phase began."""
    why: str = ""
    """Who asked for it; once it is taken back, why that was."""
    reasons: tuple[str, ...] = ()
    """Of a model that is taken back: the reasons for the metric."""
    by_hand: bool = False
    """A person asked for it: it is not watched, and what served before is not promoted again by itself."""
    before: Mapping[str, Any] = {}
    """What the version before had counted (`k8s.rollout.counters`)."""
    outcome: RolloutOutcome | None = None

    @property
    def desired_model(self) -> str:
        """What the annotation says in this phase."""
        is_rolled_back = self.phase is Phase.TAKING_BACK or self.outcome is RolloutOutcome.TAKEN_BACK
        return self.previous if is_rolled_back else self.target

    @property
    def is_unproven(self) -> bool:
        """Its model serves, or did until now, and was not found good."""
        return self.phase in (Phase.ROLLING, Phase.WATCHING, Phase.TAKING_BACK)

    def advance(self, phase: Phase, now: datetime, **changes: Any) -> RolloutState:
        """The same in another phase, from now on."""
        return self.model_copy(update={"phase": phase, "since": now, **changes})

    def seconds_in_phase(self, now: datetime) -> float:
        """How long this phase lasts."""
        return (now - self.since).total_seconds()


def read(annotations: Mapping[str, str]) -> RolloutState | None:
    """The promotion that the annotations tell of; None: there never was one.

    Raises:
        ChatbotError: the annotation holds something else.
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
    """The digests that no run promotes again by itself."""
    return annotations.get(BLOCKED_ANNOTATION, "").split()


def block(annotations: Mapping[str, str], *models: str, without: str = "") -> dict[str, str]:
    """The annotation with the digests of some models more, and of one less."""
    added = [ModelRef.parse(model).digest for model in models if model]
    unblocked = {ModelRef.parse(without).digest} if without else set()
    digests = list(dict.fromkeys([*added, *blocked_digests(annotations)]))
    return {BLOCKED_ANNOTATION: " ".join([d for d in digests if d not in unblocked][:_MAX_BLOCKED])}


def dump(rollout: RolloutState) -> dict[str, str]:
    """The annotation."""
    content = rollout.model_dump(mode="json", exclude_defaults=True, exclude={"id", "since"})
    content |= {"id": rollout.id, "phase": rollout.phase.value, "since": rollout.since.isoformat()}
    return {STATE_ANNOTATION: json.dumps(content, separators=(",", ":"))}


def describe(model: str) -> str:
    """A model for a sentence."""
    if not model:
        return "the bundle inside the image"
    ref = ModelRef.parse(model)
    return f"version {ref.version} ({ref.digest[:12]})"
