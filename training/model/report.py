"""Print scores as tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from data.checks import problems_table

if TYPE_CHECKING:
    from training.model.train import Trained

# Definition of each score, in the order of the table.
MEANINGS = {
    "accuracy": "first choice of the classifier is right, of messages with an intent",
    "macro_f1": "of what the router did; a handoff counts as out of scope where the corpus has such rows",
    "mcc": "Matthews correlation of the same",
    "ece": "confidence against the share that is right: 15 bins of equal mass",
    "scope_auroc": "messages with an intent scored above those without",
    "coverage": "answered by the bot itself, of all messages",
    "risk": "wrong among those answers, answers to out-of-scope messages included",
}
_SHOWN_INTENTS = 10
# The columns that fit beside a part's name on a terminal of 80 columns; the JSON has the rest.
_OF_PARTS = ("accuracy", "macro_f1", "coverage", "risk")


def print_report(console: Console, title: str, report: Mapping[str, Any]) -> None:
    """Print a `full_report`: overall scores, slices, and the weakest intents."""
    whole = Table(title=f"{title}: {report['messages']:,.0f} messages")
    whole.add_column("score")
    whole.add_column("value", justify="right", no_wrap=True)
    whole.add_column("what it counts")
    for name, meaning in MEANINGS.items():
        whole.add_row(name, shown(report[name]), meaning)
    console.print(whole)
    weakest = sorted(report["per_intent"].items(), key=lambda item: item[1]["macro_f1"])[:_SHOWN_INTENTS]
    console.print(_parts("slices", report["per_slice"]))
    console.print(_parts(f"the {len(weakest)} weakest intents", dict(weakest)))


def print_trained(console: Console, trained: Trained) -> None:
    """Print a training's result and the bundle's folder."""
    print_report(console, "the corpus's own test part", trained.report)
    summary = Table(title="bundle", show_header=False)
    thresholds = trained.manifest.thresholds
    summary.add_row("result", Text(f"{trained.folder} (version {trained.digest[:12]})"))
    learned = (
        f"answer {thresholds.answer:.3f}, clarify {thresholds.clarify:.3f}, scope {thresholds.scope:.2f}"
    )
    summary.add_row("thresholds", learned)
    summary.add_row("", trained.learned.sentence)
    summary.add_row("temperature", f"{trained.manifest.temperature:.3f}")
    summary.add_row("time", f"{trained.seconds:.1f} s from corpus to bundle")
    if trained.without_reply:
        missing = ", ".join(trained.without_reply)
        summary.add_row("[yellow]default reply[/yellow]", Text(f"no reply was written for {missing}"))
    console.print(summary)
    for table in problems_table([], trained.notices):
        console.print(table)


def shown(score: float | None) -> str:
    """Format a score in percent."""
    return "-" if score is None else f"{100 * score:.2f} %"


def _parts(title: str, parts: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(title=title)
    table.add_column("part")
    for column in ("messages", *_OF_PARTS):
        table.add_column(column, justify="right", no_wrap=True)
    for name, part in parts.items():
        table.add_row(Text(name), f"{part['messages']:,.0f}", *(shown(part[score]) for score in _OF_PARTS))
    return table
