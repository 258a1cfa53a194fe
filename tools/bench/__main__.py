"""`python -m tools.bench`: measure everything that has a target, print it, and write docs/results.md."""

from __future__ import annotations

from rich.console import Console

from data.commands import command
from tools.bench import results
from tools.bench.quality import command as quality_bench
from tools.bench.speed import command as speed_bench
from tools.bench.speed.machine import Machine


@command()
def main() -> None:
    """Measure speed (about six minutes) and quality (about ten the first time)."""
    console = Console()
    console.print(Machine.this().describe(), highlight=False)
    # Speed first: quality leaves processes and warm caches behind that would distort it.
    found = speed_bench.measure(speed_bench.FULL, console, speed_bench.FILE)
    found += quality_bench.measure_all(console)
    results.write(quality_bench.FILE, speed_bench.FILE)
    console.print(f"written: {results.PAGE}")
    missed = sum(figure.met is not True for figure in found if figure.target is not None)
    console.print(f"{missed} targets missed or not measured" if missed else "[green]every target met[/green]")


if __name__ == "__main__":
    main()
