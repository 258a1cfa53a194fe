"""One thread makes the calls of all deadlines, at their times, and a forked process has its own."""

from __future__ import annotations

import logging
import os
import queue
import socket
import threading
import time

import pytest

from chatbot.deadline import Deadline
from chatbot.watchdog import Watchdog

WAIT = 30.0
"""Far beyond every time here: reached only if a call never comes."""


@pytest.fixture
def calls() -> queue.Queue[object]:
    return queue.Queue()


def test_calls_come_in_the_order_of_their_times_and_not_early(calls: queue.Queue[object]) -> None:
    watchdog = Watchdog()
    began = time.monotonic()
    for seconds in (0.3, 0.1, 0.2):
        watchdog.call_after(seconds, lambda seconds=seconds: calls.put((seconds, time.monotonic() - began)))
    made = [calls.get(timeout=WAIT) for _ in range(3)]
    assert [asked for asked, _ in made] == [0.1, 0.2, 0.3]
    assert all(passed >= asked for asked, passed in made)


def test_an_earlier_call_wakes_the_thread_that_waits_for_a_later_one(calls: queue.Queue[object]) -> None:
    watchdog = Watchdog()
    watchdog.call_after(1e9, lambda: calls.put("later"))
    time.sleep(0.1)  # now it waits
    watchdog.call_after(0.0, lambda: calls.put("now"))
    assert calls.get(timeout=WAIT) == "now"


def test_a_cancelled_call_does_not_come(calls: queue.Queue[object]) -> None:
    watchdog = Watchdog()
    cancelled = watchdog.call_after(0.1, lambda: calls.put("cancelled"))
    watchdog.call_after(0.2, lambda: calls.put("kept"))
    cancelled.cancel()
    assert calls.get(timeout=WAIT) == "kept"


def test_a_call_that_raises_is_logged_and_the_next_one_comes(
    calls: queue.Queue[object], caplog: pytest.LogCaptureFixture
) -> None:
    watchdog = Watchdog()
    with caplog.at_level(logging.ERROR):
        watchdog.call_after(0.0, lambda: 1 / 0)
        watchdog.call_after(0.1, lambda: calls.put("next"))
        assert calls.get(timeout=WAIT) == "next"
    assert "ZeroDivisionError" in caplog.text


def test_many_calls_take_one_thread_and_all_come(calls: queue.Queue[object]) -> None:
    watchdog = Watchdog()
    before = threading.active_count()
    kept = []
    for number in range(5000):
        alarm = watchdog.call_after(0.5, lambda number=number: calls.put(number))
        if number % 5:
            alarm.cancel()
        else:
            kept.append(number)
    assert threading.active_count() == before + 1
    assert [calls.get(timeout=WAIT) for _ in kept] == kept


def test_cancelled_calls_do_not_stay_until_their_time() -> None:
    watchdog = Watchdog()
    for _ in range(100_000):
        watchdog.call_after(600.0, int).cancel()
    assert len(watchdog) < 1000


def test_an_infinite_time_is_possible(calls: queue.Queue[object]) -> None:
    watchdog = Watchdog()
    watchdog.call_after(float("inf"), lambda: calls.put("never"))
    watchdog.call_after(0.1, lambda: calls.put("soon"))
    assert calls.get(timeout=WAIT) == "soon"


@pytest.mark.process
def test_a_forked_process_has_its_own_thread_and_leaves_its_parents_connections_open() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Deadline(0.3) as outer:
        outer.watch(ours)
        if (child := os.fork()) == 0:
            code = 1
            try:
                mine, other = socket.socketpair()
                mine.settimeout(WAIT)
                with other, mine, Deadline(0.6) as limit:
                    limit.watch(mine)
                    ended = mine.recv(1) == b""
                code = 0 if ended and limit.expired and not outer.expired else 1
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
    assert outer.expired
    assert os.waitstatus_to_exitcode(status) == 0
