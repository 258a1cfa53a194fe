"""Measure curves of offline steps, each in a separate process: training, groups, clusters, compaction, drift check."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from tools.bench.child import run_measured
from tools.bench.drift import scale as drift_scale
from tools.bench.figures import CACHE
from tools.bench.quality.corpora import bitext
from tools.bench.speed.servers import BenchError

ROWS = (1_000, 3_000, 9_000, 27_000, 270_000)
GROUP_ROWS = (10_000, 30_000, 100_000, 270_000)
QUEUED = (500, 1_000, 2_000, 3_000)
COMPACTED = (100_000, 300_000, 1_000_000)

Point = dict[str, float]
"""The cost at one size: values by name, the size first."""


def training() -> Iterator[Point]:
    """Yield seconds, processor time and peak memory of a training over rows."""
    for rows in ROWS:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "corpus.csv"
            varied(rows).to_csv(file, index=False)
            arguments = f"-m training.train --corpus {file} --out {folder}/bundle --no-track".split()
            yield {"rows": rows, **child(arguments)}


def groups() -> Iterator[Point]:
    """Yield seconds and peak memory of finding groups of near-duplicates, over rows."""
    code = (
        "import sys\nfrom tools.bench.growth.processes import varied\n"
        "from data.similarity import near_duplicates\n"
        "frame = varied(int(sys.argv[1]))\n"
        "near_duplicates(frame['message'].tolist(), frame['intent'].tolist())"
    )
    for rows in GROUP_ROWS:
        yield {"rows": rows, **child(["-c", code, str(rows)])}


def clusters() -> Iterator[Point]:
    """Yield seconds and peak memory of clustering queued messages for new intents, over messages."""
    code = (
        "import sys\nfrom chatbot.model import bundle\nfrom tools.bench.figures import BUNDLE\n"
        "from tools.bench.growth.processes import varied\n"
        "from training.review.clusters import MIN_SIMILARITY, join\n"
        "messages = varied(int(sys.argv[1]))['message'].tolist()\n"
        "join(bundle.load(BUNDLE).encoder.encode(messages).vectors, 1 - MIN_SIMILARITY)"
    )
    for messages in QUEUED:
        yield {"messages": messages, **child(["-c", code, str(messages)])}


def compaction() -> Iterator[Point]:
    """Yield the cost of compacting a closed day of the log, uploaded in parts of 5,000 records."""
    for records in COMPACTED:
        with tempfile.TemporaryDirectory() as folder:
            drift_scale.fill(Path(folder), records, datetime.now(UTC) - timedelta(days=3), part=5_000)
            yield {"records": records, **child(["-m", "monitoring.compact"], CHATBOT_STORE_URL=folder)}


def drift() -> Iterator[Point]:
    """Yield the cost of a drift check over records, as `python -m tools.bench.drift.scale` measured it.

    Raises:
        BenchError: it was not measured yet.
    """
    if not drift_scale.FILE.is_file():
        raise BenchError(f"there is no {drift_scale.FILE}: run `python -m tools.bench.drift.scale` first")
    for size in json.loads(drift_scale.FILE.read_text())["sizes"]:
        yield {"records": size["records"], **_cost(size["seconds"], size["cpu"], size["mb"])}


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
    return pd.concat([corpus, more.assign(message=more["message"].map(change))], ignore_index=True)


def child(arguments: Sequence[str], **variables: str) -> Point:
    """Run a Python process; returns its seconds, processor time and the memory of its largest process."""
    used = run_measured(arguments, CACHE / "growth" / "child.log", **variables)
    return _cost(used.seconds, used.processor_seconds, used.peak_mb)


def _cost(seconds: float, processor: float, memory: float) -> Point:
    return {
        "seconds": round(seconds, 1),
        "processor seconds": round(processor, 1),
        "peak memory, MB": round(memory),
    }
