"""What passes between the outer service and the runner: JSON both ways, and nothing that runs code when read.

BentoML's own transport between two services is pickle: the inner service unpickles every body whose content
type is `application/vnd.bentoml+pickle`, so whoever can connect to its socket runs code in it. The socket lies
in a folder that only its owner may enter, but without unix sockets (`BENTOML_NO_UDS`, WSL) it is a port of the
loopback, open to every process of the pod. `Messages` and `Predictions` therefore read and write the bodies
themselves, whatever the content type says: a pickle is a body that is not JSON, and is refused. No BentoML
client is used on the other end either (`bento.runner_client`), for that one would unpickle the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bentoml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json
from starlette.requests import Request
from starlette.responses import Response

from chatbot.router import Alternative, Prediction

WORKER_HEADER = "x-runner-worker"

Row = list[Any]
"""One prediction: [[label, confidence], ...], the scope score, the summary."""

_messages: TypeAdapter[list[str]] = TypeAdapter(list[str])


def to_row(prediction: Prediction) -> Row:
    """A prediction as JSON can hold it."""
    alternatives = [(alternative.intent, alternative.confidence) for alternative in prediction.alternatives]
    return [alternatives, prediction.scope, prediction.summary]


def from_row(row: Row) -> Prediction:
    """What `to_row` made of a prediction, made a prediction again."""
    alternatives, scope, summary = row
    return Prediction(
        [Alternative(intent, confidence) for intent, confidence in alternatives], scope, summary
    )


def pack_messages(messages: Sequence[str]) -> bytes:
    """The body of a call."""
    return to_json(messages)


def unpack_predictions(body: bytes) -> list[Prediction]:
    """Raises: ValueError: the runner answered something else."""
    return [from_row(row) for row in from_json(body)]


class Messages(bentoml.IODescriptor):  # type: ignore[misc]  # bentoml is untyped
    """The input of `IntentRunner.classify`: a JSON list of texts."""

    messages: list[str]

    @classmethod
    async def from_http_request(cls, request: Request, serde: object) -> Messages:
        """Read the body as JSON. `serde`, which BentoML picks by the content type, may be pickle: not used."""
        try:
            messages = _messages.validate_json(await request.body())
        except ValidationError as error:
            raise bentoml.exceptions.InvalidArgument(
                f"the body is not a JSON list of texts: {error}"
            ) from None
        read: Messages = cls.model_construct(messages=messages)
        return read


class Predictions(bentoml.IODescriptor):  # type: ignore[misc]
    """The output of `IntentRunner.classify`: a JSON list of rows."""

    @classmethod
    async def to_http_response(cls, rows: Sequence[Row], serde: object) -> Response:
        """Write the rows as JSON. BentoML's own way makes a JSON schema for every answer, a millisecond each."""
        worker = str(bentoml.server_context.worker_index)
        return Response(to_json(rows), media_type="application/json", headers={WORKER_HEADER: worker})
