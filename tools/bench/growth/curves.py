"""One curve per resource: measure cost at growing sizes."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from tools.bench.child import run_measured
from tools.bench.figures import BUNDLE, CACHE, markdown
from tools.bench.quality.corpora import bitext
from tools.bench.speed.expected import real_messages
from tools.bench.speed.load import generate
from tools.bench.speed.machine import processor_seconds, settle
from tools.bench.speed.servers import BenchError
from tools.bench.speed.sides import Side, service_side

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
WORDS = (3, 6, 12, 25, 50, 100, 200)
CORES = (1, 2)
ROWS = (1_000, 3_000, 9_000, 27_000)
GROUP_ROWS = (10_000, 30_000, 100_000, 270_000)
QUEUED = (500, 1_000, 2_000, 4_000)
_SECONDS, _WARMUP = 5.0, 1.5

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
    """Messages a second over the cores that the service may use, at 64 connections."""
    messages, source = real_messages()
    allowed = sorted(os.sched_getaffinity(0))
    points = []
    for count in CORES[: len(allowed)]:
        side = service_side(BUNDLE, messages)
        pinned = replace(side, prefix=("taskset", "-c", ",".join(map(str, allowed[:count]))))
        points.append(_answered(pinned, count, 64, step))
    notes = f"{source}; the load generator uses the same cores, or the one beside them"
    return Curve("Service over cores", "cores", tuple(points), notes)


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


CURVES: dict[str, Callable[[Step], Curve]] = {
    "connections": connections,
    "length": length,
    "cores": cores,
    "training": training,
    "groups": groups,
    "clusters": clusters,
}


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
        used = processor_seconds(server.pid)
        load = generate(server.port, side.questions(server.port), connections, _SECONDS, _WARMUP)
        used = processor_seconds(server.pid) - used
    refused = load.errors["status 429"]
    if other := {kind: count for kind, count in load.errors.items() if kind != "status 429"}:
        raise BenchError(f"{side.name}, {connections} connections: {other}")
    step(f"{connections} connections, {size:g}")
    values = {
        "messages a second": load.per_second,
        "p50 ms": load.percentile(50),
        "p99 ms": load.percentile(99),
        "processor ms a message": 1000 * used / max(1, load.total),
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


def _child(arguments: Sequence[str]) -> dict[str, float]:
    """Run a Python process; returns its seconds, processor time and the memory of its largest process."""
    used = run_measured(arguments, CACHE / "growth" / "child.log")
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
