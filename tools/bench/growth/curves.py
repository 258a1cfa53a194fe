"""One curve per resource: measure cost at growing sizes."""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from tools.bench.child import run_measured
from tools.bench.drift import scale as drift_scale
from tools.bench.figures import BUNDLE, CACHE, markdown
from tools.bench.quality.corpora import bitext
from tools.bench.speed.expected import real_messages
from tools.bench.speed.load import generate
from tools.bench.speed.machine import MB, Memory, processor_seconds, settle, tree_memory
from tools.bench.speed.open_loop import Arrivals
from tools.bench.speed.servers import BenchError
from tools.bench.speed.sides import Side, service_side
from tools.bench.speed.stress import sustained, window

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
WORDS = (3, 6, 12, 25, 50, 100, 200)
CORES = (0.5, 1, 2)
INTENTS = (27, 150, 1_000)
ROWS = (1_000, 3_000, 9_000, 27_000)
GROUP_ROWS = (10_000, 30_000, 100_000, 270_000)
QUEUED = (500, 1_000, 2_000, 3_000)
COMPACTED = (100_000, 300_000, 1_000_000)
SOAKED = 0.7
"""Rate of the soak, as a share of the highest sustained one."""
_SECONDS, _WARMUP = 5.0, 1.5
_CGROUP = Path("/sys/fs/cgroup/cpu")

Step = Callable[[str], None]
"""Called with the name of each finished step."""


@dataclass(frozen=True, slots=True)
class Point:
    """Cost at one size: the values of a curve by name."""

    size: float
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """Cost over a size.

    Attributes:
        title: what grows with what.
        size: name and unit of the size.
        points: measured, in ascending order of size.
        notes: what the figures do not say.
    """

    title: str
    size: str
    points: tuple[Point, ...]
    notes: str = ""

    def exponent(self, value: str) -> float | None:
        """Return the slope of log value over log size, by least squares: 1 is linear, 2 is quadratic.

        Returns:
            None with fewer than three points.
        """
        if len(self.points) < 3:
            return None
        sizes = np.log([point.size for point in self.points])
        values = np.log([max(point.values[value], 1e-9) for point in self.points])
        return float(np.polyfit(sizes, values, 1)[0])


def connections(step: Step) -> Curve:
    """Messages a second and latency over concurrent connections, in a closed loop."""
    messages, source = real_messages()
    side = service_side(BUNDLE, messages)
    points = [_answered(side, count, count, step) for count in CONNECTIONS]
    return Curve("Service over concurrent connections", "connections", tuple(points), source)


def length(step: Step) -> Curve:
    """Messages a second over the length of messages, at 64 connections."""
    words = " ".join(real_messages()[0][:4_000]).split()
    points = []
    for count in WORDS:
        chosen = random.Random(count)
        texts = sorted({" ".join(chosen.sample(words, count)) for _ in range(1_500)})
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
            used = _child(f"-m training.train --corpus {corpus} --out {bundle} --no-track".split())
            asked = made["message"].sample(1_500, random_state=0).tolist()
            point = _answered(service_side(bundle, asked), count, 64, step)
            points.append(
                replace(point, values=point.values | {f"training, {k}": v for k, v in used.items()})
            )
    notes = f"{len(made):,} synthetic messages at each size: Bitext's, with one more word for the intent"
    return Curve("Service over intents", "intents", tuple(points), notes)


def training(step: Step) -> Curve:
    """Seconds, processor time and peak memory of a training over rows of Bitext."""
    corpus = bitext().drop_duplicates("message").sample(frac=1, random_state=0)
    points = []
    for rows in (rows for rows in ROWS if rows <= 1.1 * len(corpus)):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "corpus.csv"
            corpus.head(rows)[["message", "intent"]].to_csv(file, index=False)
            arguments = f"-m training.train --corpus {file} --out {folder}/bundle --no-track".split()
            points.append(Point(min(rows, len(corpus)), _child(arguments)))
        step(f"training on {rows:,} rows")
    return Curve("Training over rows of Bitext", "rows", tuple(points))


def groups(step: Step) -> Curve:
    """Seconds and peak memory of finding groups of near-duplicates, over rows."""
    code = (
        "import sys, random\nfrom tools.bench.growth.curves import varied\n"
        "from data.similarity import near_duplicates\n"
        "frame = varied(int(sys.argv[1]))\n"
        "near_duplicates(frame['message'].tolist(), frame['intent'].tolist())"
    )
    points = _grown(code, GROUP_ROWS, "near-duplicates", step)
    notes = "rows of Bitext, beyond its 26,872 with other words in them; 27 intents"
    return Curve("Near-duplicate groups over rows", "rows", points, notes)


