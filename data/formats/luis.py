"""Read Microsoft's exports: LUIS (`luis_schema_version`) and CLU (`assets`)."""

from __future__ import annotations

from data.formats.document import Document, dropped, listed, rows_of
from data.rows import Rows


def is_luis(document: Document) -> bool:
    """Whether the document is a LUIS application or a CLU project."""
    return "luis_schema_version" in document or (
        isinstance(document.get("assets"), dict) and "utterances" in document["assets"]
    )


def read_luis(document: Document, file: str) -> Rows:
    """Read the utterances; the intent `None` becomes out of scope by its name, patterns are not messages."""
    content = document.get("assets", document)
    result = rows_of(((u.get("text"), u.get("intent"), "") for u in listed(content.get("utterances"))), file)
    known = {row.intent for row in result.rows}
    names = [intent.get("name") or intent.get("category") for intent in listed(content.get("intents"))]
    dropped(result, file, len(listed(content.get("patterns"))), "patterns", "a pattern is not a message")
    entities = len(listed(content.get("entities"))) + len(listed(content.get("closedLists")))
    dropped(result, file, entities, "entities", "the bot has intents only")
    dropped(
        result,
        file,
        len([n for n in names if n not in known]),
        "intents without an utterance",
        "nothing to learn",
    )
    return result
