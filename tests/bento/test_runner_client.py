"""The runner client: every call gets its own answer, over connections that spread over the workers."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from bento.runner.client import RunnerClient
from bento.runner.codec import decode_predictions
from chatbot.dialog.router import Alternative, Prediction
from chatbot.errors import Unavailable

pytestmark = pytest.mark.process

finite = st.floats(allow_nan=False, allow_infinity=False)


class Runner:
    """Stands in for the runner's workers behind one socket: each new connection goes to the next worker."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.connections: Counter[int] = Counter()
        self.calls: Counter[int] = Counter()
        self.delay = 0.0
        self.hang_up = 0
        self.status = 200
        self.body = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        worker = sum(self.connections.values()) % self.workers
        self.connections[worker] += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().partition("content-length: ")[2].split("\r\n")[0])
                messages = json.loads(await reader.readexactly(length))
                if self.hang_up:
                    self.hang_up -= 1
                    return
                self.calls[worker] += 1
                await asyncio.sleep(self.delay)
                body = self.body or to_json(
                    [Prediction([Alternative(m, 1.0)], 0.5, [0.25]) for m in messages]
                )
                head = f"HTTP/1.1 {self.status} X\r\nX-Runner-Worker: {worker}\r\ncontent-length: {len(body)}"
                writer.write(f"{head}\r\n\r\n".encode() + body)
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()


@asynccontextmanager
async def listening(runner: Runner, path: Path) -> AsyncIterator[str]:
    async with await asyncio.start_unix_server(runner.serve, path):
        yield f"file://{path}"


def test_concurrent_calls_never_swap_their_answers(tmp_path: Path) -> None:
    async def play() -> None:
        async with listening(Runner(3), tmp_path / "s") as url:
            client = RunnerClient(url, 5, per_worker=8)

            async def ask(n: int) -> None:
                for turn in range(20):
                    (prediction,) = await client.classify([f"{n}/{turn}"])
                    assert prediction.alternatives[0].intent == f"{n}/{turn}"

            await asyncio.gather(*(ask(n) for n in range(16)))
            client.close()

    asyncio.run(play())


def test_a_cancelled_call_leaves_no_answer_behind_for_the_next(tmp_path: Path) -> None:
    async def play() -> None:
        runner = Runner(1)
        async with listening(runner, tmp_path / "s") as url:
            client = RunnerClient(url, 5)
            await client.classify(["warm"])
            runner.delay = 0.05
            call = asyncio.create_task(client.classify(["cancelled"]))
            await asyncio.sleep(0.01)
            call.cancel()
            (prediction,) = await client.classify(["mine"])
            assert prediction.alternatives[0].intent == "mine"
            client.close()

    asyncio.run(play())


def test_lanes_end_up_on_different_workers(tmp_path: Path) -> None:
    async def play() -> Counter[int]:
        runner = Runner(2)
        runner.delay = 0.002
        async with listening(runner, tmp_path / "s") as url:
            client = RunnerClient(url, 5)

            async def lane() -> None:
                for _ in range(50):
                    await client.classify(["x"])

            await asyncio.gather(lane(), lane())
            client.close()
        return runner.calls

    calls = asyncio.run(play())
    assert sum(calls.values()) == 100
    assert min(calls.values()) >= 40


def test_a_connection_that_the_runner_closed_costs_no_answer(tmp_path: Path) -> None:
    async def play() -> None:
        runner = Runner(1)
        async with listening(runner, tmp_path / "s") as url:
            client = RunnerClient(url, 5)
            for n in range(5):
                runner.hang_up = n % 2
                assert (await client.classify([str(n)]))[0].alternatives[0].intent == str(n)
            client.close()

    asyncio.run(play())


@pytest.mark.parametrize(
    ("prepare", "timeout", "reason"),
    [
        (lambda r: setattr(r, "hang_up", 99), 5, "not running"),
        (lambda r: setattr(r, "delay", 9.0), 0.2, "within 0.2 s"),
        (lambda r: setattr(r, "status", 500), 5, "status 500"),
        (lambda r: setattr(r, "body", b'[{"alternatives": []}]'), 5, "not a list of predictions"),
    ],
)
def test_a_runner_that_fails_is_unavailable_and_says_how(
    tmp_path: Path, prepare: object, timeout: float, reason: str
) -> None:
    async def play() -> None:
        runner = Runner(1)
        prepare(runner)  # type: ignore[operator]
        async with listening(runner, tmp_path / "s") as url:
            client = RunnerClient(url, timeout)
            with pytest.raises(Unavailable, match=reason):
                await client.classify(["x"])
            client.close()

    asyncio.run(play())


def test_a_runner_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="not running"):
        asyncio.run(RunnerClient(f"file://{tmp_path}/none", 1).classify(["x"]))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.text(), finite), min_size=1, max_size=5),
    finite,
    st.lists(finite, max_size=8),
)
def test_a_prediction_survives_the_wire(
    alternatives: list[tuple[str, float]], scope: float, summary: list[float]
) -> None:
    intents = [
        Alternative(intent.encode(errors="replace").decode(), confidence)
        for intent, confidence in alternatives
    ]
    prediction = Prediction(intents, scope, summary)
    assert decode_predictions(to_json([prediction])) == [prediction]


def test_the_runner_is_reached_after_bentoml_has_deleted_its_sockets_file(tmp_path: Path) -> None:
    async def play() -> None:
        runner = Runner(1)
        async with listening(runner, tmp_path / "s") as url:
            client = RunnerClient(url, 5)
            await client.classify(["x"])
            (tmp_path / "s").unlink()
            runner.hang_up = 1
            assert (await client.classify(["mine"]))[0].alternatives[0].intent == "mine"
            assert sum(runner.connections.values()) == 2
            client.close()

    asyncio.run(play())
