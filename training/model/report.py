"""Print scores as tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from chatbot.model.scores import MAIN, MEANINGS, shown
from data.errors import problems_table

if TYPE_CHECKING:
    from training.model.operating_points import OperatingPoints
    from training.model.thresholds import Learned
    from training.model.train import Trained

_SHOWN_INTENTS = 10
_SHOWN_EXAMPLES = 5
_SHOWN_WITHOUT_REPLY = 5


def print_report(console: Console, title: str, report: Mapping[str, Any]) -> None:
    """Print a `full_report`: overall scores, slices, and the weakest intents."""
    counted = f"{report['messages']:,.0f} messages, {report['distinct']:,.0f} of them distinct and new"
    whole = Table("score", _right("value"), "what it counts", title=f"{title}: {counted}")
    for name, meaning in MEANINGS.items():
        whole.add_row(name, shown(report[name]), meaning)
    console.print(whole)
    weakest = sorted(report["per_intent"].items(), key=lambda item: item[1]["macro_f1"])[:_SHOWN_INTENTS]
    console.print(_parts("slices", report["per_slice"]))
    console.print(_parts(f"the {len(weakest)} weakest intents", dict(weakest)))


def print_trained(console: Console, trained: Trained) -> None:
    """Print a training's result, the bundle's folder, and the operating points."""
    print_report(console, f"scores ({trained.report['evaluated']})", trained.report)
    summary = Table(title="bundle", show_header=False)
    thresholds = trained.manifest.thresholds
    summary.add_row("result", Text(f"{trained.folder} (version {trained.digest[:12]})"))
    answer, clarify = f"answer {thresholds.answer:.3f}", f"clarify {thresholds.clarify:.3f}"
    summary.add_row("thresholds", f"{answer}, {clarify}, scope {thresholds.scope:.2f}")
    summary.add_row("", trained.points.sentence)
    summary.add_row("temperature", f"{trained.manifest.temperature:.3f}")
    summary.add_row("time", f"{trained.seconds:.1f} s from corpus to bundle")
    if trained.without_reply:
        summary.add_row("[yellow]default reply[/yellow]", Text(default_reply_notice(trained.without_reply)))
    console.print(summary)
    for table in problems_table([], trained.notices):
        console.print(table)
    print_points(console, trained.points)


def default_reply_notice(intents: Sequence[str]) -> str:
    """Say which intents got the default reply, a few by name, and what to do about it."""
    more = f" and {rest:,} more" if (rest := len(intents) - _SHOWN_WITHOUT_REPLY) > 0 else ""
    how = "pass a table with the columns intent and reply as --replies (`make run`: REPLIES=...)"
    return f"no reply was written for {', '.join(intents[:_SHOWN_WITHOUT_REPLY])}{more}: {how}"


def print_points(console: Console, points: OperatingPoints) -> None:
    """Print what is answered and its risk for each target and out-of-scope share, and, if that is little, why."""
    force = points.in_force
    evidence = f"Learned on {force.rows:,} distinct messages of {points.messages:,}"
    at = f"{force.share:.0%} of the messages out of scope"
    title = f"how much the bot answers, {at}"
    console.print(_points(title, "target", points.targets, force))
    console.print(Text(f"{evidence}. {points.out_of_scope.sentence}"))
    title = f"the same at {force.target:.0%}, by share"
    console.print(_points(title, "out of scope", points.shares, force))
    if not points.is_low:
        return
    console.print(Text(f"Only {force.coverage:.0%} is answered. Why, and what to do:", style="yellow"))
    findings = points.findings
    for sentence in points.advice:
        console.print(Text(f"- {sentence}"))
    for suspect in findings.suspects[:_SHOWN_EXAMPLES]:
        console.print(Text(f"  {suspect.message!r} is labelled {suspect.label}: {suspect.better}?"))
    for pair in findings.pairs[:_SHOWN_EXAMPLES]:
        console.print(Text(f"  {pair.first} and {pair.second}: {pair.messages} messages"))
        for label, fits, examples in (
            (pair.first, pair.second, pair.first_examples),
            (pair.second, pair.first, pair.second_examples),
        ):
            for message in examples[:1]:
                console.print(Text(f"    {message!r}, labelled {label}, fits {fits}"))


def _right(header: str) -> Column:
    return Column(header, justify="right", no_wrap=True)


def _points(title: str, by: str, rows: Sequence[Learned], force: Learned) -> Table:
    caption = (
        "answered: of the messages with an intent; at most: the 95 % upper bound of wrong; unknown: wrong, if the "
        "out-of-scope messages are of topics of your own domain that no intent covers"
    )
    columns = map(_right, (by, "answered", "wrong", "at most", "unknown"))
    table = Table(*columns, Column("", overflow="fold"), title=title, caption=caption)
    for row in rows:
        mark = ", in force" if row is force else ""
        first = row.target if by == "target" else row.share
        table.add_row(
            f"{first:.0%}" if first >= 0.01 or not first else f"{first:.1%}",
            f"{row.coverage:.1%}",
            f"{row.risk:.1%}",
            f"{row.bound:.1%}",
            "-" if row.unknown_risk is None else f"{row.unknown_risk:.1%}",
            f"{row.evidence}{mark}",
            style="bold" if mark else "",
        )
    return table


def _parts(title: str, parts: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table("part", *map(_right, ("messages", *MAIN)), title=title)
    for name, part in parts.items():
        table.add_row(Text(name), f"{part['messages']:,.0f}", *(shown(part[score]) for score in MAIN))
    return table
