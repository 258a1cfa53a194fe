"""Define the settings of the bot's API and of those who call it: replies, router, limits, handoffs."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import HTTP_ADDRESS, Settings

_ORIGIN = r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?"
_DEFAULT_PORTS = {"http": 80, "https": 443}

_DAY_MINUTES = 1440


class SlotSettings(Settings):
    """Values of the slots in replies. A reply whose slot has no value is refused at start."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_SLOT_")

    def values(self) -> dict[str, str]:
        """Every slot by name, those too that only the replies of your own corpus use (`CHATBOT_SLOT_<NAME>`)."""
        prefix = str(self.model_config["env_prefix"])
        own = {
            name.removeprefix(prefix).lower(): value
            for name, value in os.environ.items()
            if name.startswith(prefix)
        }
        return own | {name: str(value) for name, value in self.model_dump().items()}

    company: str = "Example Company"
    """Company name as customers know it."""
    topics: str = ""
    """What customers can ask about, as a list in a sentence; empty: the categories or the intents of the served
    corpus."""
    website: str = "https://shop.example.com"
    """Address of the shop."""
    account_url: str = "https://shop.example.com/account"
    """Where customers sign in and edit their account."""
    orders_url: str = "https://shop.example.com/orders"
    """Where customers view, change and cancel orders."""
    payments_url: str = "https://shop.example.com/payments"
    """Where customers view payments and invoices."""
    returns_url: str = "https://shop.example.com/returns"
    """Where customers request a refund."""
    help_url: str = "https://shop.example.com/help"
    """Address of the help centre."""
    support_email: str = "support@example.com"
    """Where support reads e-mail."""
    support_phone: str = "+1 555 010 0199"
    """Where support answers the phone."""
    support_hours: str = "Monday to Friday, 9:00 to 18:00"
    """When people answer."""
    refund_days: str = "14 days"
    """How long a refund takes, with its unit."""
    delivery_days: str = "3 to 5 working days"
    """How long a delivery takes, with its unit."""
    cancellation_hours: str = "24 hours"
    """How long after ordering a cancellation is free, with its unit."""
    cancellation_fee: str = "10 %"
    """What a later cancellation costs."""


class RouterSettings(Settings):
    """Overrides: thresholds and languages are learned and stored in the bundle; a value here replaces them."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_")

    answer_threshold: float | None = Field(default=None, ge=0, le=1)
    """Answer from this confidence on; unset: the bundle's threshold."""
    clarify_threshold: float | None = Field(default=None, ge=0, le=1)
    """Offer choices if the three most likely intents together reach this confidence; unset: the bundle's
    threshold."""
    scope_threshold: float | None = None
    """Hand over below this scope score; unset: the bundle's threshold."""
    languages: str = Field(default="", pattern=r"^(any|[a-z]{2}(,[a-z]{2})*)?$")
    """Languages that the bot understands, such as `en,de`: a message in another one is handed over, with a reply in
    that language. `any`: no message is handed over for its language. Unset: those of the bundle's corpus."""

    def spoken(self, learned: tuple[str, ...]) -> tuple[str, ...]:
        """Return the languages in force; empty: any.

        Args:
            learned: languages of the bundle.
        """
        if self.languages:
            return () if self.languages == "any" else tuple(self.languages.split(","))
        return learned


