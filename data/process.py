"""`python -m data.process`: check a corpus, fill its placeholders, split it, and write it for training."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

if not __package__:  # run as `python data/process.py`
    sys.path[0] = str(Path(__file__).resolve().parents[1])

if __name__ == "__main__":
    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.checks import Report
from data.columns import Columns, takes_columns
from data.commands import reports_errors
from data.declarations import DECLARED_FILE, write_declared
from data.errors import CorpusError, Problem, problems_table
from data.loading import load_checked
from data.params import DEFAULT_FILE
from data.processing import (
    CORPUS_FILE,
    LEFT_OUT_FILE,
    SPLITS_FILE,
    Processed,
    ProcessParams,
    process,
    read_params,
    read_splits,
    untrained,
    write,
)
from data.splitting import PARTS

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@reports_errors()
@takes_columns("message", "intent", "category", "header", "labels_as_written", "encoding")
def main(
    columns: Columns,
    corpus: Annotated[
        Path, typer.Argument(help="A file, folder or export of any format in docs/corpus.md.")
    ] = Path("data/corpus"),
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("data/processed"),
    params: Annotated[
        Path, typer.Option(help="A params.yaml; its section `process` is read.")
    ] = DEFAULT_FILE,
    seed: Annotated[int | None, typer.Option(help="Of the fillings and of new groups' parts.")] = None,
    test_share: Annotated[float | None, typer.Option(help="The share of new groups that go to test.")] = None,
    similarity: Annotated[float | None, typer.Option(help="The cosine of near-duplicates.")] = None,
    splits: Annotated[
        Path | None, typer.Option(help="Parts given earlier, kept as they are; default: <out>/splits.csv.")
    ] = None,
    strict: Annotated[bool, typer.Option(help="The same message under two labels is an error.")] = False,
) -> None:
    """Convert a corpus to training input: corpus.parquet, splits.csv, left_out.csv and report.json."""
    console = Console(stderr=True)
    given = {"seed": seed, "test_share": test_share, "similarity": similarity}
    try:
        settings = read_params(params, given)
        checked, done = run(
            corpus,
            out,
            settings,
            earlier_splits=splits,
            strict=strict,
            columns=columns,
            console=console,
        )
    except CorpusError as error:
        console.print(*problems_table(list(error.problems), []))
        count = f"{len(error.problems):,} error{'s' if len(error.problems) > 1 else ''}"
        console.print(Text(f"{count} in {corpus}: nothing was written", style="red"))
        raise typer.Exit(1) from None
    console.print(checked)
    Console().print(_summary(corpus, out, checked, done))


def run(
    corpus: Path,
    out: Path,
    params: ProcessParams,
    *,
    earlier_splits: Path | None = None,
    strict: bool = False,
    columns: Columns | None = None,
    console: Console | None = None,
) -> tuple[Report, Processed]:
    """Process a corpus from file to files; see `main`.

    Raises:
        CorpusError: the corpus has errors, all of them listed; nothing was written.
    """
    console = console or Console(quiet=True)
    with console.status(Text(f"reading {corpus}")):
        loaded, checked = load_checked(corpus, columns, strict=strict)
        if earlier_splits is not None and not earlier_splits.is_file():
            raise CorpusError([Problem(str(earlier_splits), None, "no such file (--splits)")])
        earlier = read_splits(earlier_splits or out / SPLITS_FILE)
    frame = loaded.table
    with console.status(f"splitting {len(frame):,} rows by near-duplicates"):
        done = process(frame, params, earlier)
    for intent in untrained(done.corpus):
        reason = f"intent {intent!r} has no row in train any more: those it had are gone; add new ones"
        checked.warnings.append(Problem("", None, reason))
    write(done, checked, params, out)
    write_declared(out / DECLARED_FILE, loaded.declared)
    return checked, done


def _summary(corpus: Path, out: Path, checked: Report, done: Processed) -> Table:
    summary = Table(title=Text(f"{corpus} -> {out}"), show_header=False, min_width=60)
    parts = ", ".join(f"{(done.corpus['part'] == part).sum():,} {part}" for part in PARTS)
    rows = {
        "rows": f"{checked.rows:,} ({checked.duplicates:,} exact duplicates, kept)",
        "intents": f"{checked.intents} in {checked.categories} categories",
        "out of scope": f"{checked.out_of_scope:,} rows",
        "groups": f"{done.corpus['group'].nunique():,} of near-duplicates",
        "parts": f"{parts}; {done.new_rows:,} rows new, the others where they were",
        "left out": f"{len(done.left_out):,} rows that link train and test"
        + (f": {out / LEFT_OUT_FILE}" if len(done.left_out) else ""),
        "warnings": str(len(checked.warnings)),
        "result": str(out / CORPUS_FILE),
    }
    for name, value in rows.items():
        summary.add_row(name, Text(value))
    return summary


if __name__ == "__main__":
    app()
