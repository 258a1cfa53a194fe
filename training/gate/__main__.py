"""Compare a challenger with the champion: `python -m training.gate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from data.columns import Columns, takes_columns
from data.commands import command
from data.processing import read_processed
from training.corpus.reading import read_labelled
from training.gate.behaviour_tests import SHIPPED, read_behaviours
from training.gate.judge import judge_corpora, judge_folders, mark_new
from training.gate.params import GateParams
from training.gate.report.render import print_verdict, write_verdict

REFUSED = 3
"""Exit code of the command when the challenger is refused."""


@command()
@takes_columns()
def main(
    columns: Columns,
    challenger: Annotated[Path, typer.Option(help="The bundle that may take over.")],
    champion: Annotated[
        Path | None, typer.Option(help="The bundle that serves; none: a first version.")
    ] = None,
    corpus: Annotated[
        Path,
        typer.Option(
            help="The challenger's processed corpus, or any labelled corpus of which neither learned."
        ),
    ] = Path("data/processed/corpus.parquet"),
    earlier: Annotated[
        Path | None, typer.Option(help="The champion's processed corpus; default: the challenger's.")
    ] = None,
    out: Annotated[Path, typer.Option(help="A folder for gate.json and gate.html.")] = Path("models/gate"),
    behaviours: Annotated[Path, typer.Option(help="Behavioural tests.")] = SHIPPED,
    params: Annotated[Path, typer.Option(help="A params.yaml; its section `gate` is read.")] = Path(
        "params.yaml"
    ),
) -> None:
    """Judge a challenger. Exit code 0: accepted; 3: refused; 1: error, not judged."""
    rows = read_labelled(corpus, columns)
    before = None if earlier is None else read_processed(earlier)
    bounds, tests = GateParams.read(params), read_behaviours(behaviours)
    if "group" in rows:
        verdict = judge_corpora(champion, challenger, before, rows, params=bounds, behaviours=tests)
    else:
        marked = mark_new(rows, before)
        verdict = judge_folders(champion, challenger, marked, params=bounds, behaviours=tests)
    write_verdict(verdict, out)
    print_verdict(Console(), verdict, out)
    if not verdict.passed:
        raise typer.Exit(REFUSED)


if __name__ == "__main__":
    main()
