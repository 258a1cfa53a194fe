"""`python -m training.train`: train a bundle on a corpus, evaluate it, record the run.

Each step is a separate function below, in the order in which `train` calls them.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

if not __package__:  # run as `python training/train.py`
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.text import Text

from chatbot.dialog.rules import Rules
from chatbot.errors import ChatbotError
from chatbot.model import bundle as bundles
from chatbot.model.bundle import Bundle, EncoderInfo, KnownMessage, Manifest
from chatbot.model.encoder import Encoded
from chatbot.settings import TrackingSettings
from data.checks import problems_table
from data.errors import CorpusError
from data.loading import Columns
from data.processing import ProcessParams
from data.processing import read_params as read_process_params
from training import tracking
from training.corpus import Corpus, read, replies_for
from training.encoding import encode
from training.evaluation import evaluate, full_report
from training.export import Export, export
from training.fit import Fitted, fit, folds
from training.params import TrainParams, read_params
from training.pictures import draw
from training.progress import Steps
from training.recording import record_training
from training.reference import write_reference
from training.report import print_trained
from training.threads import one_thread
from training.thresholds import Learned, judge, learn_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from training.tracking import Recorded

ROOT = Path(__file__).resolve().parents[1]
PROOF_MESSAGES = 600
KNOWN_MESSAGES = 8
SUMMARY_AXES = 8

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True)
class Trained:
    """Result of a training: the bundle at `folder`, its scores on the test part, and the duration."""

    folder: Path
    digest: str
    manifest: Manifest
    report: dict[str, Any]
    learned: Learned
    without_reply: list[str]
    seconds: float
    draw: Callable[[], dict[str, Figure]]
    """Draws the run's figures; takes seconds, so it is called only if they are needed."""
    recorded: Recorded | None = None
    """None if the run was not recorded."""


def train(
    corpus: Corpus,
    out: Path,
    params: TrainParams,
    steps: Steps,
    rules_file: Path,
    replies_source: Path | None,
    cache: Path,
    settings: TrackingSettings | None,
) -> Trained:
    """Train on the train part, evaluate on the test part, write the bundle, record the run.

    Args:
        out: the bundle's folder; an existing bundle is replaced once the new one is complete.
        settings: where to record the run; None: do not record.

    Raises:
        ChatbotError: the corpus, the encoder, the rules or the replies are unusable; the message has the
            reason.
    """
    began = time.monotonic()
    rows, tuning, test = corpus.train, corpus.tuning, corpus.test
    messages, labels = rows["message"].tolist(), rows["intent"].tolist()
    rules = Rules.load(rules_file)
    rules.check()
    replies, without_reply = replies_for(sorted(set(labels)), replies_source, rows)

    with steps.wait("encoder"):
        exported = _export(params.encoder, cache, messages, labels)
    encoder = exported.load()
    with steps.count("encode", len(corpus.rows)) as advance:
        encoded = encode(encoder, messages, advance)
        encoded_tuning = encode(encoder, tuning["message"].tolist(), advance)
        encoded_test = encode(encoder, test["message"].tolist(), advance)
    with steps.count("fit", folds(len(rows)) + 1) as advance:
        fitted = fit(encoded, labels, rows["group"].tolist(), params.seed, advance)
    outside = fitted.classifier.score(encoded_tuning)
    learned = learn_from(judge(fitted), outside, params)

    manifest = Manifest(
        labels=fitted.classifier.labels,
        temperature=fitted.classifier.temperature,
        thresholds=learned.thresholds,
        target=learned.as_dict(),
        encoder=EncoderInfo(name=exported.name, digest=exported.digest, dim=encoder.dim),
        corpus_digest=corpus.digest,
        git_commit=tracking.git_commit(ROOT),
        created=datetime.now(UTC),
    )
    made = Bundle(manifest, encoder, fitted.classifier, _summary(encoded), rules, replies, digest="")
    with steps.wait("score"):
        outcome = evaluate(made, test["message"].tolist(), test["intent"].tolist(), encoded_test)
        report = full_report(made, outcome, test["message"].tolist(), test["category"].tolist())
    manifest = manifest.model_copy(
        update={
            "scores": {name: value for name, value in report.items() if isinstance(value, float)},
            "known": _known(made, messages, encoded),
        }
    )
    made = replace(made, manifest=manifest)
    with steps.wait("bundle"):
        digest = _save(out, made, exported, rules_file, fitted, messages, encoded)

    def figures() -> dict[str, Figure]:
        return draw(
            encoded, fitted.labels, encoded_test, outcome, fitted.classifier.labels, learned, params.seed
        )

    seconds = time.monotonic() - began
    trained = Trained(out, digest, manifest, report, learned, without_reply, seconds, figures)
    if settings is not None:
        trained = replace(trained, recorded=record_training(settings, trained, corpus, params, steps))
    return trained


