"""The real service hands over: at once for the customer, and for good for whoever has to answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from chatbot.store.folder import FolderStore
from tests.bento.server import Server
from tests.monitoring.receiver import SECRET, Receiver
from tests.support.waiting import eventually
from training.review.handoffs import HandoffReader

pytestmark = pytest.mark.process

HUMAN = "let me talk to a human please, my number is 4111 1111 1111 1111"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver().start()
    yield receiver
    receiver.stop()


def kill(server: Server) -> None:
    """kill -9 of every process of it."""
    assert server.process is not None
    parent = psutil.Process(server.process.pid)
    for process in [parent, *parent.children(recursive=True)]:
        process.kill()
    server.process.wait(20)


def test_a_handoff_outlives_the_service_that_promised_it(
    tmp_path: Path, bundle_folder: Path, receiver: Receiver
) -> None:
    receiver.delay = 30  # it hangs: whoever answers customers must not
    settings = {
        "CHATBOT_BUNDLE": str(bundle_folder),
        "CHATBOT_RUNNER_WORKERS": "1",
        "CHATBOT_HANDOFF_URL": receiver.url,
        "CHATBOT_HANDOFF_SECRET": SECRET,
        "CHATBOT_HANDOFF_TIMEOUT_SECONDS": "1",
        "CHATBOT_HANDOFF_MAX_BACKOFF_SECONDS": "1",
        "CHATBOT_STORE_URL": str(tmp_path / "store"),
    }
    server = Server(tmp_path / "server", settings).start()
    try:
        status, first = server.post("/chat", {"message": "where is my parcel?", "session_id": "visit-1"})
        assert status == 200
        eventually(lambda: server.post("/chat", {"message": HUMAN})[0] == 200)
        eventually(lambda: len(receiver.seen) > 0)
        took = []
        for session in ("visit-2", "visit-3", "visit-4", "visit-1"):
            began = time.monotonic()
            _, answer = server.post("/chat", {"message": HUMAN, "session_id": session})
            took.append(time.monotonic() - began)
        # Whoever waited for the receiver would wait for a second each time; for a processor, only now and then.
        assert min(took) < 0.5
        kill(server)
        assert answer["handoff"] is True
        receiver.delay = 0
        server.start()
        receiver.wait(5, 30)
        (taken,) = [
            b["data"] for b in receiver.taken if b["data"]["prediction_id"] == answer["prediction_id"]
        ]
        assert "4111" not in str(taken)
        assert "talk to a human" in taken["message"]
        assert taken["source"] == "rule"
        assert [turn["speaker"] for turn in taken["conversation"]] == ["customer", "assistant"]
        assert taken["conversation"][0]["text"] == "where is my parcel?"
        assert {turn["prediction_id"] for turn in taken["conversation"]} == {first["prediction_id"]}
        assert not receiver.forged
        store = FolderStore(tmp_path / "store")
        eventually(lambda: len(HandoffReader(store).tasks()) == 5)
        assert {task.state for task in HandoffReader(store).tasks()} == {"open"}
        eventually(lambda: server.metric(r"chatbot_handoff_deliveries_total\{.*delivered.*webhook") >= 1)
        eventually(lambda: server.metric(r"chatbot_handoffs_undelivered") == 0)
    finally:
        server.stop()
