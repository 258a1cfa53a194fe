"""Build the staff pages' HTML; customers' texts are escaped here and never interpreted as HTML or Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.loop.drift_verdict import Check, DriftVerdict
from chatbot.records.handoff import Handoff, Turn
from training.review.clusters import MessageCluster
from training.review.handoffs import Task
from training.review.queue import Item, Reason
from ui.shared.escape import linked

REASONS = {
    Reason.THUMBS_DOWN: "Thumbs down",
    Reason.NEW_CLUSTER: "New cluster",
    Reason.NEAR_TIE: "Near tie",
    Reason.LOW_CONFIDENCE: "Low confidence",
    Reason.OUT_OF_SCOPE: "Out of scope",
}
_LEAST = 0.01
_CODE = re.compile(r"`([^`]+)`")
_DID = {
    "model": "The bot answered",
    "clarify": "The bot asked back",
    "human": "The bot handed over",
    "rule": "A rule decided",
}


def brand(name: str, kind: str) -> str:
    """Render the name of the pages and their audience."""
    return (
        '<div class="brand"><span class="avatar" aria-hidden="true"></span><div>'
        f'<p class="name">{escape(name)}</p><p class="kind">{escape(kind)}</p></div></div>'
    )


def heading(title: str, text: str) -> str:
    """Render a page's title and purpose."""
    return f'<div class="heading"><h1>{escape(title)}</h1><p>{escape(text)}</p></div>'


def progress(decided: int, waiting: int) -> str:
    """Render the reviewer's progress."""
    total = decided + waiting
    percent = round(100 * decided / total) if total else 100
    words = f"{decided} decided, {waiting} {'waits' if waiting == 1 else 'wait'}"
    return (
        f'<div class="progress"><div class="bar" role="progressbar" aria-label="Reviewed" aria-valuemin="0" '
        f'aria-valuemax="{total}" aria-valuenow="{decided}"><span style="width:{percent}%"></span></div>'
        f"<p>{words}</p></div>"
    )


def item(of: Item, titles: Mapping[str, str]) -> str:
    """Render a message under review, with the facts that support a decision."""
    times = "written once" if of.count == 1 else f"written {of.count} times"
    chips = "".join(
        f'<li class="chip {reason.value}">{escape(REASONS[reason])}</li>' for reason in of.reasons
    )
    guess = f"{titles.get(of.intent, of.intent)}, {of.confidence:.0%}"
    facts = [
        (_DID.get(of.source, of.source), f"its best guess: {guess}" if of.source != "model" else guess),
        ("First written", f"{ago(of.when)}, {times}"),
    ]
    if of.cluster:
        facts.append(("Cluster", of.cluster.replace("_", " ")))
    if of.suggested:
        facts.append(("A customer says", titles.get(of.suggested, of.suggested)))
    facts += [("Comment", comment) for comment in of.comments]
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return (
        f'<article class="card item"><ul class="chips" aria-label="Why it is here">{chips}</ul>'
        f'<blockquote class="message verbatim">{escape(of.message)}</blockquote>'
        f'<dl class="facts">{rows}</dl></article>'
    )


def cluster(of: MessageCluster, titles: Mapping[str, str], most: int = 6) -> str:
    """Render a cluster: typical words, number of messages, and up to `most` of the most typical ones."""
    words = "".join(f'<li class="chip">{escape(word)}</li>' for word in of.words)
    lines = "".join(
        f'<li class="verbatim">{escape(item.message)}{_times(item.count)}</li>' for item in of.items[:most]
    )
    more = len(of.items) - most
    rest = f'<p class="hint">and {more} more</p>' if more > 0 else ""
    nearest = escape(titles.get(of.nearest, of.nearest))
    return (
        f'<article class="card cluster"><ul class="chips" aria-label="Typical words">{words}</ul>'
        f'<p class="hint">{of.count} messages, {len(of.items)} of them distinct. Nearest intent: {nearest}.</p>'
        f'<ul class="examples">{lines}</ul>{rest}</article>'
    )


def handoff(task: Task, titles: Mapping[str, str]) -> str:
    """Render a handoff: its conversation, state, reason and likeliest intents."""
    of = task.handoff
    likely = ", ".join(
        f"{titles.get(i.intent, i.title or i.intent)} {i.confidence:.0%}"
        for i in of.intents
        if i.confidence >= _LEAST
    )
    unsure = "Unlike anything it was taught" if of.intent == OUT_OF_SCOPE else "The bot was not sure enough"
    why = f"Rule {of.rule}" if of.source == "rule" else unsure
    facts = [
        ("Why", why),
        ("Likeliest", likely or "-"),
        ("Written", ago(task.when)),
        ("Id", of.prediction_id),
    ]
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    state = {"open": "Open", "taken": "Taken", "done": "Done"}[task.state]
    who = f" by {task.work.by}" if task.work and task.state != "open" else ""
    return (
        f'<article class="card handoff-task {task.state}"><ul class="chips"><li class="chip {task.state}">'
        f"{escape(state + who)}</li></ul>{conversation(of)}"
        f'<dl class="facts">{rows}</dl></article>'
    )


