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

import bentoml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from chatbot.dialog.router import Prediction

WORKER_HEADER = "x-runner-worker"

_messages: TypeAdapter[list[str]] = TypeAdapter(list[str])
_predictions: TypeAdapter[list[Prediction]] = TypeAdapter(list[Prediction])


def encode_messages(messages: Sequence[str]) -> bytes:
    """Encode the request body of a call."""
    return to_json(messages)


def decode_messages(body: bytes) -> list[str]:
    """Decode the request body; raise ValueError if it is not a JSON list of texts."""
    return _messages.validate_json(body)


def encode_predictions(predictions: Sequence[Prediction]) -> bytes:
    """Encode the response body."""
    return to_json(predictions)


def decode_predictions(body: bytes) -> list[Prediction]:
    """Decode the response body; raise ValueError if it is not a JSON list of predictions."""
    return _predictions.validate_json(body)


class Messages(bentoml.IODescriptor):  # type: ignore[misc]  # bentoml is untyped
    """Input of `IntentRunner.classify`: a JSON list of texts."""

    messages: list[str]

    @classmethod
    async def from_http_request(cls, request: Request, serde: object) -> Messages:
        """Parse the body as JSON. Ignores `serde`, which BentoML picks by content type and which may be pickle."""
        try:
            messages = decode_messages(await request.body())
        except ValidationError as error:
            raise bentoml.exceptions.InvalidArgument(
                f"the body is not a JSON list of texts: {error}"
            ) from None
        read: Messages = cls.model_construct(messages=messages)
        return read


class Predictions(bentoml.IODescriptor):  # type: ignore[misc]
    """Output of `IntentRunner.classify`: a JSON list of predictions."""

    @classmethod
    async def to_http_response(cls, predictions: Sequence[Prediction], serde: object) -> Response:
        """Write the predictions as JSON. BentoML's own encoder builds a JSON schema per response: 1 ms."""
        worker = str(bentoml.server_context.worker_index)
        return Response(
            encode_predictions(predictions), media_type="application/json", headers={WORKER_HEADER: worker}
        )
