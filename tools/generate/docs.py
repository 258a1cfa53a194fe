"""Generate the files that `make docs` names from the code: `python -m tools.generate.docs`."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from chatbot.settings import COMPONENTS
from tools.dashboards import panels
from tools.generate import chart, compose

ROOT = chart.ROOT
DASHBOARDS = chart.CHART / "files" / "dashboards"


def settings_page() -> str:
    """Return a Markdown page of every setting of every component: variable, default, meaning."""
    lines = [
        "# Settings",
        "",
        "Read from the environment only. An empty variable counts as unset. A value of the wrong type prevents the",
        "start; the error names it. Made by `make docs` from `chatbot/settings/`.",
    ]
    for component in COMPONENTS:
        lines += ["", f"## {component.__name__}", "", (component.__doc__ or "").strip(), ""]
        lines += ["| Variable | Default | What it is |", "|---|---|---|"]
        for variable, name in component.variables().items():
            field = component.model_fields[name]
            meaning = " ".join((field.description or "").split())
            lines.append(f"| `{variable}` | {_shown(field.default)} | {meaning} |")
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


def files() -> dict[Path, str]:
    """Return the generated content by path."""
    return {
        ROOT / "docs" / "settings.md": settings_page(),
        ROOT / "docs" / "metrics.md": metrics_page(),
        ROOT / ".env.example": compose.example(),
        chart.CHART / "README.md": chart.readme(),
        chart.CHART / "values.schema.json": chart.schema(),
        chart.CHART / "files" / "settings.txt": chart.settings_list(),
        **{DASHBOARDS / f"{name}.json": content for name, content in panels.dashboards_json().items()},
    }


def stale() -> list[str]:
    """Return the files that differ from the generated content, and dashboards that are no longer generated."""
    return chart.differing(files(), DASHBOARDS.glob("*.json"))


def _shown(default: object) -> str:
    if default is PydanticUndefined:
        return "required"
    if default is None or default == "" or isinstance(default, SecretStr):
        return "-"
    return f"`{default}`"


def main() -> None:
    """Write the files that changed."""
    for file, content in files().items():
        if not file.is_file() or file.read_text(encoding="utf-8") != content:
            file.write_text(content, encoding="utf-8")
            sys.stdout.write(f"{file.relative_to(ROOT)} written\n")


if __name__ == "__main__":
    main()
