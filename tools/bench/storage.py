"""Measure the latency cost of uploading to the store, and the log store's read speed and memory.

python -m tools.bench.storage shipping [--store URL --endpoint URL]     about three minutes
python -m tools.bench.storage cost [--rows 20000]                       half a minute
python -m tools.bench.storage scan [--rows 1000000]                     about two minutes

`scan` writes records of real messages (`real_messages`), spread over ten days, and reads them in a separate process,
whose peak memory is reported. It uses a separate prefix of the store that CHATBOT_STORE_URL names, or a folder in
`.cache`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Annotated

import pyarrow as pa
import typer

from chatbot.dialog.router import Alternative, Prediction, Reply
from chatbot.ids import new_id
from chatbot.records.log_store import read_records, scan
from chatbot.records.part import encode, to_table
from chatbot.records.schema import Record
from chatbot.settings import LogSettings, StorageSettings, UploadSettings
from chatbot.store import layout, open_store
from monitoring.inference_log.log import InferenceLog
from monitoring.inference_log.uploader import Uploader
from monitoring.upkeep.compaction import compact
from tools.bench.child import run_measured
from tools.bench.figures import BUNDLE, CACHE
from tools.bench.speed.expected import real_messages
from tools.bench.speed.load import generate
from tools.bench.speed.servers import BenchError
from tools.bench.speed.sides import service_side
from tools.processes import ROOT

DAYS = 10
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
NUMBERS = ("timestamp", "intent", "confidence", "scope", "source", "handoff", "chars", "words", "summary")
"""Roughly the columns that a drift check reads."""

_PART_ROWS = 20_000
_KEY = b"k" * 32
_WINDOW_SECONDS, _WARMUP_SECONDS = 8.0, 2.0
_DISTINCT = 4_000

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def shipping(
    store: Annotated[str, typer.Option(help="Where to ship; by default a folder.")] = "",
    endpoint: Annotated[str, typer.Option(help="Where S3 answers.")] = "",
    every: Annotated[float, typer.Option(help="Seconds until a part is sent; 300 is the default.")] = 4.0,
    rounds: int = 3,
) -> None:
    """Compare p50 latency and throughput of the answer path with and without upload to the store."""
    messages, _ = real_messages()
    # Expected answers are computed in advance, one message at a time: that takes longer than the windows.
    side = service_side(BUNDLE, messages[:_DISTINCT])
    with_store = {
        "CHATBOT_STORE_URL": store or str(CACHE / "store"),
        "CHATBOT_STORE_ENDPOINT": endpoint,
        "CHATBOT_UPLOAD_PART_SECONDS": str(every),
    }
    environments = {"without": {"CHATBOT_STORE_URL": "none"}, "with": with_store}
    ratios: dict[tuple[int, str], list[float]] = {}
    for number in range(rounds):
        found: dict[tuple[str, int], tuple[float, float, float]] = {}
        # Alternate the order, so that neither always runs on the warmer machine.
        for name in sorted(environments, reverse=bool(number % 2)):
            own = replace(side, environment={**side.environment, **environments[name]})
            with own.running() as server:
                questions = cycle(own.questions(server.port))
                for connections in (1, 16):
                    load = generate(
                        server.port,
                        list(islice(questions, 6_000 if connections == 1 else 18_000)),
                        connections,
                        _WINDOW_SECONDS,
                        _WARMUP_SECONDS,
                    )
                    if load.errors:
                        raise BenchError(f"{name}, {connections} connections: {dict(load.errors)}")
                    found[name, connections] = load.percentile(50), load.percentile(99), load.per_second
        for connections in (1, 16):
            ours, theirs = found["with", connections], found["without", connections]
            for what, one, other in zip(("p50", "p99", "per second"), ours, theirs, strict=True):
                ratios.setdefault((connections, what), []).append(one / other)
    for (connections, what), values in ratios.items():
        each = ", ".join(f"{value:.2f}" for value in values)
        typer.echo(
            f"{connections:>3} connections, {what}, with / without: {median(values):.2f} (rounds: {each})"
        )


@app.command()
def cost(rows: int = 20_000) -> None:
    """Measure the processor time of uploading a part, process start and exit included."""
    folder = CACHE / "cost"
    shutil.rmtree(folder, ignore_errors=True)
    messages, _ = real_messages()
    log, ship = LogSettings(folder=folder / "log"), UploadSettings(part_seconds=1e6, part_rows=10**9)
    where = {"CHATBOT_LOG_FOLDER": str(log.folder), "CHATBOT_STORE_URL": str(folder / "store")}
    for count in (1, rows):
        writer = InferenceLog(log, shipper=Uploader(log, ship, StorageSettings(url="none")))
        made = list(records(messages, count, FIRST_DAY))
        for start in range(0, count, 500):
            writer.append(made[start : start + 500])
        writer.drain()
        used = run_measured(["-m", "monitoring.ship", "--all"], folder / "ship.log", **where)
        seconds = used.processor_seconds
        typer.echo(
            f"{count:,} records: {seconds:.2f} s of one core, {1e6 * seconds / count:,.0f} us a record"
        )
    shutil.rmtree(folder, ignore_errors=True)


@app.command("scan")
def scan_speed(rows: int = 1_000_000) -> None:
    """Write records, read them in every way, compact them, and read again."""
    folder = CACHE / "scan"
    shutil.rmtree(folder, ignore_errors=True)
    url = os.environ.get("CHATBOT_STORE_URL") or str(folder)
    began = time.perf_counter()
    size, parts = _write(StorageSettings(url=url), rows)
    typer.echo(
        f"{rows:,} records in {parts} parts, {size / 1e6:.0f} MB ({size / rows:.0f} bytes each), "
        f"written in {time.perf_counter() - began:.0f} s"
    )
    for how in ("numbers", "all", "records"):
        _read(url, how)
    began = time.perf_counter()
    done = compact(open_store(StorageSettings(url=url)), FIRST_DAY + timedelta(days=DAYS + 2))
    typer.echo(
        f"compacted to {len(done.made)} parts in {time.perf_counter() - began:.0f} s, "
        f"peak {_peak_mb():.0f} MB with the writing before it"
    )
    _read(url, "numbers")
    shutil.rmtree(folder, ignore_errors=True)


@app.command(hidden=True)
def read(url: str, how: str) -> None:
    """Read in one way and print JSON; run as a separate process by `scan`."""
    store = open_store(StorageSettings(url=url))
    until = FIRST_DAY + timedelta(days=DAYS)
    began, count = time.perf_counter(), 0
    idle = _peak_mb()
    if how == "records":
        for _ in read_records(store, FIRST_DAY, FIRST_DAY + timedelta(days=1)):
            count += 1
    else:
        for table in scan(store, Record, FIRST_DAY, until, NUMBERS if how == "numbers" else None):
            count += table.num_rows
    seconds = time.perf_counter() - began
    typer.echo(json.dumps({"rows": count, "seconds": seconds, "peak_mb": _peak_mb(), "idle_mb": idle}))


def _read(url: str, how: str) -> None:
    command = [sys.executable, "-m", "tools.bench.storage", "read", url, how]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    told = json.loads(output)
    names = {
        "numbers": f"scan of {len(NUMBERS)} columns",
        "all": "scan of all columns",
        "records": "read_records of one day",
    }
    typer.echo(
        f"{names[how]}: {told['rows']:,} rows in {told['seconds']:.1f} s "
        f"({told['rows'] / told['seconds']:,.0f} a second), peak {told['peak_mb']:.0f} MB "
        f"({told['idle_mb']:.0f} MB before the first row)"
    )


def _peak_mb() -> float:
    """Return this process's own peak memory in MB: `getrusage` starts with the parent's."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def _write(settings: StorageSettings, rows: int) -> tuple[int, int]:
    store, size, parts = open_store(settings), 0, 0
    messages, _ = real_messages()
    for day in range(DAYS):
        begin = FIRST_DAY + timedelta(days=day)
        # All parts of a day have the same messages with other ids and times: redacting a million takes minutes.
        template = to_table(Record, records(messages, min(_PART_ROWS, rows // DAYS), begin))
        for part, start in enumerate(range(0, rows // DAYS, _PART_ROWS)):
            table = template.slice(0, min(_PART_ROWS, rows // DAYS - start))
            table = _with_ids(table, begin, part)
            content = encode(table, [(f"replica-{part:04d}", table.num_rows)])
            store.put(layout.part(layout.LOG, begin.date(), f"replica-{part:04d}"), content)
            size, parts = size + len(content), parts + 1
    return size, parts


def records(messages: list[str], count: int, begin: datetime) -> Iterator[Record]:
    """Yield records of real messages, ten a second."""
    for number in range(count):
        likely = [Alternative(f"intent_{number % 27}", 0.5 + number % 500 / 1000), Alternative("other", 0.05)]
        summary = [((number * 7919 + k * 104729) % 10_007) / 10_007 - 0.5 for k in range(8)]
        prediction = Prediction(likely, 1.0 + number % 900 / 1000, summary)
        reply = Reply(likely[0].intent, "", likely[0].confidence, "model", prediction=prediction)
        when = new_id(_KEY, begin.timestamp() + number / 10)
        yield Record.of(reply, messages[number % len(messages)], when, model_version="0123456789ab")


def _with_ids(table: pa.Table, begin: datetime, part: int) -> pa.Table:
    ids = [new_id(_KEY, begin.timestamp() + part * 100 + number / 1000) for number in range(table.num_rows)]
    at = table.schema.get_field_index("prediction_id")
    return table.set_column(at, table.schema.field(at), pa.array(ids))


if __name__ == "__main__":
    app()
