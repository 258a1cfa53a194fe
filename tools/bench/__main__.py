"""`python -m tools.bench`: measure everything that has a target, print it, and write docs/results.md."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from data.commands import reports_errors
from tools.bench import results
from tools.bench.figures import Figure
from tools.bench.quality import command as quality_bench
from tools.bench.speed import command as speed_bench
from tools.bench.speed.machine import Machine

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class BenchPart(StrEnum):
    """A benchmark that can be run separately."""

    quality = "quality"
    speed = "speed"


@app.command()
@reports_errors()
def main(
    quick: Annotated[
        bool, typer.Option("--quick", help="Minutes less; printed only, docs/results.md stays as it is.")
    ] = False,
    only: Annotated[
        BenchPart | None, typer.Option(help="One part; the page keeps what was measured of the other.")
    ] = None,
) -> None:
    """Measure quality (about ten minutes the first time) and speed (about six)."""
    console = Console()
    console.print(Machine.this().describe(), highlight=False)
    found: list[Figure] = []
    # Speed first: quality leaves processes and warm caches behind that would distort it.
    if only != BenchPart.quality:
        found += speed_bench.measure(
            speed_bench.QUICK if quick else speed_bench.FULL,
            console,
            speed_bench.QUICK_FILE if quick else speed_bench.FILE,
        )
    if only != BenchPart.speed:
        found += quality_bench.measure_all(
            console, quick, quality_bench.QUICK_FILE if quick else quality_bench.FILE
        )
    if not quick:
        results.write(quality_bench.FILE, speed_bench.FILE)
        console.print(f"written: {results.PAGE}")
    missed = sum(figure.met is not True for figure in found if figure.target is not None)
    console.print(f"{missed} targets missed or not measured" if missed else "[green]every target met[/green]")


if __name__ == "__main__":
    app()
