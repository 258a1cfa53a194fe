"""Parse JSON files, with an error that names file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data.errors import CorpusError, Problem
from data.text import decode


def load_json(path: Path, encoding: str | None = None) -> Any:
    """Return a parsed JSON file.

    Raises:
        CorpusError: not JSON.
    """
    try:
        return json.loads(decode(path.read_bytes(), str(path), encoding)[0])
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} at column {error.colno}"
        raise CorpusError([Problem(str(path), error.lineno, reason)]) from None
    except (ValueError, RecursionError) as error:
        raise CorpusError([Problem(str(path), None, f"not JSON: {error}")]) from None
