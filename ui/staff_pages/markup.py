"""HTML of the staff pages (`staff.html.j2`), and the facts that stand beside a message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.records.handoff import Turn
from training.review.clusters import Cluster
from training.review.handoffs import Task
from training.review.queue import Item, Reason
from ui.shared import templates

REASONS = {
    Reason.THUMBS_DOWN: "Thumbs down",
    Reason.NEW_CLUSTER: "New cluster",
    Reason.NEAR_TIE: "Near tie",
    Reason.LOW_CONFIDENCE: "Low confidence",
    Reason.OUT_OF_SCOPE: "Out of scope",
}
_LEAST = 0.01
_DID = {
    "model": "The bot answered",
    "clarify": "The bot asked back",
    "human": "The bot handed over",
    "rule": "A rule decided",
}


def ago(when: datetime) -> str:
    """Format the time elapsed since `when`."""
    minutes = round((datetime.now(UTC) - when).total_seconds() / 60)
    for unit, size in (("day", 1_440), ("hour", 60), ("minute", 1)):
        if minutes >= size:
            count = minutes // size
            return f"{count} {unit}{'s' * (count > 1)} ago"
    return "just now"


def _moment(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


html: Any = templates.macros("staff_pages/staff.html.j2", {"ago": ago, "moment": _moment})
"""The macros of the template, as functions that return HTML."""


def item(of: Item, titles: Mapping[str, str]) -> str:
    """Render a message under review, with the facts that support a decision."""
    times = "written once" if of.count == 1 else f"written {of.count} times"
    guess = f"{titles.get(of.intent, of.intent)}, {of.confidence:.0%}"
    rows = [
        (_DID.get(of.source, of.source), f"its best guess: {guess}" if of.source != "model" else guess),
        ("First written", f"{ago(of.when)}, {times}"),
    ]
    if of.cluster:
        rows.append(("Cluster", of.cluster.replace("_", " ")))
    if of.suggested:
        rows.append(("A customer says", titles.get(of.suggested, of.suggested)))
    return str(html.item(of, REASONS, [*rows, *(("Comment", comment) for comment in of.comments)]))


def cluster(of: Cluster, titles: Mapping[str, str]) -> str:
    """Render a cluster: typical words, number of messages, and the most typical ones."""
    return str(html.cluster(of, titles.get(of.nearest, of.nearest)))


def handoff(task: Task, titles: Mapping[str, str]) -> str:
    """Render a handoff: its conversation with its message last, state, reason and likeliest intents."""
    of = task.handoff
    likely = ", ".join(
        f"{titles.get(i.intent, i.title or i.intent)} {i.confidence:.0%}"
        for i in of.intents
        if i.confidence >= _LEAST
    )
    unsure = "Unlike anything it was taught" if of.intent == OUT_OF_SCOPE else "The bot was not sure enough"
    rows = [
        ("Why", f"Rule {of.rule}" if of.source == "rule" else unsure),
        ("Likeliest", likely or "-"),
        ("Written", ago(task.when)),
        ("Id", of.prediction_id),
    ]
    who = f" by {task.work.by}" if task.work and task.state != "open" else ""
    turns = [*of.conversation, Turn(at=task.when, speaker="customer", text=of.message)]
    return str(html.handoff(task.state, task.state.capitalize() + who, turns, rows))


def title_of(intent: str, titles: Mapping[str, str]) -> str:
    """Return an intent's title."""
    return "Out of scope" if intent == OUT_OF_SCOPE else titles.get(intent, intent)
