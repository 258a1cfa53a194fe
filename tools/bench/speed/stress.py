"""Measure a server beyond its capacity: open-loop arrivals, overload with health probes beside it, a killed worker.

python -m tools.bench.speed.stress [--seconds 180]
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from typing import Annotated

import psutil
import typer
from rich.console import Console

from data.commands import command
from tools.bench import figures as results
from tools.bench.figures import BUNDLE, CACHE, CORPUS, Figure
from tools.bench.speed.expected import real_messages
from tools.bench.speed.load import Question
from tools.bench.speed.machine import Machine, settle, tree_memory
from tools.bench.speed.open_loop import Arrivals, generate, highest_rate
from tools.bench.speed.servers import BenchError, Server, answers, request
from tools.bench.speed.sides import FIRST_MESSAGE, ServerSide, baseline_side, role, service_side

COMMAND = "python -m tools.bench.speed.stress"
FILE = CACHE / "stress.json"
MULTIPLES = (2, 4)
WRONG = ("wrong intent", "no intent", "not JSON")
# As the chart's probes: a path, and seconds until an answer counts as failed.
_PROBES = ("/livez", "/readyz")
_PROBE_SECONDS = 5.0
_PROBE_PERIOD = 0.5
_SEARCH_SECONDS = 5.0
_RECOVERY_SECONDS = 60.0


@dataclass
class Probes:
    """Health probes sent while a server is under load: number sent, and failures by kind."""

    sent: int = 0
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Overload:
    """A window at a multiple of the highest sustained rate.

    Attributes:
        multiple: of that rate.
        arrivals: what was offered and what became of it.
        probes: of the window.
        restarts: processes of the server that are gone or new after the window.
    """

    multiple: int
    arrivals: Arrivals
    probes: Probes
    restarts: int

    @property
    def wrong(self) -> int:
        """Return the number of answers that differ from the bundle's own answer, or are not answers."""
        return sum(self.arrivals.load.errors[kind] for kind in WRONG)


@contextmanager
def probing(port: int) -> Iterator[Probes]:
    """Send health probes during the block, from a thread."""
    probes, over = Probes(), threading.Event()

    def run() -> None:
        while not over.wait(_PROBE_PERIOD):
            for path in _PROBES:
                probes.sent += 1
                if (failure := _probe(port, path)) is not None:
                    probes.failed.append(f"{path}: {failure}")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield probes
    finally:
        over.set()
        thread.join(2 * len(_PROBES) * _PROBE_SECONDS)


def _probe(port: int, path: str) -> str | None:
    try:
        status, _ = request(port, "GET", path, timeout=_PROBE_SECONDS)
    except (OSError, HTTPException) as error:
        return type(error).__name__
    return None if status == 200 else f"status {status}"


def sustained(side: ServerSide, server: Server, start: float, seconds: float) -> Arrivals:
    """Search the highest sustained rate in short windows, then confirm it in one of `seconds`.

    Raises:
        BenchError: no rate is sustained.
    """
    questions = side.questions(server.port)
    found = highest_rate(lambda rate: window(server, questions, rate, _SEARCH_SECONDS), start)
    rate = found.rate if found else 0.0
    while rate >= start / 16:
        confirmed = window(server, questions, rate, seconds)
        if confirmed.is_sustained:
            return confirmed
        # A longer window meets pauses that a short one may miss.
        rate *= 0.95
    raise BenchError(f"{side.name}: not even {start / 16:.0f} messages a second are answered in time")


def overload(side: ServerSide, server: Server, rate: float, multiple: int, seconds: float) -> Overload:
    """Offer a multiple of a rate, with health probes beside it."""
    before = _workers(server)
    with probing(server.port) as probes:
        arrivals = window(server, side.questions(server.port), multiple * rate, seconds)
    after = _workers(server)
    return Overload(multiple, arrivals, probes, len(before ^ after))


def recovery(server: Server) -> float:
    """Kill the HTTP worker without warning; returns the seconds until a message is answered again.

    Raises:
        BenchError: there is none, or no message is answered within a minute.
    """
    workers = [memory.pid for memory in tree_memory(server.pid) if role(memory) == "SupportChatbot"]
    if not workers:
        raise BenchError("no HTTP worker found among the processes of the service")
    processes = [psutil.Process(pid) for pid in workers]
    for process in processes:
        process.kill()
    # Until it has died, a worker may answer the next request.
    for process in processes:
        with suppress(psutil.Error):
            while process.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.001)
    killed = time.perf_counter()
    while time.perf_counter() < killed + _RECOVERY_SECONDS:
        if answers(server.port, FIRST_MESSAGE):
            return time.perf_counter() - killed
        time.sleep(0.02)
    raise BenchError(f"no message is answered within {_RECOVERY_SECONDS:g} s after a worker was killed")


