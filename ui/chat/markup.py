"""Render the HTML of the chat page (`chat.html.j2`), and choose the template part for each answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ui.chat.client import Answer, in_words
from ui.chat.texts import Texts
from ui.shared import templates

OUT_OF_SCOPE = "out_of_scope"
_LEVELS = ((0.9, "very"), (0.7, "quite"), (0.45, "somewhat"), (0.0, "not"))
"""Minimum confidence of each level, and its name in the texts."""

html: Any = templates.macros("chat/chat.html.j2")
"""The macros of the template, as functions that return HTML."""


def answered(t: Texts, answer: Answer, titles: Mapping[str, str], how: str = "") -> str:
    """Render the reply, with intent and confidence below it; `how`: how and when somebody answers a handoff."""
    reply = html.handoff(t, answer, how) if answer.handoff else html.reply(t, answer)
    return f"{reply}{understood(t, answer, titles)}"


def understood(t: Texts, answer: Answer, titles: Mapping[str, str]) -> str:
    """Render the intent's title, and the confidence as a bar and a word; empty if there is no intent."""
    if is_unnamed(answer, titles) or (answer.source == "clarify" and not answer.alternatives):
        return ""
    title = title_of(t, answer.intent, titles)
    if answer.intent == OUT_OF_SCOPE:
        return str(html.understood(t, "", title))
    if answer.source == "choice":
        return str(html.understood(t, t("sure.chosen"), title))
    words = t("sure.guess" if answer.source in ("clarify", "human") else "sure.understood")
    level = next(name for least, name in _LEVELS if answer.confidence >= least)
    return str(html.understood(t, words, title, level, round(answer.confidence * 100)))


def is_unnamed(answer: Answer, titles: Mapping[str, str]) -> bool:
    """Whether a rule's intent is not one of the shop's topics, such as an emergency: shown without label and thumbs."""
    return answer.source == "rule" and bool(titles) and answer.intent not in titles


def title_of(t: Texts, intent: str, titles: Mapping[str, str]) -> str:
    """Return an intent's title for customers."""
    return t("sure.out_of_scope") if intent == OUT_OF_SCOPE else titles.get(intent) or in_words(intent)
