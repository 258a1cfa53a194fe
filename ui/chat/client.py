"""Call the chat API over HTTP: validates responses and classifies errors by what a customer can do.

Retried once, automatically: any request whose connection failed, so that it never reached the API, and a GET after
a transport error; timeouts are not retried. A message that may have arrived is not retried, because `POST /chat`
is not idempotent: it could cause two handoffs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from chatbot.deadline import Deadline, retry_after

CONNECT_SECONDS = 3.0
INTENTS_SECONDS = 60.0
DEFAULT_RETRY_AFTER = 5.0

T = TypeVar("T")


class FailureKind(StrEnum):
    """Kind of failure, as far as it matters to a customer."""

    AWAY = "away"
    """The API is unavailable and did not process the message: it can be sent again when the API is back."""
    LOST = "lost"
    """No response arrived, or not in time; the message may have been processed."""
    BUSY = "busy"
    """The API is overloaded (429, backpressure) and says when to retry."""
    TOO_LONG = "too_long"
    """The message exceeds the API's length limit."""
    UNREADABLE = "unreadable"
    """The API refuses this message (422); it would answer others."""
    REFUSED = "refused"
    """The API returned another error, or a response that does not match the schema."""


class ApiError(Exception):
    """A failed request.

    Args:
        detail: for the log, never shown to a customer.
        retry_after: seconds to wait before a retry; only with BUSY.
        limit: maximum message length in characters, if the API named it; only with TOO_LONG.
    """

    def __init__(
        self, kind: FailureKind, detail: str = "", retry_after: float = 0.0, limit: int | None = None
    ) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.retry_after = retry_after
        self.limit = limit


class _Part(BaseModel):
    """Base of the response models; ignores unknown fields, so that a newer API may add some."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Alternative(_Part):
    """An intent that the message may have."""

    intent: str
    confidence: float
    title: str = ""


class Answer(_Part):
    """The API's reply to a message."""

    intent: str
    response: str
    confidence: float = Field(ge=0, le=1)
    source: str
    alternatives: tuple[Alternative, ...] = ()
    handoff: bool = False
    prediction_id: str = ""
    contact_token: str = Field(default="", repr=False)
    """Allows to leave contact data after a handoff; empty: the API takes none."""


class Intent(_Part):
    """An intent that the API can answer: name, title, category and reply."""

    name: str
    title: str = ""
    category: str = ""
    reply: str = ""

    @property
    def words(self) -> str:
        """Return the title, or else the readable name."""
        return self.title or in_words(self.name)


_answer = TypeAdapter(Answer)
_intents = TypeAdapter(tuple[Intent, ...])


def in_words(intent: str) -> str:
    """Format an intent name such as `track_order` for customers, if the API gives no title."""
    return intent.replace("_", " ").capitalize()


