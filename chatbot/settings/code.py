"""Define the settings of the code's version."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from chatbot.settings.base import Settings


class CodeSettings(Settings):
    """Git commit of the code, for images, which contain no checkout."""

    model_config = SettingsConfigDict(env_prefix="CHATBOT_")

    git_commit: str = ""
    """The commit that an image was built from: its build sets it; in a checkout git is asked."""
