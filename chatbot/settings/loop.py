"""Define the settings of the retraining loop."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class LoopSettings(Settings):
    """What the drift check, the retraining that it requests and the rollout share, in a cluster and on one machine."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_LOOP_")

    cooldown_hours: float = Field(default=24.0, ge=0)
    """Minimum time between two retrainings requested because of drift."""
    pushgateway: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Address of the Prometheus Pushgateway that receives a run's outcome, such as `http://pushgateway:9091`; unset:
    none."""
