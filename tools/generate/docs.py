"""Generate docs/settings.md, docs/metrics.md and the other PAGES: `python -m tools.generate.docs [--check]`."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from chatbot.settings import COMPONENTS
from tools.generate import chart, compose

ROOT = Path(__file__).resolve().parents[2]


def settings_page() -> str:
    """Return a Markdown page of every setting of every component: variable, default, meaning."""
    lines = [
        "# Settings",
        "",
        "Read from the environment, and from nothing else. An empty variable is an unset one; a value of the",
        "wrong type stops the start and is named. Made by `make docs` from `chatbot/settings/`.",
    ]
    for component in COMPONENTS:
        lines += ["", f"## {component.__name__}", "", (component.__doc__ or "").strip(), ""]
        lines += ["| Variable | Default | What it is |", "|---|---|---|"]
        prefix = str(component.model_config["env_prefix"])
        for name, field in component.model_fields.items():
            meaning = " ".join((field.description or "").split())
            lines.append(f"| `{(prefix + name).upper()}` | {_shown(field.default)} | {meaning} |")
    return "\n".join(lines) + "\n"


def metrics_page() -> str:
    """Return a Markdown page of every metric that the API exports: name, kind, labels, meaning."""
    from bento.http.metrics import Metrics

    lines = [
        "# Metrics",
        "",
        "At `/metrics` of the API (`CHATBOT_METRICS_PORT`), added up over all worker processes. Made by `make docs`",
        "from `bento/http/metrics.py`.",
        "",
        "| Metric | Kind | Labels | What it counts |",
        "|---|---|---|---|",
    ]
    for metric in Metrics().specs:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "-"
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.description} |")
    return "\n".join(lines) + "\n"


PAGES = {
    "docs/settings.md": settings_page,
    "docs/metrics.md": metrics_page,
    ".env.example": compose.example,
    "helm/support-chatbot/values.schema.json": chart.schema,
    "docs/chart.md": chart.page,
}


def stale() -> list[str]:
    """Return the pages that differ from the generated content."""
    return [
        name
        for name, page in PAGES.items()
        if not (ROOT / name).is_file() or (ROOT / name).read_text(encoding="utf-8") != page()
    ]


def _shown(default: object) -> str:
    if default is PydanticUndefined:
        return "required"
    if default is None or default == "" or isinstance(default, SecretStr):
        return "-"
    return f"`{default}`"


def main(check: bool) -> int:
    """Write the pages; with `check`, only report the stale ones. Returns: the exit code."""
    changed = stale()
    if not check:
        for name in changed:
            (ROOT / name).write_text(PAGES[name](), encoding="utf-8")
            sys.stdout.write(f"{name} written\n")
        return 0
    for name in changed:
        sys.stdout.write(f"{name} is stale: run `make docs`\n")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
