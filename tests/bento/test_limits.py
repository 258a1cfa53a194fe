"""The concurrency limit follows latency: a standing queue lowers it, timely answers raise it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import pairwise

import pytest
from prometheus_client import CollectorRegistry, Gauge

from bento.http.asgi import ClientLeft, Message
from bento.http.limits import CancelOnDisconnect, ConcurrencyLimit
from chatbot.errors import Overloaded, Unavailable


class Traffic:
    """A limit of at most 100 and at least 20 slots with a target of 0.1 s, and a clock that the test moves."""

    def __init__(self, minimum: int | None = 20) -> None:
        self.time = 0.0
        self.changes: list[int] = []
        self.registry = CollectorRegistry()
        self.limit = ConcurrencyLimit(
            100,
            Gauge("in_flight", "Slots in use.", registry=self.registry),
            minimum=minimum,
            target_seconds=0.1,
            on_change=self.changes.append,
            clock=lambda: self.time,
        )

    def round_trip(self, offered: int, seconds: float) -> int:
        """Offer messages at once, answer the admitted ones after `seconds`; returns how many were admitted."""
        admitted = []
        for _ in range(offered):
            with suppress(Overloaded):
                admitted.append(self.limit.acquire())
        assert self.registry.get_sample_value("in_flight") == len(admitted)
        self.time += seconds
        for since in admitted:
            self.limit.release(since)
        assert self.registry.get_sample_value("in_flight") == 0
        return len(admitted)


def test_late_answers_lower_the_limit_once_a_round_trip_down_to_the_minimum() -> None:
    traffic = Traffic()
    assert [traffic.round_trip(200, 0.3) for _ in range(10)] == [100, 80, 64, 51, 40, 32, 26, 20, 20, 20]
    assert traffic.changes == [80, 64, 51, 40, 32, 26, 20]


def test_timely_answers_raise_the_limit_by_one_a_round_trip_up_to_the_maximum() -> None:
    traffic = Traffic()
    for _ in range(10):
        traffic.round_trip(200, 0.3)
    rising = [traffic.round_trip(200, 0.05) for _ in range(90)]
    assert rising[0] == 20
    assert all(0 <= after - before <= 1 for before, after in pairwise(rising))
    assert rising[-1] == 100
    assert traffic.round_trip(200, 0.05) == 100


@pytest.mark.parametrize("per_second", [300, 600, 1200])
def test_under_standing_overload_latency_settles_at_the_target(per_second: int) -> None:
    traffic = Traffic()
    latencies = []
    for _ in range(200):
        slots = traffic.changes[-1] if traffic.changes else 100
        latencies.append(slots / per_second)  # Little's law
        assert traffic.round_trip(10 * slots, latencies[-1]) == slots
    assert max(latencies[50:]) <= max(0.1, 20 / per_second) + 1 / per_second


def test_a_burst_of_the_highest_limit_is_admitted_after_a_quiet_time() -> None:
    assert Traffic().round_trip(100, 0.09) == 100


def test_after_a_quiet_time_a_burst_of_the_highest_limit_is_admitted_again() -> None:
    """A customer every few seconds: the increase alone took 30,000 answers from 64 to 256 slots."""
    traffic = Traffic()
    for _ in range(10):
        traffic.round_trip(200, 0.3)
    for _ in range(30):
        assert traffic.round_trip(5, 0.02) == 5
        traffic.time += 0.5
    assert traffic.round_trip(200, 0.05) == 100


def test_a_time_with_few_but_more_than_a_quarter_of_the_lowest_limit_in_flight_is_not_quiet() -> None:
    traffic = Traffic()
    for _ in range(10):
        traffic.round_trip(200, 0.3)
    for _ in range(30):
        assert traffic.round_trip(10, 0.02) == 10
        traffic.time += 0.5
    assert 20 < traffic.round_trip(200, 0.05) < 40


def test_slow_messages_without_a_queue_do_not_lower_the_limit() -> None:
    traffic = Traffic()
    for _ in range(10):
        assert traffic.round_trip(20, 3.0) == 20
    assert traffic.round_trip(200, 0.05) == 100


def test_without_a_minimum_the_limit_is_fixed() -> None:
    traffic = Traffic(minimum=None)
    assert {traffic.round_trip(200, 5.0) for _ in range(5)} == {100}
    assert not traffic.changes


def test_another_route_has_slots_of_its_own_as_many_as_the_highest_limit_or_as_named() -> None:
    traffic = Traffic()
    for _ in range(10):
        traffic.round_trip(200, 0.3)
    for limit, slots in ((None, 100), (3, 3)):
        apart = traffic.limit.apart(limit)
        for _ in range(slots):
            apart.acquire()
        with pytest.raises(Overloaded, match="too many messages at once"):
            apart.acquire()


@pytest.mark.parametrize(
    ("first", "seconds", "error"),
    [("http.disconnect", 30.0, ClientLeft), ("http.request", 0.0, Unavailable)],
)
def test_a_handler_is_cancelled_when_its_client_leaves_or_its_time_is_over(
    first: str, seconds: float, error: type[Exception]
) -> None:
    async def play() -> int:
        received = iter([{"type": first}])

        async def receive() -> Message:
            for message in received:
                return message
            return await asyncio.Future()

        with pytest.raises(error), CancelOnDisconnect(receive, seconds):
            await asyncio.Future()
        task = asyncio.current_task()
        assert task is not None
        await asyncio.sleep(0)
        return task.cancelling()

    assert asyncio.run(asyncio.wait_for(play(), 20)) == 0, "the task can go on"


def test_a_handler_that_has_answered_is_not_cancelled_later() -> None:
    async def play() -> str:
        async def receive() -> Message:
            return {"type": "http.disconnect"}

        with CancelOnDisconnect(receive, 30):
            pass
        await asyncio.sleep(0.3)  # longer than a request goes unwatched
        return "answered"

    assert asyncio.run(play()) == "answered"
