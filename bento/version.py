"""Read the code version, without heavy imports."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""Project root, or `src/` of a Bento."""


def code_version() -> str:
    """Return the code version from pyproject.toml, its only source."""
    try:
        return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
    except (OSError, ValueError, KeyError):
        return "unknown"