class ServiceSettings(Settings):
    """The API: bundle, processes, limits."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_")

    bundle: Path | None = None
    """Folder of the bundle; unset: `bundle/` beside the service's code (in a Bento), else `models/current`."""
    model: str = ""
    """Bundle in the store to serve, `<version>@<bundle digest>[+<digest of made.json>]`: fetched by digest and verified
    before start; no other is served. Takes precedence over `CHATBOT_BUNDLE`; unset: the bundle of that setting."""
    model_file: Path | None = None
    """File with the same value: a pod's annotations as the downward API writes them
    (`support-chatbot/model-version="7@..."`), or the value alone. A file without the annotation counts as unset."""
    bundle_cache: Path = Path(".cache/bundles")
    """Cache of fetched bundles: an intact one is served while the store is unavailable."""
    drain_seconds: float = Field(default=0.0, ge=0, le=600)
    """Drain period after SIGTERM during which new connections are still accepted: `/readyz` returns 503, every
    response says `Connection: close`. In a cluster 10 or more; SIGINT never waits."""
    model_version: str = ""
    """Version name in `/version` and in records; unset: the first 12 digits of the bundle's digest."""
    host: str = "127.0.0.1"
    """Address the API listens on: other machines cannot reach a loopback address. `0.0.0.0` in a container, `::` there
    for IPv6."""
    port: int = Field(default=3000, ge=1, le=65535)
    """Port of the API."""
    workers: int = Field(default=1, ge=1, le=64)
    """Number of HTTP processes."""
    runner_workers: int = Field(default=0, ge=0, le=64)
    """Number of processes that encode and classify, one core each; 0: one per available core."""
    gather: bool = True
    """Send concurrent messages to the runner in one call (request batching)."""
    max_batch: int = Field(default=64, ge=1, le=1024)
    """Maximum number of messages per call of the runner."""
    cache_entries: int = Field(default=4096, ge=0)
    """Maximum number of predictions, and of replies, cached for exact repeats, per process, in memory only and without
    personal data; 0: none. Rate limits still apply to each message, and each has its own record and id."""
    max_concurrency: int = Field(default=256, ge=1)
    """Maximum number of concurrent messages per process, and separately of feedback; beyond it requests get 429 with
    Retry-After. Under overload the limit of messages falls, see `CHATBOT_TARGET_LATENCY_SECONDS`."""
    target_latency_seconds: float = Field(default=0.1, gt=0)
    """Latency from which the concurrency limit is lowered (load shedding), as long as messages take longer."""
    min_concurrency: int = Field(default=64, ge=1)
    """The lowest concurrency limit per process; a value of `CHATBOT_MAX_CONCURRENCY` or more fixes the limit."""
    max_connections: int = Field(default=10_000, ge=16)
    """Maximum number of open connections per process; beyond it the longest idle one is closed. Never more than the
    open-file limit minus a reserve for the log."""
    max_connections_per_address: int = Field(default=0, ge=0)
    """Maximum number of open connections per IPv4 address or IPv6 /64 network; 0: unlimited, needed if a proxy hides
    the clients."""
    max_connection_age_seconds: float = Field(default=300.0, ge=0)
    """Age from which a keep-alive connection ends with its next response, which says `Connection: close`: busy clients
    reach new pods after a scale-up. Extended at random by up to a quarter; 0: unlimited."""
    trusted_proxies: str = "127.0.0.1,::1"
    """Addresses and networks of proxies, comma-separated: they name the client's address in `X-Forwarded-For`, and
    `CHATBOT_MAX_CONNECTIONS_PER_ADDRESS` does not apply to them."""
    api_keys_file: Path | None = None
    """File of API keys, as `python -m bento.api_key` prints them, one per line; read again when it changes. Unset: no
    key is needed."""
    rate_limit_key: float = Field(default=0.0, ge=0)
    """Maximum requests per second with one API key, per process; 0: unlimited. All rate limits: 429 with
    Retry-After."""
    rate_limit_address: float = Field(default=0.0, ge=0)
    """The same for one client address without a key. Behind a proxy that hides its clients, such as kube-proxy or the
    chat page, all of them are one address."""
    rate_limit_session: float = Field(default=0.0, ge=0)
    """Maximum messages per second with one `session_id`, per process; 0: unlimited."""
    rate_limit_feedback: float = Field(default=10.0, ge=0)
    """Maximum feedback and contact data per second of one client (key, else address), per process; 0: unlimited."""
    rate_limit_prediction: float = Field(default=0.5, ge=0)
    """Maximum feedback per second on one prediction, and separately contact data, per process; 0: unlimited."""
    rate_limit_burst_seconds: float = Field(default=10.0, gt=0)
    """How many seconds' worth of requests a client may send at once (size of the token bucket)."""
    cors_origins: str = Field(default="", pattern=rf"^\s*({_ORIGIN}\s*(,\s*{_ORIGIN}\s*)*)?$")
    """Origins whose pages may call the API from a browser (CORS), comma-separated, as browsers send them: in lower
    case, without a default port, such as `https://shop.example.com`; unset: none."""
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Port of `/metrics`, which the API's port then does not serve; 0: the API's port. The chart sets it."""
    head_seconds: float = Field(default=10.0, gt=0)
    """Deadline of a request's head; then it gets 408."""
    body_seconds: float = Field(default=10.0, gt=0)
    """Deadline of a request's body after its head; then it gets 408."""
    max_body_bytes: int = Field(default=65_536, ge=1024)
    """Maximum body size; a larger body gets 413 before it is read."""
    max_message_chars: int = Field(default=4_000, ge=1)
    """Maximum message length; a longer message gets 422."""
    timeout_seconds: float = Field(default=10.0, gt=0)
    """Maximum time a message waits for the runner; then it gets 503."""
    prediction_key: SecretStr = SecretStr("")
    """Key of the MAC in prediction ids; the same on all replicas. Unset: generated once and stored in the log
    folder, readable by its owner only."""

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, value: str) -> str:
        """Refuse what uvicorn would take for a name: it would match no address, and trust no proxy."""
        for proxy in filter(None, map(str.strip, value.split(","))):
            if proxy != "*":
                ipaddress.ip_network(proxy, strict=False)
        return value

    @field_validator("cors_origins")
    @classmethod
    def _check_origin_ports(cls, value: str) -> str:
        """Refuse a port that a browser's Origin header never has."""
        for origin in map(urlsplit, filter(None, map(str.strip, value.split(",")))):
            if origin.port == _DEFAULT_PORTS[origin.scheme]:
                raise PydanticCustomError(
                    "default_port", "browsers leave out the port of {origin}", {"origin": origin.geturl()}
                )
        return value

    @model_validator(mode="after")
    def _check_ports(self) -> Self:
        if self.metrics_port == self.port:
            raise PydanticCustomError(
                "same_port",
                "CHATBOT_METRICS_PORT={port} is CHATBOT_PORT too: choose another one",
                {"port": self.port},
            )
        return self


