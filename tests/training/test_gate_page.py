"""gate.html, rendered from a verdict made for it."""

from __future__ import annotations

import pytest

from training.gate.report.render import page
from training.gate.verdict import CheckVerdict, GateCheck, GateVerdict, Side

SCORES = {"accuracy": 0.91234, "macro_f1": 0.9, "coverage": 0.6, "risk": 0.02, "ece": 0.01}
COMPARED = {**SCORES, "accuracy": 0.87654, "scope_auroc": None}


def verdict(*checks: GateCheck, champion: bool = True) -> GateVerdict:
    side = Side("abc", "abcdef", "corpus", "2026-01-02T03:04:05+00:00", 3, SCORES, COMPARED)
    return GateVerdict("2026-01-02T03:04:05+00:00", side if champion else None, side, 1_234, checks, {})


@pytest.mark.parametrize(
    ("kind", "headline", "badge"),
    [
        ("passed", "Challenger accepted", "✓ passed"),
        ("warned", "Challenger accepted", "! review"),
        ("refused", "Challenger refused", "✕ refused"),
    ],
)
def test_the_page_states_the_verdict_and_each_check(kind: CheckVerdict, headline: str, badge: str) -> None:
    html = page(verdict(GateCheck("size", "Size", kind, "It is 60 MB.", "refused above 150 MB")))
    for text in (
        headline,
        badge,
        "It is 60 MB.",
        "refused above 150 MB",
        f'class="banner {kind}"',
        "1,234 rows",
    ):
        assert text in html


def test_a_first_version_is_judged_without_a_champion() -> None:
    html = page(verdict(champion=False))
    assert "Champion (serves now)" not in html
    assert "1,234 rows, by predictions" in html
    assert "both versions" not in html


def test_the_first_rows_are_visible_and_the_rest_is_folded() -> None:
    rows = [
        {
            "message": f"message <{place}>",
            "truth": "a",
            "before": "a",
            "now": "out_of_scope",
            "change": "regression",
        }
        | {"kind": "test"}
        for place in range(15)
    ]
    html = page(verdict(GateCheck("known_messages", "Known messages", "warned", "15.", "never", {}, rows)))
    assert "3 more</summary>" in html
    assert html.count("message &lt;") == 15
    assert html.index("message &lt;11&gt;") < html.index("<details>") < html.index("message &lt;12&gt;")
    assert "no intent: a person" in html


def test_a_score_that_is_missing_is_a_dash_and_an_interval_marks_no_change() -> None:
    numbers = {"difference": -0.1, "low": -0.12, "high": -0.08}
    html = page(verdict(GateCheck("macro_f1", "Macro F1", "refused", "Worse.", "below zero", numbers)))
    assert "<td>-</td>" in html
    assert 'style="left:50.00%">no change' in html
    assert "-12.0 points" in html


def test_a_score_has_the_name_and_the_value_of_the_version_and_of_the_compared_messages_apart() -> None:
    html = page(verdict())
    own, compared = html.split("The same on the messages that both versions are compared on")
    assert own.count("91.23 %") == 2
    assert "87.65 %" not in own
    assert compared.count("87.65 %") == 2
    for name in ("accuracy", "macro_f1", "mcc", "ece", "scope_auroc", "coverage", "risk"):
        assert f"<td>{name}<br>" in own
        assert f"<td>{name}<br>" in compared
