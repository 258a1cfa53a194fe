"""Render the HTML of the staff pages (`staff.html.j2`), and collect the facts shown beside a message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chatbot.dialog.message import OUT_OF_SCOPE
from ui.shared import templates

if TYPE_CHECKING:
    # Types only: the login page must not wait until the modules that cluster are imported.
    from training.labels.findings import SuspectLabel
    from training.review.clusters import MessageCluster
    from training.review.handoffs import HandoffCase
    from training.review.queue import Item

REASONS = {
    "thumbs_down": "Thumbs down",
    "new_cluster": "New cluster",
    "near_tie": "Near tie",
    "low_confidence": "Low confidence",
    "out_of_scope": "Out of scope",
}
"""Title of each reason (`training.review.queue.Reason`), by its value."""
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


def cluster(of: MessageCluster, titles: Mapping[str, str]) -> str:
    """Render a cluster: typical words, number of messages, and the most typical ones."""
    return str(html.cluster(of, titles.get(of.nearest, of.nearest)))


def handoff(case: HandoffCase) -> str:
    """Render a conversation that was handed over: its turns, state, reason and likeliest intents."""
    of = case.tasks[-1].handoff
    likely = ", ".join(
        f"{i.title or i.intent} {i.confidence:.0%}" for i in of.intents if i.confidence >= _LEAST
    )
    is_rule = of.source == "rule"
    why = f"Rule: {of.rule.replace('_', ' ')}" if is_rule else of.summary.partition(" (likeliest:")[0]
    rows = [
        ("Reach them at", "; ".join(case.contacts) or "not said"),
        ("Why", why),
        ("Likeliest", likely or "-"),
        ("Oldest message", ago(case.since)),
        ("Reference", ", ".join(task.handoff.prediction_id for task in case.tasks)),
    ]
    words = case.state.capitalize() + (f" by {case.by}" if case.by else "")
    return str(html.handoff(case.state, words, case.turns, rows))


def suspect(of: SuspectLabel, titles: Mapping[str, str]) -> str:
    """Render a row whose label is suspect, with its neighbours as evidence."""
    rows = [
        ("Its label", title_of(of.label, titles)),
        ("Fits better", f"{title_of(of.better, titles)}, {1 - of.quality:.0%}"),
        *(("Similar", f"{n.message} ({title_of(n.label, titles)})") for n in of.neighbours),
        ("From", of.source),
    ]
    return str(html.suspect(of.message, rows))


def short(message: str) -> str:
    """Return a message that fits into a sentence."""
    return message if len(message) <= 60 else message[:59] + "…"


def title_of(intent: str, titles: Mapping[str, str]) -> str:
    """Return an intent's title."""
    return "Out of scope" if intent == OUT_OF_SCOPE else titles.get(intent, intent)
