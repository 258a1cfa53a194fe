"""Parse JSON files, with an error that names file and line."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from data.errors import CorpusError
from data.text import decode, read_document


def parse_json(text: str) -> Any:
    """Return parsed JSON.

    Raises: ValueError: not JSON, or an object has a key twice, of which Python would keep the last.
    """
    return json.loads(text, object_pairs_hook=_without_twins)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise ValueError(f"the key {next(n for n in counts if counts[n] > 1)!r} occurs twice in one object")
    return found


def load_json(path: Path, encoding: str | None = None) -> Any:
    """Return a parsed JSON file.

    Raises: CorpusError: not JSON, or larger than MAX_DOCUMENT_BYTES.
    """
    advice = "write JSON Lines (`jq -c '.[]' in.json > out.jsonl`) or CSV, or split it into several files"
    try:
        return parse_json(decode(read_document(path, advice), str(path), encoding)[0])
    except json.JSONDecodeError as error:
        is_comma = error.doc[: error.pos].rstrip().endswith(",")
        advice = "; JSON has no comma after the last element" if is_comma else ""
        reason = f"not JSON: {error.msg} at column {error.colno}{advice}"
        raise CorpusError.at(path, error.lineno, reason) from None
    except (ValueError, RecursionError) as error:
        raise CorpusError.at(path, None, f"not JSON: {error}") from None
