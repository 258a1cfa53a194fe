"""`python -m training.train`: train a bundle on a corpus, evaluate it, record the run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

if not __package__:  # run as `python training/train.py`
    sys.path[0] = str(Path(__file__).resolve().parents[1])

    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

import typer
from rich.console import Console
from rich.text import Text

from chatbot.settings import TrackingSettings
from data.columns import Columns, takes_columns
from data.commands import command
from data.processing import ProcessParams
from training.corpus.reading import read
from training.labels.report.render import PAGE_FILE, write_findings
from training.model.params import TrainParams
from training.model.report import print_trained
from training.model.train import train
from training.progress import Steps
from training.tracking.training_run import record_training


@command()
@takes_columns()
def main(
    columns: Columns,
    corpus: Annotated[
        Path,
        typer.Option(help="A processed corpus, or a file, folder or export of any format in docs/corpus.md."),
    ] = Path("data/processed/corpus.parquet"),
    out: Annotated[Path, typer.Option(help="The bundle's folder.")] = Path("models/current"),
    rules: Annotated[Path, typer.Option(help="The rules.yaml that the bundle carries.")] = Path(
        "data/corpus/rules.yaml"
    ),
    replies: Annotated[
        Path | None,
        typer.Option(
            help="Replies: YAML `intent: text`, CSV, a Rasa domain or a corpus folder. Default: the corpus's own."
        ),
    ] = None,
    params: Annotated[
        Path, typer.Option(help="A params.yaml; its sections `process` and `train` are read.")
    ] = Path("params.yaml"),
    encoder: Annotated[str | None, typer.Option(help="Any SentenceTransformers name or folder.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of folds and samples.")] = None,
    target: Annotated[
        float | None, typer.Option(help="Wrong automatic answers, at most: 0.02 is 2 %.")
    ] = None,
    share: Annotated[
        float | None,
        typer.Option("--out-of-scope-share", help="Messages that belong to no intent, of all: 0.1 is 10 %."),
    ] = None,
    cache: Annotated[Path, typer.Option(help="Where exported encoders are kept.")] = Path(".cache/encoders"),
    scores: Annotated[Path | None, typer.Option(help="Write the scores as JSON to this file.")] = None,
    track: Annotated[bool, typer.Option(help="Record the run in MLflow (MLFLOW_TRACKING_URI).")] = True,
    strict: Annotated[bool, typer.Option(help="The same message under two labels is an error.")] = False,
) -> None:
    """Train on a corpus and write a bundle: what `python -m bento` serves."""
    console = Console(stderr=True)
    given = {"encoder": encoder, "seed": seed, "target": target, "out_of_scope_share": share}
    section, process = TrainParams.read(params, given), ProcessParams.read(params)
    with Steps(console) as steps:
        with steps.wait("corpus"):
            read_corpus = read(corpus, process, columns, strict)
        options = {name: value for name, value in given.items() if value is not None}
        section = section.declared(read_corpus.declared).model_copy(update=options)
        trained = train(read_corpus, out, section, steps, rules, replies, cache)
        recorded = (
            record_training(TrackingSettings(), trained, read_corpus, section, steps) if track else None
        )
    if read_corpus.report is not None:
        console.print(read_corpus.report)
    if recorded is not None and recorded.kept:
        console.print(Text(recorded.reason, style="yellow"))
    if scores:
        scores.parent.mkdir(parents=True, exist_ok=True)
        scores.write_text(json.dumps(trained.report, indent=2) + "\n", encoding="utf-8")
    labels = out.with_name(f"{out.name}-labels")
    write_findings(trained.points.findings, labels, str(corpus))
    print_trained(Console(), trained)
    Console().print(Text(f"labels: {trained.points.findings.sentence} {labels / PAGE_FILE}"), soft_wrap=True)


if __name__ == "__main__":
    main()
