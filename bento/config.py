"""What a start must know before it imports anything heavy: settings, the bundle's place, the version."""

from __future__ import annotations

import tomllib
from pathlib import Path

from chatbot.settings import ServiceSettings

ROOT = Path(__file__).resolve().parent.parent
"""The project's root, or `src/` of a Bento."""


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