class ChatClient:
    """Client of one API; shared by all visitors, thread-safe.

    Args:
        timeout: total time of a request in seconds.
        transport: replaces the network in tests.
        headers: sent with every request: the API key (`ApiClientSettings.headers`).
    """

    def __init__(
        self,
        url: str,
        timeout: float,
        transport: httpx.BaseTransport | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers=headers,
            timeout=httpx.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
            # A connection for each request, so that its deadline sees it opened.
            limits=httpx.Limits(max_connections=256, max_keepalive_connections=0),
            # Ignore proxy variables: they are for the internet, and the API is internal.
            trust_env=False,
            transport=transport,
        )
        self._seconds = timeout
        self._lock = threading.Lock()
        self._intents: tuple[float, tuple[Intent, ...]] | None = None

    def chat(self, message: str, session_id: str) -> Answer:
        """Send a message and return the reply.

        Raises: ApiError: the request failed.
        """
        return _parse(_answer, self._send("POST", "/chat", {"message": message, "session_id": session_id}))

    def feedback(
        self, prediction_id: str, helpful: bool, intent: str | None = None, comment: str | None = None
    ) -> None:
        """Send feedback: whether a reply helped, the right intent and a comment.

        Raises: ApiError: the request failed.
        """
        body: dict[str, Any] = {"prediction_id": prediction_id, "helpful": helpful}
        body |= {name: value for name, value in (("intent", intent), ("comment", comment)) if value}
        self._send("POST", "/feedback", body)

    def contact(self, prediction_id: str, token: str, contact: str) -> None:
        """Leave contact data after a handoff.

        Raises: ApiError: the request failed; UNREADABLE: it is not contact data.
        """
        path = f"/handoffs/{prediction_id}/contact"
        self._send("POST", path, {"contact": contact, "contact_token": token})

    def intents(self) -> tuple[Intent, ...]:
        """Return all intents with their replies; cached for a minute, so that a new model's intents appear.

        Raises: ApiError: the request failed.
        """
        with self._lock:
            known = self._intents
        if known and time.monotonic() - known[0] < INTENTS_SECONDS:
            return known[1]
        intents = _parse(_intents, self._send("GET", "/intents"))
        with self._lock:
            self._intents = (time.monotonic(), intents)
        return intents

    def ready(self) -> bool:
        """Whether the API is ready (`GET /readyz`)."""
        try:
            self._send("GET", "/readyz")
        except ApiError:
            return False
        return True

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        for last in (False, True):
            try:
                with Deadline(self._seconds) as limit:
                    response = self._http.request(method, path, json=body, extensions={"trace": limit.trace})
                if limit.expired:  # without a declared length, a cut connection ends the body like any other
                    raise ApiError(FailureKind.LOST, f"{method} {path}: no complete response in time")
                break
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                if last or not isinstance(error, httpx.ConnectError):
                    raise ApiError(FailureKind.AWAY, f"{method} {path}: {error!r}") from error
            except httpx.TimeoutException as error:
                raise ApiError(FailureKind.LOST, f"{method} {path}: {error!r}") from error
            except httpx.RequestError as error:
                if last or method != "GET" or limit.expired:
                    raise ApiError(FailureKind.LOST, f"{method} {path}: {error!r}") from error
        if response.is_success:
            return response
        raise _problem(response)


def _parse(adapter: TypeAdapter[T], response: httpx.Response) -> T:
    try:
        return adapter.validate_json(response.content)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, e["loc"])) or e["type"] for e in error.errors()[:5])
        raise ApiError(
            FailureKind.REFUSED, f"{response.request.url.path}: not of the expected shape: {fields}"
        ) from None


def _problem(response: httpx.Response) -> ApiError:
    """Map an error response to an ApiError."""
    # The error's message may quote the customer's text (PII): it is not logged.
    error = _error(response)
    request = response.request
    detail = f"{request.method} {request.url.path}: {response.status_code} {error.get('type', '')}"
    match response.status_code:
        case 429:
            wait = retry_after(response.headers.get("retry-after", ""), DEFAULT_RETRY_AFTER)
            return ApiError(FailureKind.BUSY, detail, retry_after=wait)
        case 503:
            return ApiError(FailureKind.AWAY, detail)
        case 408 | 502 | 504:
            return ApiError(FailureKind.LOST, detail)
        case 413:
            return ApiError(FailureKind.TOO_LONG, detail)
        case 422:
            limit = _find_limit(error.get("details"))
            return ApiError(FailureKind.TOO_LONG if limit else FailureKind.UNREADABLE, detail, limit=limit)
    return ApiError(FailureKind.REFUSED, detail)


def _error(response: httpx.Response) -> dict[str, Any]:
    """Return the `error` object of a response; empty if the response is not the API's."""
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


def _find_limit(details: Any) -> int | None:
    """Return the length limit that the details of a 422 name; None if absent."""
    problems = details if isinstance(details, list) else []
    return next((one["limit"] for one in problems if isinstance(one, dict) and one.get("limit")), None)
