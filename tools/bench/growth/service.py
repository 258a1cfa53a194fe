"""Curves of the running service: over connections, length, intents and cores, and a soak."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from tools.bench.figures import BUNDLE
from tools.bench.growth.curves import Curve, Point, Step
from tools.bench.growth.processes import child, varied
from tools.bench.speed.expected import real_messages
from tools.bench.speed.load import Question, generate
from tools.bench.speed.machine import MB, Memory, processor_seconds, settle, tree_memory
from tools.bench.speed.open_loop import Arrivals
from tools.bench.speed.servers import BenchError, Server
from tools.bench.speed.sides import Side, service_side
from tools.bench.speed.stress import WRONG, sustained, window

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
WORDS = (3, 6, 12, 25, 50, 100, 200)
CORES = (0.5, 1, 2)
INTENTS = (27, 150, 1_000)
SOAKED = 0.7
"""Rate of the soak, as a share of the highest sustained one."""
_SECONDS, _WARMUP = 5.0, 1.5
_CGROUP = Path("/sys/fs/cgroup/cpu")


def connections(step: Step) -> Curve:
    """Messages a second and latency over concurrent connections, in a closed loop."""
    messages, source = real_messages()
    side = service_side(BUNDLE, messages)
    with side.running() as server:
        settle(server.pid)
        questions = side.questions(server.port)
        points = [_measured(server, questions, count, count, step) for count in CONNECTIONS]
    return Curve("Service over concurrent connections", "connections", tuple(points), source)


def length(step: Step) -> Curve:
    """Messages a second over the length of messages, at 64 connections."""
    words = " ".join(real_messages()[0][:4_000]).split()
    points = []
    for count in WORDS:
        chosen = random.Random(count)
        texts = sorted(
            {" ".join(chosen.sample(words, count)) for _ in range(min(2_000, max(400, 20_000 // count)))}
        )
        points.append(_answered(service_side(BUNDLE, texts), count, 64, step))
    return Curve(
        "Service over the length of messages", "words a message", tuple(points), "random words of Bitext"
    )


def cores(step: Step) -> Curve:
    """Messages a second over the cores that a control group allows the service, at 64 connections.

    Raises:
        BenchError: the control group cannot be made.
    """
    messages, source = real_messages()
    side = service_side(BUNDLE, messages)
    points = []
    for count in (count for count in CORES if count <= len(os.sched_getaffinity(0))):
        with _limited(count) as prefix:
            points.append(_answered(replace(side, prefix=prefix), count, 64, step))
    return Curve("Service over cores", "cores", tuple(points), f"{source}; the load generator has no limit")


def intents(step: Step) -> Curve:
    """Cost of a training over intents, and of the service with its bundle, at 64 connections."""
    points = []
    for count in INTENTS:
        with tempfile.TemporaryDirectory() as folder:
            corpus, bundle = Path(folder) / "corpus.csv", Path(folder) / "bundle"
            made = topics(count)
            made.to_csv(corpus, index=False)
            used = child(f"-m training.train --corpus {corpus} --out {bundle} --no-track".split())
            asked = made["message"].sample(1_500, random_state=0).tolist()
            point = _answered(service_side(bundle, asked), count, 64, step)
            points.append(
                replace(point, values=point.values | {f"training, {k}": v for k, v in used.items()})
            )
    notes = f"{len(made):,} synthetic messages at each size: Bitext's, with one more word for the intent"
    return Curve("Service over intents", "intents", tuple(points), notes)


def soak(step: Step, minutes: int = 20, rate: float = 0) -> Curve:
    """Memory, errors and p99 of each minute at a rate; 0: 70 % of the highest sustained one."""
    messages, source = real_messages()
    side = service_side(BUNDLE, messages)
    points = []
    with side.running() as server:
        settle(server.pid)
        if not rate:
            highest = sustained(side, server, 200, _SECONDS).rate
            rate, source = (
                SOAKED * highest,
                f"{source}; {100 * SOAKED:.0f} % of {highest:,.0f} messages a second",
            )
        for minute in range(1, minutes + 1):
            used = processor_seconds(server.pid)
            arrivals = window(server, side.questions(server.port), rate, 60)
            points.append(Point(minute, minute_of(arrivals, tree_memory(server.pid))))
            points[-1].values["processor ms a message"] = round(
                1000 * (processor_seconds(server.pid) - used) / max(1, arrivals.load.total), 2
            )
            step(f"minute {minute}: {points[-1].values}")
    notes = f"{source}; {rate:,.0f} messages a second offered"
    return Curve("Soak", "minute", tuple(points), notes)


def minute_of(arrivals: Arrivals, memory: Sequence[Memory]) -> dict[str, float]:
    """Return the values of one minute of a soak."""
    refused = arrivals.load.errors["status 429"]
    return {
        "messages a second": round(arrivals.load.per_second, 1),
        "p99 ms": round(arrivals.load.percentile(99), 1),
        "memory of all processes, MB": round(sum(each.pss for each in memory) / MB, 1),
        "refused with 429": refused,
        "errors": arrivals.load.errors.total() - refused,
    }


def topics(count: int, rows: int = 8_000) -> pd.DataFrame:
    """Return messages of as many synthetic intents: a word of an own topic is added to each."""
    corpus = varied(rows)
    vocabulary = sorted({word for text in corpus["message"] for word in text.split() if word.isalpha()})
    words = random.Random(0).sample(vocabulary, count)
    of = np.arange(rows) % count
    message = [
        f"{text} {words[topic]} {words[topic]}" for text, topic in zip(corpus["message"], of, strict=True)
    ]
    return pd.DataFrame({"message": message, "intent": [f"topic_{topic}" for topic in of]})


def _answered(side: Side, size: float, connections: int, step: Step) -> Point:
    with side.running() as server:
        settle(server.pid)
        return _measured(server, side.questions(server.port), size, connections, step)


def _measured(
    server: Server, questions: Sequence[Question], size: float, connections: int, step: Step
) -> Point:
    used, began = processor_seconds(server.pid), time.perf_counter()
    load = generate(server.port, questions, connections, _SECONDS, _WARMUP)
    used, passed = processor_seconds(server.pid) - used, time.perf_counter() - began
    refused = load.errors["status 429"]
    if wrong := {kind: count for kind, count in load.errors.items() if kind in WRONG}:
        raise BenchError(f"{connections} connections, size {size:g}: {wrong}")
    step(f"{connections} connections, size {size:g}; errors: {dict(load.errors)}")
    values = {
        "messages a second": load.per_second,
        "p50 ms": load.percentile(50),
        "p99 ms": load.percentile(99),
        "processor ms a message": 1000 * used / max(1, load.total),
        "cores used": used / passed,
        "refused with 429, %": 100 * refused / max(1, refused + load.total),
        "other errors": load.errors.total() - refused,
    }
    return Point(size, {name: round(value, 2) for name, value in values.items()})


@contextmanager
def _limited(count: float) -> Iterator[tuple[str, ...]]:
    """Yield a command prefix that runs in a control group with a quota of this many cores."""
    group = _CGROUP / f"bench-growth-{os.getpid()}"
    try:
        group.mkdir()
        (group / "cpu.cfs_quota_us").write_text(
            str(int(count * int((group / "cpu.cfs_period_us").read_text())))
        )
    except OSError as error:
        raise BenchError(
            f"no control group for {count:g} cores: {error}. Run as root, on cgroup v1"
        ) from error
    try:
        yield ("sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh")
    finally:
        # The last of the killed processes may take a moment.
        for _ in range(100):
            with suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.05)
