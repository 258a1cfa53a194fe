"""The runner's endpoint: calls go to the batchable method, everything else to BentoML's app; a pickle is refused."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Sequence
from typing import Any

import bentoml
import pytest

from bento import library_internals
from bento.http.asgi import Message, Receive, Scope, Send
from bento.runner.codec import decode_predictions
from bento.runner.endpoint import RunnerEndpoint
from chatbot.dialog.router import Alternative, Prediction

LIMIT = 1_000


async def classify(messages: Sequence[str]) -> list[Prediction]:
    if "overload" in messages:
        raise bentoml.exceptions.ServiceUnavailable("process is overloaded")
    if "closed" in messages:
        raise bentoml.exceptions.NotFound("no such method")
    if "bug" in messages:
        raise KeyError("a secret of the customer")
    return [Prediction([Alternative(message, 1.0)], 0.5, [0.25]) for message in messages]


async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b"BentoML"})


def ask(
    *parts: bytes,
    method: str = "POST",
    path: str = "/classify",
    kind: str = "http",
    leaves: bool = False,
    declared: int | None = None,
) -> tuple[int, bytes, dict[bytes, bytes]]:
    """Send one request, or with `leaves` only its first part; return status, body and headers of the response."""
    sent: list[Message] = []

    async def play() -> None:
        received = iter(
            {"type": "http.disconnect"}
            if leaves and place > 1
            else {"type": "http.request", "body": part, "more_body": place < len(parts)}
            for place, part in enumerate(parts, start=1)
        )

        async def receive() -> Message:
            return next(received)

        async def send(message: Message) -> None:
            sent.append(message)

        length = [] if declared is None else [(b"content-length", str(declared).encode())]
        scope: dict[str, Any] = {"type": kind, "headers": length}
        if kind == "http":
            scope |= {"method": method, "path": path}
        await RunnerEndpoint(elsewhere, classify, LIMIT, seconds=5)(scope, receive, send)

    asyncio.run(play())
    return sent[0]["status"], sent[1]["body"], dict(sent[0]["headers"])


def test_a_call_is_answered_in_order_and_says_which_worker_answered() -> None:
    status, body, headers = ask(b'["refund"', b', "track"]')
    assert status == 200
    assert [p.alternatives[0].intent for p in decode_predictions(body)] == ["refund", "track"]
    assert headers[b"x-runner-worker"] == str(bentoml.server_context.worker_index).encode()
    assert headers[b"content-length"] == str(len(body)).encode()


@pytest.mark.parametrize(("method", "path"), [("GET", "/classify"), ("GET", "/livez"), ("POST", "/")])
def test_everything_else_is_answered_by_bentoml(method: str, path: str) -> None:
    assert ask(b"", method=method, path=path)[:2] == (299, b"BentoML")


def test_start_and_end_of_the_process_reach_bentoml() -> None:
    assert ask(kind="lifespan")[0] == 299


def test_of_a_caller_that_leaves_before_its_last_message_nothing_is_classified() -> None:
    assert ask(b'["refund"', b"]", leaves=True)[0] == 400
    assert ask(b'["refund"]', b" ", leaves=True)[0] == 400, "what arrived is a whole list"


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'["cut', pickle.dumps(["refund"])])
def test_what_is_not_a_json_list_of_texts_is_refused(body: bytes) -> None:
    status, answer, _ = ask(body)
    assert status == 400
    assert "not a JSON list of texts" in json.loads(answer)["error"]


def test_a_body_beyond_the_limit_is_answered_413_and_read_no_further() -> None:
    part = b"x" * (LIMIT // 2)
    assert ask(b'["', part, b'"]')[0] == 200
    never_read = (part,) * 8
    for status, answer, _ in (ask(b'["', part, part, *never_read), ask(b"[]", declared=LIMIT + 1)):
        assert status == 413
        assert f"longer than {LIMIT} bytes" in json.loads(answer)["error"]


def test_a_call_that_bentoml_drops_says_so_and_a_bug_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert ask(b'["overload"]')[0] == 503
    assert ask(b'["closed"]')[0] == 404
    assert not caplog.records
    status, body, _ = ask(b'["bug"]')
    assert status == 500
    assert b"secret" not in body
    assert "KeyError" in caplog.text


def test_the_batchable_method_is_called_through_bentomls_adaptive_batching() -> None:
    sizes: list[int] = []

    @bentoml.service
    class Doubling:
        @bentoml.api(batchable=True, max_batch_size=8, max_latency_ms=10_000)  # type: ignore[untyped-decorator]  # bentoml
        async def double(self, numbers: list[int]) -> list[int]:
            sizes.append(len(numbers))
            await asyncio.sleep(0.05)
            return [2 * number for number in numbers]

    app, call = library_internals.batching_app(Doubling, "double", is_main=False)

    async def play() -> list[list[int]]:
        async with app.router.lifespan_context(app):
            found: list[list[int]] = await asyncio.gather(*(call([number]) for number in range(8)))
            return found

    assert asyncio.run(play()) == [[2 * number] for number in range(8)]
    assert len(sizes) < 8, f"BentoML's batching {sizes} changed: adapt bento/library_internals.py"
