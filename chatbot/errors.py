"""What can go wrong, each with the HTTP status it is answered with and a machine-readable name."""

from __future__ import annotations

from typing import Any, ClassVar


class ChatbotError(Exception):
    """Root of all errors of this project: `str(error)` says what was wrong and what to do about it.

    Args:
        message: one sentence for a person, with the offending value.
        details: anything JSON-serialisable that a program may use (a field's name, a limit, a digest).
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal"

    def __init__(self, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.details = details

    def body(self) -> dict[str, Any]:
        """The error as the API answers it: `{"error": {"type", "message", "details"}}`."""
        return {"error": {"type": self.type, "message": str(self), "details": self.details}}


class SettingError(ChatbotError):
    """A setting that cannot work: named, with its value, before anything starts."""

    type = "setting"


class BundleError(ChatbotError):
    """A bundle that is missing, truncated, tampered with, or of a format this code does not read."""

    status = 503
    type = "bundle"


class InvalidMessage(ChatbotError):
    """A request that is well-formed HTTP and says nothing the bot can classify."""

    status = 422
    type = "invalid"


class NotFound(ChatbotError):
    """A route or a prediction id that does not exist here."""

    status = 404
    type = "not_found"


class MethodNotAllowed(ChatbotError):
    """A method that the route does not have."""

    status = 405
    type = "method_not_allowed"


class TooSlow(ChatbotError):
    """A body that did not arrive in time."""

    status = 408
    type = "too_slow"


class TooLarge(ChatbotError):
    """A body over the limit: refused before it is read."""

    status = 413
    type = "too_large"


class UnsupportedMedia(ChatbotError):
    """A content type other than JSON."""

    status = 415
    type = "unsupported_media_type"


class Overloaded(ChatbotError):
    """More work than the service takes at once: come back after `retry_after` seconds."""

    status = 429
    type = "overloaded"
    retry_after: ClassVar[int] = 1


class Unavailable(ChatbotError):
    """The service is starting, stopping, or lost its runner."""

    status = 503
    type = "unavailable"


class StoreError(ChatbotError):
    """The store did not do what it was asked to: the key or the bucket is named, and what to do."""

    status = 503
    type = "store"


class Missing(StoreError):
    """There is nothing under this key."""

    status = 404


class Conflict(StoreError):
    """Somebody else wrote the key first: read it again, and decide again."""

    status = 409


class Unreachable(StoreError):
    """The store does not answer, or cannot take anything now: the same may succeed later."""


class Denied(StoreError):
    """The store knows these credentials and allows them less, or does not know them, or there are none."""


class NoBucket(StoreError):
    """The bucket does not exist: it is named, with the command that makes it."""
