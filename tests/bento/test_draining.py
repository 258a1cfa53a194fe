"""Graceful shutdown: clients with keep-alive connections learn that they close, and every message is answered."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.bento.server import Server
from tests.bento.steady import SteadyLoad

pytestmark = pytest.mark.process

DRAIN_SECONDS = 5.0
SHORT_SECONDS = 2.0


def until(what: str, reached: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, f"not in {seconds} s: {what}"
        time.sleep(0.05)


def handles_sigterm(process: psutil.Process) -> bool:
    """Whether it does anything else than ending at once."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (caught,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")]
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def test_a_draining_server_is_unready_at_once_and_answers_everything_until_the_drain_period_ends(
    start: Callable[..., Server],
) -> None:
    server = start(CHATBOT_DRAIN_SECONDS=str(DRAIN_SECONDS), CHATBOT_WORKERS="2", CHATBOT_RUNNER_WORKERS="1")
    with SteadyLoad(server.url) as load:
        assert load.seen.closing == 0
        connections = load.seen.connections
        assert connections <= 8
        answered = sum(load.seen.answered.values())
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        load.wait_until(lambda: load.seen.closing > 50)
        assert server.get("/readyz")[0] == 503
        assert server.get("/livez")[0] == 200
        # New connections come until clients know of the drain: they are answered.
        while time.monotonic() < began + DRAIN_SECONDS - 0.5:
            time.sleep(0.05)
        assert load.seen.failures == []
        assert sum(load.seen.answered.values()) > answered + 100
        # Each got `Connection: close`, and reconnected.
        assert load.seen.connections > connections + 50
    assert server.process.wait(30) == 0
    assert DRAIN_SECONDS <= time.monotonic() - began < DRAIN_SECONDS + 10


def test_a_worker_that_receives_sigterm_while_it_waits_for_the_runner_stops_waiting(
    start: Callable[..., Server], bundle_folder: Path, tmp_path: Path
) -> None:
    server = Server(
        tmp_path / "server", {"CHATBOT_BUNDLE": str(bundle_folder), "CHATBOT_RUNNER_WORKERS": "1"}
    )
    server.launch()
    until("the runner begins", lambda: server.workers("IntentRunner"))
    (runner,) = server.workers("IntentRunner")
    runner.suspend()
    try:
        until("the HTTP worker begins", lambda: server.workers("SupportChatbot"))
        (worker,) = server.workers("SupportChatbot")
        until("it starts", lambda: handles_sigterm(worker))
        time.sleep(0.5)
        assert not server.ready()
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        worker.wait(60)
        assert time.monotonic() - began < 10
    finally:
        runner.resume()
    assert server.process.wait(30) == 0
    assert "Traceback" not in server.output


def test_sigterm_to_every_process_of_a_server_counts_as_one(start: Callable[..., Server]) -> None:
    server = start(CHATBOT_DRAIN_SECONDS=str(SHORT_SECONDS), CHATBOT_RUNNER_WORKERS="1")
    assert server.process is not None
    began = time.monotonic()
    for process in (*server.workers("SupportChatbot"), *server.workers("IntentRunner")):
        process.send_signal(signal.SIGTERM)
    server.process.send_signal(signal.SIGTERM)
    # Meanwhile the server's parent tells its workers a second time.
    while time.monotonic() < began + SHORT_SECONDS - 0.5:
        assert server.post("/chat", {"message": "where is my order?"})[0] == 200
        time.sleep(0.05)
    assert server.process.wait(30) == 0
