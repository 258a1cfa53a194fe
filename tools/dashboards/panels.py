"""Build dashboards from their YAML files: rows of panels with title, description, unit, thresholds, queries.

The JSON has what differs from Grafana's defaults; Grafana fills in the rest (`refId` too) when it loads a dashboard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from tools import compact_json

SOURCES = Path(__file__).parent
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
HERE = 'namespace=~"$namespace",release=~"$release"'
"""Part of every selector: selects one of many releases. Outside a cluster both labels are empty; `.*` matches."""

_ROLLOUTS = {
    "name": "Rollouts",
    "datasource": PROMETHEUS,
    "enable": True,
    "iconColor": "blue",
    # A version that serves now and did not two minutes before; samples that follow each other are one annotation.
    "expr": "group by (namespace, release, version) (chatbot_model_info{here} unless on (namespace, release, version)"
    " chatbot_model_info{here} offset 2m)".replace("{here}", f"{{{HERE}}}"),
    "step": "30s",
    "titleFormat": "version {{version}} serves",
    "textFormat": "{{namespace}} {{release}}",
}
"""Marks on every panel when a version starts to serve: a promotion or a rollback."""

Shape = Literal["line", "stacked", "number", "heatmap", "table", "age"]
_KINDS = {"line": "timeseries", "stacked": "timeseries", "number": "stat", "age": "stat"}
"""Grafana's panel type of a shape; the other shapes are named as Grafana names them."""
_COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel, in the common form of all dashboards.

    Attributes:
        title: in the terms of the dashboard's reader.
        description: what the panel shows, and when to act.
        unit: Grafana's name of it.
        queries: expressions with the legend of their series (Grafana's `{{label}}`).
        limits: thresholds of orange and red; empty: none.
        width: of 24.
        none: text shown if there is no data; empty: Grafana's own.
    """

    title: str
    description: str
    unit: str
    queries: Sequence[tuple[str, str]]
    shape: Shape = "line"
    width: int = 8
    limits: Sequence[float] = ()
    none: str = ""

    @property
    def height(self) -> int:
        """Return the height in Grafana's units."""
        return 4 if self.shape in ("number", "age") else 8

    def build(self, x: int, y: int) -> dict[str, Any]:
        """Build the panel at a position of the dashboard's grid."""
        field: dict[str, Any] = {"unit": self.unit} | ({"noValue": self.none} if self.none else {})
        if self.limits:
            colours = ("green", "red") if len(self.limits) == 1 else ("green", "orange", "red")
            steps = zip((None, *self.limits), colours, strict=True)
            field["thresholds"] = {
                "mode": "absolute",
                "steps": [{"value": value, "color": colour} for value, colour in steps],
            }
        panel: dict[str, Any] = {
            "title": self.title,
            "description": self.description,
            "type": _KINDS.get(self.shape, self.shape),
            "datasource": PROMETHEUS,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "fieldConfig": {"defaults": field},
            "targets": [self._target(*query) for query in self.queries],
        }
        match self.shape:
            case "number" | "age":
                panel["options"] = {"graphMode": "none"} | ({} if self.limits else {"colorMode": "none"})
            case "table":
                # One row per set of labels, with a column per query; otherwise the reader sees one query at a time.
                names = {f"Value #{chr(65 + n)}": legend for n, (_, legend) in enumerate(self.queries)}
                organize = {"excludeByName": {"Time": True}, "renameByName": names}
                panel["transformations"] = [{"id": "merge"}, {"id": "organize", "options": organize}]
            case "line" | "stacked":
                field["min"] = 0
                if self.shape == "stacked":
                    field["custom"] = {"fillOpacity": 40, "stacking": {"mode": "normal"}}
        return panel

    def _target(self, expression: str, legend: str) -> dict[str, Any]:
        target: dict[str, Any] = {"expr": expression.replace("{here}", HERE)}
        if legend:
            target["legendFormat"] = legend
        if self.shape in ("number", "age", "table"):
            target["instant"] = True
        if self.shape in ("table", "heatmap"):
            target["format"] = self.shape
        return target


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard: its `rows` are titles with panels."""

    uid: str
    title: str
    description: str
    rows: Sequence[tuple[str, Sequence[Panel]]]


def dashboards_json() -> dict[str, str]:
    """Return every dashboard as the JSON that Grafana imports, by name."""
    return {
        file.stem: compact_json.dumps(build(read(file))) + "\n" for file in sorted(SOURCES.glob("*.yaml"))
    }


def read(file: Path) -> Dashboard:
    """Read a dashboard's YAML file.

    A row's `shape` and `width` apply to its panels; `{name}` in a query is replaced by the text of `macros`.
    """
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    macros = content.pop("macros", {})
    rows = [(row.pop("row"), _panels(row, macros)) for row in content.pop("rows")]
    return Dashboard(**content, rows=rows)


def _panels(row: dict[str, Any], macros: dict[str, str]) -> list[Panel]:
    panels = []
    for panel in row.pop("panels"):
        queries = panel.pop("queries", None) or {"": panel.pop("query")}
        for name, text in macros.items():
            queries = {legend: query.replace(f"{{{name}}}", text) for legend, query in queries.items()}
        panels.append(Panel(**row | panel, queries=[(query, legend) for legend, query in queries.items()]))
    return panels


def build(board: Dashboard) -> dict[str, Any]:
    """Build a dashboard of rows of panels; shows the last six hours, refreshes every 30 seconds."""
    source = {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus"}
    link = {"type": "dashboards", "title": "Support chatbot", "keepTime": True, "includeVars": True}
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.description,
        "tags": ["support-chatbot"],
        "schemaVersion": 36,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                source,
                _model_label("namespace", "chatbot_model_info"),
                _model_label("release", 'chatbot_model_info{namespace=~"$namespace"}'),
            ]
        },
        "annotations": {"list": [_ROLLOUTS]},
        "links": [link | {"tags": ["support-chatbot"]}],
        "panels": _grid(board),
    }


def _grid(board: Dashboard) -> list[dict[str, Any]]:
    """Place the panels of each row from left to right, and below its first line where it is full."""
    placed: list[dict[str, Any]] = []
    y = 0
    for title, panels in board.rows:
        position = {"x": 0, "y": y, "w": _COLUMNS, "h": 1}
        placed.append({"type": "row", "title": title, "panels": [], "gridPos": position})
        x, y, height = 0, y + 1, 0
        for panel in panels:
            if x + panel.width > _COLUMNS:
                x, y, height = 0, y + height, 0
            placed.append(panel.build(x, y))
            x, height = x + panel.width, max(height, panel.height)
        y += height
    return placed


def _model_label(label: str, series: str) -> dict[str, Any]:
    """Return a variable that filters by a label of a series; by default its values are not filtered."""
    return {
        "type": "query",
        "name": label,
        "datasource": PROMETHEUS,
        "query": f"label_values({series}, {label})",
        "refresh": 1,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }
