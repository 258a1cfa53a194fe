"""Writes Events on the Deployment and the same lines to the container's log.

A failed write never stops a rollout: it is reported on standard error.
"""

from __future__ import annotations

import secrets
import sys
from typing import Literal

from chatbot.errors import ChatbotError
from k8s.api.client import Cluster
from k8s.api.deployment import Deployment
from k8s.log import log
from k8s.rollout.state import Outcome, Promotion, words

_MOST_EVENT_CHARS = 1000


def event(
    cluster: Cluster, on: Deployment, reason: str, message: str, kind: Literal["Normal", "Warning"] = "Normal"
) -> None:
    """An Event on the Deployment (`kubectl describe` shows it), and the same in the log."""
    log(f"{reason}: {message}")
    now = cluster.outside.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = on.content["metadata"]
    content = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{on.name}.{secrets.token_hex(8)}", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": on.name,
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
        "reason": reason,
        "message": message[:_MOST_EVENT_CHARS],
        "type": kind,
        "source": {"component": "support-chatbot"},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    try:
        cluster.create_event(content)
    except ChatbotError as error:
        sys.stderr.write(f"no Event: {error}\n")


def outcome(cluster: Cluster, on: Deployment, promotion: Promotion, outcome: Outcome) -> None:
    """The Event that says what became of a promotion."""
    target, previous = words(promotion.target), words(promotion.previous)
    match outcome:
        case Outcome.PROMOTED:
            event(cluster, on, "ModelPromoted", f"{target} serves and is champion, after {previous}")
        case Outcome.ROLLED_BACK:
            sentence = f"{target} serves and is champion, in place of {previous}: {promotion.why}"
            event(cluster, on, "ModelRolledBack", sentence)
        case Outcome.TAKEN_BACK:
            sentence = f"{previous} serves again, {target} was taken back: {promotion.why}"
            event(cluster, on, "ModelTakenBack", sentence, "Warning")
        case Outcome.SUPERSEDED:
            sentence = (
                f"{words(on.model)} was set by hand while {target} was on its way: {target} is given up"
            )
            event(cluster, on, "ModelChangedByHand", sentence, "Warning")
