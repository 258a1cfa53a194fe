"""Measure every quality figure that has a target, with the product's own functions.

python -m tools.bench.quality [--only SECTION]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console

from chatbot.documents import read_yaml
from chatbot.errors import ChatbotError
from chatbot.model import bundle as bundles
from data.commands import command
from data.digest import corpus_digest
from data.messages import normalise
from tools.bench import figures as results
from tools.bench import results as pages
from tools.bench.figures import BUNDLE, CACHE, CORPUS, Figure
from tools.bench.quality.corpora import bitext
from tools.bench.quality.label_errors import label_errors
from tools.bench.quality.natural import natural
from tools.bench.quality.open_intents import bank_of_51, known_intents
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


SECTIONS: dict[str, Callable[[Vectors], Values]] = {
    "shipped": shipped,
    "natural": lambda _: natural(bundles.load(BUNDLE)),
    "bitext-groups": bitext_by_groups,
    "bitext-few": bitext_few,
    "banking77": banking77,
    "clinc150": clinc150,
    "few-shot": few_shot,
    "bank": bank_of_51,
    "open": known_intents,
    "small": small_corpora,
    "labels": label_errors,
    "training": lambda _: training(),
}
"""What measures the figures of each section of figures.yaml."""


def measure(sections: Iterable[str], console: Console) -> list[Figure]:
    """Measure some sections, and print their table. A figure that cannot be measured here contains the reason."""
    vectors, specs = Vectors.of(BUNDLE), read_yaml(Path(__file__).with_name("figures.yaml"))
    found: list[Figure] = []
    with Steps(console) as steps:
        for section in sections:
            with steps.wait(section):
                try:
                    values, reason = SECTIONS[section](vectors), ""
                except ChatbotError as error:
                    values, reason = {}, str(error)
                    console.print(f"{section}: {reason}")
            for key, spec in specs[section].items():
                value, note = values.get(key, (None, reason))
                usual = {"target": None, "bound": "at least", "unit": " %", "command": f"{COMMAND} {section}"}
                found.append(Figure(**usual | spec, value=value, note=note))
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
