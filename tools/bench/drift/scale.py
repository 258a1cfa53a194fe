"""Measure the drift check's cost from 10,000 to 5 million records: `python -m tools.bench.drift.scale`.

Uses a folder log store with parts of 100,000 rows and one day of records. Each size runs in a separate process and
includes Evidently's report. The largest is counted again by shards, one after the other.
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
from data.commands import reports_errors
from tools.bench.figures import CACHE, commit, markdown
from tools.bench.speed.machine import Machine
from tools.bench.speed.servers import BenchError
from tools.processes import ROOT

FILE = CACHE / "drift-scale.json"
SIZES = (10_000, 100_000, 1_000_000, 5_000_000)
PART = 100_000
SHARDS = 4
THUMBS = 0.2

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_RUN = """
import json, resource, sys, time
from pathlib import Path
from datetime import UTC, datetime
from chatbot.records.shard import Shard
from chatbot.settings import DriftSettings, LogSettings, ServiceSettings, StorageSettings
from chatbot.store import open_store
from monitoring.drift_report import report
began = time.monotonic()
out, store, settings, now = Path("out"), open_store(StorageSettings()), DriftSettings(), datetime.now(UTC)
shard = Shard.parse(sys.argv[1]) if sys.argv[1:] else Shard()
done = report(out, store, settings, LogSettings(), ServiceSettings(), "store", now, shard, "bench")
seconds = time.monotonic() - began
usage = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss: it starts with the parent's.
[peak] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
used = {"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "mb": int(peak.split()[1]) / 1024}
verdict = {"records": done.verdict.window.records, "verdict": done.verdict.verdict} if done else {}
print(json.dumps(used | verdict))
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


def _run(scratch: Path, *arguments: str) -> dict[str, float]:
    environment = os.environ | {"CHATBOT_STORE_URL": "store", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", _RUN, *arguments]
    done = subprocess.run(command, cwd=scratch, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(
            f"a drift check {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}"
        )
    return dict(json.loads(done.stdout.splitlines()[-1]))


@app.command()
@reports_errors()
def main(
    sizes: Annotated[list[int] | None, typer.Option("--size", help="A number of records.")] = None,
    out: Annotated[Path, typer.Option(help="The page.")] = ROOT / "docs" / "results.d" / "drift-scale.md",
) -> None:
    """Measure and write docs/results.d/drift-scale.md."""
    console = Console()
    rows, shards = [], []
    chosen = sorted(sizes or SIZES)
    for size in chosen:
        with tempfile.TemporaryDirectory() as scratch:
            fill(Path(scratch) / "store", size)
            first, second = _run(Path(scratch)), _run(Path(scratch))  # the first run freezes the baseline
            rows.append((size, first, second))
            console.print(f"{size:,}: {first}, {second}")
            if size == chosen[-1]:
                shards = [_run(Path(scratch), f"{index}/{SHARDS}") for index in range(SHARDS)]
                console.print(f"{size:,} in {SHARDS} shards: {shards}")
                if shards[-1]["records"] != second["records"]:
                    raise BenchError(
                        f"the shards counted {shards[-1]['records']}, one process {second['records']}"
                    )
    headings = ("records", "seconds", "processor seconds", "peak memory", "first run, freezing")
    cells = [
        (f"{size:,}", f"{second['seconds']:.1f}", f"{second['cpu']:.1f}", f"{second['mb']:.0f} MB",
         f"{first['seconds']:.1f} s, {first['mb']:.0f} MB")
        for size, first, second in rows
    ]  # fmt: skip
    parts = [
        (f"{index}/{SHARDS}", f"{each['seconds']:.1f}", f"{each['cpu']:.1f}", f"{each['mb']:.0f} MB")
        for index, each in enumerate(shards)
    ]
    measured = {"sizes": [second | {"records": size} for size, _, second in rows], "shards": shards}
    write_file(FILE, json.dumps(measured) + "\n", sync=False)
    write_file(
        out,
        "## What the drift check costs\n\n"
        f"Command: `python -m tools.bench.drift.scale{''.join(f' --size {size}' for size in sizes or ())}` (commit "
        f"`{commit()}`, {Machine.this().describe()}). A log store in a folder, parts of 100,000 rows, a thumb for one "
        f"answer in five; one process, start to verdict, with Evidently's report.\n\n{markdown(headings, cells)}\n"
        f"{chosen[-1]:,} records in {SHARDS} shards, one after the other; the last one merges and reports:\n\n"
        f"{markdown(('shard', *headings[1:4]), parts)}",
        sync=False,
    )


if __name__ == "__main__":
    app()