def conversation(of: Handoff) -> str:
    """Render a handoff's conversation, with its message last."""
    last = Turn(at=datetime.now(UTC), speaker="customer", text=of.message)
    turns = "".join(_turn(turn) for turn in (*of.conversation, last))
    return f'<div class="talk" role="group" aria-label="Conversation">{turns}</div>'


def drift(verdict: DriftVerdict) -> str:
    """Render the drift verdict and its sentences, for a support lead."""
    words = {"green": "No drift", "red": "Drift", "silent": "Too few messages to tell"}[verdict.verdict]
    window = verdict.window
    head = (
        f'<p class="verdict {verdict.verdict}"><strong>{escape(words)}</strong> {escape(verdict.sentence)}</p>'
        f'<p class="hint">{window.records:,} messages from {_time(window.since)} to {_time(window.until)}, '
        f"model {escape(verdict.model_version)}; checked {ago(verdict.made)}.</p>"
    )
    alarms = _checks([c for c in verdict.checks if c.alarms], "What can alarm")
    others = _checks([c for c in verdict.checks if not c.alarms], "For information")
    return f'<article class="card drift">{head}{alarms}{others}{_contributors(verdict)}</article>'


def notice(title: str, text: str) -> str:
    """Render an alert."""
    return f'<div class="notice" role="alert"><strong>{escape(title)}</strong><p>{_words(text)}</p></div>'


def preview(reply: str) -> str:
    """Render a reply as customers will see it."""
    return (
        '<div class="preview"><p class="hint">What customers will read</p>'
        f'<div class="row bot"><div class="bubble"><p class="verbatim">{linked(reply)}</p></div></div></div>'
    )


def done(text: str) -> str:
    """Render a confirmation; screen readers announce it (role status)."""
    return f'<p class="hint said" role="status">{escape(text)}</p>'


def hint(text: str) -> str:
    """Render a one-line remark."""
    return f'<p class="hint">{escape(text)}</p>'


def empty(title: str, text: str) -> str:
    """Render the card of an empty list."""
    return f'<div class="card empty"><h2>{escape(title)}</h2><p>{_words(text)}</p></div>'


def title_of(intent: str, titles: Mapping[str, str]) -> str:
    """Return an intent's title."""
    return "Out of scope" if intent == OUT_OF_SCOPE else titles.get(intent, intent)


def ago(when: datetime) -> str:
    """Format the time elapsed since `when`."""
    minutes = max(0, round((datetime.now(UTC) - when).total_seconds() / 60))
    if minutes < 1:
        return "just now"
    for unit, size in (("day", 1_440), ("hour", 60), ("minute", 1)):
        if minutes >= size:
            count = minutes // size
            return f"{count} {unit}{'s' * (count > 1)} ago"
    return "just now"


def _words(text: str) -> str:
    """Escape a text, and render backticks as code."""
    return _CODE.sub(r"<code>\1</code>", escape(text))


def _turn(turn: Turn) -> str:
    kind = "you" if turn.speaker == "customer" else "bot"
    who = f'<span class="visually-hidden">{escape(turn.speaker.capitalize())}: </span>'
    return f'<div class="row {kind}"><div class="bubble">{who}<p class="verbatim">{escape(turn.text)}</p></div></div>'


def _checks(checks: Sequence[Check], title: str) -> str:
    if not checks:
        return ""
    lines = "".join(
        f'<li class="{"red" if check.red else "fine"}"><span class="mark">'
        f"{'moved' if check.red else 'steady'}</span> {escape(check.sentence)}</li>"
        for check in sorted(checks, key=lambda check: not check.red)
    )
    return f'<h2>{escape(title)}</h2><ul class="checks">{lines}</ul>'


def _contributors(verdict: DriftVerdict) -> str:
    found = verdict.contributors
    if not found.intents and not found.messages:
        return ""
    intents = "".join(
        f"<li>{escape(i.intent)}: {i.before:.1%} before, {i.now:.1%} now</li>" for i in found.intents
    )
    messages = "".join(f'<li class="verbatim">{escape(m.message)}</li>' for m in found.messages)
    return f'<h2>What moved it</h2><ul class="examples">{intents}{messages}</ul>'


def _times(count: int) -> str:
    return f' <span class="times">× {count}</span>' if count > 1 else ""


def _time(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
