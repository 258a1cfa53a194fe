"""Compare this checkout with another one in alternating windows: processor time of a message by process, latency.

python -m tools.bench.speed.paired OTHER [--connections 64] [--rounds 10] [--repeats]

Both servers run all the time, and the one that is not asked is idle. A window of one is followed by a window of the
other, so that other work on the machine, which makes both slower, hardly changes their ratio.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from data.commands import command
from tools.bench.figures import BUNDLE
from tools.bench.speed.command import REPEATED
from tools.bench.speed.expected import real_messages
from tools.bench.speed.load import generate
from tools.bench.speed.machine import settle, tree_memory
from tools.bench.speed.sides import REPEATS, SERVICE, ServerSide, service_side
from tools.processes import ROOT

MESSAGES = 6_000
PROCESSES = {"SupportChatbot": "outer process", "IntentRunner": "runner"}


def _nanoseconds(pid: int) -> Counter[str]:
    """Return the processor time of a server's processes by name; of their living threads only."""
    used: Counter[str] = Counter()
    for process in tree_memory(pid):
        for task in Path(f"/proc/{process.pid}/task").iterdir():
            with suppress(OSError):
                used[process.name] += int((task / "schedstat").read_text().split()[0])
    return used


def _sides(other: Path, repeats: bool) -> tuple[ServerSide, ServerSide]:
    messages = real_messages()[0][: REPEATED if repeats else MESSAGES]
    side = service_side(BUNDLE, messages, REPEATS if repeats else SERVICE)
    return (
        replace(side.in_checkout(other), name="other"),
        replace(side.in_checkout(ROOT), name="this"),
    )


@command()
def main(
    other: Annotated[Path, typer.Argument(help="The other checkout, such as a worktree of an older commit.")],
    connections: int = 64,
    rounds: int = 10,
    repeats: Annotated[bool, typer.Option("--repeats", help="Ask few messages again and again.")] = False,
) -> None:
    """Print the medians over all rounds, and those of the rounds' ratios."""
    figures: dict[str, list[dict[str, float]]] = {}
    errors: Counter[str] = Counter()
    with ExitStack() as stack:
        servers = [(side, stack.enter_context(side.running())) for side in _sides(other, repeats)]
        for side, server in servers:
            settle(server.pid)
            if repeats:  # fills the cache
                generate(server.port, side.questions(server.port)[: 4 * REPEATED], 16, 10, 0)
        for number in range(rounds):
            for side, server in servers if number % 2 else reversed(servers):
                questions = side.questions(server.port)
                random.Random(number).shuffle(questions)
                before = _nanoseconds(server.pid)
                load = generate(server.port, questions, connections, 1, 0.3)
                time.sleep(0.3)
                used = _nanoseconds(server.pid) - before
                errors += load.errors
                found = {f"{PROCESSES[name]}, µs": used[name] / load.total / 1000 for name in PROCESSES}
                figures.setdefault(side.name, []).append(
                    {
                        **found,
                        "both, µs": sum(found.values()),
                        "p50, ms": load.percentile(50),
                        "p99, ms": load.percentile(99),
                        "answers a second": load.per_second,
                    }
                )
    table = Table("", "other", "this", "ratio", title=f"{connections} connections, {rounds} rounds")
    for name in figures["this"][0]:
        pairs = [(a[name], b[name]) for a, b in zip(figures["other"], figures["this"], strict=True)]
        columns = (median(a for a, _ in pairs), median(b for _, b in pairs))
        ratio = median(b / a for a, b in pairs) if all(a for a, _ in pairs) else float("nan")
        table.add_row(name, *(f"{value:.2f}" for value in columns), f"{ratio:.3f}")
    Console().print(table)
    if errors:
        raise typer.BadParameter(f"wrong or missing answers: {dict(errors)}")


if __name__ == "__main__":
    main()
