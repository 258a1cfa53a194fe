"""Every alert fires on what it is for and not before, and has a page that says what to do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import requirements
from tools.dashboards.panels import SOURCES, read

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / "helm" / "support-chatbot" / "files" / "alerts").glob("*.yaml"))
CASES = sorted(Path(__file__).with_name("alerts").glob("*.test.yaml"))


def alerts() -> list[dict[str, Any]]:
    return [
        rule
        for file in RULES
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]


def promtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    found = str(requirements.program("promtool"))
    return subprocess.run([found, *map(str, arguments)], capture_output=True, text=True)


@pytest.mark.process
@pytest.mark.parametrize("file", CASES, ids=lambda f: f.name)
def test_alerts_fire_on_what_they_are_for_and_not_before(file: Path) -> None:
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.process
def test_the_rules_are_what_prometheus_reads() -> None:
    done = promtool("check", "rules", *RULES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_shown_to_fire_and_to_stay_silent() -> None:
    fires, silent = set(), set()
    for file in CASES:
        for case in yaml.safe_load(file.read_text())["tests"]:
            for expected in case["alert_rule_test"]:
                (fires if expected["exp_alerts"] else silent).add(expected["alertname"])
    names = {alert["alert"] for alert in alerts()}
    assert fires == names
    assert silent == names


@pytest.mark.parametrize("alert", alerts(), ids=lambda a: a["alert"])
def test_every_aggregation_groups_by_namespace_and_release(alert: dict[str, Any]) -> None:
    for clause, labels in re.findall(r"\b(by|on) \(([^)]*)\)", alert["expr"]):
        kept = ("namespace, release", "namespace, pod") if clause == "on" else "namespace, release"
        assert not labels or labels.startswith(kept), f"{clause} ({labels})"
    for aggregation in re.findall(r"\b(sum|count|max|min|avg)\b(?! by \()", alert["expr"]):
        pytest.fail(f"{aggregation} without `by (namespace, release)`")


@pytest.mark.parametrize("alert", alerts(), ids=lambda a: a["alert"])
def test_every_alert_says_what_is_wrong_and_has_a_page_that_says_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    notes = alert["annotations"]
    assert notes["summary"]
    assert notes["description"].endswith(".")
    page = (ROOT / notes["runbook_url"]).read_text()
    assert f"`{alert['alert']}`" in page
    for heading in ("## What it means", "## Where to look", "## What to do"):
        assert len(page.split(heading)[1].split("##")[0].strip()) > 60, f"{notes['runbook']}: {heading}"


def test_every_page_belongs_to_an_alert_and_links_to_pages_that_exist() -> None:
    folder = ROOT / "docs" / "runbooks"
    used = {Path(alert["annotations"]["runbook_url"]).name for alert in alerts()}
    assert used == {page.name for page in folder.glob("*.md")} - {"README.md"}
    for page in folder.glob("*.md"):
        for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
            assert (folder / link.partition("#")[0]).is_file(), f"{page.name} links to {link}"


@pytest.mark.process
def test_the_shares_of_what_became_of_a_message_sum_to_one_with_rules_that_hand_over(tmp_path: Path) -> None:
    """10 messages a minute: 4 answered, 3 handed over by the model, 2 by a rule, 1 clarified."""
    _, now = read(SOURCES / "understanding.yaml").rows[0]
    panels = {p.title: p.queries[0][0].replace("{here}", 'release="bot"') for p in now}
    expected = {"Answered by itself": 0.4, "Handed to a person": 0.5, "Asked back": 0.1}
    replies = {"rule": 4, "model": 2, "human": 3, "clarify": 1}
    series = [
        {
            "series": f'chatbot_predictions_total{{release="bot",intent="a",source="{name}"}}',
            "values": f"0+{n}x20",
        }
        for name, n in replies.items()
    ]
    series += [
        {"series": f'chatbot_handoffs_total{{release="bot",source="{name}"}}', "values": f"0+{n}x20"}
        for name, n in (("rule", 2), ("human", 3))
    ]
    tests = [
        {
            "expr": f"round({panels[title].replace('$__rate_interval', '5m')}, 0.001)",
            "eval_time": "15m",
            "exp_samples": [{"labels": "{}", "value": value}],
        }
        for title, value in expected.items()
    ]
    case = {
        "rule_files": [],
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": tests}],
    }
    file = tmp_path / "shares.test.yaml"
    file.write_text(yaml.safe_dump(case))
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr
