"""Request batching: who asks at the same moment is answered together, and never with another's answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bento.chat.batcher import RequestBatcher, TurnBatcher


def test_what_waits_at_the_same_moment_goes_in_one_call_a_lane_split_evenly() -> None:
    calls: list[int] = []

    async def call(questions: Sequence[int]) -> list[int]:
        calls.append(len(questions))
        await asyncio.sleep(0.01)
        return list(questions)

    async def ask_all() -> None:
        batcher = RequestBatcher(call, concurrency=2, max_batch=64)
        assert await asyncio.gather(*(batcher.submit(n) for n in range(40))) == list(range(40))

    asyncio.run(ask_all())
    assert calls == [20, 20]


def test_a_single_question_never_waits_for_company() -> None:
    async def call(questions: Sequence[int]) -> list[int]:
        return list(questions)

    async def ask() -> tuple[list[int], list[float]]:
        batcher = RequestBatcher(call, concurrency=1, max_batch=64)
        loop = asyncio.get_running_loop()
        timers: list[float] = []
        call_at = loop.call_at

        def count(when: float, *arguments: Any, **options: Any) -> asyncio.TimerHandle:
            timers.append(when)
            return call_at(when, *arguments, **options)

        loop.call_at = count  # type: ignore[method-assign]
        return [await batcher.submit(n) for n in range(100)], timers

    assert asyncio.run(ask()) == (list(range(100)), []), "no timer decides when a question is sent"


def test_no_call_is_larger_than_allowed_and_no_more_calls_are_in_flight_than_lanes() -> None:
    flying = most_flying = 0
    sizes: list[int] = []

    async def call(questions: Sequence[int]) -> list[int]:
        nonlocal flying, most_flying
        flying += 1
        most_flying = max(most_flying, flying)
        sizes.append(len(questions))
        await asyncio.sleep(0.001)
        flying -= 1
        return list(questions)

    async def ask_all() -> None:
        batcher = RequestBatcher(call, concurrency=3, max_batch=8)
        await asyncio.gather(*(batcher.submit(n) for n in range(500)))

    asyncio.run(ask_all())
    assert max(sizes) == 8
    assert most_flying == 3


def test_a_client_that_leaves_takes_its_message_out_of_the_queue() -> None:
    seen: list[int] = []
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def call(questions: Sequence[int]) -> list[int]:
        seen.extend(questions)
        under_way.set()
        await go_on.wait()
        return list(questions)

    async def leave() -> None:
        batcher = RequestBatcher(call, concurrency=1, max_batch=64)
        first = batcher.submit(0)
        await under_way.wait()
        others = [batcher.submit(n) for n in range(1, 6)]
        await asyncio.sleep(0)
        assert batcher.waiting == 5
        for future in others[:3]:
            future.cancel()
        await asyncio.sleep(0)
        assert batcher.waiting == 2
        go_on.set()
        assert await asyncio.gather(first, *others[3:]) == [0, 4, 5]

    asyncio.run(leave())
    assert seen == [0, 4, 5]


def test_who_waits_longest_is_served_first() -> None:
    seen: list[int] = []

    async def call(questions: Sequence[int]) -> list[int]:
        seen.extend(questions)
        await asyncio.sleep(0)
        return list(questions)

    async def ask_all() -> None:
        batcher = RequestBatcher(call, concurrency=1, max_batch=3)
        await asyncio.gather(*(batcher.submit(n) for n in range(10)))

    asyncio.run(ask_all())
    assert seen == list(range(10))


def test_a_failing_call_fails_its_own_messages_and_no_others() -> None:
    async def call(questions: Sequence[int]) -> list[int]:
        await asyncio.sleep(0)
        if 13 in questions:
            raise ConnectionError("gone")
        return list(questions)

    async def ask_all() -> list[int | BaseException]:
        batcher = RequestBatcher(call, concurrency=4, max_batch=5)
        return await asyncio.gather(*(batcher.submit(n) for n in range(40)), return_exceptions=True)

    answers = asyncio.run(ask_all())
    failed = [n for n, answer in enumerate(answers) if isinstance(answer, ConnectionError)]
    assert 13 in failed
    assert len(failed) == 5
    assert all(answer == n for n, answer in enumerate(answers) if n not in failed)


def test_too_few_answers_are_an_error_and_never_shift_answers_to_other_callers() -> None:
    async def call(questions: Sequence[int]) -> list[int]:
        return list(questions)[1:]

    async def ask_all() -> list[int | BaseException]:
        batcher = RequestBatcher(call, concurrency=1, max_batch=64)
        return await asyncio.gather(*(batcher.submit(n) for n in range(5)), return_exceptions=True)

    assert all(isinstance(answer, RuntimeError) for answer in asyncio.run(ask_all()))


def test_one_failing_message_of_a_batch_does_not_affect_the_others() -> None:
    async def call(questions: Sequence[int]) -> list[int | Exception]:
        return [ValueError("odd") if n % 2 else n for n in questions]

    async def ask_all() -> None:
        batcher: RequestBatcher[int, int] = RequestBatcher(call, concurrency=1, max_batch=64)
        tasks = [batcher.submit(n) for n in range(4)]
        assert [await task for task in tasks[::2]] == [0, 2]
        for task in tasks[1::2]:
            with pytest.raises(ValueError, match="odd"):
                await task

    asyncio.run(ask_all())


@settings(max_examples=60, deadline=None)
@given(
    concurrency=st.integers(1, 4),
    max_batch=st.integers(1, 9),
    plan=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["stays", "leaves", "fails"])), min_size=1, max_size=60
    ),
)
def test_every_client_gets_its_own_answer_while_others_leave_or_fail(
    concurrency: int, max_batch: int, plan: list[tuple[int, str]]
) -> None:
    poison = {n for n, (_, fate) in enumerate(plan) if fate == "fails"}

    async def call(questions: Sequence[int]) -> list[str]:
        await asyncio.sleep(0.0002 * (sum(questions) % 3))
        if poison.intersection(questions):
            raise ConnectionError(str(sorted(questions)))
        return [f"answer {n}" for n in questions]

    async def play() -> tuple[int, list[str | BaseException]]:
        batcher = RequestBatcher(call, concurrency, max_batch)

        async def ask(n: int, delay: int) -> str:
            await asyncio.sleep(0.0003 * delay)
            return await batcher.submit(n)

        tasks = [asyncio.create_task(ask(n, delay)) for n, (delay, _) in enumerate(plan)]
        await asyncio.sleep(0.0004)
        for task, (_, fate) in zip(tasks, plan, strict=True):
            if fate == "leaves":
                task.cancel()
        answers = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)
        return batcher.waiting, answers

    waiting, answers = asyncio.run(play())
    assert waiting == 0
    for n, (answer, (_, fate)) in enumerate(zip(answers, plan, strict=True)):
        if isinstance(answer, ConnectionError):
            assert str(n) in str(answer)
        elif isinstance(answer, asyncio.CancelledError):
            assert fate == "leaves"
        else:
            assert answer == f"answer {n}"
            assert fate != "fails"


def test_after_a_crowd_every_lane_is_free_again() -> None:
    async def call(questions: Sequence[int]) -> list[int]:
        await asyncio.sleep(0)
        if questions[0] % 2:
            raise OSError("lost")
        return list(questions)

    async def ask_twice() -> None:
        batcher = RequestBatcher(call, concurrency=2, max_batch=1)
        await asyncio.gather(*(batcher.submit(n) for n in range(20)), return_exceptions=True)
        async with asyncio.timeout(10):
            assert await batcher.submit(2) == 2
            with pytest.raises(OSError):
                await batcher.submit(3)
            assert await batcher.submit(4) == 4

    asyncio.run(ask_twice())


def test_the_requests_of_a_turn_get_their_own_answers_in_one_call() -> None:
    calls: list[list[int]] = []

    def call(questions: Sequence[int]) -> list[str]:
        calls.append(list(questions))
        return [f"answer {n}" for n in questions]

    async def ask_all() -> list[str]:
        batcher = TurnBatcher(call)
        return await asyncio.gather(*(batcher.submit(n) for n in range(5)))

    assert asyncio.run(ask_all()) == [f"answer {n}" for n in range(5)]
    assert calls == [[0, 1, 2, 3, 4]]
