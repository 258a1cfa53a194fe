"""Store the state of a rollout as JSON in an annotation of the Deployment, written in the same patch as the model.

The annotation is never removed, only set to phase `done`: `kubectl rollout undo` copies the annotations of the old
ReplicaSet to the Deployment, and a ReplicaSet keeps annotations that the Deployment no longer has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import ValidationError

from chatbot.errors import ChatbotError
from chatbot.loop.rollout.state import RolloutState
from chatbot.model.ref import ModelRef

STATE_ANNOTATION = "support-chatbot/promotion"
BLOCKED_ANNOTATION = "support-chatbot/taken-back"
"""Digests of bundles blocked from automatic promotion, the most recent first."""


def read(annotations: Mapping[str, str]) -> RolloutState | None:
    """Parse the state from the Deployment's annotations; None: there has been no rollout.

    Raises: ChatbotError: the annotation is malformed.
    """
    text = annotations.get(STATE_ANNOTATION)
    if not text:
        return None
    try:
        return RolloutState.model_validate_json(text)
    except ValidationError as error:
        raise ChatbotError(
            f"the annotation {STATE_ANNOTATION} is not what k8s.promote wrote: {error.errors()[0]['msg']}. "
            f"Remove it with `kubectl annotate deployment/... {STATE_ANNOTATION}-` and run "
            "k8s.rollback without a version"
        ) from error


def blocked_digests(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """Return the digests blocked from automatic promotion."""
    return tuple(annotations.get(BLOCKED_ANNOTATION, "").split())


def dump(rollout: RolloutState) -> dict[str, str]:
    """Serialize the state to its annotation."""
    content = rollout.model_dump(mode="json", exclude_defaults=True, exclude={"id", "since"})
    content |= {"id": rollout.id, "phase": rollout.phase.value, "since": rollout.since.isoformat()}
    return {STATE_ANNOTATION: json.dumps(content, separators=(",", ":"))}


def dump_blocked(blocked: tuple[str, ...]) -> dict[str, str]:
    """Serialize the blocked digests to their annotation."""
    return {BLOCKED_ANNOTATION: " ".join(blocked)}


def describe(model: str) -> str:
    """Return a model's name for messages."""
    if not model:
        return "the bundle inside the image"
    ref = ModelRef.parse(model)
    return f"version {ref.version} ({ref.digest[:12]})"


def describe_unset(number: str) -> str:
    """Return the message about a champion that serves nowhere because no model is set, with the command to set it."""
    return f"version {number} is champion, and no model is set: `python -m k8s.rollback {number}` sets it"
