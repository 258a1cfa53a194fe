"""Define the exception hierarchy: each error has an HTTP status and a machine-readable type."""

from __future__ import annotations

from typing import Any, ClassVar


class ChatbotError(Exception):
    """Base class of all errors of this project: `str(error)` states the problem and its remedy.

    Args:
        message: one sentence for a person, with the invalid value.
        details: JSON-serializable data for programs (a field's name, a limit, a digest).
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal"

    def __init__(self, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.details = details

    def body(self) -> dict[str, Any]:
        """Return the error as an HTTP response body: `{"error": {"type", "message", "details"}}`."""
        return {"error": {"type": self.type, "message": str(self), "details": self.details}}


class SettingError(ChatbotError):
    """A setting is invalid; raised at start-up, with its name and value."""

    type = "setting"


class BundleError(ChatbotError):
    """The bundle is missing, truncated, modified, or in an unsupported format."""

    status = 503
    type = "bundle"


class InvalidMessage(ChatbotError):
    """The request body is not valid JSON, does not match the schema, or has no classifiable message."""

    status = 422
    type = "invalid"


class InvalidApiKey(ChatbotError):
    """No API key, or none of the configured ones: send `Authorization: Bearer <key>`."""

    status = 401
    type = "unauthorized"


class MissingScope(ChatbotError):
    """The API key has no scope for this route."""

    status = 403
    type = "forbidden"

    def __init__(self, scope: str) -> None:
        super().__init__(f"this API key does not have the scope `{scope}`", {"scope": scope})
        self.scope = scope


class ForeignOrigin(ChatbotError):
    """The origin of a browser's preflight request (CORS) is not in the allow-list."""

    status = 403
    type = "foreign_origin"


class NotFound(ChatbotError):
    """The route or the prediction id does not exist."""

    status = 404
    type = "not_found"


class MethodNotAllowed(ChatbotError):
    """The route does not support this method."""

    status = 405
    type = "method_not_allowed"


class TooSlow(ChatbotError):
    """The request body did not arrive in time."""

    status = 408
    type = "too_slow"


class TooLarge(ChatbotError):
    """The request body exceeds the limit; rejected before it is read."""

    status = 413
    type = "too_large"


class UnsupportedMedia(ChatbotError):
    """The content type is not JSON."""

    status = 415
    type = "unsupported_media_type"


class Overloaded(ChatbotError):
    """Backpressure (429): too many concurrent requests. Retry after `retry_after` seconds."""

    status = 429
    type = "overloaded"
    retry_after: int = 1


class RateLimited(Overloaded):
    """The client's rate limit (429): retry after `retry_after` seconds."""

    type = "rate_limited"

    def __init__(self, limit: str, retry_after: int) -> None:
        super().__init__(
            f"more requests than the rate limit `{limit}` allows: try again in {retry_after} s",
            {"limit": limit, "retry_after_seconds": retry_after},
        )
        self.retry_after = retry_after


class Unavailable(ChatbotError):
    """The service is starting, shutting down, or without its runner."""

    status = 503
    type = "unavailable"


class StoreError(ChatbotError):
    """An operation on the object store, or on an object of the Kubernetes API, failed; the message names the object."""

    status = 503
    type = "store"


class Missing(StoreError):
    """The object does not exist."""

    status = 404


class TooBig(StoreError):
    """The object is larger than the caller accepts; it was not downloaded."""


class Conflict(StoreError):
    """Conflict of optimistic concurrency: the ETag or resourceVersion changed. Read again and retry."""

    status = 409


class Unreachable(StoreError):
    """The store or the API server does not respond or is temporarily unavailable; a retry may succeed."""


class Denied(StoreError):
    """Credentials are missing, invalid or lack permission."""


class NoBucket(StoreError):
    """The bucket does not exist; the message names it and the command that creates it."""
