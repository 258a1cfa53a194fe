"""Customers reach the bot: over its Service, through the chat page in a real browser, and somebody sees how it does."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.e2e.installing import Installed
from tests.e2e.prometheus import Prometheus
from tests.e2e.release import fetch
from tests.support.testbed import until
from tools.loop.parts import records_in_store
from tools.pictures import chat_page

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_the_service_answers_as_promised(release: Installed) -> None:
    answer = release.ask("I want a refund")
    assert answer["intent"] == "get_refund"
    assert answer["response"]
    assert answer["confidence"] > 0.5
    feedback = {"prediction_id": answer["prediction_id"], "helpful": True}
    assert fetch(f"{release.api}/feedback", feedback) == {"prediction_id": answer["prediction_id"]}


def test_any_pod_takes_feedback_on_what_another_said(release: Installed) -> None:
    first, second = (f"http://{pod['status']['podIP']}:3000" for pod in release.ready("api")[:2])
    said = fetch(f"{first}/chat", {"message": "where is my order?"})
    feedback = {"prediction_id": said["prediction_id"], "helpful": True}
    assert fetch(f"{second}/feedback", feedback) == {"prediction_id": said["prediction_id"]}


def test_a_conversation_on_the_chat_page(release: Installed, window: BrowserContext) -> None:
    with release.forward(f"service/{release.name}-page", 8501) as url:
        page = chat_page.open_chat(window.new_page(), url)
        chat_page.say(page, "I want a refund")
        reply = release.ask("I want a refund")["response"]
        turn = page.locator('[class*="st-key-turn-"]').last
        expect(turn).to_contain_text(reply[:40])
        assert reply[:40] in (turn.text_content() or "")
        page.close()


def test_the_api_says_how_it_is_used_in_a_browser(release: Installed, window: BrowserContext) -> None:
    with release.forward(f"service/{release.name}-api", 3000) as url:
        page = window.new_page()
        page.goto(f"{url}/docs")
        expect(page.locator("#operations-tag-default, .opblock").first).to_be_visible(timeout=20_000)
        body = page.locator("body")
        expect(body).to_contain_text("/chat")
        assert "/chat" in (body.text_content() or "")
        page.close()


def test_what_was_said_is_in_the_store_after_moments(release: Installed) -> None:
    asked = release.ask("how can I pay?")["prediction_id"]
    with release.store("drift") as store:
        assert until("the record is in the store", lambda: asked in records_in_store(store), 60)


def test_every_pod_of_the_bot_is_scraped_and_counts_what_it_answered(
    release: Installed, prometheus: Prometheus
) -> None:
    until(
        "each pod is scraped", lambda: prometheus.up()[f"{release.name}-api"] == len(release.ready("api")), 60
    )
    counted = f'sum(chatbot_requests_total{{route="/chat",status="200",namespace="{release.namespace}"}})'
    before = prometheus.value(counted)
    for _ in range(10):
        release.ask("I want a refund")
    assert until("ten more are counted", lambda: prometheus.value(counted) >= before + 10, 30)


def test_minio_and_pushgateway_are_scraped_too(release: Installed, prometheus: Prometheus) -> None:
    assert {f"{release.name}-minio", f"{release.name}-pushgateway"} <= set(prometheus.up())


def test_the_alerts_that_ship_are_read_and_none_fires_on_a_fresh_bot(prometheus: Prometheus) -> None:
    rules = {rule["name"]: rule for rule in prometheus.rules()}
    assert "ChatbotDown" in rules
    assert {name: rule["lastError"] for name, rule in rules.items() if rule.get("lastError")} == {}
    firing = [rule["name"] for rule in rules.values() if rule.get("state") == "firing"]
    assert firing == []
