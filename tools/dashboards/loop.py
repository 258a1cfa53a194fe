"""Dashboard of the closed loop: drift checks, retrainings, the gate, rollouts, retention of the inference log."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from tools.dashboards.panels import Panel, build


def _ago(metric: str) -> list[tuple[str, str]]:
    return [(f"time() - max({metric} > 0)", "")]


ROWS = (
    (
        "Now",
        (
            Panel(
                "Last drift check",
                "How long ago the drift check last ran to its end. Much longer than its schedule: it does not run.",
                "s",
                _ago("chatbot_drift_last_run_timestamp_seconds{{here}}"),
                "age",
                4,
                (),
                "never",
            ),
            Panel(
                "Drift",
                "1: the last check was red: the traffic is not what it was.",
                "short",
                [('max(chatbot_drift_verdict{verdict="red",{here}})', "")],
                "number",
                4,
                (1,),
                "no check yet",
            ),
            Panel(
                "Waits for a person",
                "1: the last retraining had nothing new to learn from and needs accepted messages (the review queue).",
                "short",
                [('max(chatbot_retrain_outcome{outcome="needs_review",{here}})', "")],
                "number",
                4,
                (1,),
                "no retraining yet",
            ),
            Panel(
                "Last retraining",
                "How long ago a retraining last ended, whatever it ended as.",
                "s",
                _ago("chatbot_retrain_timestamp_seconds{{here}}"),
                "age",
                4,
                (),
                "never",
            ),
            Panel(
                "Last promotion",
                "How long ago a new version last became champion.",
                "s",
                _ago('chatbot_rollout_timestamp_seconds{outcome="promoted",{here}}'),
                "age",
                4,
                (),
                "never",
            ),
            Panel(
                "Handoffs undelivered",
                "Handoffs not delivered yet: customers wait for an agent.",
                "short",
                [("sum(chatbot_handoffs_undelivered{{here}})", "")],
                "number",
                4,
                (1, 10),
            ),
        ),
    ),
    (
        "Drift",
        (
            Panel(
                "How far each check is",
                "Effect of each check as a share of its threshold: red beyond 1. Checks against the baseline alarm.",
                "percentunit",
                [
                    (
                        "max by (check, against) (chatbot_drift_check_effect{{here}}) "
                        "/ max by (check, against) (chatbot_drift_check_threshold{{here}})",
                        "{{check}} ({{against}})",
                    )
                ],
                "line",
                12,
            ),
            Panel(
                "Red checks",
                "The checks that were red at the last run.",
                "short",
                [("max by (check, against) (chatbot_drift_check_red{{here}})", "{{check}} ({{against}})")],
                "stacked",
                6,
            ),
            Panel(
                "Records in the window",
                "How many records the last check compared. Under the least size it is silent.",
                "short",
                [("max(chatbot_drift_window_records{{here}})", "records")],
                "line",
                6,
            ),
        ),
    ),
    (
        "Retraining, gate, promotion",
        (
            Panel(
                "What the trigger decided",
                "What the last drift run led to: asked for a retraining, or why not.",
                "short",
                [("max by (decision) (chatbot_trigger_decision{{here}}) == 1", "{{decision}}")],
                "stacked",
                6,
            ),
            Panel(
                "What retrainings ended as",
                "accepted: the gate passed; refused: it did not; needs_review: nothing new to learn from.",
                "short",
                [
                    (
                        "max by (outcome) (changes(chatbot_retrain_timestamp_seconds{{here}}[$__range])) "
                        "or max by (outcome) (0 * chatbot_retrain_outcome{{here}})",
                        "{{outcome}}",
                    )
                ],
                "stacked",
                6,
            ),
            Panel(
                "Promotions and what was taken back",
                "How often, in the time shown: promoted, rolled_back (by hand), taken_back (not ready or worse), "
                "superseded (set by hand in between).",
                "short",
                [
                    (
                        "max by (outcome) (changes(chatbot_rollout_timestamp_seconds{{here}}[$__range]))",
                        "{{outcome}}",
                    )
                ],
                "stacked",
                6,
            ),
            Panel(
                "Told and served",
                "The version that the annotation names, and the ones that servers say they serve: the same, except "
                "while one is rolled out.",
                "short",
                [
                    ("max by (version, bundle) (chatbot_desired_model_info{{here}})", "told"),
                    ("count by (version, bundle) (chatbot_model_info{{here}})", "served"),
                ],
                "table",
                6,
            ),
        ),
    ),
    (
        "What is kept",
        (
            Panel(
                "Records of the log",
                "Records a second: written at once, spooled (waiting for the disk or the file), dropped (lost).",
                "cps",
                [
                    (
                        "sum by (outcome) (rate(chatbot_log_records_total{{here}}[$__rate_interval]))",
                        "{{outcome}}",
                    )
                ],
                "stacked",
                6,
            ),
            Panel(
                "On the way to the store",
                "Records and feedback a second: sent, spooled (the store did not take them), dropped (lost).",
                "cps",
                [
                    (
                        "sum by (outcome) (rate(chatbot_log_store_records_total{{here}}[$__rate_interval]))",
                        "{{outcome}}",
                    )
                ],
                "stacked",
                6,
            ),
            Panel(
                "Spool and log lag",
                "Records that wait on the servers for the store, and how long ago it last took any.",
                "short",
                [
                    ("sum(chatbot_log_store_waiting_records{{here}})", "records that wait"),
                    (
                        "time() - min(chatbot_log_store_last_success_timestamp_seconds{{here}} > 0)",
                        "seconds since the last",
                    ),
                ],
                "line",
                6,
            ),
            Panel(
                "Handoffs",
                "Deliveries to the webhook and to the store, a minute, and how many wait.",
                "short",
                [
                    (
                        "sum by (target, outcome) "
                        "(rate(chatbot_handoff_deliveries_total{{here}}[$__rate_interval])) * 60",
                        "{{outcome}} ({{target}})",
                    ),
                    ("sum by (target) (chatbot_handoffs_undelivered{{here}})", "waiting ({{target}})"),
                ],
                "line",
                6,
            ),
        ),
    ),
)


def make() -> dashboard.Dashboard:
    """Build the dashboard."""
    return build(
        "support-chatbot-loop",
        "Does the loop turn?",
        "Drift checks, retrainings, promotions, and whether what is said to the bot is kept.",
        ROWS,
    )
