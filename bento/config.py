"""Locate the bundle and read the code version, without heavy imports."""

from __future__ import annotations

import tomllib
from pathlib import Path

from chatbot.settings import ServiceSettings

ROOT = Path(__file__).resolve().parent.parent
"""Project root, or `src/` of a Bento."""


def bundle_folder(settings: ServiceSettings) -> Path:
    """Return the bundle's path: as set, else inside the Bento, else where `make run` trains it."""
    if settings.bundle is not None:
        return settings.bundle
    packed = ROOT / "bundle"
    return packed if packed.is_dir() else ROOT / "models" / "current"


def code_version() -> str:
    """Return the code version from pyproject.toml, its only source."""
    try:
        return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"
