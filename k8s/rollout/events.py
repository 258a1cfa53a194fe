"""Emit Kubernetes Events on the Deployment, and the same lines to the log.

A failed write never stops a rollout; it is reported on standard error.
"""

from __future__ import annotations

import secrets
import sys
from typing import Literal

from chatbot.errors import ChatbotError
from chatbot.loop.rollout.state import RolloutOutcome, RolloutState
from k8s.api.client import Cluster
from k8s.api.deployment import Deployment
from k8s.log import log
from k8s.rollout.record import describe

_MAX_MESSAGE_CHARS = 1000


def emit(
    cluster: Cluster,
    deployment: Deployment,
    reason: str,
    message: str,
    kind: Literal["Normal", "Warning"] = "Normal",
) -> None:
    """Create an Event on the Deployment (shown by `kubectl describe`) and write it to the log."""
    log(f"{reason}: {message}")
    now = cluster.runtime.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = deployment.content["metadata"]
    content = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{deployment.name}.{secrets.token_hex(8)}", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": deployment.name,
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
        "reason": reason,
        "message": message[:_MAX_MESSAGE_CHARS],
        "type": kind,
        "source": {"component": "support-chatbot"},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    try:
        cluster.create("events", content, retry_seconds=0)
    except ChatbotError as error:
        sys.stderr.write(f"no Event: {error}\n")


def emit_outcome(cluster: Cluster, deployment: Deployment, rollout: RolloutState) -> None:
    """Emit the Event for the outcome of a finished rollout."""
    target, previous = describe(rollout.target), describe(rollout.previous)
    match rollout.outcome:
        case RolloutOutcome.PROMOTED:
            emit(cluster, deployment, "ModelPromoted", f"{target} serves and is champion, after {previous}")
        case RolloutOutcome.ROLLED_BACK:
            # The same: a person ended the trial of another version, and returned to the one before it.
            replaced = f", in place of {previous}" if previous != target else ""
            sentence = f"{target} serves and is champion{replaced}: {rollout.why}"
            emit(cluster, deployment, "ModelRolledBack", sentence)
        case RolloutOutcome.TAKEN_BACK:
            sentence = f"{previous} serves again, {target} was rolled back: {rollout.why}"
            emit(cluster, deployment, "ModelTakenBack", sentence, "Warning")
        case RolloutOutcome.SUPERSEDED:
            sentence = (
                f"{describe(deployment.desired_model)} was set by hand while {target} was on its way: "
                f"{target} is given up"
            )
            emit(cluster, deployment, "ModelChangedByHand", sentence, "Warning")
