"""`python -m training.evaluate`: score any bundle on any labelled corpus, as a table or as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

if not __package__:  # run as `python training/evaluate.py`
    sys.path[0] = str(Path(__file__).resolve().parents[1])

    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

import typer
from rich.console import Console

from chatbot.model import bundle as bundles
from data.columns import Columns, takes_columns
from data.commands import command
from training.corpus.reading import read_labelled
from training.model.distinct import distinct_groups, weights
from training.model.evaluation.outcome import evaluate, full_report
from training.model.report import print_report
from training.progress import Steps


@command()
@takes_columns()
def main(
    columns: Columns,
    bundle: Annotated[Path, typer.Option(help="The bundle's folder.")] = Path("models/current"),
    corpus: Annotated[
        Path, typer.Option(help="A CSV, TSV, JSONL or Parquet file with labels, or a folder of YAML files.")
    ] = Path("data/corpus"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON to standard output, and no table.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the JSON to this file as well.")] = None,
) -> None:
    """Score a bundle on a labelled corpus: `out_of_scope` rows belong to no intent, all others to the one they name."""
    console = Console(stderr=True)
    loaded = bundles.load(bundle)
    rows = read_labelled(corpus, columns, loaded.manifest.labels)
    messages, labels = rows["message"].tolist(), rows["intent"].tolist()
    with Steps(console) as steps, steps.count("encode", len(messages)) as advance:
        weight = weights(distinct_groups(messages))
        outcome = evaluate(loaded, messages, labels, advance=advance, weight=weight)
    report = full_report(loaded, outcome, messages, rows["category"].tolist())
    text = json.dumps(report, indent=2, ensure_ascii=False)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
    if as_json:
        typer.echo(text)
    else:
        print_report(Console(), f"{bundle} on {corpus}", report)


if __name__ == "__main__":
    main()
