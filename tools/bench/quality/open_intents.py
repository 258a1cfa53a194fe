"""`python -m tools.bench.quality.open_intents`: measure unknown intents, few messages and out-of-scope detection.

The product sees training parts and the generic pool only. Out of scope is a message whose scope score is below 0.5,
the 5 % quantile of the training messages (out-of-fold); no test message chooses anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray

from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.model.classifier import Classifier
from chatbot.model.encoder import Encoded
from tools.bench.quality.corpora import load_banking77, load_clinc150
from tools.bench.quality.vectors import Vectors
from training.model.encoder.batch import concatenate
from training.model.evaluation.metrics import auroc, recall_at_acceptance
from training.model.fit import fit
from training.model.head import fit_head
from training.model.titles import titles_of

KNOWN_SHARES = (0.25, 0.5, 0.75)
FEW = (5, 10)
OPEN = 0.5

Names = NDArray[np.str_]
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def fitted(vectors: Vectors, encoded: Encoded, intents: Names) -> Classifier:
    """Fit a classifier as a training does, each row a group of its own."""
    names = vectors.encode(list((titles := titles_of(intents.tolist())).values()))
    groups = [str(row) for row in range(len(intents))]
    return fit(encoded, intents.tolist(), groups, titles=(names, list(titles))).classifier


def open_accuracy(vectors: Vectors, rows: pd.DataFrame, test: pd.DataFrame, share: float, draw: int) -> float:
    """Return the accuracy over the known intents and one open class (TEXTOIR protocol)."""
    intents, truth = (part["intent"].to_numpy(dtype=np.str_) for part in (rows, test))
    names = np.unique(intents)
    known = np.random.default_rng(draw).choice(names, round(share * len(names)), replace=False)
    kept = np.flatnonzero(np.isin(intents, known))
    classifier = fitted(vectors, _encode(vectors, rows).part(kept), intents[kept])
    scores = classifier.score(_encode(vectors, test))
    first = np.asarray(classifier.labels)[scores.probabilities.argmax(axis=1)]
    guess = np.where(scores.scope < OPEN, OUT_OF_SCOPE, first)
    return float((guess == np.where(np.isin(truth, known), truth, OUT_OF_SCOPE)).mean())


def few_accuracy(vectors: Vectors, rows: pd.DataFrame, test: pd.DataFrame, count: int, draw: int) -> float:
    """Return the accuracy of a head taught so many messages an intent, and the names of intents."""
    intents = rows["intent"].to_numpy(dtype=np.str_)
    generator = np.random.default_rng(draw)
    names = np.unique(intents)
    kept = np.concatenate(
        [generator.choice(np.flatnonzero(intents == name), count, replace=False) for name in names]
    )
    titles = titles_of(names.tolist())
    encoded = concatenate([_encode(vectors, rows).part(kept), vectors.encode(list(titles.values()))])
    head = fit_head(encoded, np.searchsorted(names, np.append(intents[kept], list(titles))), len(names))
    guess = names[head.logits(head.whiten(_encode(vectors, test))).argmax(axis=1)]
    return float((guess == test["intent"].to_numpy(dtype=np.str_)).mean())


def out_of_scope(vectors: Vectors, rows: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """Return in-scope accuracy, AUROC, recall at 95 % acceptance and F1 of the out-of-scope class."""
    classifier = fitted(vectors, _encode(vectors, rows), rows["intent"].to_numpy(dtype=np.str_))
    truth = test["intent"].to_numpy(dtype=np.str_)
    scores = classifier.score(_encode(vectors, test))
    is_outside = truth == OUT_OF_SCOPE
    inside, outside = scores.scope[~is_outside], scores.scope[is_outside]
    found = scores.scope < OPEN
    first = np.asarray(classifier.labels)[scores.probabilities.argmax(axis=1)]
    return {
        "accuracy": float((first == truth)[~is_outside].mean()),
        "auroc": auroc(inside, outside),
        "recall": recall_at_acceptance(inside, outside),
        "f1": float(2 * (found & is_outside).sum() / (found.sum() + is_outside.sum())),
    }


def _encode(vectors: Vectors, rows: pd.DataFrame) -> Encoded:
    return vectors.encode([clean(message) for message in rows["message"]])


def _percent(values: Sequence[float]) -> str:
    return f"{100 * float(np.mean(values)):.1f}"


@app.command()
def main(
    bundle: Annotated[Path, typer.Option(help="Whose encoder is used.")] = Path("models/current"),
    draws: Annotated[int, typer.Option(help="Of the known intents and the few messages.", min=1)] = 2,
) -> None:
    """Print each figure in percent."""
    vectors = Vectors.of(bundle)
    banking, clinc = (load_banking77("train"), load_banking77("test")), load_clinc150("train")
    clinc, clinc_test = clinc[clinc["intent"] != OUT_OF_SCOPE], load_clinc150("test")
    for name, rows, test in (
        ("Banking77", *banking),
        ("CLINC150", clinc, clinc_test[clinc_test["intent"] != OUT_OF_SCOPE]),
    ):
        for count in FEW:
            found = [few_accuracy(vectors, rows, test, count, draw) for draw in range(draws)]
            typer.echo(f"{name}, {count} messages an intent: {_percent(found)}")
    for share in KNOWN_SHARES:
        found = [open_accuracy(vectors, *banking, share, draw) for draw in range(draws)]
        typer.echo(f"Banking77, {share:.0%} known: {_percent(found)}")
    scores = out_of_scope(vectors, clinc, clinc_test)
    typer.echo("CLINC150: " + ", ".join(f"{name} {100 * score:.2f}" for name, score in scores.items()))


if __name__ == "__main__":
    app()
