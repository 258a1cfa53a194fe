"""Push a rollout's metrics: desired model, outcome, reasons of an automatic rollback."""

from __future__ import annotations

from collections.abc import Collection

from chatbot.loop.pushgateway import PushgatewayClient
from chatbot.loop.rollout.state import RolloutOutcome, RolloutState
from chatbot.model.ref import ModelRef
from chatbot.settings import KubernetesSettings

JOB = "support-chatbot-promote"
"""Label `job` of the metrics pushed by k8s.promote and k8s.rollback."""


def push_desired_model(gateway: PushgatewayClient, model: str) -> None:
    """Push the model that the annotation names."""
    ref = ModelRef.parse(model) if model else None
    gateway.push(
        "chatbot_desired_model_info",
        "Always 1; the labels say which model the annotation names; none: the bundle inside the image.",
        1,
        {"version": ref.version if ref else "", "bundle": ref.digest if ref else ""},
    )


def push_deadline(
    gateway: PushgatewayClient, rollout: RolloutState | None, settings: KubernetesSettings
) -> None:
    """Push the time by which the current phase must have ended, however long it may take."""
    longest = settings.rollout_seconds + settings.longest_watch_seconds
    gateway.push(
        "chatbot_rollout_deadline_timestamp_seconds",
        "When the phase of the rollout in progress must have ended, in seconds since 1970; 0: none is in progress.",
        rollout.since.timestamp() + longest if rollout and rollout.is_in_progress else 0.0,
    )


def push_outcome(gateway: PushgatewayClient, outcome: RolloutOutcome) -> None:
    """Push the time of the last rollout with this outcome."""
    gateway.push_timestamp(
        "chatbot_rollout_timestamp_seconds",
        "When a promotion or a rollback last ended, by its outcome, in seconds since 1970.",
        {"outcome": outcome.value},
    )


def push_rollback_reasons(
    gateway: PushgatewayClient, all_reasons: Collection[str], reasons: Collection[str]
) -> None:
    """Push the reasons of the last automatic rollback: 1 for each given reason, 0 for the other known ones."""
    gateway.push_samples(
        "chatbot_rollback_reason",
        "Why a model was last rolled back: 1 for each reason, 0 for the others.",
        [({"reason": name}, float(name in reasons)) for name in all_reasons],
    )
