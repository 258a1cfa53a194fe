"""Measure how cost grows and plot it: `python -m tools.bench.growth [curve ...]`.

Each curve is kept in `.cache/bench/growth`; page and picture are made of all that are there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter
from rich.console import Console
from rich.text import Text

from data.commands import reports_errors
from tools.bench.figures import CACHE, commit
from tools.bench.growth import processes, service
from tools.bench.growth.curves import Curve, Point, Step, table
from tools.bench.speed.machine import Machine, busy_cores
from tools.processes import ROOT

CURVES: dict[str, Callable[[Step], Curve]] = {
    each.__name__: each
    for each in (
        service.connections, service.length, service.intents, service.cores, processes.training, processes.groups,
        processes.clusters, processes.compaction, processes.drift, service.soak,
    )
}  # fmt: skip
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

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@reports_errors()
def main(
    curves: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(CURVES)}; default: all.")] = None,
    minutes: Annotated[int, typer.Option(min=1, help="Of the soak.")] = 20,
    rate: Annotated[
        float, typer.Option(help="Messages a second of the soak; 0: 70 % of the highest sustained rate.")
    ] = 0,
) -> None:
    """Measure the curves (all: about an hour on an idle machine), then write the page and the picture."""
    console = Console()
    if unknown := [name for name in curves or [] if name not in CURVES]:
        console.print(Text(f"unknown curve {unknown[0]!r}; there are {', '.join(CURVES)}", style="red"))
        raise typer.Exit(2)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in curves or CURVES:
        busy = busy_cores()
        measure = partial(service.soak, minutes=minutes, rate=rate) if name == "soak" else CURVES[name]
        curve = measure(partial(_say, console, name))
        content = asdict(curve) | {
            "measured": datetime.now(UTC).date().isoformat(),
            "commit": commit(),
            "machine": f"{Machine.this().describe()}; other processes kept {busy:.1f} cores busy before it",
        }
        (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
        _write()  # after each curve: a run that is stopped keeps what it measured
    console.print(f"written: {PAGE}, {PICTURE}")


def _write() -> None:
    """Make page and picture of the curves that were measured."""
    kept = {
        name: json.loads(file.read_text()) for name in CURVES if (file := FOLDER / f"{name}.json").is_file()
    }
    PAGE.write_text(page(kept), encoding="utf-8")
    picture({name: read(content) for name, content in kept.items()}, PICTURE)


def _say(console: Console, name: str, done: str) -> None:
    console.print(f"{name}: {done}", highlight=False)


def read(content: dict[str, object]) -> Curve:
    """Return the curve of a kept measurement."""
    points = tuple(Point(**point) for point in content["points"])  # type: ignore[attr-defined]
    return Curve(str(content["title"]), str(content["size"]), points, str(content["notes"]))


def page(kept: dict[str, dict[str, object]]) -> str:
    """Return the page as Markdown, from the kept measurements by name."""
    parts = ["# How cost grows\n\n![Cost over size](../images/growth.png)\n"]
    for name, content in kept.items():
        curve = read(content)
        parts.append(
            f"\n## {curve.title}\n\n`python -m tools.bench.growth {name}`, {content['measured']}, commit "
            f"`{content['commit']}`, {content['machine']}."
            + (f" {curve.notes[0].upper()}{curve.notes[1:]}." if curve.notes else "")
            + f"\n\n{table(curve)}"
        )
        if "processor seconds" in curve.points[0].values and (grows := curve.exponent("processor seconds")):
            parts.append(
                f"\nBetween the two largest sizes, processor time grows with the power of {grows:.2f} "
                "(1: linear, 2: quadratic).\n"
            )
    return "".join(parts)


def picture(curves: dict[str, Curve], file: Path) -> None:
    """Plot each curve on logarithmic axes: one panel a curve, two values a panel."""
    columns = 3
    rows = -(-len(curves) // columns)
    figure = Figure(figsize=(5 * columns, 3.6 * rows), layout="constrained")
    for place, curve in enumerate(curves.values()):
        left = figure.add_subplot(rows, columns, place + 1)
        sizes = [point.size for point in curve.points]
        wide = sizes[-1] > 200 * sizes[0]
        shown = next(pair for pair in SHOWN if all(name in curve.points[0].values for name in pair))
        for axes, name, colour in zip((left, left.twinx()), shown, _COLOURS, strict=False):
            values = [point.values[name] for point in curve.points]
            axes.loglog(sizes, values, "o-", color=colour, markersize=4)
            # A factor of four at least: what is flat looks flat.
            axes.set_ylim(0.8 * min(*values, max(values) / 4), 1.25 * max(values))
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_locator(LogLocator(subs=(1,) if axis is axes.xaxis and wide else (1, 2, 5)))
                axis.set_major_formatter(EngFormatter(sep="") if axis is axes.xaxis else "{x:g}")
                axis.set_minor_formatter(NullFormatter())
            axes.set_ylabel(name, color=colour)
        left.set(title=curve.title, xlabel=curve.size)
        left.grid(visible=True, alpha=0.3)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=70)


if __name__ == "__main__":
    app()
