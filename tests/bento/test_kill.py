"""Killing processes of the real service under load: no answered message is lost, and the service recovers."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from tests.bento.server import Server, lost, under_load

pytestmark = pytest.mark.process


def wait_for(server: Server, name: str, count: int) -> None:
    until = time.monotonic() + 40
    while len(server.workers(name)) < count or not server.ready():
        assert time.monotonic() < until, f"{name} did not come back"
        time.sleep(0.2)


def died(server: Server, does: str) -> float:
    """What ChatbotProcessDied watches."""
    return server.metric(rf'chatbot_process_starts_total\{{does="{does}"\}}') - server.metric(
        rf'chatbot_processes\{{does="{does}"\}}'
    )


def test_a_runner_worker_that_is_killed_costs_no_answer_and_is_replaced(
    service: Server, distinct_messages: Sequence[str]
) -> None:
    before = died(service, "runner")
    load = under_load(service, distinct_messages, lambda: service.workers("IntentRunner")[0].kill())
    assert load.statuses == {200: 1000}
    assert lost(service, load) == []
    wait_for(service, "IntentRunner", 2)
    assert died(service, "runner") == before + 1


def test_an_http_worker_that_is_killed_loses_no_record_of_what_it_answered(
    service: Server, distinct_messages: Sequence[str]
) -> None:
    before = died(service, "http")
    load = under_load(service, distinct_messages, lambda: service.workers("SupportChatbot")[0].kill())
    # Whoever was connected to it sees the connection close, and nothing else.
    assert set(load.statuses) <= {200, 0}
    assert load.statuses[200] > 900
    assert lost(service, load) == []
    wait_for(service, "SupportChatbot", 2)
    assert died(service, "http") == before + 1


def test_without_any_runner_worker_the_service_is_not_ready_and_answers_503_until_they_are_back(
    service: Server,
) -> None:
    for worker in service.workers("IntentRunner"):
        worker.kill()
    time.sleep(1.1)
    assert service.get("/readyz", timeout=10)[0] == 503
    assert service.post("/chat", {"message": "I will sue you"})[0] in (200, 503)
    wait_for(service, "IntentRunner", 2)
    assert service.post("/chat", {"message": "I want a refund"})[0] == 200
