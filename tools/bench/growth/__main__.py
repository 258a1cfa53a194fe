"""Measure how cost grows and plot it: `python -m tools.bench.growth [curve ...]`.

Each curve is kept in `.cache/bench/growth`; page and picture are made of all that are there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter
from rich.console import Console
from rich.text import Text

from data.commands import command
from tools.bench.figures import CACHE, commit, markdown
from tools.bench.growth import processes, service
from tools.bench.growth.processes import Point
from tools.bench.speed.machine import Machine, busy_cores
from tools.processes import ROOT


@dataclass(frozen=True, slots=True)
class CostCurve:
    """Cost over a size.

    Attributes:
        title: what grows with what.
        measure: yields the cost at each size, in ascending order.
        notes: what the figures do not say.
    """

    title: str
    measure: Callable[..., Iterator[Point]]
    notes: str


_REAL = "Bitext's messages, or the shipped corpus's if Bitext is missing"
_VARIED = "Rows of Bitext, beyond its 26,872 with other words in them; 27 intents"
_TOPICS = "8,000 synthetic messages at each size: Bitext's, with one more word for the intent"
CURVES = {
    "connections": CostCurve("Service over concurrent connections", service.connections, _REAL),
    "length": CostCurve(
        "Service over the length of messages", service.length, "Random words of real messages"
    ),
    "intents": CostCurve("Service over intents", service.intents, _TOPICS),
    "cores": CostCurve("Service over cores", service.cores, f"{_REAL}; the load generator has no limit"),
    "training": CostCurve("Training over rows", processes.training, _VARIED),
    "groups": CostCurve("Near-duplicate groups over rows", processes.groups, _VARIED),
    "clusters": CostCurve("Clusters of queued messages", processes.clusters, "Encoding included"),
    "compaction": CostCurve(
        "Compaction over records", processes.compaction, "Parts of 5,000 and their feedback"
    ),
    "drift": CostCurve("Drift check over records", processes.drift, "By `python -m tools.bench.drift.scale`"),
    "soak": CostCurve("Soak", service.soak, _REAL),
}
FOLDER = CACHE / "growth"
PAGE = ROOT / "docs" / "results.d" / "growth.md"
PICTURE = ROOT / "docs" / "images" / "growth.png"
SHOWN = (
    ("p99 ms", "memory of all processes, MB"),
    ("messages a second", "processor ms a message"),
    ("processor seconds", "peak memory, MB"),
)
"""Pairs of values; the first of which a curve has both is plotted."""
_COLOURS = ("#2563eb", "#dc2626")


@command()
def main(
    curves: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(CURVES)}; default: all.")] = None,
    minutes: Annotated[int, typer.Option(min=1, help="Of the soak.")] = 20,
) -> None:
    """Measure the curves (all: about an hour on an idle machine), then write the page and the picture."""
    console = Console()
    if unknown := [name for name in curves or [] if name not in CURVES]:
        console.print(Text(f"unknown curve {unknown[0]!r}; there are {', '.join(CURVES)}", style="red"))
        raise typer.Exit(2)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in curves or CURVES:
        busy, measure = busy_cores(), CURVES[name].measure
        points: list[Point] = []
        for point in (partial(measure, minutes) if name == "soak" else measure)():
            points.append(point)
            console.print(f"{name}: {point}", highlight=False)
        content = {
            "points": points,
            "measured": datetime.now(UTC).date().isoformat(),
            "commit": commit(),
            "machine": f"{Machine.this().describe()}; other processes kept {busy:.1f} cores busy before it",
        }
        (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
        # After each curve: a run that is stopped keeps what it measured.
        files = {name: FOLDER / f"{name}.json" for name in CURVES}
        kept = {name: json.loads(file.read_text()) for name, file in files.items() if file.is_file()}
        PAGE.write_text(page(kept), encoding="utf-8")
        picture(kept, PICTURE)
    console.print(f"written: {PAGE}, {PICTURE}")


def exponent(points: Sequence[Point], value: str) -> float:
    """Return the power with which a value grows between the two largest sizes: 1 is linear, 2 is quadratic."""
    (size, before), (larger, last) = ((next(iter(point.values())), point[value]) for point in points[-2:])
    return math.log(last / before) / math.log(larger / size)


def page(kept: dict[str, dict[str, Any]]) -> str:
    """Return the page as Markdown, from the kept measurements by name."""
    parts = ["# How cost grows\n\n![Cost over size](../images/growth.png)\n"]
    for name, content in kept.items():
        points = content["points"]
        rows = [[f"{value:,.6g}" for value in point.values()] for point in points]
        parts.append(
            f"\n## {CURVES[name].title}\n\n`python -m tools.bench.growth {name}`, {content['measured']}, commit "
            f"`{content['commit']}`, {content['machine']}. {CURVES[name].notes}.\n\n{markdown(list(points[0]), rows)}"
        )
        if "processor seconds" in points[0] and len(points) > 1:
            parts.append(
                f"\nBetween the two largest sizes, processor time grows with the power of "
                f"{exponent(points, 'processor seconds'):.2f} (1: linear, 2: quadratic).\n"
            )
    return "".join(parts)


def picture(kept: dict[str, dict[str, Any]], file: Path) -> None:
    """Plot each curve on logarithmic axes: one panel a curve, two values a panel."""
    columns = 3
    rows = -(-len(kept) // columns)
    figure = Figure(figsize=(5 * columns, 3.6 * rows), layout="constrained")
    for place, (name, content) in enumerate(kept.items(), start=1):
        left = figure.add_subplot(rows, columns, place)
        points = content["points"]
        size = next(iter(points[0]))
        sizes = [point[size] for point in points]
        shown = next(pair for pair in SHOWN if all(value in points[0] for value in pair))
        for axes, value, colour in zip((left, left.twinx()), shown, _COLOURS, strict=False):
            values = [point[value] for point in points]
            axes.loglog(sizes, values, "o-", color=colour, markersize=4)
            # A factor of four at least: what is flat looks flat.
            axes.set_ylim(0.8 * min(*values, max(values) / 4), 1.25 * max(values))
            for axis, subs in (
                (axes.xaxis, (1,) if sizes[-1] > 200 * sizes[0] else (1, 2, 5)),
                (axes.yaxis, (1, 2, 5)),
            ):
                axis.set_major_locator(LogLocator(subs=subs))
                axis.set_major_formatter(EngFormatter(sep="") if axis is axes.xaxis else "{x:g}")
                axis.set_minor_formatter(NullFormatter())
            axes.set_ylabel(value, color=colour)
        left.set(title=CURVES[name].title, xlabel=size)
        left.grid(visible=True, alpha=0.3)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=70)


if __name__ == "__main__":
    main()
