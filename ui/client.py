"""The page's one way out: the HTTP API; its answers checked, its errors sorted by what a customer can do.

What is sent again by itself: a GET, and whatever never reached the API (no connection). A message that may
have arrived is not sent twice behind the customer's back: it could be handed over to a person twice.
"""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

CONNECT_SECONDS = 3.0
INTENTS_SECONDS = 60.0
DEFAULT_RETRY_AFTER = 5.0

T = TypeVar("T")


class Kind(StrEnum):
    """What went wrong, as far as it matters to a customer."""

    AWAY = "away"
    """The API did not get the message: it can be sent again when the API is back."""
    LOST = "lost"
    """No answer came back, in time or at all, and the message may have arrived."""
    BUSY = "busy"
    """The API has too much to do and says when to come back."""
    TOO_LONG = "too_long"
    """The message is longer than the API takes."""
    UNREADABLE = "unreadable"
    """The API refuses this message; others would be answered."""
    REFUSED = "refused"
    """The API answered, with something that is no answer."""


class ApiError(Exception):
    """A request that was not answered.

    Args:
        detail: for the log, never for a customer.
        retry_after: seconds to wait; only with BUSY.
        limit: the most characters a message may have, where the API said so; only with TOO_LONG.
    """

    def __init__(
        self, kind: Kind, detail: str = "", retry_after: float = 0.0, limit: int | None = None
    ) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.retry_after = retry_after
        self.limit = limit


class _Part(BaseModel):
    """A piece of an answer: what a newer API adds is no error."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Alternative(_Part):
    """An intent the message may have."""

    intent: str
    confidence: float
    title: str = ""


class Answer(_Part):
    """What the API says to a message."""

    intent: str
    response: str
    confidence: float = Field(ge=0, le=1)
    source: str
    alternatives: tuple[Alternative, ...] = ()
    handoff: bool = False
    prediction_id: str = ""
    model_version: str = ""
    summary: str | None = None


class Intent(_Part):
    """What the API can answer: its name, its title, a few messages of it and its reply."""

    name: str
    title: str = ""
    category: str = ""
    examples: tuple[str, ...] = ()
    reply: str = ""

    @property
    def words(self) -> str:
        """The intent in plain words."""
        return self.title or in_words(self.name)


_answer = TypeAdapter(Answer)
_intents = TypeAdapter(tuple[Intent, ...])
_version = TypeAdapter(dict[str, Any])


def in_words(intent: str) -> str:
    """`track_order` as a customer reads it, where the API gives no title."""
    return intent.replace("_", " ").capitalize()


class ChatClient:
    """Speaks to one API; shared by all visitors, may be called from any thread.

    Args:
        url: where the API answers, such as `http://127.0.0.1:3000`.
        timeout: seconds to wait for an answer.
        transport: stands in for the network in tests.
    """

    def __init__(self, url: str, timeout: float, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(
            base_url=url,
            timeout=httpx.Timeout(timeout, connect=min(CONNECT_SECONDS, timeout)),
            limits=httpx.Limits(max_connections=256, max_keepalive_connections=32, keepalive_expiry=2.0),
            # A proxy that is set for the world outside would swallow requests to the API next door.
            trust_env=False,
            transport=transport,
        )
        self._lock = threading.Lock()
        self._intents: tuple[float, tuple[Intent, ...]] | None = None

    def chat(self, message: str, session_id: str) -> Answer:
        """Ask for the answer to a message.

        Raises: ApiError.
        """
        return _parse(_answer, self._send("POST", "/chat", {"message": message, "session_id": session_id}))

    def feedback(
        self, prediction_id: str, helpful: bool, intent: str | None = None, comment: str | None = None
    ) -> None:
        """Say whether an answer helped, which intent was right, and why.

        Raises: ApiError.
        """
        body: dict[str, Any] = {"prediction_id": prediction_id, "helpful": helpful}
        body |= {name: value for name, value in (("intent", intent), ("comment", comment)) if value}
        self._send("POST", "/feedback", body)

    def intents(self) -> tuple[Intent, ...]:
        """All intents with their replies; a minute old at most, so that a new model's are seen.

        Raises: ApiError.
        """
        with self._lock:
            known = self._intents
        if known and time.monotonic() - known[0] < INTENTS_SECONDS:
            return known[1]
        intents = _parse(_intents, self._send("GET", "/intents"))
        with self._lock:
            self._intents = (time.monotonic(), intents)
        return intents

    def version(self) -> dict[str, Any]:
        """What serves now.

        Raises: ApiError.
        """
        return _parse(_version, self._send("GET", "/version"))

    def ready(self) -> bool:
        """Whether the API answers messages now."""
        try:
            self._send("GET", "/readyz")
        except ApiError:
            return False
        return True

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        for last in (False, True):
            try:
                response = self._http.request(method, path, json=body)
                break
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                if last or not isinstance(error, httpx.ConnectError):
                    raise ApiError(Kind.AWAY, f"{method} {path}: {error!r}") from error
            except httpx.TimeoutException as error:
                raise ApiError(Kind.LOST, f"{method} {path}: {error!r}") from error
            except httpx.TransportError as error:
                if last or method != "GET":
                    raise ApiError(Kind.LOST, f"{method} {path}: {error!r}") from error
        if response.is_success:
            return response
        raise _problem(response)


def _parse(adapter: TypeAdapter[T], response: httpx.Response) -> T:
    try:
        return adapter.validate_json(response.content)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, e["loc"])) or e["type"] for e in error.errors()[:5])
        raise ApiError(
            Kind.REFUSED, f"{response.request.url.path}: not of the expected shape: {fields}"
        ) from None


def _problem(response: httpx.Response) -> ApiError:
    """What an error status means to a customer."""
    # The error's message may quote what the customer wrote: it stays out of the page's log.
    error = _error(response)
    request = response.request
    detail = f"{request.method} {request.url.path}: {response.status_code} {error.get('type', '')}"
    match response.status_code:
        case 429:
            return ApiError(Kind.BUSY, detail, retry_after=_retry_after(response.headers.get("retry-after")))
        case 503:
            return ApiError(Kind.AWAY, detail)
        case 408 | 502 | 504:
            return ApiError(Kind.LOST, detail)
        case 413:
            return ApiError(Kind.TOO_LONG, detail)
        case 422:
            limit = _find_limit(error.get("details"))
            return ApiError(Kind.TOO_LONG if limit else Kind.UNREADABLE, detail, limit=limit)
    return ApiError(Kind.REFUSED, detail)


def _retry_after(value: str | None) -> float:
    """Seconds to wait: the header is a number or a date."""
    if not value:
        return DEFAULT_RETRY_AFTER
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return DEFAULT_RETRY_AFTER


def _error(response: httpx.Response) -> dict[str, Any]:
    """The `error` of an answer; empty where something else than the API answered."""
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


def _find_limit(details: Any) -> int | None:
    """The length limit that a 422 names, if it is about length."""
    if isinstance(details, dict):
        for name in ("max_length", "max_chars", "limit"):
            if isinstance(details.get(name), int):
                return int(details[name])
        return _find_limit(list(details.values()))
    if isinstance(details, Sequence) and not isinstance(details, str):
        return next((limit for limit in map(_find_limit, details) if limit), None)
    return None
