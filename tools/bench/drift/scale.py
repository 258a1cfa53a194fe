"""Measure the drift check's cost from 10,000 to 5 million records: `python -m tools.bench.drift.scale`.

Uses a folder log store with parts of 100,000 rows and one day of records. Each size runs in a separate process and
includes Evidently's report.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import typer
from rich.console import Console

from chatbot.files import write_file
from chatbot.records.log_store import prefix_of
from chatbot.records.part import Kind, encode
from chatbot.records.schema import Feedback, Record, arrow_schema
from chatbot.settings import StorageSettings
from chatbot.store import open_store
from tools.bench.figures import CACHE, commit, markdown
from tools.bench.speed.machine import Machine
from tools.bench.speed.servers import ROOT

FILE = CACHE / "drift-scale.json"
SIZES = (10_000, 100_000, 1_000_000, 5_000_000)
PART = 100_000
THUMBS = 0.2

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_RUN = """
import json, resource, time
from pathlib import Path
from datetime import UTC, datetime
from chatbot.settings import DriftSettings, LogSettings, ServiceSettings, StorageSettings
from chatbot.store import open_store
from monitoring.drift_report import report
began = time.monotonic()
store = open_store(StorageSettings())
done = report(Path("out"), store, DriftSettings(), LogSettings(), ServiceSettings(), "store", datetime.now(UTC))
seconds = time.monotonic() - began
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "mb": usage.ru_maxrss / 1024,
                  "records": done.verdict.window.records, "verdict": done.verdict.verdict}))
"""


def fill(folder: Path, records: int) -> None:
    """Write one day of records and feedback to a folder store."""
    store = open_store(StorageSettings(url=str(folder)))
    now = datetime.now(UTC)
    for place, start in enumerate(range(0, records, PART)):
        count = min(PART, records - start)
        table = _records(count, place, now)
        name = f"part-{place:04d}"
        days = table["timestamp"].to_pylist()
        for day in sorted({when.date() for when in days}):
            rows = table.filter(pa.array([when.date() == day for when in days]))
            for kind, part in ((Record, rows), (Feedback, _feedback(rows, place))):
                content = encode(part, [(f"{name}-{day}", part.num_rows)])
                store.put(f"{prefix_of(kind)}day={day}/{name}-{day}.parquet", content)


def _feedback(records: pa.Table, seed: int) -> pa.Table:
    """Create feedback for one answer in five."""
    said = records.filter(pa.array(np.random.default_rng(seed).random(records.num_rows) < THUMBS))
    helpful = pa.array(np.random.default_rng(seed).random(said.num_rows) < 0.9)
    columns = {name: said[name] for name in ("timestamp", "prediction_id", "schema_version")}
    return _table(Feedback, said.num_rows, columns | {"helpful": helpful})


def _table(kind: Kind, rows: int, columns: dict[str, pa.Array]) -> pa.Table:
    """Return a table of a kind; text columns that are not given are empty."""
    schema, empty = arrow_schema(kind), pa.array([""] * rows)
    return pa.table({name: columns.get(name, empty) for name in schema.names}).cast(schema)


def _records(count: int, seed: int, now: datetime) -> pa.Table:
    generator = np.random.default_rng(seed)
    # Ages spread over the window; the first part's are slightly older: it becomes the baseline.
    age = np.sort(generator.uniform(60, 23.9 * 3600, count))[::-1]
    if seed == 0:
        age[:2_000] += 3600
    when = [int((now - timedelta(seconds=float(a))).timestamp() * 1000) for a in age]
    words = generator.integers(3, 20, count)
    ids = [f"{seed:012d}{row:022d}" for row in range(count)]
    columns = {
        "timestamp": pa.array(when, pa.timestamp("ms", tz="UTC")),
        "query": pa.array(
            [f"{'where is my order' * int(w > 10)} {row} thanks" for row, w in enumerate(words)]
        ),
        "intent": pa.array([f"intent_{i}" for i in generator.integers(0, 27, count)]),
        "confidence": pa.array(generator.beta(20, 1, count)),
        "prediction_id": pa.array(ids),
        "model_version": pa.array(["v1"] * count),
        "source": pa.array(["model"] * count),
        "scope": pa.array(generator.beta(8, 2, count)),
        "handoff": pa.array(generator.random(count) < 0.05),
        "alternatives": pa.array(["{}"] * count),
        "chars": pa.array((words * 5).astype(np.int32)),
        "words": pa.array(words.astype(np.int32)),
        "non_letter_share": pa.array(generator.beta(1, 30, count)),
        "upper_share": pa.array(generator.beta(1, 30, count)),
        "summary": pa.array(
            list(generator.normal(size=(count, 8)).astype(np.float32)), pa.list_(pa.float32())
        ),
        "latency_ms": pa.array(generator.random(count)),
        "bundle_digest": pa.array(["0" * 64] * count),
        "schema_version": pa.array(np.ones(count, np.int32)),
    }
    return _table(Record, count, columns)


@app.command()
def main(
    sizes: Annotated[list[int] | None, typer.Option("--size", help="A number of records.")] = None,
    out: Annotated[Path, typer.Option(help="The page.")] = ROOT / "docs" / "results.d" / "drift-scale.md",
) -> None:
    """Measure and write docs/results.d/drift-scale.md."""
    console = Console()
    rows = []
    for size in sizes or SIZES:
        with tempfile.TemporaryDirectory() as scratch:
            fill(Path(scratch) / "store", size)
            environment = os.environ | {"CHATBOT_STORE_URL": "store", "PYTHONPATH": str(ROOT)}
            command = [sys.executable, "-c", _RUN]
            runs = []
            for _ in range(2):  # the first run freezes the baseline
                done = subprocess.run(
                    command, cwd=scratch, env=environment, capture_output=True, text=True, check=True
                )
                runs.append(json.loads(done.stdout.splitlines()[-1]))
            rows.append((size, *runs))
            console.print(f"{size:,}: {runs}")
    headings = ("records", "seconds", "processor seconds", "peak memory", "first run, freezing")
    cells = [
        (f"{size:,}", f"{second['seconds']:.1f}", f"{second['cpu']:.1f}", f"{second['mb']:.0f} MB",
         f"{first['seconds']:.1f} s, {first['mb']:.0f} MB")
        for size, first, second in rows
    ]  # fmt: skip
    sizes = [second | {"records": size} for size, _, second in rows]
    write_file(FILE, json.dumps({"sizes": sizes}) + "\n", sync=False)
    write_file(
        out,
        "## What the drift check costs\n\n"
        f"Command: `python -m tools.bench.drift.scale` (commit `{commit()}`, {Machine.this().describe()}). A log store "
        "in a folder, parts of 100,000 rows, a thumb for one answer in five; one process, start to verdict, with "
        f"Evidently's report.\n\n{markdown(headings, cells)}",
        sync=False,
    )


if __name__ == "__main__":
    app()
