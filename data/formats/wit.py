"""Read Wit.ai's exports: the files of `utterances` in an app's archive."""

from __future__ import annotations

from data.formats.document import Document, dropped, rows_of
from data.rows import Rows


def is_wit(document: Document) -> bool:
    """Whether the document is a list of Wit.ai's utterances."""
    utterances = document.get("utterances")
    return isinstance(utterances, list) and all("text" in u and "entities" in u for u in utterances)


def read_wit(document: Document, file: str) -> Rows:
    """Read the utterances; one without an intent is left out."""
    utterances = document["utterances"]
    labelled = [u for u in utterances if u.get("intent")]
    result = rows_of(((u["text"], u["intent"], "") for u in labelled), file)
    dropped(result, file, len(utterances) - len(labelled), "utterances without an intent", "nothing to learn")
    return result
