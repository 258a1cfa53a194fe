"""Run the drift check and write drift.html, drift.json and metrics: `python -m monitoring.drift_report`.

Reads the last window from the log store (or the local CSV files), compares the serving version's records with its
baseline and its bundle's reference, and also writes the report to the store.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

if not __package__:  # run as `python monitoring/drift_report.py`
    sys.path[0] = str(Path(__file__).resolve().parents[1])

    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

import pyarrow as pa
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from chatbot.errors import ChatbotError, SettingError
from chatbot.files import write_file
from chatbot.loop.drift_verdict import DriftVerdict
from chatbot.records.erasure import forgotten
from chatbot.records.shard import WHOLE, Shard
from chatbot.settings import DriftSettings, LogSettings, LoopSettings, ServiceSettings, StorageSettings
from chatbot.store import Store, has_store, layout, open_store
from monitoring.drift.report import metrics
from monitoring.drift.report.page import evidently_report, page
from monitoring.drift.run import DriftResult, check
from monitoring.drift.shards import check_shard
from monitoring.drift.source import choose

HTML, JSON, METRICS = "drift.html", "drift.json", "drift.prom"
COLOURS = {"green": "green", "red": "red", "silent": "yellow"}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class From(StrEnum):
    """Source of the records."""

    AUTO = "auto"
    STORE = "store"
    CSV = "csv"


def report(
    out: Path,
    store: Store | None,
    settings: DriftSettings,
    log: LogSettings,
    service: ServiceSettings,
    read_from: str,
    now: datetime,
    shard: Shard = WHOLE,
    run: str = "",
) -> DriftResult | None:
    """Run the check, or count one shard of it, and write the report to the folder and the store.

    The files in the folder are atomic writes; `reports/drift/latest.json` in the store is written last.

    Args:
        store: store of records, bundles, baselines and reports; None: this machine only.
        read_from: source of the records, a value of `From`.
        now: end of the window.
        shard, run: see `monitoring.drift.shards.check_shard`.

    Returns:
        The outcome, with the verdict's `report` set to the page's key or path; None: another shard is not counted yet,
        and will write the report.

    Raises:
        SettingError: a shard without store or name of the run.
        BundleError: the serving bundle cannot be read.
        OSError: the folder cannot be written, or the log cannot be read.
    """
    if shard.count == 1:
        source = choose(store, log.folder, read_from)
        return _write(out, store, check(source, store, settings, service, log.folder, now))
    if store is None or not run:
        raise SettingError("--shard needs --run and a store (CHATBOT_STORE_URL), where shards meet")
    outcome = check_shard(store, settings, service, log.folder, now, shard, run)
    return _write(out, store, outcome) if outcome is not None else None


def _write(out: Path, store: Store | None, outcome: DriftResult) -> DriftResult:
    key = f"{layout.DRIFT_REPORTS}{outcome.verdict.made:%Y-%m-%dT%H-%M-%SZ}/"
    where = f"{key}{HTML}" if store is not None else str(out / HTML)
    verdict = outcome.verdict.model_copy(update={"report": where})
    evidently = ""
    if outcome.sample is not None and outcome.side is not None:
        _give_back()
        evidently = evidently_report(outcome.sample, outcome.side)
    html = page(verdict, evidently, outcome.notes)
    content = verdict.model_dump_json(indent=1) + "\n"
    write_file(out / HTML, html, sync=False)
    write_file(out / JSON, content, sync=False)
    if store is not None:
        store.put(f"{key}{HTML}", html.encode())
        store.put(f"{key}{JSON}", content.encode())
        # The pointer is written last, so that the files it names exist.
        store.put(layout.DRIFT_VERDICT, content.encode())
        # An erasure that ran before the files were written did not find them.
        if (kept := verdict.without(forgotten(store))) != verdict:
            return _write(out, store, replace(outcome, verdict=kept))
    return replace(outcome, verdict=verdict)


def _give_back() -> None:
    """Return freed memory to the system before Evidently allocates about 200 MB."""
    pa.default_memory_pool().release_unused()
    with contextlib.suppress(OSError, AttributeError):  # C library is not glibc
        ctypes.CDLL(None).malloc_trim(0)


@app.command()
def main(
    out: Annotated[Path, typer.Option(help="The report's folder.")] = Path("monitoring/reports"),
    read_from: Annotated[From, typer.Option("--from", help="Where records are read.")] = From.AUTO,
    fail_on_drift: Annotated[
        bool, typer.Option("--fail-on-drift", help="Exit code 2 on drift, for scripts.")
    ] = False,
    shard: Annotated[
        str,
        typer.Option(metavar="INDEX/COUNT", help="Count only this shard; the last one computes the verdict."),
    ] = "0/1",
    run: Annotated[str, typer.Option(help="Name of the check, the same in all its shards.")] = "",
) -> None:
    """Check the last window for drift. Exit code 0 for any verdict, 1 on failure, 2 on drift with --fail-on-drift."""
    console, now = Console(), datetime.now(UTC)
    gateway, textfile = "", out / METRICS
    try:
        settings = DriftSettings()
        gateway, textfile = LoopSettings().pushgateway, settings.textfile or out / METRICS
        storage = StorageSettings()
        store = open_store(storage) if has_store(storage) else None
        share, log, service = Shard.parse(shard), LogSettings(), ServiceSettings()
        outcome = report(out, store, settings, log, service, read_from.value, now, share, run)
        if outcome is None:
            console.print(Text(f"shard {share} is counted; the last one computes the verdict"))
            return
        show(console, outcome, out)
        _export(console, outcome.verdict, now, gateway, textfile)
    except (ChatbotError, ValidationError, OSError) as error:
        console.print(Text(f"no drift verdict: {error}", style="red"))
        _export(console, None, now, gateway, textfile)
        raise typer.Exit(1) from None
    if fail_on_drift and outcome.verdict.verdict == "red":
        raise typer.Exit(2)


def show(console: Console, outcome: DriftResult, out: Path) -> None:
    """Print the verdict to the terminal."""
    verdict = outcome.verdict
    console.print(Text(f"{verdict.verdict}: {verdict.sentence}", style=COLOURS[verdict.verdict]))
    if verdict.out_of_scope is not None:
        style = "yellow" if verdict.out_of_scope.exceeds else "dim"
        console.print(Text(f"  {verdict.out_of_scope.sentence}", style=style))
    for found in verdict.checks:
        if found.red and found.alarms:
            console.print(Text(f"  {found.name}: {found.sentence}"))
    for example in verdict.contributors.messages[:5]:
        console.print(Text(f"  e.g. {example.message!r} ({example.intent})"))
    for note in outcome.notes:
        console.print(Text(f"  {note}", style="dim"))
    console.print(Text(f"report {out / HTML}, {out / JSON}"))


def _export(console: Console, verdict: DriftVerdict | None, now: datetime, gateway: str, file: Path) -> None:
    """Export the metrics; a failure is printed and does not fail the run."""
    try:
        metrics.export(verdict, now, gateway, file)
    except ChatbotError as error:
        console.print(Text(str(error), style="yellow"))


if __name__ == "__main__":
    app()
