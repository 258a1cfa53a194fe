"""drift.html, rendered from a verdict made for it."""

from __future__ import annotations

from datetime import UTC, datetime

from chatbot.loop.drift_verdict import Check, Contributors, DriftVerdict, ExampleMessage, Window
from monitoring.drift.report.page import page

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def check(name: str, effect: float, red: bool) -> Check:
    return Check(
        name=name,
        against="baseline",
        statistic=effect,
        effect=effect,
        threshold=0.1 if red else 0.01,
        red=red,
        alarms=True,
        sentence=f"What {name} found.",
    )


def verdict(*checks: Check, message: str = "hello") -> DriftVerdict:
    example = ExampleMessage(message=message, intent="refund", confidence=0.5, weight=1)
    return DriftVerdict(
        verdict="red",
        made=NOW,
        model_version="3@abc",
        bundle_digest="abc",
        window=Window(since=NOW, until=NOW, records=1_234),
        checks=checks,
        contributors=Contributors(messages=(example,)),
    )


def test_a_message_that_looks_like_html_is_shown_and_not_run() -> None:
    html = page(verdict(message='<script>alert("1")</script>'), evidently='<p class="e">&</p>', notes=["<b>"])
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert 'srcdoc="&lt;p class=&#34;e&#34;&gt;&amp;&lt;/p&gt;"' in html
    assert "<b>" not in html


def test_the_page_names_model_and_window_and_shows_red_checks_first() -> None:
    green, red = check("scope", 0.5, red=False), check("words", 0.2, red=True)
    html = page(verdict(green, red))
    table = html[html.index("Checks that can raise the alarm") :]
    assert table.index(red.sentence) < table.index(green.sentence)
    assert "1,234 messages from 2026-01-02 03:04" in html
    assert "model 3@abc" in html
