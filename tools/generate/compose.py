"""Generate the environment files for Compose: `.env.example`, and a new `.env`: `python -m tools.generate.compose`."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from chatbot.documents import read_yaml
from chatbot.settings import COMPONENTS

ROOT = Path(__file__).resolve().parents[2]

_VARIABLES = read_yaml(Path(__file__).with_name("compose_variables.yaml"))
MADE: dict[str, str] = _VARIABLES["secrets"]
"""Secrets that `new` generates if missing; empty text: the setting's own description applies."""
COMPOSE: dict[str, tuple[str, str]] = _VARIABLES["compose"]
"""Variables that only the Compose files read: default, meaning."""
SETTINGS: list[str] = _VARIABLES["settings"]
"""Settings for which compose.yaml has its own default, or that are secret: set in `.env`, not in settings.env."""


def example() -> str:
    """Return `.env.example`: secrets without values, and what Compose interpolates, commented out."""
    described = {name: meaning for name, _, meaning in every_setting()}
    lines = [
        "# Secrets and addresses for Compose, made by `make docs`. `make env` makes .env with fresh secrets.",
        "# Settings that are not secret belong into settings.env: docs/settings.md names them all.",
        "",
        "# == secrets: `make env` makes them ==",
    ]
    for name, meaning in MADE.items():
        lines += [f"# {meaning or described.get(name, '')}", f"{name}="]
    lines += ["", "# == Compose =="]
    for name, (default, meaning) in COMPOSE.items():
        lines += ([f"# {meaning}"] if meaning else []) + [f"#{name}={default}"]
    for name in SETTINGS:
        lines += [f"# {described[name]}", f"#{name}="]
    return "\n".join(lines) + "\n"


def new(path: Path) -> list[str]:
    """Write `.env`, readable by its owner only: existing entries are kept, missing secrets are generated.

    Returns: the names of the generated secrets.
    """
    kept = (
        path.read_text(encoding="utf-8")
        if path.exists()
        else "# Made by `make env`; .env.example has the rest.\n"
    )
    there = {line.partition("=")[0] for line in kept.splitlines() if line.partition("=")[2]}
    made = [name for name in MADE if name not in there]
    text = kept + "".join(f"{name}={secrets.token_hex(24)}\n" for name in made)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
    return made


def every_setting() -> Iterator[tuple[str, str, str]]:
    """Yield variable, default as text, and meaning of every setting."""
    for component in COMPONENTS:
        for variable, name in component.variables().items():
            field = component.model_fields[name]
            default = field.default
            secret = isinstance(default, SecretStr) or default is None or default is PydanticUndefined
            meaning = " ".join((field.description or "").split())
            yield variable, "" if secret else str(default), meaning


if __name__ == "__main__":
    sys.stdout.write(f".env: {', '.join(new(ROOT / '.env')) or 'nothing was missing'}\n")
