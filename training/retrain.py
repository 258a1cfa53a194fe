"""Retrain on rows accepted since the champion, run the gate, and register the challenger.

Run it with `python -m training.retrain`. Idempotent; it may be killed and restarted at any point. `--first`
registers an existing bundle; the first registered bundle becomes champion. `--from` trains a corpus of the operator's.
"""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from chatbot.loop.registry import CHAMPION
from chatbot.loop.retrain_history import record_busy
from chatbot.loop.retrain_result import RetrainResult
from chatbot.settings import RetrainSettings, StorageSettings, TrackingSettings
from chatbot.store import open_store
from chatbot.store.lease import LeaseHeld
from data.columns import Columns, takes_columns
from data.commands import command
from data.processing import ProcessParams
from training.corpus.given import read_given
from training.gate.params import GateParams
from training.model.params import TrainParams
from training.progress import Steps
from training.retraining.bootstrap import bootstrap, to_set_where_unset
from training.retraining.config import RetrainConfig
from training.retraining.run import retrain
from training.tracking.registry import Registry

RESULT = Path("models/retrain/retrain.json")
COLOURS = {"accepted": "green", "refused": "red", "needs_review": "yellow", "busy": "yellow"}


@command(ValidationError)
@takes_columns()
def main(
    columns: Columns,
    out: Annotated[
        Path | None,
        typer.Option(help=f"Where the outcome is written. Default: {RESULT}; with --first, nowhere."),
    ] = None,
    work: Annotated[
        Path, typer.Option(help="A new folder, or one of an earlier retraining: that is emptied.")
    ] = Path("models/retrain/work"),
    cache: Annotated[Path, typer.Option(help="Where exported encoders are kept.")] = Path(".cache/encoders"),
    params: Annotated[
        Path, typer.Option(help="A params.yaml; its sections process, train and gate are read.")
    ] = Path("params.yaml"),
    first: Annotated[
        bool,
        typer.Option("--first", help="Register a bundle that the registry lacks; the first is champion."),
    ] = False,
    bundle: Annotated[Path, typer.Option(help="With --first: the bundle.")] = Path("models/current"),
    corpus: Annotated[Path, typer.Option(help="With --first: the corpus it was made from.")] = Path(
        "data/corpus"
    ),
    given: Annotated[
        str,
        typer.Option(
            "--from",
            help="Train this corpus, of these columns, instead of the champion's: a file, folder, export or store:KEY. "
            "The first version becomes champion; a corpus that was trained before is not trained again.",
        ),
    ] = "",
    replies: Annotated[
        str, typer.Option(help="With --from: the replies, as a path or store:KEY. Default: the corpus's own.")
    ] = "",
) -> None:
    """Train a challenger on the rows accepted since the champion, run the gate, and register it.

    Exit code 0 for accepted, refused, needs_review and busy (retrain.json says which), 1 for an error. While another
    retraining runs, this one ends as busy; with --from, whose corpus nobody gives again, it waits.
    """
    console = Console(stderr=True)
    config = RetrainConfig(
        StorageSettings(),
        TrackingSettings(),
        RetrainSettings(),
        ProcessParams.read(params),
        TrainParams.read(params),
        GateParams.read(params),
        work,
        cache,
    )
    # After a failure, the result of an earlier run must not remain.
    if first:
        if out is not None:
            out.unlink(missing_ok=True)
        register(config, console, bundle, corpus)
        if out is not None:
            to_set_where_unset(Registry(config.tracking).champion()).write(out)
        return
    out = out or RESULT
    out.unlink(missing_ok=True)
    try:
        with Steps(console) as steps, tempfile.TemporaryDirectory() as fetched:
            corpus_given = None
            if given:
                with steps.wait("corpus"):
                    corpus_given = read_given(given, replies, columns, config.store, Path(fetched))
            while True:
                try:
                    result = retrain(config, steps, corpus_given)
                    break
                # Each attempt waits until it sees the holder renew the lease, so this loop does not spin.
                except LeaseHeld as error:
                    if corpus_given is None:
                        raise
                    console.print(Text(f"{error}: the given corpus waits"))
    except LeaseHeld as error:
        result = RetrainResult(outcome="busy", why=str(error))
        record_busy(open_store(config.store), socket.gethostname())
    result.write(out)
    show(result, out)


def register(config: RetrainConfig, console: Console, bundle: Path, corpus: Path) -> None:
    """Register a bundle, and print whether it is champion."""
    with Steps(console) as steps:
        version, made = bootstrap(config, steps, bundle, corpus)
    said = "is champion already: nothing was changed"
    if made:
        leads = CHAMPION in version.aliases
        said = "is champion now" if leads else "is registered, and another one is champion"
    Console().print(Text(f"version {version.ref.version}@{version.bundle_digest[:12]}… {said}"))


def show(result: RetrainResult, out: Path) -> None:
    """Print the outcome on a terminal."""
    console = Console()
    console.print(Text(f"{result.outcome}: {result.why}", style=COLOURS[result.outcome]))
    for name, value in (("champion", result.champion), ("challenger", result.challenger)):
        if value:
            console.print(Text(f"{name:<11} {value}"))
    if result.gate:
        console.print(Text(f"{'gate':<11} {result.gate['report']} in the store"))
    console.print(Text(f"{'result':<11} {out}"))


if __name__ == "__main__":
    main()
