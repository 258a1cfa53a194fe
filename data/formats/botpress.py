"""Read Botpress 12's files of an intent or of a question with its answer (JSON)."""

from __future__ import annotations

from typing import Any

from data.formats.document import Document, dropped, listed, rows_of
from data.formats.rasa import without_entities
from data.rows import Rows


def is_botpress(document: Document) -> bool:
    """Whether the document has a name and messages by language."""
    name, messages, _ = _parts(document)
    return isinstance(name, str) and isinstance(messages, dict) and all(map(_is_list, messages.values()))


def read_botpress(document: Document, file: str) -> Rows:
    """Read the messages in English, else in the first language; the first answer is the intent's reply."""
    name, messages, answers = _parts(document)
    filled = [language for language in messages if messages[language]]
    chosen = next((language for language in filled if language.startswith("en")), (filled or [""])[0])
    texts = [without_entities(m) if isinstance(m, str) else m for m in messages.get(chosen, [])]
    result = rows_of(((text, name, "") for text in texts), file)
    if replies := listed(answers.get(chosen) if isinstance(answers, dict) else None):
        result.replies[name] = replies[0]
    others = sum(len(messages[language]) for language in filled if language != chosen)
    dropped(result, file, others, "messages in other languages", f"the bot has one language, here {chosen}")
    dropped(result, file, not texts, "intents without a message", "nothing to learn")
    return result


def _parts(document: Document) -> tuple[Any, Any, Any]:
    """Return name, messages and answers."""
    data = document.get("data")
    if isinstance(data, dict) and "questions" in data:
        return document.get("id"), data["questions"], data.get("answers")
    return document.get("name"), document.get("utterances"), None


def _is_list(value: object) -> bool:
    return isinstance(value, list)
