"""Measure baseline and service alternately, on the same cores in one run.

python -m tools.bench.speed [--quick]
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from data.commands import command
from tools.bench import figures as results
from tools.bench import rows as table
from tools.bench.figures import BUNDLE, CACHE, CORPUS, Figure
from tools.bench.results import speed_tables
from tools.bench.rows import SpeedRow
from tools.bench.speed.expected import real_messages
from tools.bench.speed.load import generate
from tools.bench.speed.machine import MB, busy_cores, processor_seconds, settle, tree_memory
from tools.bench.speed.servers import Server
from tools.bench.speed.sides import (
    BASELINE,
    REPEATS,
    SERVICE,
    ServerSide,
    baseline_side,
    role,
    service_side,
)

FILE = CACHE / "speed.json"
QUICK_FILE = CACHE / "speed-quick.json"
CONNECTIONS = (1, 16, 64)
# Below this load by other processes, a figure is valid.
QUIET_CORES = 0.2

OnStep = Callable[[str], None]
"""Called with the name of each finished step."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Durations of the measurement.

    Attributes:
        rounds: how often each side is started; medians are taken over them.
        seconds, warmup: of each window.
        messages, baseline_messages: maximum number of distinct messages in one window of a side.
    """

    rounds: int
    seconds: float
    warmup: float
    messages: int
    baseline_messages: int


FULL = Plan(rounds=3, seconds=9, warmup=2, messages=25_000, baseline_messages=4_000)
QUICK = Plan(rounds=1, seconds=3, warmup=1, messages=6_000, baseline_messages=1_200)


REPEATED = 500
"""Distinct messages of the window of exact repeats: the warm-up asks each of them."""


def measure(plan: Plan, console: Console, file: Path) -> list[Figure]:
    """Measure both sides, print the tables, write `file`, and return the figures that have a target."""
    others = busy_cores()
    if others > QUIET_CORES:
        console.print(
            f"[yellow]other work keeps {others:.1f} cores busy: every figure suffers from it[/yellow]"
        )
    windows = plan.rounds * 2 * len(CONNECTIONS)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Redrawn between windows only: automatic refresh would use processor time.
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as progress:
        task = progress.add_task("the bundle is asked alone", total=windows + 1)
        progress.refresh()

        def step(description: str) -> None:
            progress.update(task, description=description, advance=1, refresh=True)

        messages, source = real_messages()
        service = service_side(BUNDLE, messages[: plan.messages])
        step("the baseline is trained")
        for_baseline = messages[: plan.baseline_messages]
        baseline = baseline_side(CORPUS, for_baseline)
        rows: list[SpeedRow] = []
        starts: dict[str, list[float]] = {BASELINE: [], SERVICE: []}
        processes: dict[str, list[dict[str, Any]]] = {}
        for number in range(plan.rounds):
            for side in (baseline, service):
                with side.running() as server:
                    starts[side.name].append(round(server.start_seconds, 2))
                    rows += _windows(side, server, number, CONNECTIONS, plan.seconds, plan.warmup, step)
                    processes[side.name] = _processes(server)
    repeats = service_side(BUNDLE, messages[:REPEATED], REPEATS)
    with repeats.running() as server:
        rows += _windows(repeats, server, 0, (64,), plan.seconds, plan.warmup, lambda _: None)
    medians = table.summary(rows)
    found = table.judged(medians, median(starts[SERVICE]), processes)
    more: dict[str, Any] = {
        "plan": asdict(plan),
        "others_busy_cores": others,
        "messages": {
            "source": source,
            "distinct": len(messages),
            "of_service": len(service.messages),
            "of_baseline": len(for_baseline),
        },
        "table": [asdict(row) for row in medians],
        "windows": [asdict(row) for row in rows],
        "start_seconds": starts,
        "memory": processes,
    }
    results.write(file, found, **more)
    console.print(Markdown("".join(speed_tables(more))), results.terminal_table(found))
    return found


def _windows(
    side: ServerSide,
    server: Server,
    seed: int,
    connections: Iterable[int],
    seconds: float,
    warmup: float,
    step: OnStep,
) -> Iterable[SpeedRow]:
    questions = side.questions(server.port)
    settle(server.pid)
    for count in connections:
        # A different order in each window, the same for both sides.
        random.Random(f"{seed}/{count}").shuffle(questions)
        used = processor_seconds(server.pid)
        load = generate(server.port, questions, count, seconds, warmup)
        yield SpeedRow.of(side.name, load, processor_seconds(server.pid) - used)
        step(f"round {seed + 1}: {side.name}, {count} connections done")


def _processes(server: Server) -> list[dict[str, Any]]:
    return [
        {"role": role(process), "rss_mb": round(process.rss / MB, 1), "pss_mb": round(process.pss / MB, 1)}
        for process in tree_memory(server.pid)
    ]


@command()
def main(
    quick: Annotated[bool, typer.Option("--quick", help="About a minute in place of six.")] = False,
) -> None:
    """Compare the service with the baseline; a quick run is printed only. Fails on a regression."""
    console = Console()
    kept, plan = (QUICK_FILE, QUICK) if quick else (FILE, FULL)
    found = measure(plan, console, kept)
    results.refuse_regressions(console, found, kept)
