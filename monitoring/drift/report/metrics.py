"""Export the drift verdict as Prometheus metrics: push it to a gateway, or write a node_exporter textfile."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from chatbot.errors import ChatbotError
from chatbot.loop.drift_verdict import DriftVerdict
from chatbot.loop.pushgateway import PushgatewayClient

JOB = "drift"
VERDICTS = ("green", "red", "silent")
_SECONDS = 5.0


class MetricsNotExported(ChatbotError):
    """The Pushgateway does not respond, or the textfile cannot be written."""

    type = "metrics"


def of(verdict: DriftVerdict | None, now: datetime) -> CollectorRegistry:
    """Build the metrics of a run; None: the run failed, and only the failure metrics are set."""
    registry = CollectorRegistry()

    def gauge(name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, registry=registry)

    last_run = "chatbot_drift_last_run_timestamp_seconds"
    last_failure = "chatbot_drift_last_failure_timestamp_seconds"
    gauge("chatbot_drift_success", "Whether the last drift check produced a verdict.").set(
        verdict is not None
    )
    if verdict is None:
        gauge(last_failure, "When the drift check last failed.").set(now.timestamp())
        return registry
    gauge(last_run, "Time at which the drift check last produced a verdict.").set(now.timestamp())
    states = gauge("chatbot_drift_verdict", "1 for the verdict of the last check.", "verdict")
    for name in VERDICTS:
        states.labels(name).set(verdict.verdict == name)
    window = verdict.window
    gauge("chatbot_drift_window_records", "Records of the serving version compared.").set(window.records)
    left_out = gauge("chatbot_drift_left_out_records", "Records and rows left out of the window.", "reason")
    left_out.labels("other version").set(sum(window.others.values()))
    left_out.labels("invalid_record").set(window.skipped)
    left_out.labels("wrong clock").set(window.ahead)
    if (found := verdict.out_of_scope) is not None:
        name = "chatbot_drift_out_of_scope"
        gauge(f"{name}_share", "Estimated share of messages that belong to no intent.").set(found.share)
        gauge(f"{name}_lower_bound", "Lower confidence bound of that share.").set(found.at_least)
        gauge(f"{name}_learned_for", "The share that the thresholds were learned for.").set(found.learned_for)
    labels = ("check", "against")
    effect = gauge("chatbot_drift_check_effect", "Size of the effect, by check.", *labels)
    threshold = gauge("chatbot_drift_check_threshold", "Red beyond it, by check.", *labels)
    red = gauge("chatbot_drift_check_red", "Whether a check is red and alarms.", *labels)
    for check in verdict.checks:
        effect.labels(check.name, check.against).set(check.effect)
        threshold.labels(check.name, check.against).set(check.threshold)
        red.labels(check.name, check.against).set(check.red and check.alarms)
    return registry


def export(verdict: DriftVerdict | None, now: datetime, gateway: str, file: Path) -> None:
    """Push the metrics to the gateway, or write them to the file if its URL is empty; `verdict` None: the run failed.

    On the gateway a failed run keeps the metrics of the last verdict; in the file it replaces them.

    Raises: MetricsNotExported: the metrics cannot be pushed or written.
    """
    registry = of(verdict, now)
    try:
        if gateway:
            PushgatewayClient(gateway, JOB, _SECONDS).push_registry(registry, replace=verdict is not None)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_to_textfile(str(file), registry)
    except (OSError, ValueError) as error:
        where = f"the pushgateway {gateway}" if gateway else str(file)
        raise MetricsNotExported(
            f"the drift check's metrics cannot be written to {where}: {error}. Check CHATBOT_LOOP_PUSHGATEWAY or "
            "CHATBOT_DRIFT_TEXTFILE"
        ) from error
