"""Known traffic of two releases in one Prometheus, one healthy and one broken: each panel shows its own.

promtool evaluates the dashboards' expressions on the synthetic series below; values are worked out by hand.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import requirements

DASHBOARDS = Path(__file__).resolve().parents[2] / "helm" / "support-chatbot" / "files" / "dashboards"
RELEASES = {"good": 'namespace="prod",release="bot"', "broken": 'namespace="staging",release="bot"'}
VARIABLES = {"$__rate_interval": "5m", "$__range": "1h"}

SECONDS, SIZES, SHARES, SCOPES = (0.05, 0.1, 1), (1, 2, 4), (0.5, 0.9, 1.0), (0.0, 1.0)
Pairs = list[tuple[str, Any, Any]]


def histogram(name: str, labels: str, bounds: tuple[float, ...], good: Any, broken: Any) -> Pairs:
    """Buckets that grow by so much a minute."""
    les = (*bounds, "+Inf")
    return [(f'{name}_bucket{{{labels}le="{le}"', a, b) for le, a, b in zip(les, good, broken, strict=True)]


FAST, SLOW = (30, 60, 60, 60), (0, 0, 30, 60)
MINUTE: Pairs = [
    # What counters grow by in a minute: of the healthy release, of the broken one (None: no such series).
    ('chatbot_requests_total{route="/chat",status="200",instance="a"', 40, 30),
    ('chatbot_requests_total{route="/chat",status="200",instance="b"', 20, None),
    ('chatbot_requests_total{route="/chat",status="500",instance="a"', None, 20),
    ('chatbot_requests_total{route="/chat",status="429",instance="a"', None, 10),
    ('chatbot_requests_total{route="/feedback",status="202",instance="a"', 6, 12),
    ('chatbot_runner_errors_total{instance="a"', None, 6),
    ('chatbot_batch_size_sum{instance="a"', 90, 240),
    ('chatbot_batch_size_count{instance="a"', 60, 60),
    *histogram("chatbot_request_duration_seconds", 'route="/chat",', SECONDS, FAST, SLOW),
    *histogram("chatbot_queue_wait_seconds", "", SECONDS, FAST, SLOW),
    *histogram("chatbot_model_duration_seconds", "", SECONDS, FAST, SLOW),
    *histogram("chatbot_runner_duration_seconds", "", SECONDS, FAST, SLOW),
    *histogram("chatbot_batch_size", "", SIZES, FAST, SLOW),
    *histogram("chatbot_confidence", "", SHARES, (6, 12, 60, 60), (30, 45, 60, 60)),
    *histogram("chatbot_scope", "", SCOPES, (6, 60, 60), (30, 60, 60)),
    ("chatbot_confidence_count{", 60, 60),
    # 60 messages a minute; of those by a rule all ask for a person.
    ('chatbot_predictions_total{intent="get_refund",source="model",job="j",instance="a"', 36, 6),
    ('chatbot_predictions_total{intent="contact",source="rule",job="j",instance="a"', 12, 12),
    ('chatbot_predictions_total{intent="track",source="clarify",job="j",instance="a"', 6, 12),
    ('chatbot_predictions_total{intent="out_of_scope",source="human",job="j",instance="a"', 6, 30),
    ('chatbot_handoffs_total{source="rule",job="j",instance="a"', 12, 12),
    ('chatbot_handoffs_total{source="human",job="j",instance="a"', 6, 30),
    ('chatbot_feedback_total{helpful="yes",job="j",instance="a"', 9, 3),
    ('chatbot_feedback_total{helpful="no",job="j",instance="a"', 1, 9),
    ('chatbot_log_records_total{outcome="written"', 60, 30),
    ('chatbot_log_records_total{outcome="dropped"', None, 30),
    ('chatbot_log_store_records_total{outcome="sent"', 60, None),
    ('chatbot_log_store_records_total{outcome="spooled"', None, 30),
    ('chatbot_handoff_deliveries_total{target="webhook",outcome="delivered"', 18, None),
    ('chatbot_handoff_deliveries_total{target="webhook",outcome="failed"', None, 6),
]
NOW: Pairs = [
    # What gauges show; "600 1800" changed after 20 minutes, "_ 1800" began then. The test asks after an hour.
    ('chatbot_model_info{version="7",bundle="b7",corpus="c7",job="j",instance="a"', 1, None),
    ('chatbot_model_info{version="7",bundle="b7",corpus="c7",job="j",instance="b"', 1, None),
    ('chatbot_model_info{version="8",bundle="b8",corpus="c8",job="j",instance="a"', None, 1),
    ('chatbot_in_flight{instance="a"', 16, 64),
    ('chatbot_in_flight{instance="b"', 0, None),
    ('chatbot_max_in_flight{instance="a"', 64, 64),
    ('chatbot_max_in_flight{instance="b"', 64, None),
    ('chatbot_process_starts_total{role="http",instance="a"', 2, 5),
    ('chatbot_processes{role="http",instance="a"', 2, 2),
    ("chatbot_drift_last_run_timestamp_seconds{", 3000, 600),
    ('chatbot_drift_verdict{verdict="red"', 0, 1),
    ('chatbot_drift_verdict{verdict="green"', 1, 0),
    ('chatbot_drift_check_effect{check="scope",against="baseline"', 0.05, 0.2),
    ('chatbot_drift_check_threshold{check="scope",against="baseline"', 0.1, 0.1),
    ('chatbot_drift_check_red{check="scope",against="baseline"', 0, 1),
    ("chatbot_drift_window_records{", 2000, 150),
    ("chatbot_drift_out_of_scope_share{", 0.05, 0.3),
    ("chatbot_drift_out_of_scope_lower_bound{", 0.03, 0.27),
    ("chatbot_drift_out_of_scope_learned_for{", 0.1, 0.1),
    ('chatbot_trigger_decision{decision="no_drift"', 1, 0),
    ('chatbot_trigger_decision{decision="asked"', 0, 1),
    ('chatbot_retrain_outcome{outcome="accepted"', 1, 0),
    ('chatbot_retrain_outcome{outcome="needs_review"', 0, 1),
    ('chatbot_retrain_timestamp_seconds{outcome="accepted"', "600 1800", None),
    ('chatbot_retrain_timestamp_seconds{outcome="needs_review"', None, 600),
    ('chatbot_retrain_timestamp_seconds{outcome="refused"', "_ 1500", None),
    ('chatbot_retrain_outcome{outcome="refused"', 0, 0),
    ('chatbot_rollout_timestamp_seconds{outcome="promoted"', "600 1800", 600),
    ('chatbot_rollout_timestamp_seconds{outcome="rolled_back"', None, "600 3000"),
    ('chatbot_rollout_timestamp_seconds{outcome="taken_back"', None, "_ 1800"),
    ('chatbot_desired_model_info{version="7",bundle="b7"', 1, None),
    ('chatbot_desired_model_info{version="9",bundle="b9"', None, 1),
    ('chatbot_handoffs_oldest_age_seconds{target="webhook"', 0, 2400),
    ("chatbot_log_store_waiting_records{", 10, 5000),
    ("chatbot_log_store_last_success_timestamp_seconds{", 3540, 600),
]


def _intents(*shares: float) -> dict[str, float]:
    names = ("get_refund", "contact", "track", "out_of_scope")
    return {f'{{intent="{name}"}}': share for name, share in zip(names, shares, strict=True)}


BY_SOURCE = {
    '{source="model"}': 0.6,
    '{source="rule"}': 0.2,
    '{source="clarify"}': 0.1,
    '{source="human"}': 0.1,
}
BROKEN_BY_SOURCE = {
    '{source="model"}': 0.1, '{source="rule"}': 0.2, '{source="clarify"}': 0.2, '{source="human"}': 0.5,
}  # fmt: skip
SHOWN: dict[tuple[str, str], tuple[Any, Any]] = {
    # By panel and legend: what the healthy release's dashboard shows, and the broken one's. A number has no labels.
    ("Bots that answer", ""): (2, 1),
    ("Messages a second", ""): (1, 1),
    ("Failed messages", ""): (0, 1 / 3),
    ("Time to answer, 99 of 100", ""): (0.099, 1),
    ("Turned away", ""): (0, 1 / 6),
    ("Versions that serve", ""): (1, 1),
    ("Requests by answer", "{{status}}"): (
        {'{status="200"}': 1, '{status="202"}': 0.1},
        {'{status="200"}': 0.5, '{status="500"}': 1 / 3, '{status="429"}': 1 / 6, '{status="202"}': 0.2},
    ),
    ("Requests by route", "{{route}}"): (
        {'{route="/chat"}': 1, '{route="/feedback"}': 0.1},
        {'{route="/chat"}': 1, '{route="/feedback"}': 0.2},
    ),
    ("Failed calls of the model", "failed"): (0, 0.1),
    ("Time to answer", "half"): (0.05, 1),
    ("Time to answer", "95 of 100"): (0.095, 1),
    ("Time to answer", "99 of 100"): (0.099, 1),
    ("Waiting for the model", "half"): (0.05, 1),
    ("Waiting for the model", "99 of 100"): (0.099, 1),
    ("One run of the model", "model, 95 of 100"): (0.095, 1),
    ("One run of the model", "call, 95 of 100"): (0.095, 1),
    ("Share of the concurrency limit", "all"): (0.125, 1),
    ("Share of the concurrency limit", "busiest server"): (0.25, 1),
    ("Messages in one run", "on average"): (1.5, 4),
    ("Messages in one run", "95 of 100"): (1.9, 4),
    ("Processes that died", "{{role}}"): ({'{role="http"}': 0}, {'{role="http"}': 3}),
    ("Messages by server", "{{instance}}"): (
        {'{instance="a"}': 2 / 3, '{instance="b"}': 1 / 3},
        {'{instance="a"}': 1},
    ),
    ("Answered by itself", ""): (0.6, 0.1),
    ("Handed to a person", ""): (0.3, 0.7),
    ("Asked back", ""): (0.1, 0.2),
    ("Not helpful", ""): (0.1, 0.75),
    ("Who decides", "{{source}}"): (BY_SOURCE, BROKEN_BY_SOURCE),
    ("What customers want", "{{intent}}"): (
        _intents(0.6, 0.2, 0.1, 0.1),
        _intents(0.1, 0.2, 0.2, 0.5),
    ),
    ("Handed to a person, by intent", "{{intent}}"): (
        {'{intent="out_of_scope"}': 0.1}, {'{intent="out_of_scope"}': 0.5},
    ),
    ("Confidence", "{{le}}"): (
        {'{le="0.5"}': 30, '{le="0.9"}': 60, '{le="1.0"}': 300, '{le="+Inf"}': 300},
        {'{le="0.5"}': 150, '{le="0.9"}': 225, '{le="1.0"}': 300, '{le="+Inf"}': 300},
    ),
    ("Scope", "{{le}}"): (
        {'{le="0.0"}': 30, '{le="1.0"}': 300, '{le="+Inf"}': 300},
        {'{le="0.0"}': 150, '{le="1.0"}': 300, '{le="+Inf"}': 300},
    ),
    ("Sure and unsure", "under 0.5"): (0.1, 0.5),
    ("Sure and unsure", "under 0.9"): (0.2, 0.75),
    ("Replies by version", "version {{version}}"): ({'{version="7"}': 1}, {'{version="8"}': 1}),
    ("Handed to a person, by version", "version {{version}}"): ({'{version="7"}': 0.3}, {'{version="8"}': 0.7}),
    ("Not helpful, by version", "version {{version}}"): ({'{version="7"}': 0.1}, {'{version="8"}': 0.75}),
    ("Feedback", "helpful: {{helpful}}"): (
        {'{helpful="yes"}': 9, '{helpful="no"}': 1},
        {'{helpful="yes"}': 3, '{helpful="no"}': 9},
    ),
    ("Last drift check", ""): (600, 3000),
    ("Drift", ""): (0, 1),
    ("Waits for a person", ""): (0, 1),
    ("Last retraining", ""): (1800, 3000),
    ("Last promotion", ""): (1800, 3000),
    ("Oldest undelivered handoff", ""): (0, 2400),
    ("How far each check is", "{{check}} ({{against}})"): (
        {'{check="scope",against="baseline"}': 0.5}, {'{check="scope",against="baseline"}': 2},
    ),
    ("Red checks", "{{check}} ({{against}})"): (
        {'{check="scope",against="baseline"}': 0}, {'{check="scope",against="baseline"}': 1},
    ),
    ("Records in the window", "records"): (2000, 150),
    ("Out of scope", "estimated"): (0.05, 0.3),
    ("Out of scope", "at least"): (0.03, 0.27),
    ("Out of scope", "learned for"): (0.1, 0.1),
    ("Decisions of the trigger", "{{decision}}"): ({'{decision="no_drift"}': 1}, {'{decision="asked"}': 1}),
    ("Outcomes of retrainings", "{{outcome}}"): (
        {'{outcome="accepted"}': 1, '{outcome="refused"}': 1, '{outcome="needs_review"}': 0},
        {'{outcome="accepted"}': 0, '{outcome="refused"}': 0, '{outcome="needs_review"}': 0},
    ),
    ("Promotions and rollbacks", "{{outcome}}"): (
        {'{outcome="promoted"}': 1},
        {'{outcome="promoted"}': 0, '{outcome="rolled_back"}': 1, '{outcome="taken_back"}': 1},
    ),
    ("Desired and served", "desired"): ({'{version="7",bundle="b7"}': 1}, {'{version="9",bundle="b9"}': 1}),
    ("Desired and served", "served"): ({'{version="7",bundle="b7"}': 2}, {'{version="8",bundle="b8"}': 1}),
    ("Records of the log", "{{outcome}}"): (
        {'{outcome="written"}': 1},
        {'{outcome="written"}': 0.5, '{outcome="dropped"}': 0.5},
    ),
    ("On the way to the store", "{{outcome}}"): ({'{outcome="sent"}': 1}, {'{outcome="spooled"}': 0.5}),
    ("Upload queue", "waiting"): (10, 5000),
    ("Last upload", "ago"): (60, 3000),
    ("Deliveries of handoffs", "{{outcome}} ({{target}})"): (
        {'{target="webhook",outcome="delivered"}': 18},
        {'{target="webhook",outcome="failed"}': 6},
    ),
}  # fmt: skip


def targets() -> dict[tuple[str, str], str]:
    """Expressions by panel and legend, of all dashboards."""
    return {
        (panel["title"], target.get("legendFormat") or ""): target["expr"]
        for file in sorted(DASHBOARDS.glob("*.json"))
        for panel in json.loads(file.read_text())["panels"]
        for target in panel.get("targets", ())
    }


def series() -> list[dict[str, str]]:
    found = []
    for of in (MINUTE, NOW):
        for name, *values in of:
            for value, labels in zip(values, RELEASES.values(), strict=True):
                if value is not None:
                    comma = "" if name.endswith("{") else ","
                    found.append(
                        {"series": f"{name}{comma}{labels}}}", "values": _samples(value, of is MINUTE)}
                    )
    return found


def _samples(value: object, is_counter: bool) -> str:
    if is_counter:
        return f"0+{value}x60"
    first, _, later = str(value).partition(" ")
    return f"{first}x19 {later}x40" if later else f"{first}x60"


def _case(expression: str, labels: str, shown: Any, at: str = "1h") -> dict[str, Any]:
    namespace = re.findall(r'"(\w+)"', labels)[0]
    for variable, value in (VARIABLES | {"$namespace": namespace, "$release": "bot"}).items():
        expression = expression.replace(variable, value)
    expected = shown if isinstance(shown, dict) else {"{}": shown}
    return {
        # promtool compares floats exactly.
        "expr": f"round({expression}, 0.000001)",
        "eval_time": at,
        "exp_samples": [{"labels": name, "value": round(value, 6)} for name, value in expected.items()],
    }


def test_every_panel_has_an_expected_value() -> None:
    assert targets().keys() == SHOWN.keys()


@pytest.mark.process
def test_every_panel_shows_its_own_releases_value_beside_another_release(tmp_path: Path) -> None:
    cases = [
        _case(targets()[key], labels, shown)
        for key, both in SHOWN.items()
        for labels, shown in zip(RELEASES.values(), both, strict=True)
    ]
    assert_in_promtool(cases, tmp_path)


@pytest.mark.process
def test_a_rollout_is_annotated_while_the_version_is_new_and_not_later(tmp_path: Path) -> None:
    (annotation,) = json.loads((DASHBOARDS / "bot.json").read_text())["annotations"]["list"]
    new = {'{namespace="prod",release="bot",version="7"}': 1}
    good = RELEASES["good"]
    cases = [_case(annotation["expr"], good, new, "1m"), _case(annotation["expr"], good, {}, "1h")]
    assert_in_promtool(cases, tmp_path)


def assert_in_promtool(cases: list[dict[str, Any]], folder: Path) -> None:
    test = {"interval": "1m", "input_series": series(), "promql_expr_test": cases}
    file = folder / "panels.test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [], "evaluation_interval": "1m", "tests": [test]}))
    command = [str(requirements.program("promtool")), "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
