"""Generate the environment files for Compose: `.env.example`, and a new `.env`: `python -m tools.generate.compose`."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from chatbot.settings import COMPONENTS

ROOT = Path(__file__).resolve().parents[2]

MADE = {
    "MINIO_ROOT_PASSWORD": "The root key of MinIO: the setup alone uses it.",
    "STORE_SECRET_API": "Each client of the store has its own key: the API's.",
    "STORE_SECRET_DRIFT": "The drift check's.",
    "STORE_SECRET_UPKEEP": "The upkeep of the log store's.",
    "STORE_SECRET_RETRAIN": "The retraining's.",
    "STORE_SECRET_STAFF": "The staff pages'.",
    "STORE_SECRET_MLFLOW": "MLflow's, for its artifacts.",
    "GRAFANA_PASSWORD": "Grafana's user `admin`.",
    "CHATBOT_PREDICTION_KEY": "",
    "CHATBOT_STAFF_TOKEN": "",
}
"""Secrets that `new` generates if missing; empty text: the setting's own description applies."""

COMPOSE = {
    "BIND": ("127.0.0.1", "The address that every port below is opened on; 0.0.0.0: to other machines too."),
    "IMAGE_PREFIX": ("docker.io/support-chatbot", "Prefix of the names of this project's images."),
    "IMAGE_TAG": ("", "Their tag; unset: this version's."),
    "MINIO_PORT": ("9000", "MinIO's port, and its console's."),
    "MINIO_CONSOLE_PORT": ("9001", ""),
    "PROMETHEUS_PORT": ("9090", "Prometheus."),
    "GRAFANA_PORT": ("3001", "Grafana."),
    "DRIFT_EVERY_SECONDS": (
        "21600",
        "How often the drift check runs, and the retraining looks at its verdict.",
    ),
    "MINIO_ROOT_USER": ("root", "The name of MinIO's root key."),
    "API_KEYS_FOLDER": ("./api-keys", "compose.api-keys.yaml: folder of the file `keys`."),
    "CORPUS": ("", "compose.corpus.yaml: your corpus, a file or folder in CORPUS_FOLDER."),
    "REPLIES": ("", "compose.corpus.yaml: its replies, in the same folder; empty: the corpus's own."),
    "TRAIN": ("", "compose.corpus.yaml: columns, such as `--message-column text --intent-column label`."),
    "CORPUS_FOLDER": ("./corpus", "compose.corpus.yaml: folder of the corpus."),
    "SETTINGS_FILE": (
        "settings.env",
        "File with settings that are not secret: variables of docs/settings.md.",
    ),
}
"""Variables that only the Compose files read: default, meaning."""

SETTINGS = (
    "CHATBOT_PORT", "CHATBOT_UI_PORT", "CHATBOT_STAFF_PORT", "CHATBOT_MLFLOW_PORT", "CHATBOT_STORE_URL",
    "CHATBOT_STORE_ENDPOINT", "CHATBOT_HANDOFF_SECRET", "CHATBOT_API_KEY", "CHATBOT_UI_API_URL",
    "CHATBOT_LOOP_PUSHGATEWAY", "CHATBOT_MLFLOW_BACKEND", "CHATBOT_MLFLOW_ALLOWED_HOSTS", "MLFLOW_TRACKING_URI",
)  # fmt: skip
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
