"""A running service sends its records and the feedback to a real store, and continues to answer without one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from chatbot.records.log_store import read_feedback
from chatbot.store import Store, open_store
from tests.bento.server import Server
from tests.support.records import FAR, LONG_AGO, stored

if TYPE_CHECKING:
    from tests.support.minio import Minio


@pytest.fixture
def store(minio: Minio, bucket: str) -> Store:
    return open_store(minio.settings(bucket))


def test_records_and_feedback_come_to_the_store_and_the_metrics_say_so(
    start: Callable[..., Server], minio: Minio, bucket: str, store: Store
) -> None:
    server = start(
        CHATBOT_WORKERS="2",
        CHATBOT_RUNNER_WORKERS="1",
        CHATBOT_UPLOAD_PART_ROWS="1",
        CHATBOT_UPLOAD_CLOSE_SECONDS="60",
        **minio.environment(bucket),
    )
    began = time.time()
    asked = {
        str(server.post("/chat", {"message": f"where is order {n}?"})[1]["prediction_id"]) for n in range(20)
    }
    one = min(asked)
    assert server.post("/feedback", {"prediction_id": one, "helpful": True})[0] == 202
    assert (
        server.post("/feedback", {"prediction_id": one, "helpful": False, "intent": "get_refund"})[0] == 202
    )
    made_up = one[:-1] + ("0" if one[-1] != "0" else "1")
    assert server.post("/feedback", {"prediction_id": made_up, "helpful": False})[0] == 404
    until = time.monotonic() + 60
    sent = r'chatbot_log_store_records_total\{kind="inference_log",outcome="sent"\}'
    last = "chatbot_log_store_last_success_timestamp_seconds"
    while (
        server.metric(sent) < 20
        or server.metric(last) < began
        or not any(feedback.intent for feedback in read_feedback(store, LONG_AGO, FAR).values())
    ):
        assert time.monotonic() < until, server.output
        time.sleep(0.2)
    assert stored(store).keys() == asked
    said = read_feedback(store, LONG_AGO, FAR)
    assert set(said) == {one}
    assert (said[one].helpful, said[one].intent) == (False, "get_refund"), "the last one replaces"
    assert began < server.metric(last) < time.time() + 1
    later = str(server.post("/chat", {"message": "where is my parcel?"})[1]["prediction_id"])
    server.stop()
    assert stored(store).keys() == asked | {later}, "a stop sends what is not due yet"


def test_a_service_without_its_store_answers_and_says_what_waits(
    start: Callable[..., Server], minio: Minio, bucket: str, store: Store
) -> None:
    impatient = {
        "CHATBOT_STORE_ATTEMPTS": "1",
        "CHATBOT_UPLOAD_RETRY_SECONDS": "1",
        "CHATBOT_RUNNER_WORKERS": "1",
    }
    wrong = minio.environment(bucket) | {"CHATBOT_STORE_ENDPOINT": "http://127.0.0.1:1"}
    server = start(CHATBOT_UPLOAD_PART_ROWS="1", **impatient, **wrong)
    asked = {
        str(server.post("/chat", {"message": f"where is order {n}?"})[1]["prediction_id"]) for n in range(5)
    }
    until = time.monotonic() + 60
    while server.metric(r'chatbot_log_store_records_total\{kind="inference_log",outcome="spooled"\}') < 1:
        assert time.monotonic() < until, server.output
        time.sleep(0.2)
    assert server.metric("chatbot_log_store_waiting_records") > 0
    while "cannot be uploaded" not in server.output:
        assert time.monotonic() < until, server.output
        time.sleep(0.2)
    server.stop()
    # The next start sends what the last one could not.
    again = Server(server.home, server.environment | {"CHATBOT_STORE_ENDPOINT": minio.url})
    again.start()
    until = time.monotonic() + 60
    try:
        while stored(store).keys() != asked:
            assert time.monotonic() < until, again.output
            time.sleep(0.2)
    finally:
        again.stop()
