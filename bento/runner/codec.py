"""Encode and decode the calls to the runner: JSON both ways, so that decoding never executes code.

BentoML's own transport between two services is pickle: the inner service unpickles every body with the content
type `application/vnd.bentoml+pickle`, so that any process that can connect to its socket can run code in it. Only
the owner can enter the socket's folder, but without Unix sockets (`BENTOML_NO_UDS`, WSL) the service listens on a
loopback port that every process of the pod can reach. `Messages` and `Predictions` therefore parse and write the
bodies themselves and ignore the content type: a pickle is not JSON and is refused. The other end
(`bento.runner.client`) does not use a BentoML client either, because that would unpickle the responses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bentoml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json
from starlette.requests import Request
from starlette.responses import Response

from chatbot.dialog.router import Alternative, Prediction

WORKER_HEADER = "x-runner-worker"

Row = list[Any]
"""One prediction as JSON: [[label, confidence], ...], scope score (out-of-distribution), summary."""

_messages: TypeAdapter[list[str]] = TypeAdapter(list[str])


def to_row(prediction: Prediction) -> Row:
    """Convert a prediction to JSON-compatible lists."""
    alternatives = [(alternative.intent, alternative.confidence) for alternative in prediction.alternatives]
    return [alternatives, prediction.scope, prediction.summary]


def from_row(row: Row) -> Prediction:
    """Convert the result of `to_row` back to a prediction."""
    alternatives, scope, summary = row
    return Prediction(
        [Alternative(intent, confidence) for intent, confidence in alternatives], scope, summary
    )


def pack_messages(messages: Sequence[str]) -> bytes:
    """Encode the request body of a call."""
    return to_json(messages)


def unpack_predictions(body: bytes) -> list[Prediction]:
    """Decode the response body; raise ValueError if it is not a JSON list of rows."""
    return [from_row(row) for row in from_json(body)]


class Messages(bentoml.IODescriptor):  # type: ignore[misc]  # bentoml is untyped
    """Input of `IntentRunner.classify`: a JSON list of texts."""

    messages: list[str]

    @classmethod
    async def from_http_request(cls, request: Request, serde: object) -> Messages:
        """Parse the body as JSON. Ignores `serde`, which BentoML picks by content type and which may be pickle."""
        try:
            messages = _messages.validate_json(await request.body())
        except ValidationError as error:
            raise bentoml.exceptions.InvalidArgument(
                f"the body is not a JSON list of texts: {error}"
            ) from None
        read: Messages = cls.model_construct(messages=messages)
        return read


class Predictions(bentoml.IODescriptor):  # type: ignore[misc]
    """Output of `IntentRunner.classify`: a JSON list of rows."""

    @classmethod
    async def to_http_response(cls, rows: Sequence[Row], serde: object) -> Response:
        """Write the rows as JSON. BentoML's own encoder builds a JSON schema per response, which takes 1 ms."""
        worker = str(bentoml.server_context.worker_index)
        return Response(to_json(rows), media_type="application/json", headers={WORKER_HEADER: worker})