def measure(seconds: float, console: Console) -> list[Figure]:
    """Measure both sides; prints the figures and writes `FILE`."""
    messages, _ = real_messages()
    service = service_side(BUNDLE, messages)
    baseline = baseline_side(CORPUS, messages[:4_000])
    with baseline.running() as server:
        settle(server.pid)
        base = sustained(baseline, server, 40, seconds)
    console.print(_line("baseline, highest rate", base))
    over = []
    with service.running() as server:
        settle(server.pid)
        best = sustained(service, server, 200, seconds)
        console.print(_line("service, highest rate", best))
        for multiple in MULTIPLES:
            over.append(overload(service, server, best.rate, multiple, seconds))
            console.print(_line(f"service, {multiple} times that rate", over[-1].arrivals))
            settle(server.pid)
        again = recovery(server)
    found = judged(base, best, over, again)
    results.write(FILE, found, seconds=seconds)
    console.print(results.terminal_table(found))
    return found


def judged(base: Arrivals, best: Arrivals, over: Sequence[Overload], again: float) -> list[Figure]:
    """Return the figures of a run with their targets."""
    figure = partial(Figure, command=COMMAND, digits=0)
    rates = f"{best.rate:,.0f} / {base.rate:,.0f}"
    name = "open loop, highest rate with 99 % within 100 ms, service / baseline"
    found = [figure(name, best.rate / base.rate, 20, "at least", " x", note=rates, digits=2, bar=5)]
    for one, share in zip(over, (75, 50), strict=True):
        at, load = f"at {one.multiple} times the highest rate: ", one.arrivals.load
        answered = 100 * load.per_second / best.rate
        note = f"{one.probes.sent} sent" + "".join(f"; {failure}" for failure in one.probes.failed[:3])
        found += [
            figure(f"{at}health probes failed", len(one.probes.failed), 0, "at most", note=note, bar=3),
            figure(f"{at}processes restarted", one.restarts, 0, "at most", bar=2),
            figure(f"{at}wrong answers", one.wrong, 0, "at most", note=f"{load.answered:,} answers", bar=0),
            figure(f"{at}p99 of what is answered", load.percentile(99), 150, "at most", " ms", bar=500),
            figure(
                f"{at}answered, as a share of the highest rate", answered, share, "at least", " %", bar=50
            ),
        ]
    again_after = "a killed HTTP worker answers again after"
    found.append(figure(again_after, again, 2, "at most", " s", digits=2, bar=5))
    return found


def _workers(server: Server) -> set[int]:
    # An upload runs in a separate, short-lived process.
    return {process.pid for process in tree_memory(server.pid) if "monitoring." not in process.command}


def window(server: Server, questions: Sequence[Question], rate: float, seconds: float) -> Arrivals:
    """Offer messages at a rate, each as often as it takes."""
    warmup = 1.0
    needed = int(1.2 * rate * (seconds + warmup)) + 100
    mixed = list(questions) * (needed // len(questions) + 1)
    random.Random(f"{rate:.3f}").shuffle(mixed)
    return generate(server.port, mixed[:needed], rate, seconds, warmup)


def _line(name: str, arrivals: Arrivals) -> str:
    load = arrivals.load
    errors = ", ".join(f"{count:,} {kind}" for kind, count in load.errors.items()) or "no error"
    return (
        f"{name}: {arrivals.rate:,.0f} messages a second offered, {load.per_second:,.0f} answered, "
        f"{100 * arrivals.share_in_time:.1f} % in time, p99 {load.percentile(99):,.0f} ms, {errors}"
    )


@command()
def main(
    seconds: Annotated[
        float, typer.Option(min=5, help="Of each window; 180 for the published figures.")
    ] = 20,
) -> None:
    """Measure the highest sustained rate, twice and four times that rate, and recovery. Fails on a regression."""
    console = Console()
    console.print(Machine.this().describe(), highlight=False)
    results.refuse_regressions(console, measure(seconds, console), FILE)


if __name__ == "__main__":
    main()
