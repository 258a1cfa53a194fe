"""What a start must know before it imports anything heavy: settings, the bundle's place, the version."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from chatbot.errors import SettingError
from chatbot.settings import ServiceSettings

S = TypeVar("S", bound=BaseSettings)

ROOT = Path(__file__).resolve().parent.parent
"""The project's root, or `src/` of a Bento."""


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


def bundle_folder(settings: ServiceSettings) -> Path:
    """Where the bundle is: as set, else in the Bento, else where `make run` trains it."""
    if settings.bundle is not None:
        return settings.bundle
    packed = ROOT / "bundle"
    return packed if packed.is_dir() else ROOT / "models" / "current"


def code_version() -> str:
    """The version of this code: pyproject.toml has the only one."""
    try:
        return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"
