"""Read JSON that lists the messages of each intent: nlp.js, `intents.json` of tags and patterns, Q&A pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from data.formats.document import JsonDocument, dropped, listed, rows_of
from data.rows import Rows, first_replies

_NAMES = (
    "intent", "tag", "name", "label", "intent_name", "display_name", "displayname", "title", "topic", "id",
)  # fmt: skip
_MESSAGES = (
    "utterances", "patterns", "examples", "questions", "phrases", "samples", "messages", "training_phrases",
    "trainingphrases", "texts", "sentences", "queries", "inputs", "expressions",
)  # fmt: skip
_SINGLE = ("text", "message", "utterance", "query", "sentence", "question")
"""Fields with one message: the object is a row of a table."""
_BESIDE_TEXT = frozenset(
    [*_SINGLE, "id", "entities", "slots", "mentions", "lang", "language", "locale", "count"]
)
"""Fields of an object that is one message of a group; with others, such as a sender, it is part of a conversation."""
_REPLIES = ("answers", "responses", "answer", "response", "reply", "replies")


def is_grouped(document: JsonDocument) -> bool:
    """Whether the document has objects with a name and a list of messages, or is a mapping of names to such lists."""
    return any(_are_messages(messages) for _, messages, _ in _groups(document))


def read_grouped(document: JsonDocument, file: str) -> Rows:
    """Read the messages of each group; the first answer is the intent's reply."""
    groups = list(_groups(document))
    result = rows_of(((_text(message), name) for name, messages, _ in groups for message in messages), file)
    replies = ((name, reply) for name, messages, reply in groups if reply and messages)
    result.replies, several = first_replies(replies, file)
    result.notices.extend(several)
    empty = sum(not messages for _, messages, _ in groups)
    dropped(result, file, empty, "intents without a message", "nothing to learn")
    elements = [element for part in _parts(document) for element in listed(part)]
    others = 0 if _is_mapping(document) else max(0, len(elements) - len(groups))
    dropped(result, file, others, "elements of another kind", "they have no name with a list of messages")
    return result


def _groups(document: JsonDocument) -> Iterator[tuple[str, list[Any], str]]:
    """Return the name, messages and reply of each intent."""
    if _is_mapping(document):
        yield from ((name, messages, "") for name, messages in document.items())
        return
    if _is_mapping_to_groups(document):
        for name, group in document.items():
            messages = _key_of(group, _MESSAGES)
            yield name, group[messages], _reply(group)
        return
    for group in (element for part in _parts(document) for element in listed(part)):
        if not isinstance(group, dict) or any(isinstance(group.get(name), str) for name in _SINGLE):
            continue
        messages, name = _key_of(group, _MESSAGES), _key_of(group, _NAMES)
        if messages is not None and name is not None and isinstance(group[messages], list):
            yield str(group[name]), group[messages], _reply(group)


def _parts(document: JsonDocument) -> list[Any]:
    return list(document.values()) if isinstance(document, dict) else [document]


def _is_mapping(document: JsonDocument) -> bool:
    """Whether the document is `{intent: [messages]}`, and not the columns of a table."""
    return (
        isinstance(document, dict)
        and len(document) > 1
        and all(map(_is_texts, document.values()))
        and _key_of(document, (*_MESSAGES, *_SINGLE)) is None
    )


def _is_mapping_to_groups(document: JsonDocument) -> bool:
    """Whether the document is `{intent: {"utterances": [...], ...}}`."""
    return (
        isinstance(document, dict)
        and len(document) > 1
        and all(
            isinstance(group, dict) and (key := _key_of(group, _MESSAGES)) and _are_messages(group[key])
            for group in document.values()
        )
    )


def _text(message: Any) -> Any:
    """Return a message, or the text of an object about nothing else: `{"text": "i want my money back"}`."""
    if not isinstance(message, dict) or not _BESIDE_TEXT.issuperset(key.casefold() for key in message):
        return message
    key = _key_of(message, _SINGLE)
    return message if key is None else message[key]


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


def _are_messages(value: object) -> bool:
    return isinstance(value, list) and _is_texts([_text(message) for message in value])
