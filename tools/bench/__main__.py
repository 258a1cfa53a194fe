"""`python -m tools.bench`: measure everything that has a target, print it, and write docs/results.md."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from chatbot.errors import ChatbotError
from tools.bench import quality, results, speed
from tools.bench.figures import Figure
from tools.bench.machine import Machine

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Part(StrEnum):
    """A benchmark that can be run separately."""

    quality = "quality"
    speed = "speed"


@app.command()
def main(
    quick: Annotated[
        bool, typer.Option("--quick", help="Minutes less; printed only, docs/results.md stays as it is.")
    ] = False,
    only: Annotated[
        Part | None, typer.Option(help="One part; the page keeps what was measured of the other.")
    ] = None,
) -> None:
    """Measure quality (about ten minutes the first time) and speed (about six)."""
    console = Console()
    console.print(Machine.this().describe(), highlight=False)
    found: list[Figure] = []
    try:
        # Speed first: quality leaves processes and warm caches behind that would distort it.
        if only != Part.quality:
            found += speed.measure(
                speed.QUICK if quick else speed.FULL,
                console,
                speed.QUICK_FILE if quick else speed.FILE,
            )
        if only != Part.speed:
            found += quality.measure_all(console, quick, quality.QUICK_FILE if quick else quality.FILE)
        if not quick:
            results.write(quality.FILE, speed.FILE)
            console.print(f"written: {results.PAGE}")
    except ChatbotError as error:
        console.print(Text(str(error), style="red"))
        raise typer.Exit(1) from None
    missed = sum(figure.met is not True for figure in found if figure.target is not None)
    console.print(f"{missed} targets missed or not measured" if missed else "[green]every target met[/green]")


if __name__ == "__main__":
    app()
