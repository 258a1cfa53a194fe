"""Killing processes of the real service under load: no answered message is lost, and the service recovers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil
import pytest

from tests.bento.server import Load, Server, lost, under_load

pytestmark = pytest.mark.process

WORKERS = {"runner": "IntentRunner", "http": "SupportChatbot"}
MESSAGES = 600
"""Under way when a worker is killed: a second's work at least."""


def wait_for(server: Server, name: str, count: int) -> None:
    until = time.monotonic() + 60
    while len(server.workers(name)) < count or not server.ready():
        assert time.monotonic() < until, f"{name} did not come back"
        time.sleep(0.2)


def died(server: Server, does: str) -> float:
    """What ChatbotProcessDied watches, of one scrape in which no worker is just starting."""
    until = time.monotonic() + 60
    while (metrics := server.metrics())[f'chatbot_processes{{role="{does}"}}'] < 2:
        assert time.monotonic() < until, f"{does}: a worker does not begin"
        time.sleep(0.2)
    return (
        metrics[f'chatbot_process_starts_total{{role="{does}"}}']
        - metrics[f'chatbot_processes{{role="{does}"}}']
    )


@dataclass
class Killed:
    """One worker that was killed under load."""

    load: Load
    unlogged: list[str]
    died_before: float
    died_after: float = 0.0


@pytest.fixture(scope="module")
def killed(service: Server, distinct_messages: Sequence[str]) -> dict[str, Killed]:
    """A runner worker killed under load, then an HTTP worker; both were replaced."""
    found = {}
    for name in WORKERS.values():
        wait_for(service, name, 2)
    for does, name in WORKERS.items():
        before = died(service, does)
        load = under_load(
            service, distinct_messages[:MESSAGES], lambda name=name: service.workers(name)[0].kill()
        )
        found[does] = Killed(load, lost(service, load), before)
    for does, name in WORKERS.items():
        wait_for(service, name, 2)
        until = time.monotonic() + 30
        # A worker that was killed is counted once its replacement has started.
        while (after := died(service, does)) == found[does].died_before and time.monotonic() < until:
            time.sleep(0.2)
        found[does].died_after = after
    return found


def test_a_runner_worker_that_is_killed_costs_no_answer_and_is_replaced(killed: dict[str, Killed]) -> None:
    runner = killed["runner"]
    assert runner.load.statuses == {200: MESSAGES}
    assert runner.unlogged == []
    assert runner.died_after == runner.died_before + 1


def test_an_http_worker_that_is_killed_loses_no_record_of_what_it_answered(killed: dict[str, Killed]) -> None:
    http = killed["http"]
    # Whoever was connected to it sees the connection close, and nothing else.
    assert set(http.load.statuses) <= {200, 0}
    assert http.load.statuses[200] > 0.9 * MESSAGES
    assert http.unlogged == []
    assert http.died_after == http.died_before + 1


def test_without_any_runner_worker_the_service_answers_with_503_or_waits_until_they_are_back(
    service: Server,
) -> None:
    killed = service.workers("IntentRunner")
    for worker in killed:
        worker.kill()
    # They are back in less than a second, so that whoever asks may find no gap.
    assert service.get("/readyz", timeout=10)[0] in (200, 503)
    assert service.post("/chat", {"message": "I will sue you"})[0] in (200, 503)
    assert psutil.wait_procs(killed, timeout=30)[1] == []
    wait_for(service, "IntentRunner", 2)
    assert service.post("/chat", {"message": "I want a refund"})[0] == 200


def test_a_worker_that_dies_at_each_start_is_replaced_ever_more_slowly_and_the_other_serves(
    service: Server,
) -> None:
    victim = service.workers("SupportChatbot")[0].pid
    other = {worker.pid for worker in service.workers("SupportChatbot")} - {victim}
    starts = []
    for _ in range(5):
        psutil.Process(victim).kill()
        died = time.monotonic()
        while not (new := {w.pid for w in service.workers("SupportChatbot")} - other - {victim}):
            assert time.monotonic() < died + 60, "the worker was not replaced"
            time.sleep(0.02)
        victim = new.pop()
        starts.append(time.monotonic() - died)
    # Pauses of 0, 0.5, 1 and 2 s after the first kill at least; circus's own check, every 10 s, may cut one short.
    assert sum(starts) > 1.4
    assert other <= {worker.pid for worker in service.workers("SupportChatbot")}
    wait_for(service, "SupportChatbot", 2)
