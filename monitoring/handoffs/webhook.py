"""Post handoffs to a signed webhook, as specified by Standard Webhooks: https://www.standardwebhooks.com.

Receivers can verify requests with the libraries of that specification. Delivery is at-least-once; the prediction id is
the idempotency key. Redirects are not followed: they could lead the signed body to an internal address (SSRF).

webhook-id: <prediction id>            also sent as Idempotency-Key: the same handoff may arrive twice
webhook-timestamp: <seconds since 1970, of this attempt>
webhook-signature: v1,<base64 of HMAC-SHA256(secret, id.timestamp.body)>
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import socket
import time
from collections.abc import Callable

import httpx

from chatbot.deadline import Deadline, retry_after
from chatbot.errors import SettingError
from chatbot.settings import HandoffSettings
from monitoring.handoffs.delivery import NotDelivered

LEAST_SECRET_CHARS = 16
_PREFIX = "whsec_"
_BUSY = (408, 425, 429)


def secret_of(settings: HandoffSettings) -> bytes:
    """Return the signing key.

    Raises: SettingError: the secret is missing, too short or not valid base64.
    """
    secret = settings.secret.get_secret_value()
    if len(secret.removeprefix(_PREFIX)) < LEAST_SECRET_CHARS:
        raise SettingError(
            f"CHATBOT_HANDOFF_URL needs a CHATBOT_HANDOFF_SECRET of {LEAST_SECRET_CHARS} characters or more "
            f"(it has {len(secret.removeprefix(_PREFIX))}): the receiver verifies with it that handoffs come "
            "from here. Make one with: openssl rand -hex 32"
        )
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise SettingError(
            "CHATBOT_HANDOFF_SECRET starts with whsec_, and the rest is not valid base64"
        ) from None


def sign(secret: bytes, name: str, timestamp: int, body: bytes) -> str:
    """Return the value of the header `webhook-signature`."""
    signed = b"%s.%d.%s" % (name.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


class Webhook:
    """Posts handoffs to one URL. Not thread-safe."""

    def __init__(self, settings: HandoffSettings, clock: Callable[[], float] = time.time) -> None:
        """Configure the webhook; opens no connection.

        Raises: SettingError: the secret is missing, too short or not valid base64.
        """
        self._url = settings.url
        self._secret = secret_of(settings)
        self._clock = clock
        # A redirect would send the signed body to a URL that is not configured.
        self._seconds = settings.timeout_seconds
        self._http = httpx.Client(timeout=self._seconds, follow_redirects=False)
        self._socket: socket.socket | None = None

    def send(self, name: str, body: bytes) -> None:
        """Post one handoff.

        Raises: NotDelivered: there was no response, or its status is not 2xx.
        """
        timestamp = int(self._clock())
        headers = {
            "content-type": "application/json",
            "user-agent": "support-chatbot",
            "idempotency-key": name,
            "webhook-id": name,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self._secret, name, timestamp, body),
        }
        with Deadline(self._seconds) as limit:
            if self._socket is not None:  # a connection that is kept alive
                limit.watch(self._socket)

            try:
                with self._http.stream(
                    "POST", self._url, content=body, headers=headers, extensions={"trace": limit.trace}
                ) as answer:
                    status, asked = answer.status_code, answer.headers.get("retry-after", "")
                self._socket = limit.connection
            except httpx.HTTPError as error:
                reason = f"{type(error).__name__}: {error}"
                if limit.expired:
                    reason = f"no complete answer within {self._seconds:g} s"
                raise NotDelivered(reason, everything=True) from error
        if not 200 <= status < 300:
            down = status >= 500 or status in _BUSY
            raise NotDelivered(f"answered {status}", everything=down, wait=retry_after(asked))

    def close(self) -> None:
        """Close the connection."""
        self._http.close()
