"""Control access to a request before its body is read: API key, scope, rate limits of key and address."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from pydantic_core import to_json
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from bento.http import api_keys
from bento.http.api_keys import ApiKey, ApiKeys
from bento.http.asgi import CONTACT, Scope, header, route_of
from bento.http.rate_limit import RateLimit
from chatbot.errors import ForeignOrigin, InvalidApiKey, MissingScope
from chatbot.hosts import network_of
from chatbot.settings import ServiceSettings

SCOPE_OF_ROUTE = {
    "/chat": api_keys.CHAT,
    "/feedback": api_keys.FEEDBACK,
    CONTACT: api_keys.FEEDBACK,
    "/version": api_keys.READ,
    "/intents": api_keys.READ,
    "/metrics": api_keys.READ,
}
"""Routes that need a key where keys are configured, with the key's scope; the API's description and probes do not."""

_FEEDBACK = frozenset({"/feedback", CONTACT})
_UNLIMITED = frozenset({"/livez", "/readyz", "/metrics"})
_MAX_KEY_BYTES = 512


class Access:
    """Admits or refuses requests by API key and client.

    Attributes:
        needs_address: whether messages are limited by the client's address, which a trusted proxy may name.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        keys: ApiKeys | None,
        on_limited: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Configure access control.

        Args:
            settings: rate limits.
            keys: accepted keys; None: no key is needed.
            on_limited: called with the kind of limit for each request that it refuses.
            clock: monotonic time in seconds.
        """
        burst = settings.rate_limit_burst_seconds
        self._keys = keys
        self._by_key = RateLimit("key", settings.rate_limit_key, burst, on_limited, clock)
        self._by_address = RateLimit("address", settings.rate_limit_address, burst, on_limited, clock)
        self.needs_address = settings.rate_limit_address > 0
        # By default a message costs nothing here.
        self._is_open = keys is None and not self.needs_address
        self._feedback = RateLimit("feedback", settings.rate_limit_feedback, burst, on_limited, clock)

    def check(self, scope: Scope) -> None:
        """Admit a request.

        Raises:
            InvalidApiKey, MissingScope, RateLimited: the request is refused.
        """
        path = route_of(scope["path"])
        if self._is_open and path not in _FEEDBACK:
            return
        key = self._key_of(scope)
        if path not in _UNLIMITED:
            client = f"key {key.name}" if key else address_of(scope)
            if key:
                self._by_key.take(key.name)
            else:
                # Before the key is required: guessing keys is limited too.
                self._by_address.take(client)
            if path in _FEEDBACK:
                self._feedback.take(client)
        needed = SCOPE_OF_ROUTE.get(path)
        if self._keys is None or needed is None:
            return
        if key is None:
            raise InvalidApiKey("send a valid API key, as `Authorization: Bearer <key>`")
        if needed not in key.scopes:
            raise MissingScope(needed)

    def _key_of(self, scope: Scope) -> ApiKey | None:
        if self._keys is None:
            return None
        scheme, _, key = (header(scope, b"authorization") or b"").strip().partition(b" ")
        if scheme.lower() != b"bearer" or len(key) > _MAX_KEY_BYTES:
            return None
        return self._keys.find(key.strip())


def address_of(scope: Scope) -> str:
    """Return what a client is counted as by its address.

    The server has replaced the address of a trusted proxy by the one in `X-Forwarded-For`.
    """
    client = scope.get("client")
    return network_of(str(client[0])[:64]) if client else ""


class Cors(CORSMiddleware):
    """CORS by allow-list: Starlette's middleware, whose refusals have the API's error format."""

    def __init__(self, app: Any, origins: str) -> None:
        """Args: app: answers what is not a preflight request. origins: comma-separated."""
        super().__init__(
            app,
            allow_origins=[origin.strip() for origin in origins.split(",") if origin.strip()],
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type"),
            expose_headers=("Retry-After",),
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a preflight request."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        error = ForeignOrigin("this origin, method or header is not allowed: see CHATBOT_CORS_ORIGINS")
        return Response(to_json(error.body()), error.status, media_type="application/json")
