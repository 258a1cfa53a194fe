"""Stopping: what is in flight is answered first."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import pytest

from tests.bento.server import Server, lost, under_load

pytestmark = pytest.mark.process


def test_a_server_that_is_asked_to_stop_answers_what_is_under_way_and_ends_cleanly(
    start: Callable[..., Server], distinct_messages: Sequence[str]
) -> None:
    service = start(CHATBOT_WORKERS="2", CHATBOT_RUNNER_WORKERS="1", CHATBOT_TIMEOUT_SECONDS="60")
    codes: list[int] = []
    began = time.monotonic()
    load = under_load(service, distinct_messages[:600], lambda: codes.append(service.stop()))
    assert codes == [0]
    assert time.monotonic() - began < 30
    # Answered, or not taken any more (no connection): never an error in between.
    assert set(load.statuses) <= {200, 0}, load.errors
    assert load.statuses[200] > 32
    assert lost(service, load) == []
    assert "Traceback" not in service.output
