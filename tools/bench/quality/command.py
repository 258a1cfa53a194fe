"""Measure every quality figure that has a target, with the product's own functions.

python -m tools.bench.quality [--only SECTION]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console

from chatbot.errors import ChatbotError
from chatbot.model import bundle as bundles
from data.commands import command
from data.digest import corpus_digest
from data.messages import normalise
from tools.bench import figures as results
from tools.bench import results as pages
from tools.bench.figures import BUNDLE, CACHE, CORPUS, Bound, Figure
from tools.bench.quality.corpora import bitext
from tools.bench.quality.label_errors import label_errors
from tools.bench.quality.natural import natural
from tools.bench.quality.open_intents import KNOWN, bank_of_51, known_intents
from tools.bench.quality.small_corpora import small_corpora
from tools.bench.quality.taught import (
    Values,
    banking77,
    bitext_by_groups,
    bitext_few,
    clinc150,
    few_shot,
)
from tools.bench.quality.training_run import training
from tools.bench.quality.vectors import Vectors
from tools.bench.speed.command import FILE as SPEED_FILE
from tools.bench.speed.machine import busy_cores
from tools.bench.speed.servers import BenchError
from training.model.evaluation.outcome import evaluate, scores
from training.progress import Steps

FILE = CACHE / "quality.json"
COMMAND = "python -m tools.bench.quality --only"


@dataclass(frozen=True, slots=True)
class FigureSpec:
    """A figure before it is measured; `key` is its name in the result of the section's function."""

    key: str
    name: str
    target: float | None
    bound: Bound = "at least"
    unit: str = " %"
    digits: int = 2


@dataclass(frozen=True, slots=True)
class Section:
    """Figures that are measured together."""

    measure: Callable[[Vectors], Values]
    specs: tuple[FigureSpec, ...]


def _ece(corpus: str, target: float = 1.5) -> FigureSpec:
    return FigureSpec("ece", f"{corpus}: calibration error (ECE, 15 bins of equal mass)", target, "at most")


def _risk(corpus: str) -> FigureSpec:
    return FigureSpec(
        "risk", f"{corpus}: wrong automatic answers on fresh data, thresholds learned for 2 %", 2.0, "at most"
    )


def shipped(vectors: Vectors) -> Values:
    """Evaluate the shipped bundle, routed over Bitext, which is not in its training data.

    Raises:
        BenchError: models/current was trained on another corpus.
    """
    bundle = bundles.load(BUNDLE)
    if bundle.manifest.corpus_digest != corpus_digest(CORPUS):
        raise BenchError(
            f"{BUNDLE} was trained from corpus {bundle.manifest.corpus_digest}, not from {CORPUS}: "
            "run `make bundle`"
        )
    rows = bitext()
    messages = rows["message"].tolist()
    found = scores(evaluate(bundle, messages, rows["intent"].tolist(), vectors.encode(messages)))
    note = f"bundle {bundle.version}, {len(messages):,} messages"
    taught = {normalise(message) for message in pd.read_parquet(CORPUS)["message"]}
    shared = float(sum(normalise(message) in taught for message in messages))
    percents = {name: (100 * value, note) for name, value in found.items() if value is not None}
    return percents | {"shared": (shared, "compared without case and spacing")}