class KeeperSettings(Settings):
    """The supervisor on one machine (`python -m bento.keeper`), which follows serving.json in the store."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_KEEPER_")

    poll_seconds: float = Field(default=2.0, gt=0)
    """Interval at which it reads the desired model from the store."""
    start_seconds: float = Field(default=60.0, gt=0)
    """Maximum time until a new server is ready; then the previous model is started again."""


class ApiClientSettings(Settings):
    """What calls the API: the chat page, the drift check, `k8s.promote`, `training.versions --api`."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_")

    api_key: SecretStr = SecretStr("")
    """API key, where the API needs one (`CHATBOT_API_KEYS_FILE`): the chat page's with all scopes, the others' with
    `read`."""

    def headers(self) -> dict[str, str]:
        """Return the headers that authenticate a request; none without a key."""
        key = self.api_key.get_secret_value().strip()
        return {"Authorization": f"Bearer {key}"} if key else {}


class HandoffSettings(Settings):
    """Delivery of handoffs, besides the staff page."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_HANDOFF_")

    url: str = Field(default="", pattern=HTTP_ADDRESS)
    """Webhook that receives every handoff as a JSON POST; unset: handoffs appear on the staff page only."""
    secret: SecretStr = SecretStr("")
    """Signing key of the webhook (HMAC-SHA256, Standard Webhooks): `whsec_` and base64, or any text of 16
    characters or more. Required with a URL."""
    timeout_seconds: float = Field(default=10.0, gt=0)
    """Total time of one delivery attempt."""
    retry_seconds: float = Field(default=1.0, gt=0)
    """Delay after the first failure; doubled after each further one, with jitter."""
    max_backoff_seconds: float = Field(default=300.0, gt=0)
    """Maximum delay between two attempts."""
    max_age_hours: float = Field(default=72.0, gt=0)
    """An undelivered handoff of this age is dropped and counted."""
    queue_mb: int = Field(default=64, ge=1)
    """Maximum size of undelivered handoffs on disk, per target; beyond it the oldest is dropped."""
    turns: int = Field(default=20, ge=0)
    """Maximum number of turns of the conversation sent with a handoff, as far as the same process answered
    them."""
    sessions: int = Field(default=10_000, ge=0)
    """Number of conversations a process remembers."""
    session_minutes: float = Field(default=60.0, gt=0)
    """How long a conversation is remembered after its last message; times `CHATBOT_HANDOFF_TURNS` a day at most."""

    @model_validator(mode="after")
    def _check_delays(self) -> Self:
        if self.retry_seconds > self.max_backoff_seconds:
            raise PydanticCustomError(
                "delays",
                "CHATBOT_HANDOFF_RETRY_SECONDS={first} is above CHATBOT_HANDOFF_MAX_BACKOFF_SECONDS={most}",
                {"first": self.retry_seconds, "most": self.max_backoff_seconds},
            )
        return self

    @model_validator(mode="after")
    def _check_length(self) -> Self:
        # An erasure searches the handoffs of a message's day and of the next for its turns.
        if self.turns * self.session_minutes > _DAY_MINUTES:
            raise PydanticCustomError(
                "length",
                "CHATBOT_HANDOFF_TURNS={turns} times CHATBOT_HANDOFF_SESSION_MINUTES={minutes} is above a day "
                "({day} minutes): a handoff could have turns that an erasure does not find",
                {"turns": self.turns, "minutes": self.session_minutes, "day": _DAY_MINUTES},
            )
        return self
