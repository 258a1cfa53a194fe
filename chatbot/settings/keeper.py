"""Define the settings of the keeper."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class KeeperSettings(Settings):
    """The supervisor on one machine (`python -m bento.keeper`), which follows serving.json in the store."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_KEEPER_")

    poll_seconds: float = Field(default=2.0, gt=0)
    """Interval at which it reads the desired model from the store."""
    start_seconds: float = Field(default=60.0, gt=0)
    """Maximum time until a new server is ready; then the previous model is started again."""
