"""After the loop has turned, everything that dashboards show and alerts ask for has data on a real Prometheus."""

from __future__ import annotations

import re

import pytest

from tests.e2e.installing import Installed
from tests.e2e.prometheus import Prometheus, panels
from tests.e2e.release import fetch
from tests.support.requirements import ROOT
from tests.support.testbed import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ALERT = re.compile(r"^\s*- alert: (\w+)$", re.MULTILINE)
METRIC = re.compile(r"\b(?:chatbot_\w+)\b")
ONLY_BY_A_FAULT: dict[str, str] = {}
"""Panels that are empty while all is well, and why."""


@pytest.fixture(scope="module", autouse=True)
def customers(release: Installed) -> None:
    """All that customers do: a pod that just came has counted none of it yet."""
    for number in range(8):
        for message in (
            "I want a refund",
            "let me talk to a human",
            "colourless green ideas sleep furiously",
        ):
            answer = release.ask(message)
            feedback = {"prediction_id": answer["prediction_id"], "helpful": number % 2 == 0}
            fetch(f"{release.api}/feedback", feedback)


def test_every_panel_has_data(release: Installed, prometheus: Prometheus) -> None:
    shown = panels(release)
    assert len(shown) > 40

    def as_it_should_be() -> bool:
        empty = {title: expression for title, expression in shown if not prometheus.query(expression)}
        assert empty.keys() == ONLY_BY_A_FAULT.keys(), empty
        return True

    until("every panel has data", as_it_should_be, 60, every=2)


def test_every_alert_is_taken_and_asks_for_metrics_that_are_there(prometheus: Prometheus) -> None:
    rules = prometheus.rules()
    charted = (ROOT / "helm/support-chatbot/files/alerts").glob("*.yaml")
    assert sorted(rule["name"] for rule in rules) == sorted(
        name for file in charted for name in ALERT.findall(file.read_text(encoding="utf-8"))
    )
    assert {rule["name"]: rule["lastError"] for rule in rules if rule.get("lastError")} == {}
    assert {rule["name"]: rule["health"] for rule in rules if rule["health"] != "ok"} == {}
    asked = {metric for rule in rules for metric in METRIC.findall(rule["query"])}
    missing = {metric for metric in asked if not prometheus.query(f"last_over_time({metric}[1h])")}
    assert missing == set()
