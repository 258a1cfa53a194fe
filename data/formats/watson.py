"""Read Watson Assistant's dialog and action skills (JSON)."""

from __future__ import annotations

import re
from typing import Any

from chatbot.dialog.message import OUT_OF_SCOPE
from data.formats.document import Document, dropped, listed, rows_of
from data.rows import Rows

_CONDITION = re.compile(r"\s*#([\w.-]+)\s*")


def is_watson(document: Document) -> bool:
    """Whether the document is a skill: intents with examples."""
    intents = document.get("intents")
    if isinstance(document.get("workspace"), dict):
        return True
    return isinstance(intents, list) and any(
        isinstance(i, dict) and "intent" in i and "examples" in i for i in intents
    )


def read_watson(document: Document, file: str) -> Rows:
    """Read examples, counterexamples as out of scope, and the text of dialog nodes with one intent as condition."""
    skill = document.get("workspace") if isinstance(document.get("workspace"), dict) else document
    titles = {
        action.get("condition", {}).get("intent"): action.get("title")
        for action in listed(skill.get("actions"))
    }
    examples = [
        (example.get("text"), titles.get(intent["intent"]) or intent["intent"], "")
        for intent in listed(skill.get("intents"))
        for example in listed(intent.get("examples"))
    ]
    counter = [(example.get("text"), OUT_OF_SCOPE, "") for example in listed(skill.get("counterexamples"))]
    result = rows_of([*examples, *counter], file)
    others = 0
    for node in listed(skill.get("dialog_nodes")):
        condition = _CONDITION.fullmatch(str(node.get("conditions") or ""))
        text = _text(node.get("output") or {})
        if condition and text:
            result.replies.setdefault(condition[1], text)
        elif text:
            others += 1
    dropped(result, file, others, "texts of dialog nodes", "their condition is not a single intent")
    dropped(result, file, len(listed(skill.get("entities"))), "entities", "the bot has intents only")
    return result


def _text(output: dict[str, Any]) -> str:
    for part in listed(output.get("generic")):
        if part.get("response_type") == "text" and listed(part.get("values")):
            return str(part["values"][0].get("text", "")).strip()
    text = output.get("text")
    if isinstance(text, dict):
        text = (listed(text.get("values")) or [""])[0]
    return text.strip() if isinstance(text, str) else ""
