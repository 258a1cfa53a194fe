"""Every knob, one class a component, read from the environment and from nothing else.

A field `x` of a class with the prefix `CHATBOT_` is set by the variable `CHATBOT_X`; docs/settings.md is made
from the docstrings below (`python -m chatbot.settings`).
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What all components share: an empty variable is an unset one, a value of the wrong type stops the start."""

    model_config = SettingsConfigDict(env_ignore_empty=True, frozen=True, use_attribute_docstrings=True)


class SlotSettings(Settings):
    """What the replies' slots are filled with. An empty one is refused at start if a reply needs it."""

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

    company: str = "Example Shop"
    """The company's name as customers know it."""
    website: str = "https://shop.example.com"
    """The shop's address."""
    account_url: str = "https://shop.example.com/account"
    """Where customers sign in and edit their account."""
    orders_url: str = "https://shop.example.com/orders"
    """Where customers see, change and cancel orders."""
    payments_url: str = "https://shop.example.com/payments"
    """Where customers see payments and invoices."""
    returns_url: str = "https://shop.example.com/returns"
    """Where customers ask for a refund."""
    help_url: str = "https://shop.example.com/help"
    """The help centre."""
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
    """Thresholds are learned and lie in the bundle; a value here overrides the learned one."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_")

    answer_confidence: float | None = Field(None, ge=0, le=1)
    """Answer from this confidence on; unset: as the bundle says."""
    clarify_confidence: float | None = Field(None, ge=0, le=1)
    """Offer choices when the likeliest three together reach this; unset: as the bundle says."""
    scope: float | None = None
    """Hand over below this scope score; unset: as the bundle says."""


class ServiceSettings(Settings):
    """The API: what it loads, how much it takes at once."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_")

    bundle: Path | None = None
    """The bundle's folder; unset: `bundle/` beside the service's code (in a Bento), else `models/current`."""
    model_version: str = ""
    """What `/version` and the records call the model; unset: the first 12 digits of the bundle's digest."""
    port: int = Field(3000, ge=1, le=65535)
    """The API's port."""
    workers: int = Field(1, ge=1, le=64)
    """Processes that speak HTTP."""
    runner_workers: int = Field(0, ge=0, le=64)
    """Processes that encode and classify, each on one core; 0: one a core this process may use."""
    gather: bool = True
    """Gather the messages that wait at the same moment into one call of the runner."""
    max_batch: int = Field(64, ge=1, le=1024)
    """The most messages in one call of the runner."""
    max_concurrency: int = Field(256, ge=1)
    """Requests a process works on at once; one more is answered 429 with Retry-After."""
    max_body_bytes: int = Field(65_536, ge=1024)
    """A longer body is answered 413 before it is read."""
    max_message_chars: int = Field(4_000, ge=1)
    """A longer message is answered 422."""
    timeout_seconds: float = Field(10.0, gt=0)
    """How long a message may wait for the runner before it is answered 503."""
    prediction_key: SecretStr = SecretStr("")
    """The key under which prediction ids carry a MAC; the same on all replicas. Unset: made once and kept in
    the log's folder, readable by its owner only."""


class LogSettings(Settings):
    """The inference log."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_LOG_")

    folder: Path = Path("monitoring/data")
    """Where `inference_log.csv`, `feedback.csv` and the spool lie."""
    rotate_mb: int = Field(64, ge=1)
    """`inference_log.csv` is put aside and begun anew beyond this size."""
    keep: int = Field(10, ge=1)
    """How many put-aside files are kept; the oldest goes."""
    spool_mb: int = Field(256, ge=1)
    """The most the spool may hold; beyond it records are dropped and counted."""
    memory_mb: int = Field(8, ge=1)
    """The most a process holds in memory while the disk takes nothing; beyond it the oldest are dropped and
    counted."""


class ChatPageSettings(Settings):
    """The chat page."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_UI_")

    api_url: str = "http://127.0.0.1:3000"
    """Where the API answers."""
    address: str = "127.0.0.1"
    """The address the chat page listens on; `0.0.0.0` in a container."""
    port: int = Field(8501, ge=1, le=65535)
    """The chat page's port."""
    language: str = Field("en", pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    """Which file of texts the page speaks: `ui/texts/<language>.yaml`."""
    timeout_seconds: float = Field(15.0, gt=0)
    """How long the page waits for an answer; longer than the API waits, so that its reason is heard."""
    privacy_url: str = ""
    """The privacy notice it links; unset: the page's own."""
    starters: str = "track_order,get_refund,change_shipping_address,payment_issue"
    """Intents whose titles are offered to begin with, comma-separated; what is missing is filled up."""
    poll_seconds: float = Field(3.0, gt=0)
    """How often the page asks whether the API is back while it is away."""


class TrackingSettings(Settings):
    """Where training runs are recorded."""

    model_config = SettingsConfigDict(env_prefix="MLFLOW_")

    tracking_uri: str = "sqlite:///mlruns/mlflow.db"
    """MLflow's tracking server, or a local database."""
    experiment: str = "support-chatbot"
    """The experiment that runs are filed under."""
