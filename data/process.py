"""`python -m data.process`: check a corpus, fill its placeholders, group near-duplicates, and write it for training."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

if not __package__:  # run as `python data/process.py`
    sys.path[0] = str(Path(__file__).resolve().parents[1])

    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.checks import Report
from data.columns import Columns, takes_columns
from data.commands import command
from data.declarations import DECLARED_FILE, write_declared
from data.errors import CorpusError, problems_table
from data.loading import load_checked
from data.params import DEFAULT_FILE
from data.processing import CORPUS_FILE, ProcessParams, process, write


@command()
@takes_columns()
def main(
    columns: Columns,
    corpus: Annotated[
        Path, typer.Argument(help="A file, folder or export of any format in docs/corpus.md.")
    ] = Path("data/corpus"),
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("data/processed"),
    params: Annotated[
        Path, typer.Option(help="A params.yaml; its section `process` is read.")
    ] = DEFAULT_FILE,
    seed: Annotated[int | None, typer.Option(help="Of the placeholders' values.")] = None,
    similarity: Annotated[float | None, typer.Option(help="The cosine of near-duplicates.")] = None,
    strict: Annotated[bool, typer.Option(help="The same message under two labels is an error.")] = False,
) -> None:
    """Convert a corpus to training input: corpus.parquet and report.json."""
    console = Console(stderr=True)
    try:
        settings = ProcessParams.read(params, {"seed": seed, "similarity": similarity})
        with console.status(Text(f"reading {corpus}")):
            checked, processed = run(corpus, out, settings, strict=strict, columns=columns)
    except CorpusError as error:
        console.print(*problems_table(list(error.problems), []))
        count = f"{len(error.problems):,} error{'s' if len(error.problems) > 1 else ''}"
        console.print(Text(f"{count} in {corpus}: nothing was written", style="red"))
        raise typer.Exit(1) from None
    console.print(checked)
    Console().print(_summary(corpus, out, checked, processed))


def run(
    corpus: Path, out: Path, params: ProcessParams, *, strict: bool = False, columns: Columns | None = None
) -> tuple[Report, pd.DataFrame]:
    """Process a corpus from file to files; see `main`.

    Raises: CorpusError: the corpus has errors, all of them listed; nothing was written.
    """
    loaded, checked = load_checked(corpus, columns, strict=strict)
    processed = process(loaded.table, params)
    write(processed, checked, params, out)
    write_declared(out / DECLARED_FILE, loaded.declared)
    return checked, processed


def _summary(corpus: Path, out: Path, checked: Report, processed: pd.DataFrame) -> Table:
    summary = Table(title=Text(f"{corpus} -> {out}"), show_header=False, min_width=60)
    rows = {
        "rows": f"{checked.rows:,} ({checked.duplicates:,} exact duplicates, kept)",
        "intents": f"{checked.intents} in {checked.categories} categories",
        "out of scope": f"{checked.out_of_scope:,} rows",
        "groups": f"{processed['group'].nunique():,} of near-duplicates",
        "warnings": str(len(checked.warnings)),
        "result": str(out / CORPUS_FILE),
    }
    for name, value in rows.items():
        summary.add_row(name, Text(value))
    return summary


if __name__ == "__main__":
    main()