def _export(name: str, cache: Path, messages: list[str], labels: list[str]) -> Export:
    """Export the encoder, verified on messages sampled evenly over the intents."""
    step = max(1, len(messages) // PROOF_MESSAGES)
    order = np.argsort(labels, kind="stable")[::step]
    return export(name, cache, [messages[row] for row in order], [labels[row] for row in order])


@one_thread()
def _summary(encoded: Encoded) -> NDArray[np.float32]:
    """Return centre and principal axes of the training vectors (drift check), shape (1 + SUMMARY_AXES, dim)."""
    vectors = encoded.vectors.astype(np.float64)
    centre = vectors.mean(axis=0)
    _values, axes = np.linalg.eigh(np.cov(vectors - centre, rowvar=False, ddof=0))
    largest = axes[:, ::-1][:, :SUMMARY_AXES].T
    signs = np.sign(largest[np.arange(len(largest)), np.abs(largest).argmax(axis=1)])
    return np.vstack([centre, largest * signs[:, None]]).astype(np.float32)


def _known(made: Bundle, messages: list[str], encoded: Encoded) -> tuple[KnownMessage, ...]:
    """Select the most confident training message of a few intents, for the check at every load of the bundle."""
    surest: dict[str, tuple[float, int]] = {}
    for row, prediction in enumerate(made.judge(encoded)):
        first = prediction.alternatives[0]
        surest[first.intent] = max(surest.get(first.intent, (0.0, -1)), (first.confidence, -row))
    chosen = sorted(surest.values(), reverse=True)[:KNOWN_MESSAGES]
    asked = [messages[-row] for _, row in chosen]
    return tuple(
        KnownMessage(message=message, intent=first.intent, confidence=round(first.confidence, 4))
        for message, first in zip(asked, (p.alternatives[0] for p in made.predict(asked)), strict=True)
    )


def _save(
    out: Path,
    made: Bundle,
    exported: Export,
    rules_file: Path,
    fitted: Fitted,
    messages: list[str],
    encoded: Encoded,
) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        reference = Path(scratch) / bundles.REFERENCE
        write_reference(reference, messages, fitted, made.summarise(encoded))
        tensors = made.classifier.to_tensors() | {"summary": made.summary}
        digest = bundles.save(
            out, made.manifest, exported.folder, tensors, rules_file, made.replies, reference
        )
    bundles.load(out)
    return digest


@app.command()
def main(
    corpus: Annotated[
        Path,
        typer.Option(
            help="A processed corpus, or any CSV, TSV, JSONL, Parquet file or folder of YAML files."
        ),
    ] = Path("data/processed/corpus.parquet"),
    out: Annotated[Path, typer.Option(help="The bundle's folder.")] = Path("models/current"),
    rules: Annotated[Path, typer.Option(help="The rules.yaml that the bundle carries.")] = Path(
        "data/corpus/rules.yaml"
    ),
    replies: Annotated[
        Path | None,
        typer.Option(help="A corpus folder or a replies.yaml; an intent without one gets a default reply."),
    ] = Path("data/corpus"),
    params: Annotated[
        Path, typer.Option(help="A params.yaml; its sections `process` and `train` are read.")
    ] = Path("params.yaml"),
    encoder: Annotated[str | None, typer.Option(help="Any SentenceTransformers name or folder.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of folds and samples.")] = None,
    target: Annotated[
        float | None, typer.Option(help="Wrong automatic answers, at most: 0.02 is 2 %.")
    ] = None,
    cache: Annotated[Path, typer.Option(help="Where exported encoders are kept.")] = Path(".cache/encoders"),
    scores: Annotated[Path | None, typer.Option(help="Write the scores as JSON to this file.")] = None,
    track: Annotated[bool, typer.Option(help="Record the run in MLflow (MLFLOW_TRACKING_URI).")] = True,
    strict: Annotated[bool, typer.Option(help="The same message under two labels is an error.")] = False,
    message_column: Annotated[str | None, typer.Option(help="The message's column.")] = None,
    intent_column: Annotated[str | None, typer.Option(help="The intent's column.")] = None,
    category_column: Annotated[str | None, typer.Option(help="The category's column.")] = None,
) -> None:
    """Train on a corpus and write a bundle: what `python -m bento` serves."""
    console = Console(stderr=True)
    given = {"encoder": encoder, "seed": seed, "target": target}
    try:
        section = read_params(params, {name: value for name, value in given.items() if value is not None})
        process = read_process_params(params) if params.is_file() else ProcessParams()
        with Steps(console) as steps:
            with steps.wait("corpus"):
                read_corpus = read(
                    corpus, process, Columns(message_column, intent_column, category_column), strict
                )
            trained = train(
                read_corpus, out, section, steps, rules, replies, cache, TrackingSettings() if track else None
            )
    except CorpusError as error:
        console.print(*problems_table(list(error.problems), []))
        raise typer.Exit(1) from None
    except ChatbotError as error:
        console.print(Text(str(error), style="red"))
        raise typer.Exit(1) from None
    if read_corpus.report is not None:
        console.print(read_corpus.report)
    if trained.recorded is not None and trained.recorded.kept:
        console.print(Text(trained.recorded.reason, style="yellow"))
    if scores:
        scores.parent.mkdir(parents=True, exist_ok=True)
        scores.write_text(json.dumps(trained.report, indent=2) + "\n", encoding="utf-8")
    print_trained(Console(), trained)


if __name__ == "__main__":
    app()
