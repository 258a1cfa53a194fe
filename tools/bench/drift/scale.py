"""Measure the drift check's cost from 10,000 to 5 million records: `python -m tools.bench.drift.scale`.

Uses a folder log store with parts of 100,000 rows and one day of records. Each size runs in a separate process and
includes Evidently's report. The largest is counted again by shards, as many at a time as there are cores; a size
above `MOST_WHOLE` (`--size 50000000`, about 5 GB) by shards only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import typer
from rich.console import Console

from chatbot.files import write_file
from chatbot.records.log_store import prefix_of
from chatbot.records.part import Kind, encode
from chatbot.records.schema import Feedback, Record, arrow_schema
from chatbot.settings import StorageSettings
from chatbot.store import open_store
from data.commands import command
from tools.bench.figures import CACHE, commit, markdown
from tools.bench.speed.machine import Machine
from tools.bench.speed.servers import BenchError
from tools.processes import ROOT

FILE = CACHE / "drift-scale.json"
PAGE = ROOT / "docs" / "results.d" / "drift-scale.md"
SIZES = (10_000, 100_000, 1_000_000, 5_000_000)
PART = 100_000
MOST_WHOLE = 5_000_000
"""The most records that one process counts here."""
THUMBS = 0.2
BASELINE = 2_000
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


def fill(folder: Path, records: int, now: datetime | None = None, part: int = PART) -> None:
    """Write one day of records and feedback to a folder store.

    Args:
        now: end of the day; None: the present.
        part: rows of a part.
    """
    for place in range(-(-records // part)):
        _fill_part(folder, min(part, records - place * part), now or datetime.now(UTC), place)


def _fill_part(folder: Path, count: int, now: datetime, place: int) -> None:
    store = open_store(StorageSettings(url=str(folder)))
    made = _records(count, place, now)
    name = f"part-{place:04d}"
    days = made["timestamp"].cast(pa.date32())
    for day in sorted(pc.unique(days).to_pylist()):
        rows = made.filter(pc.equal(days, pa.scalar(day)))
        for kind, table in ((Record, rows), (Feedback, _feedback(rows, place))):
            content = encode(table, [(f"{name}-{day}", table.num_rows)])
            store.put(f"{prefix_of(kind)}day={day}/{name}-{day}.parquet", content)


def _feedback(records: pa.Table, seed: int) -> pa.Table:
    """Create feedback for one answer in five."""
    said = records.filter(pa.array(np.random.default_rng(seed).random(records.num_rows) < THUMBS))
    helpful = pa.array(np.random.default_rng(seed).random(said.num_rows) < 0.9)
    columns = {name: said[name] for name in ("timestamp", "prediction_id", "schema_version")}
    return _table(Feedback, said.num_rows, columns | {"helpful": helpful})


def _table(kind: Kind, rows: int, columns: dict[str, pa.Array]) -> pa.Table:
    """Return a table of a kind; text columns that are not given are empty."""
    schema, empty = arrow_schema(kind), pa.repeat("", rows)
    return pa.table({name: columns.get(name, empty) for name in schema.names}).cast(schema)


def _records(count: int, seed: int, now: datetime) -> pa.Table:
    generator = np.random.default_rng(seed)
    # Ages spread over the window, which moves on during the bench; some of the first part's are older: the baseline.
    age = np.sort(generator.uniform(60, 20 * 3600, count))[::-1]
    if seed == 0:
        age[:BASELINE] += 3600
    when = (now.timestamp() * 1000 - 1000 * age).astype(np.int64)
    words = generator.integers(3, 20, count)
    rows = pa.array(np.arange(count)).cast(pa.string())
    greeting = pc.if_else(pa.array(words > 10), "where is my order", "")
    columns = {
        "timestamp": pa.array(when, pa.timestamp("ms", tz="UTC")),
        "query": pc.binary_join_element_wise(greeting, rows, "thanks", " "),
        "intent": pc.binary_join_element_wise(
            "intent", pa.array(generator.integers(0, 27, count)).cast(pa.string()), "_"
        ),
        "confidence": pa.array(generator.beta(20, 1, count)),
        "prediction_id": pc.binary_join_element_wise(f"{seed:012d}", pc.utf8_lpad(rows, 22, "0"), ""),
        "model_version": pa.repeat("v1", count),
        "source": pa.repeat("model", count),
        "scope": pa.array(generator.beta(8, 2, count)),
        "handoff": pa.array(generator.random(count) < 0.05),
        "alternatives": pa.repeat("{}", count),
        "chars": pa.array((words * 5).astype(np.int32)),
        "words": pa.array(words.astype(np.int32)),
        "non_letter_share": pa.array(generator.beta(1, 30, count)),
        "upper_share": pa.array(generator.beta(1, 30, count)),
        "summary": pa.ListArray.from_arrays(
            np.arange(0, 8 * count + 1, 8, dtype=np.int32),
            generator.normal(size=8 * count).astype(np.float32),
        ),
        "latency_ms": pa.array(generator.random(count)),
        "bundle_digest": pa.repeat("0" * 64, count),
        "schema_version": pa.array(np.ones(count, np.int32)),
    }
    return _table(Record, count, columns)


def _folder_gb(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e9


def _run(scratch: Path, *arguments: str) -> dict[str, float]:
    # The records are of less than a day, and the first run freezes their baseline.
    own = {"CHATBOT_STORE_URL": "store", "CHATBOT_DRIFT_BASELINE_HOURS": "0", "PYTHONPATH": str(ROOT)}
    environment = os.environ | own
    command = [sys.executable, "-c", _RUN, *arguments]
    done = subprocess.run(command, cwd=scratch, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(
            f"a drift check {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}"
        )
    return dict(json.loads(done.stdout.splitlines()[-1]))


@command()
def main(
    sizes: Annotated[list[int] | None, typer.Option("--size", help="A number of records.")] = None,
    shards: Annotated[int, typer.Option(min=1, help="Shards that count the largest size.")] = 4,
) -> None:
    """Measure and write docs/results.d/drift-scale.md; drift-scale-shards.md if all is counted by shards only."""
    console = Console()
    rows, parts, verdicts = [], [], []
    chosen = sorted(sizes or SIZES)
    for size in chosen:
        with tempfile.TemporaryDirectory() as scratch:
            store = Path(scratch) / "store"
            # The first run freezes the baseline: it needs no more than the first part.
            fill(store, size if size <= MOST_WHOLE else PART)
            first, counted = _run(Path(scratch)), size
            if size <= MOST_WHOLE:
                second = _run(Path(scratch))
                counted = int(second["records"])
                rows.append((size, first, second))
                console.print(f"{size:,}: {first}, {second}")
            else:
                with ProcessPoolExecutor(os.cpu_count()) as pool:
                    made = partial(_fill_part, store, PART, datetime.now(UTC))
                    list(pool.map(made, range(1, size // PART)))
                console.print(f"{size:,}: {_folder_gb(store):.1f} GB")
                counted -= BASELINE
            if size == chosen[-1]:
                with ThreadPoolExecutor(os.cpu_count()) as threads:
                    names = [f"{index}/{shards}" for index in range(shards)]
                    parts = list(threads.map(partial(_run, Path(scratch)), names))
                verdicts = [part["records"] for part in parts if "records" in part]
                console.print(f"{size:,} in {shards} shards: {parts}")
                if set(verdicts) != {counted}:
                    raise BenchError(f"the shards counted {verdicts}, expected {counted}")
    headings = ("records", "seconds", "processor seconds", "peak memory", "first run, freezing")
    cells = [
        (f"{size:,}", f"{second['seconds']:.1f}", f"{second['cpu']:.1f}", f"{second['mb']:.0f} MB",
         f"{first['seconds']:.1f} s, {first['mb']:.0f} MB")
        for size, first, second in rows
    ]  # fmt: skip
    counts = [
        (f"{index}/{shards}", f"{each['seconds']:.1f}", f"{each['cpu']:.1f}", f"{each['mb']:.0f} MB")
        for index, each in enumerate(parts)
    ]
    if rows:
        measured = {"sizes": [second | {"records": size} for size, _, second in rows], "shards": parts}
        write_file(FILE, json.dumps(measured) + "\n", sync=False)
    table = markdown(headings, cells) if cells else ""
    options = "".join(f" --size {size}" for size in sizes or ())
    write_file(
        PAGE if rows else PAGE.with_name("drift-scale-shards.md"),
        f"## What the drift check costs{'' if rows else ' in shards'}\n\n"
        f"Command: `python -m tools.bench.drift.scale{options} --shards {shards}` (commit "
        f"`{commit()}`, {Machine.this().describe()}). A log store in a folder, parts of 100,000 rows, a thumb for one "
        f"answer in five; one process, start to verdict, with Evidently's report.\n\n{table}\n"
        f"{chosen[-1]:,} records in {shards} shards, {os.cpu_count()} at a time; the last one merges and reports; all "
        f"counted {verdicts[0]:,} after the baseline's:\n\n"
        f"{markdown(('shard', *headings[1:4]), counts)}",
        sync=False,
    )


if __name__ == "__main__":
    main()
