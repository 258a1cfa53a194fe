"""Answer calls to the runner before BentoML's middlewares and routes, through BentoML's adaptive batching.

A call through all of BentoML's app passes six middlewares and a router, and builds a request, a context and a
response object: a fifth of the runner's time for a lone message (docs/performance.md).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

import bentoml
from pydantic import ValidationError
from pydantic_core import to_json

from bento.http.asgi import App, ClientLeft, Receive, Scope, Send, answer, read_body
from bento.runner.codec import WORKER_HEADER, decode_messages, encode_predictions
from chatbot.dialog.router import Prediction
from chatbot.errors import TooLarge, TooSlow

PATH = "/classify"

logger = logging.getLogger("bentoml.chatbot")

_JSON = (b"content-type", b"application/json")


class RunnerEndpoint:
    """ASGI app: answers `POST /classify`; passes everything else, such as the probes, to BentoML's app.

    Ignores the content type, and so never unpickles a body. Sets no deadline for the answer: the caller has one
    (`RunnerClient`), and BentoML drops what waits longer than `max_latency_ms`.
    """

    def __init__(
        self,
        app: App,
        classify: Callable[[list[str]], Awaitable[Sequence[Prediction]]],
        max_bytes: int,
        seconds: float,
    ) -> None:
        """Configure the endpoint.

        Args:
            app: BentoML's app.
            classify: the batchable method, by way of BentoML's dispatcher.
            max_bytes: maximum body size; a longer body is answered with 413.
            seconds: maximum time until the complete body has arrived; a slower one is answered with 408.
        """
        self._app = app
        self._classify = classify
        self._max_bytes = max_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        status, body = await self._answer(scope, receive)
        worker = str(bentoml.server_context.worker_index).encode()
        await answer(send, status, body, (_JSON, (WORKER_HEADER.encode(), worker)))

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        """Return status and body."""
        try:
            body = await read_body(scope, receive, self._max_bytes, self._seconds)
        except ClientLeft:
            return 400, to_json({"error": "the caller left before the end of the body"})
        except (TooLarge, TooSlow) as error:
            return error.status, to_json({"error": str(error)})
        try:
            return 200, encode_predictions(await self._classify(decode_messages(body)))
        except ValidationError as error:
            return 400, to_json({"error": f"the body is not a JSON list of texts: {error}"})
        except bentoml.exceptions.BentoMLException as error:
            return int(error.error_code), to_json({"error": str(error)})
        except Exception:
            logger.exception("a call of the runner failed")
            return 500, to_json({"error": "an internal error: it was logged"})
