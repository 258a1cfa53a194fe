"""Curves of offline steps, each a process of its own: training, groups, clusters, compaction, drift check."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from tools.bench.child import run_measured
from tools.bench.drift import scale as drift_scale
from tools.bench.figures import CACHE
from tools.bench.growth.curves import Curve, Point, Step
from tools.bench.quality.corpora import bitext
from tools.bench.speed.servers import BenchError

ROWS = (1_000, 3_000, 9_000, 27_000, 270_000)
GROUP_ROWS = (10_000, 30_000, 100_000, 270_000)
QUEUED = (500, 1_000, 2_000, 3_000)
_VARIED = "rows of Bitext, beyond its 26,872 with other words in them; 27 intents"
COMPACTED = (100_000, 300_000, 1_000_000)


def training(step: Step) -> Curve:
    """Seconds, processor time and peak memory of a training over rows."""
    points = []
    for rows in ROWS:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "corpus.csv"
            varied(rows).to_csv(file, index=False)
            arguments = f"-m training.train --corpus {file} --out {folder}/bundle --no-track".split()
            points.append(Point(rows, child(arguments)))
        step(f"training on {rows:,} rows")
    return Curve("Training over rows", "rows", tuple(points), _VARIED)


def groups(step: Step) -> Curve:
    """Seconds and peak memory of finding groups of near-duplicates, over rows."""
    code = (
        "import sys, random\nfrom tools.bench.growth.processes import varied\n"
        "from data.similarity import near_duplicates\n"
        "frame = varied(int(sys.argv[1]))\n"
        "near_duplicates(frame['message'].tolist(), frame['intent'].tolist())"
    )
    points = _grown(code, GROUP_ROWS, "near-duplicates", step)
    return Curve("Near-duplicate groups over rows", "rows", points, _VARIED)


def clusters(step: Step) -> Curve:
    """Seconds and peak memory of clustering queued messages for new intents, over messages."""
    code = (
        "import sys\nfrom chatbot.model import bundle\nfrom tools.bench.figures import BUNDLE\n"
        "from tools.bench.growth.processes import varied\n"
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
            points.append(Point(records, child(["-m", "monitoring.compact"], CHATBOT_STORE_URL=folder)))
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


def _grown(code: str, sizes: Sequence[int], name: str, step: Step) -> tuple[Point, ...]:
    """Run Python code, which takes a size as its argument, in a process per size."""
    points = []
    for size in sizes:
        points.append(Point(size, child(["-c", code, str(size)])))
        step(f"{name}: {size:,}")
    return tuple(points)


def child(arguments: Sequence[str], **variables: str) -> dict[str, float]:
    """Run a Python process; returns its seconds, processor time and the memory of its largest process."""
    used = run_measured(arguments, CACHE / "growth" / "child.log", **variables)
    return {
        "seconds": round(used.seconds, 1),
        "processor seconds": round(used.processor_seconds, 1),
        "peak memory, MB": round(used.peak_mb),
    }