def clusters(step: Step) -> Curve:
    """Seconds and peak memory of clustering queued messages for new intents, over messages."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom chatbot.model import bundle\n"
        "from tools.bench.growth.curves import BUNDLE, varied\n"
        "from training.review.clusters import MIN_SIMILARITY, join\n"
        "messages = varied(int(sys.argv[1]))['message'].tolist()\n"
        "join(bundle.load(BUNDLE).encoder.encode(messages).vectors, 1 - MIN_SIMILARITY)"
    )
    points = _grown(code, QUEUED, "clusters", step)
    return Curve("Clusters of queued messages", "messages", points, "encoding included")


def compaction(step: Step) -> Curve:
    """Cost of compacting a closed day of the log, uploaded in parts of 5,000 records."""
    points = []
    for records in COMPACTED:
        with tempfile.TemporaryDirectory() as folder:
            drift_scale.fill(Path(folder), records, datetime.now(UTC) - timedelta(days=3), part=5_000)
            points.append(Point(records, _child(["-m", "monitoring.compact"], CHATBOT_STORE_URL=folder)))
        step(f"compaction of {records:,}")
    return Curve("Compaction over records", "records", tuple(points), "parts of 5,000 and their feedback")


def drift(step: Step) -> Curve:
    """Cost of a drift check over records, as `python -m tools.bench.drift.scale` measured it.

    Raises:
        BenchError: it was not measured yet.
    """
    if not drift_scale.FILE.is_file():
        raise BenchError(f"there is no {drift_scale.FILE}: run `python -m tools.bench.drift.scale` first")
    names = {"seconds": "seconds", "cpu": "processor seconds", "mb": "peak memory, MB"}
    kept = json.loads(drift_scale.FILE.read_text())["sizes"]
    points = [
        Point(size["records"], {name: round(size[key], 1) for key, name in names.items()}) for size in kept
    ]
    step("taken over")
    return Curve("Drift check over records", "records", tuple(points), "`python -m tools.bench.drift.scale`")


def soak(step: Step, minutes: int = 20) -> Curve:
    """Memory, errors and p99 of each minute at 70 % of the highest sustained rate."""
    messages, source = real_messages()
    side = service_side(BUNDLE, messages)
    points = []
    with side.running() as server:
        settle(server.pid)
        highest = sustained(side, server, 200, _SECONDS).rate
        rate = SOAKED * highest
        for minute in range(1, minutes + 1):
            used = processor_seconds(server.pid)
            arrivals = window(server, side.questions(server.port), rate, 60)
            points.append(Point(minute, minute_of(arrivals, tree_memory(server.pid))))
            points[-1].values["processor ms a message"] = round(
                1000 * (processor_seconds(server.pid) - used) / max(1, arrivals.load.total), 2
            )
            step(f"minute {minute}: {points[-1].values}")
    notes = f"{source}; {rate:,.0f} messages a second, {100 * SOAKED:.0f} % of {highest:,.0f}"
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


CURVES: dict[str, Callable[[Step], Curve]] = {
    each.__name__: each
    for each in (
        connections, length, intents, cores, training, groups, clusters, compaction, drift, soak,
    )
}  # fmt: skip


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


def varied(rows: int) -> pd.DataFrame:
    """Return messages of Bitext and their intents; beyond its rows, copies in which other words are exchanged."""
    corpus = bitext()[["message", "intent"]].sample(frac=1, random_state=0, ignore_index=True)
    if rows <= len(corpus):
        return corpus.head(rows)
    chosen = random.Random(0)
    vocabulary = sorted({word for message in corpus["message"] for word in message.split()})

    def change(message: str) -> str:
        words = message.split()
        for place in chosen.sample(range(len(words)), max(1, len(words) // 3)):
            words[place] = chosen.choice(vocabulary)
        return " ".join(words)

    more = corpus.iloc[np.arange(rows - len(corpus)) % len(corpus)]
    changed = pd.DataFrame({"message": [change(text) for text in more["message"]], "intent": more["intent"]})
    return pd.concat([corpus, changed], ignore_index=True)


def _answered(side: Side, size: float, connections: int, step: Step) -> Point:
    with side.running() as server:
        settle(server.pid)
        used, began = processor_seconds(server.pid), time.perf_counter()
        load = generate(server.port, side.questions(server.port), connections, _SECONDS, _WARMUP)
        used, passed = processor_seconds(server.pid) - used, time.perf_counter() - began
    refused = load.errors["status 429"]
    if other := {kind: count for kind, count in load.errors.items() if kind != "status 429"}:
        raise BenchError(f"{side.name}, {connections} connections: {other}")
    step(f"{connections} connections, {size:g}")
    values = {
        "messages a second": load.per_second,
        "p50 ms": load.percentile(50),
        "p99 ms": load.percentile(99),
        "processor ms a message": 1000 * used / max(1, load.total),
        "cores used": used / passed,
        "refused with 429, %": 100 * refused / max(1, refused + load.total),
    }
    return Point(size, {name: round(value, 2) for name, value in values.items()})


def _grown(code: str, sizes: Sequence[int], name: str, step: Step) -> tuple[Point, ...]:
    """Run Python code, which takes a size as its argument, in a process per size."""
    points = []
    for size in sizes:
        points.append(Point(size, _child(["-c", code, str(size)])))
        step(f"{name}: {size:,}")
    return tuple(points)


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


def _child(arguments: Sequence[str], **variables: str) -> dict[str, float]:
    """Run a Python process; returns its seconds, processor time and the memory of its largest process."""
    used = run_measured(arguments, CACHE / "growth" / "child.log", **variables)
    return {
        "seconds": round(used.seconds, 1),
        "processor seconds": round(used.processor_seconds, 1),
        "peak memory, MB": round(used.peak_mb),
    }


def table(curve: Curve) -> str:
    """Return a curve as a Markdown table."""
    names = list(curve.points[0].values)
    rows = [
        [f"{point.size:,.0f}", *(f"{point.values[name]:,.6g}" for name in names)] for point in curve.points
    ]
    return markdown([curve.size, *names], rows)
