"""After the loop has turned, everything that dashboards show and alerts ask for has data on a real Prometheus."""

from __future__ import annotations

import re

import pytest
from testbed import until

from e2e.installing import Installed
from e2e.prometheus import Prometheus, panels

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

METRIC = re.compile(r"\b(?:chatbot[:_]\w+(?::\w+)*|kubelet_volume_stats_\w+|up)\b")
ONLY_BY_A_FAULT: dict[str, str] = {}
"""Panels that are empty while all is well, and why."""
NOT_HERE = {
    "kubelet_volume_stats_available_bytes": "kubelet counts no hostPath volumes, and this cluster has no others",
    "kubelet_volume_stats_capacity_bytes": "kubelet counts no hostPath volumes, and this cluster has no others",
}
"""Metrics of others that this cluster has not; tests/monitoring/alerts tests the rules that ask for them."""


def test_every_panel_has_data(release: Installed, prometheus: Prometheus) -> None:
    shown = panels(release)
    assert len(shown) > 40
    for _ in range(3):
        answer = release.ask("I want a refund")
    assert answer["response"]

    def empty() -> list[str]:
        return [f"{title}: {expression}" for title, expression in shown if not prometheus.query(expression)]

    until(
        "every panel has data",
        lambda: {e.partition(":")[0] for e in empty()} == set(ONLY_BY_A_FAULT),
        60,
        every=2,
    )


def test_every_alert_is_taken_and_asks_for_metrics_that_are_there(prometheus: Prometheus) -> None:
    rules = prometheus.rules()
    assert len(rules) > 20
    assert {rule["name"]: rule["lastError"] for rule in rules if rule.get("lastError")} == {}
    assert {rule["name"]: rule["health"] for rule in rules if rule["health"] != "ok"} == {}
    asked = {metric for rule in rules for metric in METRIC.findall(rule["query"])}
    missing = {metric for metric in asked if not prometheus.query(f"last_over_time({metric}[1h])")}
    assert missing == set(NOT_HERE)