PUBLISHED = (85.7, 83.8, 84.4)
BANK = "Banking77 with 51 intents, no out-of-scope rows"
SMALL = "small messy corpora without out-of-scope rows"
SHIPPED = "shipped corpus, asked Bitext's 26,872 rows"
GROUPS = "Bitext, split by groups"
NATURAL = "shipped corpus, natural messages (data/evaluation)"
PLANTED = "found among the 15 % most suspect rows"
SECTIONS: dict[str, Section] = {
    "shipped": Section(
        shipped,
        (
            FigureSpec("macro_f1", f"{SHIPPED}: macro F1 of what the router does", 90.0),
            FigureSpec("accuracy", f"{SHIPPED}: accuracy of the first choice", None),
            FigureSpec("ece", f"{SHIPPED}: calibration error (ECE)", None, "at most"),
            FigureSpec("coverage", f"{SHIPPED}: answered by the bot itself", None),
            FigureSpec("risk", f"{SHIPPED}: wrong among those answers", None, "at most"),
            FigureSpec("shared", "rows of Bitext that stand in the shipped corpus", 0.0, "at most", "", 0),
        ),
    ),
    "natural": Section(
        lambda _: natural(bundles.load(BUNDLE)),
        (
            FigureSpec("answered", f"{NATURAL}: answered by the bot itself", 92.0),
            FigureSpec("wrong", f"{NATURAL}: answered wrongly", 1.0, "at most"),
            FigureSpec("asked", f"{NATURAL}: asked back", None, "at most"),
            FigureSpec("first", f"{NATURAL}: right first choice", None),
            FigureSpec(
                "foreign", f"{NATURAL}: out-of-scope messages answered with an intent's reply", 3.0, "at most"
            ),
            FigureSpec(
                "small_talk",
                f"{NATURAL}: out-of-scope messages that are small talk to a rule",
                None,
                "at most",
            ),
        ),
    ),
    "bitext-groups": Section(
        bitext_by_groups,
        (
            FigureSpec("accuracy", f"{GROUPS}: accuracy", 99.0),
            FigureSpec("macro_f1", f"{GROUPS}: macro F1", 99.0),
            _ece(GROUPS),
            _risk(GROUPS),
        ),
    ),
    "bitext-few": Section(
        bitext_few,
        (FigureSpec("accuracy", "Bitext, taught 20 random rows an intent: accuracy on the rest", 98.0),),
    ),
    "banking77": Section(
        banking77,
        (
            FigureSpec("accuracy", "Banking77: accuracy", 94.5),
            FigureSpec("macro_f1", "Banking77: macro F1", None),
            # A perfectly calibrated model shows 0.8 % on as many rows.
            _ece("Banking77", 1.2),
            _risk("Banking77"),
        ),
    ),
    "clinc150": Section(
        clinc150,
        (
            FigureSpec("accuracy", "CLINC150: accuracy in scope", 96.8),
            FigureSpec("auroc", "CLINC150: out-of-scope AUROC", 98.5),
            FigureSpec("recall", "CLINC150: out-of-scope recall at 95 % acceptance", 92.5),
            FigureSpec("f1", "CLINC150: out-of-scope F1", 88.6),
            _ece("CLINC150"),
            _risk("CLINC150"),
        ),
    ),
    "few-shot": Section(
        few_shot,
        (
            FigureSpec("banking77_5", "Banking77, 5 messages an intent: accuracy", 80.5),
            FigureSpec("banking77_10", "Banking77, 10 messages an intent: accuracy", 86.0),
            FigureSpec("clinc150_5", "CLINC150, 5 messages an intent: accuracy in scope", 89.5),
            FigureSpec("clinc150_10", "CLINC150, 10 messages an intent: accuracy in scope", 92.5),
        ),
    ),
    "bank": Section(
        bank_of_51,
        (
            FigureSpec("bank_coverage", f"{BANK}: answered at an estimated 5 %", 65.0),
            FigureSpec("bank_risk", f"{BANK}: wrong automatic answers in scope", 5.5, "at most"),
        ),
    ),
    "open": Section(
        known_intents,
        tuple(
            FigureSpec(
                f"known_{percent}", f"Banking77, {percent} % of the intents known: accuracy (TEXTOIR)", target
            )
            for percent, target in zip(KNOWN, PUBLISHED, strict=True)
        ),
    ),
    "small": Section(
        small_corpora,
        (
            FigureSpec("relative", f"{SMALL}: coverage at 2 %, of the best threshold's", 85.0),
            FigureSpec(
                "risk", f"{SMALL}: wrong automatic answers in scope, thresholds for 2 %", 2.6, "at most"
            ),
            FigureSpec("foreign", f"{SMALL}: wrong answers, half of the messages foreign", 5.0, "at most"),
            FigureSpec(
                "unknown", f"{SMALL}: the same, half of unknown intents of the domain", None, "at most"
            ),
            FigureSpec("accuracy", f"{SMALL}: accuracy of the first choice", None),
        ),
    ),
    "labels": Section(
        label_errors,
        (
            FigureSpec("banking77", f"Banking77, 10 % of the labels flipped: {PLANTED}", 95.0),
            FigureSpec("bitext", f"Bitext, 10 % of the labels flipped: {PLANTED}", 95.0),
            FigureSpec(
                "pairs", "rows of one intent moved into another: the pair is among the first ten", 100.0
            ),
        ),
    ),
    "training": Section(
        lambda _: training(),
        (
            FigureSpec("seconds", "26,872 rows from CSV to bundle, encoder cached", 60.0, "at most", " s", 1),
            FigureSpec("peak", "peak memory of that training", 1.5, "at most", " GB"),
            FigureSpec("same", "different weights among two trainings", 1.0, "at most", "", 0),
        ),
    ),
}


def measure(sections: Iterable[str], console: Console) -> list[Figure]:
    """Measure some sections, and print their table. A figure that cannot be measured here contains the reason."""
    vectors = Vectors.of(BUNDLE)
    found: list[Figure] = []
    with Steps(console) as steps:
        for name in sections:
            section = SECTIONS[name]
            with steps.wait(name):
                try:
                    values, reason = section.measure(vectors), ""
                except ChatbotError as error:
                    values, reason = {}, str(error)
                    console.print(f"{name}: {reason}")
            for spec in section.specs:
                value, note = values.get(spec.key, (None, reason))
                command = f"{COMMAND} {name}"
                found.append(
                    Figure(spec.name, value, spec.target, spec.bound, spec.unit, command, note, spec.digits)
                )
    console.print(results.terminal_table(found))
    return found


def measure_all(console: Console) -> list[Figure]:
    """Measure everything, and write the JSON."""
    others = busy_cores()
    found = measure(SECTIONS, console)
    results.write(FILE, found, others_busy_cores=others)
    return found


@command()
def main(
    only: Annotated[list[str] | None, typer.Option(help=f"A section: {', '.join(SECTIONS)}.")] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Replace the figures of these sections in docs/results.md.")
    ] = False,
) -> None:
    """Measure and print; a part is kept only with --save, and the page keeps what was measured of the others."""
    console = Console()
    if unknown := sorted(set(only or ()) - set(SECTIONS)):
        console.print(f"[red]no section {', '.join(unknown)}: there are {', '.join(SECTIONS)}[/red]")
        raise typer.Exit(1)
    if not only:
        measure_all(console)
        return
    others = busy_cores()
    found = measure(only, console)
    if save:
        results.merge(FILE, found, others_busy_cores=others)
        pages.write(FILE, SPEED_FILE)
        console.print(f"written: {pages.PAGE}")
