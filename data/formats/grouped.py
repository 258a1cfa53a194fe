"""Read JSON that lists the messages of each intent: nlp.js, `intents.json` of tags and patterns, Q&A pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from data.formats.document import Document, listed, rows_of
from data.rows import Rows

_NAMES = ("intent", "tag", "name", "label", "intent_name", "display_name", "displayname", "title", "topic", "id")
_MESSAGES = (
    "utterances", "patterns", "examples", "questions", "phrases", "samples", "messages", "training_phrases",
    "trainingphrases", "texts", "sentences", "queries", "inputs", "expressions",
)  # fmt: skip
_REPLIES = ("answers", "responses", "answer", "response", "reply", "replies")


def is_grouped(document: Document) -> bool:
    """Whether the document has objects with a name and a list of messages, or is a mapping of names to such lists."""
    return next(_groups(document), None) is not None


def read_grouped(document: Document, file: str) -> Rows:
    """Read the messages of each group; the first answer is the intent's reply."""
    groups = list(_groups(document))
    result = rows_of(((message, name, "") for name, messages, _ in groups for message in messages), file)
    result.replies = {name: reply for name, _, reply in groups if reply}
    return result


def _groups(document: Document) -> Iterator[tuple[str, list[Any], str]]:
    """Return the name, messages and reply of each intent; nothing where a part is of another kind."""
    if isinstance(document, dict) and len(document) > 1 and all(map(_is_texts, document.values())):
        if _key_of(document, _MESSAGES) is None and not _same_length_columns(document):
            yield from ((name, messages, "") for name, messages in document.items())
        return
    parts = document.values() if isinstance(document, dict) else [document]
    for part in parts:
        for group in listed(part):
            if not isinstance(group, dict):
                continue
            messages, name = _key_of(group, _MESSAGES), _key_of(group, _NAMES)
            if messages is None or name is None or not _is_texts(group[messages]):
                continue
            yield str(group[name]), group[messages], _reply(group)


def _reply(group: dict[str, Any]) -> str:
    """Return the first answer: a text, or an object with one (nlp.js)."""
    key = _key_of(group, _REPLIES)
    found = group[key] if key is not None else ""
    found = found[0] if isinstance(found, list) and found else found
    found = found.get("answer") or found.get("text") if isinstance(found, dict) else found
    return found.strip() if isinstance(found, str) else ""


def _key_of(group: dict[str, Any], names: tuple[str, ...]) -> str | None:
    keys = {key.casefold(): key for key in group}
    return next((keys[name] for name in names if name in keys), None)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(text, str) for text in value)


def _same_length_columns(document: dict[str, Any]) -> bool:
    """Whether the lists are rather the columns of a table (`{"text": [...], "intent": [...]}`)."""
    usual = {"text", "intent", "label", "message", "labels", "intents", "utterance", "query"}
    return len(set(document) & usual) > 1
