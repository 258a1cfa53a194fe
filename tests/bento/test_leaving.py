"""ConnectionDraining: whoever keeps a connection alive hears of it before it closes, and no message goes unanswered."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from bento.lifecycle.listening import take_over
from chatbot.errors import SettingError
from tests.bento.server import Server
from tests.bento.steady import SteadyLoad

pytestmark = pytest.mark.process

DRAIN_SECONDS = 5.0


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


def test_a_leaving_server_is_unready_at_once_and_answers_everything_until_its_time_is_over(
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
        # New connections come as long as nobody has heard of it: they are answered.
        while time.monotonic() < began + DRAIN_SECONDS - 0.5:
            time.sleep(0.05)
        assert load.seen.failures == []
        assert sum(load.seen.answered.values()) > answered + 100
        # Each of them was told, and came back over another connection.
        assert load.seen.connections > connections + 50
    assert server.process.wait(30) == 0
    assert DRAIN_SECONDS <= time.monotonic() - began < DRAIN_SECONDS + 10


def test_a_worker_that_is_told_to_stop_while_it_still_waits_for_the_runner_waits_no_longer(
    start: Callable[..., Server], model_folder: Path, tmp_path: Path
) -> None:
    server = Server(tmp_path / "server", {"CHATBOT_BUNDLE": str(model_folder), "CHATBOT_RUNNER_WORKERS": "1"})
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
    server = start(CHATBOT_DRAIN_SECONDS=str(DRAIN_SECONDS), CHATBOT_RUNNER_WORKERS="1")
    assert server.process is not None
    began = time.monotonic()
    for process in (*server.workers("SupportChatbot"), *server.workers("IntentRunner")):
        process.send_signal(signal.SIGTERM)
    server.process.send_signal(signal.SIGTERM)
    # Meanwhile the server's parent tells its workers a second time.
    while time.monotonic() < began + DRAIN_SECONDS - 0.5:
        assert server.post("/chat", {"message": "where is my order?"})[0] == 200
        time.sleep(0.05)
    assert server.process.wait(30) == 0


def test_a_server_takes_over_a_listening_socket_and_says_when_it_answers(
    tmp_path: Path, model_folder: Path
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready,
    ):
        listening.set_inheritable(True)
        ready.bind(str(tmp_path / "ready"))
        ready.settimeout(60)
        server = Server(
            tmp_path / "server",
            {
                "CHATBOT_BUNDLE": str(model_folder),
                "CHATBOT_RUNNER_WORKERS": "1",
                "CHATBOT_LISTEN_FD": str(listening.fileno()),
                "NOTIFY_SOCKET": str(tmp_path / "ready"),
            },
            port=listening.getsockname()[1],
            pass_fds=(listening.fileno(),),
        )
        server.launch()
        try:
            assert ready.recv(100) == b"READY=1"
            # The first connection it takes is answered by a model that runs.
            status, text = server.get("/readyz")
            assert (status, text) == (200, text)
            assert server.post("/chat", {"message": "where is my order?"})[0] == 200
            assert json.loads(server.get("/version")[1])["bundle_digest"]
        finally:
            assert server.stop() == 0


def test_a_number_that_is_no_listening_socket_is_refused_in_one_line(
    tmp_path: Path, model_folder: Path
) -> None:
    server = Server(tmp_path, {"CHATBOT_BUNDLE": str(model_folder), "CHATBOT_LISTEN_FD": "99"}).launch()
    assert server.process is not None
    assert server.process.wait(30) == 1
    assert "support-chatbot: CHATBOT_LISTEN_FD=99 is not a socket" in server.output


def test_a_socket_that_does_not_listen_is_refused() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(SettingError, match=f"CHATBOT_LISTEN_FD={bound.fileno()} does not listen"):
            take_over(bound.fileno())
