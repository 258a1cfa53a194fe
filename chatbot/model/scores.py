"""Name a model's scores: one name per score in reports, tables, pages and JSON, and what it measures."""

from __future__ import annotations

MEANINGS = {
    "accuracy": "first choice of the classifier is right, of messages with an intent",
    "macro_f1": "of what the router did; a handoff counts as out of scope where the corpus has such rows",
    "mcc": "Matthews correlation of the same",
    "ece": "confidence against the share that is right: 15 bins of equal mass",
    "scope_auroc": "messages with an intent scored above those without",
    "coverage": "answered by the bot itself, of all messages",
    "risk": "wrong among those answers, answers to out-of-scope messages included",
}
"""Definition of each score, in the order of tables."""

MAIN = ("accuracy", "macro_f1", "coverage", "risk")
"""Scores that tables with little room show; the JSON has the rest."""


def shown(score: float | None) -> str:
    """Format a score in percent."""
    return "-" if score is None else f"{100 * score:.2f} %"
