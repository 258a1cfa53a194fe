"""Base class of all settings, and how a command reads them."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from chatbot.errors import SettingError

S = TypeVar("S", bound=BaseSettings)


class Settings(BaseSettings):
    """What all components share: an empty variable is an unset one, a value of the wrong type stops the start."""

    model_config = SettingsConfigDict(env_ignore_empty=True, frozen=True, use_attribute_docstrings=True)


def read_settings(kind: type[S]) -> S:
    """Settings from the environment.

    Raises:
        SettingError: a variable has a value that cannot work; every such one is named.
    """
    try:
        return kind()
    except ValidationError as error:
        prefix = kind.model_config.get("env_prefix", "")
        problems = [f"{prefix}{e['loc'][0]}".upper() + f"={e['input']!r}: {e['msg']}" for e in error.errors()]
        raise SettingError("; ".join(problems), problems) from None
