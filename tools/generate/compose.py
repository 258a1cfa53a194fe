"""Generate the settings files for Compose: `.env.example`, the settings sections of compose.yaml, a new `.env`.

    python -m tools.generate.compose new       .env with fresh secrets; existing entries are kept

`make docs` regenerates the first two from `chatbot/settings/`; a test fails while they are stale.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from chatbot.settings import COMPONENTS, Settings

ROOT = Path(__file__).resolve().parents[2]

SERVICES = {
    "api": ("ServiceSettings", "KeeperSettings", "LogSettings", "RouterSettings", "SlotSettings", "StorageSettings",
            "HandoffSettings", "UploadSettings"),
    "ui": ("ChatPageSettings", "SlotSettings"),
    "staff": ("StaffSettings", "ReviewSettings", "SlotSettings", "StorageSettings", "TrackingSettings", "CodeSettings"),
    "drift": ("DriftSettings", "StorageSettings"),
    "upkeep": ("StorageSettings", "RetentionSettings", "TrackingSettings"),
    "retrain": ("RetrainSettings", "StorageSettings", "TrackingSettings", "ReviewSettings", "ServiceSettings",
                "SlotSettings", "DriftSettings"),
    "mlflow": ("MlflowServerSettings", "StorageSettings"),
}  # fmt: skip
"""The components whose settings each service of compose.yaml receives."""

ELSEWHERE = {"KubernetesSettings"}
"""Components that do not run under Compose."""

MADE = {
    "MINIO_ROOT_PASSWORD": "The root key of MinIO: the setup alone uses it.",
    "STORE_SECRET_API": "Each client of the store has a key of its own: the API's.",
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
    "IMAGE_PREFIX": ("docker.io/support-chatbot", "What stands before the names of this project's images."),
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
}
"""Variables of compose.yaml besides the components' settings: default, meaning."""

COMPOSE_MINIO = (
    "quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z"
    "@sha256:14cea493d9a34af32f524e538b8346cf79f3321eff8e708c1e2960462bd8936e"
)
"""The last released MinIO image, used by compose.yaml and the chart."""

_BEGIN, _END = "# -- settings, made by `make docs` --", "# -- end of settings --"


def example() -> str:
    """Return `.env.example`: every setting, commented out, with its default; no secrets."""
    lines = [
        "# Every setting, made by `make docs` from chatbot/settings/. `make env` makes .env with fresh secrets;",
        "# take from here into it what shall differ from the default. Compose reads .env, and so does your shell with",
        "# `set -a; . ./.env; set +a`.",
        "",
        "# == secrets: `make env` makes them ==",
    ]
    described = {name: meaning for _, name, _, meaning in every_setting()}
    for name, meaning in MADE.items():
        lines += [f"# {meaning or described.get(name, '')}", f"{name}="]
    lines += ["", "# == Compose =="]
    for name, (default, meaning) in COMPOSE.items():
        lines += ([f"# {meaning}"] if meaning else []) + [f"#{name}={default}"]
    before = None
    for component, name, default, meaning in every_setting():
        if component is not before:
            lines += ["", f"# == {component.__name__}: {_first_line(component)} =="]
            before = component
        lines += [f"# {meaning}", f"#{name}={default}"]
    return "\n".join(lines) + "\n"


def compose() -> str:
    """Return compose.yaml with regenerated settings sections."""
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    lines = [_BEGIN]
    for service, classes in SERVICES.items():
        lines.append(f"x-{service}-settings: &{service}-settings")
        given = {
            name: default for component, name, default, _ in every_setting() if component.__name__ in classes
        }
        # MLflow also reads its own variables, and treats an empty one as a value.
        lines += [f"  {n}: ${{{n}:-{given[n] if n.startswith('MLFLOW_') else ''}}}" for n in given]
    return before + "\n".join(lines) + "\n" + _END + after


def unplaced() -> set[str]:
    """Return the components whose settings no service receives."""
    placed = {name for names in SERVICES.values() for name in names} | ELSEWHERE
    return {component.__name__ for component, *_ in every_setting()} - placed


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


def every_setting() -> Iterator[tuple[type[Settings], str, str, str]]:
    """Yield component, variable, default as text, and meaning of every setting."""
    for component in COMPONENTS:
        prefix = str(component.model_config["env_prefix"])
        for name, field in component.model_fields.items():
            default = field.default
            secret = isinstance(default, SecretStr) or default is None or default is PydanticUndefined
            yield (
                component,
                (prefix + name).upper(),
                "" if secret else str(default),
                " ".join((field.description or "").split()),
            )


def _first_line(component: type[Settings]) -> str:
    return (component.__doc__ or "").strip().splitlines()[0].rstrip(".:")


if __name__ == "__main__":
    if sys.argv[1:] != ["new"]:
        sys.exit(__doc__)
    sys.stdout.write(f".env: {', '.join(new(ROOT / '.env')) or 'nothing was missing'}\n")
