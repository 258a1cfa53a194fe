"""Measure curves of the running service: over connections, length, intents and cores, and a soak."""

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
from tools.bench.growth.processes import Point, child, varied
from tools.bench.speed.expected import real_messages
from tools.bench.speed.load import Question, generate
from tools.bench.speed.machine import MB, Memory, processor_seconds, settle, tree_memory
from tools.bench.speed.open_loop import Arrivals
from tools.bench.speed.servers import BenchError, Server
from tools.bench.speed.sides import ServerSide, service_side
from tools.bench.speed.stress import WRONG, sustained, window

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
WORDS = (3, 6, 12, 25, 50, 100, 200)
CORES = (0.5, 1, 2)
INTENTS = (27, 150, 1_000)
SOAKED = 0.7
"""Rate of the soak, as a share of the highest sustained one."""
_SECONDS, _WARMUP = 5.0, 1.5
_CGROUP = Path("/sys/fs/cgroup/cpu")


def connections() -> Iterator[Point]:
    """Yield messages a second and latency over concurrent connections, in a closed loop."""
    side = service_side(BUNDLE, real_messages()[0])
    with side.running() as server:
        settle(server.pid)
        questions = side.questions(server.port)
        for count in CONNECTIONS:
            yield {"connections": count, **_measured(server, questions, count)}


def length() -> Iterator[Point]:
    """Yield messages a second over the length of messages, at 64 connections."""
    words = " ".join(real_messages()[0][:4_000]).split()
    for count in WORDS:
        chosen = random.Random(count)
        texts = {" ".join(chosen.sample(words, count)) for _ in range(min(2_000, max(400, 20_000 // count)))}
        yield {"words a message": count, **_answered(service_side(BUNDLE, sorted(texts)))}


def cores() -> Iterator[Point]:
    """Yield messages a second over the cores that a control group allows the service, at 64 connections.

    Raises:
        BenchError: the control group cannot be made.
    """
    side = service_side(BUNDLE, real_messages()[0])
    for count in (count for count in CORES if count <= len(os.sched_getaffinity(0))):
        with _limited(count) as prefix:
            yield {"cores": count, **_answered(replace(side, prefix=prefix))}


def intents() -> Iterator[Point]:
    """Yield the cost of a training over intents, and of the service with its bundle, at 64 connections."""
    for count in INTENTS:
        with tempfile.TemporaryDirectory() as folder:
            corpus, bundle = Path(folder) / "corpus.csv", Path(folder) / "bundle"
            made = topics(count)
            made.to_csv(corpus, index=False)
            used = child(f"-m training.train --corpus {corpus} --out {bundle} --no-track".split())
            found = _answered(service_side(bundle, made["message"].sample(1_500, random_state=0).tolist()))
            yield {"intents": count, **found, **{f"training, {name}": value for name, value in used.items()}}


def soak(minutes: int = 20) -> Iterator[Point]:
    """Yield memory, errors and p99 of each minute at 70 % of the highest sustained rate."""
    side = service_side(BUNDLE, real_messages()[0])
    with side.running() as server:
        settle(server.pid)
        rate = SOAKED * sustained(side, server, 200, _SECONDS).rate
        for minute in range(1, minutes + 1):
            used = processor_seconds(server.pid)
            arrivals = window(server, side.questions(server.port), rate, 60)
            used = 1000 * (processor_seconds(server.pid) - used) / max(1, arrivals.load.total)
            found = minute_of(arrivals, tree_memory(server.pid))
            yield {"minute": minute, **found, "processor ms a message": round(used, 2)}


def minute_of(arrivals: Arrivals, memory: Sequence[Memory]) -> Point:
    """Return the values of one minute of a soak."""
    refused = arrivals.load.errors["status 429"]
    return {
        "offered a second": round(arrivals.rate, 1),
        "messages a second": round(arrivals.load.per_second, 1),
        "p99 ms": round(arrivals.load.percentile(99), 1),
        "memory of all processes, MB": round(sum(each.pss for each in memory) / MB, 1),
        "refused with 429": refused,
        "errors": arrivals.load.errors.total() - refused,
    }


def topics(count: int) -> pd.DataFrame:
    """Return messages of as many synthetic intents: a word of an own topic is added to each."""
    rows = 8_000
    corpus = varied(rows)
    vocabulary = sorted({word for text in corpus["message"] for word in text.split() if word.isalpha()})
    words = random.Random(0).sample(vocabulary, count)
    of = np.arange(rows) % count
    message = [
        f"{text} {words[topic]} {words[topic]}" for text, topic in zip(corpus["message"], of, strict=True)
    ]
    return pd.DataFrame({"message": message, "intent": [f"topic_{topic}" for topic in of]})


def _answered(side: ServerSide) -> Point:
    with side.running() as server:
        settle(server.pid)
        return _measured(server, side.questions(server.port), 64)


def _measured(server: Server, questions: Sequence[Question], connections: int) -> Point:
    used, began = processor_seconds(server.pid), time.perf_counter()
    load = generate(server.port, questions, connections, _SECONDS, _WARMUP)
    used, passed = processor_seconds(server.pid) - used, time.perf_counter() - began
    refused = load.errors["status 429"]
    if wrong := {kind: count for kind, count in load.errors.items() if kind in WRONG}:
        raise BenchError(f"{connections} connections: {wrong}")
    values = {
        "messages a second": load.per_second,
        "p50 ms": load.percentile(50),
        "p99 ms": load.percentile(99),
        "processor ms a message": 1000 * used / max(1, load.total),
        "cores used": used / passed,
        "refused with 429, %": 100 * refused / max(1, refused + load.total),
        "other errors": load.errors.total() - refused,
    }
    return {name: round(value, 2) for name, value in values.items()}


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
