"""Build dashboards from their YAML files: rows of panels with title, description, unit, thresholds, queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as models
from grafana_foundation_sdk.models import dashboard as dashboards
from grafana_foundation_sdk.models import prometheus as queries

SOURCES = Path(__file__).parent
PROMETHEUS = dashboards.DataSourceRef(type_val="prometheus", uid="${datasource}")
HERE = 'namespace=~"$namespace",release=~"$release"'
"""Part of every selector: selects one of many releases. Outside a cluster both labels are empty; `.*` matches."""

Shape = Literal["line", "stacked", "number", "heatmap", "table", "age"]


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
        none: text shown if there is no data.
    """

    title: str
    description: str
    unit: str
    queries: Sequence[tuple[str, str]]
    shape: Shape = "line"
    width: int = 8
    limits: Sequence[float] = ()
    none: str = "-"

    def build(self) -> Any:
        """Build the panel for the dashboard builder."""
        panel: Any
        match self.shape:
            case "number" | "age":
                panel = (
                    stat.Panel()
                    .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
                    .color_mode(
                        models.BigValueColorMode.VALUE if self.limits else models.BigValueColorMode.NONE
                    )
                    .graph_mode(models.BigValueGraphMode.NONE)
                )
            case "heatmap":
                panel = heatmap.Panel()
            case "table":
                panel = table.Panel()
            case _:
                panel = (
                    timeseries.Panel()
                    .fill_opacity(40 if self.shape == "stacked" else 8)
                    .min(0)
                    .show_points(models.VisibilityMode.NEVER)
                )
                panel = panel.legend(
                    common.VizLegendOptions()
                    .display_mode(models.LegendDisplayMode.LIST)
                    .placement(models.LegendPlacement.BOTTOM)
                    .show_legend(True)
                )
                if self.shape == "stacked":
                    panel = panel.stacking(common.StackingConfig().mode(models.StackingMode.NORMAL))
        panel = (
            panel.title(self.title)
            .description(self.description)
            .unit(self.unit)
            .datasource(PROMETHEUS)
            .span(self.width)
            .height(4 if self.shape in ("number", "age") else 8)
            .no_value(self.none)
        )
        if self.limits:
            colours = ["green", "orange", "red"][: len(self.limits) + 1]
            if len(self.limits) == 1:
                colours = ["green", "red"]
            steps = [
                dashboards.Threshold(value=value, color=colour)
                for value, colour in zip([None, *self.limits], colours, strict=True)
            ]
            panel = panel.thresholds(
                dashboard.ThresholdsConfig().mode(dashboards.ThresholdsMode.ABSOLUTE).steps(steps)
            )
        for number, (expression, legend) in enumerate(self.queries):
            query = (
                prometheus.Dataquery()
                .expr(expression.replace("{here}", HERE))
                .legend_format(legend)
                .ref_id(chr(ord("A") + number))
                .datasource(PROMETHEUS)
            )
            if self.shape in ("number", "age", "table"):
                query = query.instant()
            if self.shape in ("table", "heatmap"):
                query = query.format(
                    queries.PromQueryFormat.TABLE
                    if self.shape == "table"
                    else queries.PromQueryFormat.HEATMAP
                )
            panel = panel.with_target(query)
        return panel


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard: its `rows` are titles with panels."""

    uid: str
    title: str
    description: str
    rows: Sequence[tuple[str, Sequence[Panel]]]


def dashboards_json() -> dict[str, str]:
    """Return every dashboard as the JSON that Grafana imports, by name."""
    encoder = JSONEncoder(sort_keys=True, indent=1)
    return {
        file.stem: encoder.encode(build(read(file)).build()) + "\n" for file in sorted(SOURCES.glob("*.yaml"))
    }


def read(file: Path) -> Board:
    """Read a dashboard's YAML file.

    A row's `shape` and `width` apply to its panels; `{name}` in a query stands for the text of `macros`.
    """
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    macros = content.pop("macros", {})
    rows = [(row.pop("row"), _panels(row, macros)) for row in content.pop("rows")]
    return Board(**content, rows=rows)


def _panels(row: dict[str, Any], macros: dict[str, str]) -> list[Panel]:
    panels = []
    for panel in row.pop("panels"):
        queries = panel.pop("queries", None) or {"": panel.pop("query")}
        for name, text in macros.items():
            queries = {legend: query.replace(f"{{{name}}}", text) for legend, query in queries.items()}
        panels.append(Panel(**row | panel, queries=[(query, legend) for legend, query in queries.items()]))
    return panels


def build(board: Board) -> dashboard.Dashboard:
    """Build a dashboard of rows of panels; shows the last six hours, refreshes every 30 seconds."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags(["support-chatbot"])
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .readonly()
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_model_label("namespace", "chatbot_model_info"))
        .with_variable(_model_label("release", 'chatbot_model_info{namespace=~"$namespace"}'))
        .link(
            dashboard.DashboardLink("Support chatbot")
            .type(dashboards.DashboardLinkType.DASHBOARDS)
            .tags(["support-chatbot"])
            .keep_time(True)
            .include_vars(True)
        )
    )
    for name, panels in board.rows:
        made = made.with_row(dashboard.Row(name))
        for panel in panels:
            made = made.with_panel(panel.build())
    return made


def _model_label(label: str, series: str) -> dashboard.QueryVariable:
    """Return a variable that filters by a label of a series; by default its values are not filtered."""
    return (
        dashboard.QueryVariable(label)
        .label(label.title())
        .datasource(PROMETHEUS)
        .query(f"label_values({series}, {label})")
        .refresh(dashboards.VariableRefresh.ON_DASHBOARD_LOAD)
        .include_all(True)
        .all_value(".*")
        .current(dashboards.VariableOption(text="All", value="$__all"))
    )
