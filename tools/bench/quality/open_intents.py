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

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.model.classifier import Classifier
from chatbot.model.encoder import Encoded
from tools.bench.quality.corpora import cleaned, in_scope, intents_of, load_banking77, load_clinc150
from tools.bench.quality.taught import Guesses, few_rows
from tools.bench.quality.vectors import Vectors
from training.model.encoder.batch import concatenate
from training.model.evaluation.metrics import auroc, recall_at_acceptance
from training.model.fit import fit
from training.model.head import fit_head
from training.model.titles import titles_of

KNOWN_SHARES = (0.25, 0.5, 0.75)
FEW = (5, 10)
OPEN = 0.5

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def fitted(vectors: Vectors, encoded: Encoded, intents: list[str]) -> Classifier:
    """Fit a classifier as a training does, each row a group of its own."""
    names = vectors.encode(list((titles := titles_of(intents)).values()))
    groups = [str(row) for row in range(len(intents))]
    return fit(encoded, intents, groups, titles=(names, list(titles))).classifier


def open_accuracy(vectors: Vectors, rows: pd.DataFrame, test: pd.DataFrame, share: float, draw: int) -> float:
    """Return the accuracy over the known intents and one open class (TEXTOIR protocol)."""
    intents, truth = intents_of(rows), intents_of(test)
    names = np.unique(intents)
    known = np.random.default_rng(draw).choice(names, round(share * len(names)), replace=False)
    kept = np.flatnonzero(np.isin(intents, known))
    classifier = fitted(vectors, vectors.encode(cleaned(rows)).part(kept), intents[kept].tolist())
    found = Guesses.of(classifier, classifier.score(vectors.encode(cleaned(test))))
    guess = np.where(found.scope < OPEN, OUT_OF_SCOPE, found.intents)
    return float((guess == np.where(np.isin(truth, known), truth, OUT_OF_SCOPE)).mean())


def few_accuracy(vectors: Vectors, rows: pd.DataFrame, test: pd.DataFrame, count: int, draw: int) -> float:
    """Return the accuracy of a head taught so many messages an intent, and the names of intents."""
    intents = intents_of(rows)
    names, kept = np.unique(intents), few_rows(intents, count, draw)
    titles = titles_of(names.tolist())
    taught = vectors.encode(cleaned(rows)).part(kept)
    encoded = concatenate([taught, vectors.encode(list(titles.values()))])
    head = fit_head(encoded, np.searchsorted(names, np.append(intents[kept], list(titles))), len(names))
    guess = names[head.logits(head.whiten(vectors.encode(cleaned(test)))).argmax(axis=1)]
    return float((guess == intents_of(test)).mean())


def out_of_scope(vectors: Vectors, rows: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """Return in-scope accuracy, AUROC, recall at 95 % acceptance and F1 of the out-of-scope class."""
    classifier = fitted(vectors, vectors.encode(cleaned(rows)), rows["intent"].tolist())
    guesses, truth = Guesses.of(classifier, classifier.score(vectors.encode(cleaned(test)))), intents_of(test)
    is_outside, found = truth == OUT_OF_SCOPE, guesses.scope < OPEN
    inside, outside = guesses.scope[~is_outside], guesses.scope[is_outside]
    return {
        "accuracy": float((guesses.intents == truth)[~is_outside].mean()),
        "auroc": auroc(inside, outside),
        "recall": recall_at_acceptance(inside, outside),
        "f1": float(2 * (found & is_outside).sum() / (found.sum() + is_outside.sum())),
    }


def _percent(values: Sequence[float]) -> str:
    return f"{100 * float(np.mean(values)):.1f}"


@app.command()
def main(
    bundle: Annotated[Path, typer.Option(help="Whose encoder is used.")] = Path("models/current"),
    draws: Annotated[int, typer.Option(help="Of the known intents and the few messages.", min=1)] = 2,
) -> None:
    """Print each figure in percent."""
    vectors = Vectors.of(bundle)
    banking = load_banking77("train"), load_banking77("test")
    clinc, clinc_test = in_scope(load_clinc150("train")), load_clinc150("test")
    for name, rows, test in (("Banking77", *banking), ("CLINC150", clinc, in_scope(clinc_test))):
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
