"""Write JSON with each object or array on one line if it fits: one line per setting, query or threshold."""

from __future__ import annotations

import json
from typing import Any

WIDTH = 120


def dumps(value: Any, indent: str = "", before: int = 0) -> str:
    """Return `value` as JSON, in lines of at most `WIDTH` characters, except where one string is longer.

    Args:
        value: what `json.dumps` accepts, with strings as keys.
        indent: of the line that `value` begins on; what is inside is indented by one space more.
        before: characters that stand before `value` on its first line.
    """
    line = json.dumps(value, ensure_ascii=False)
    # A comma may follow.
    if not (isinstance(value, dict | list) and value) or before + len(line) < WIDTH:
        return line
    inside = indent + " "
    if isinstance(value, dict):
        brackets, parts = (
            "{}",
            [(f"{inside}{json.dumps(key, ensure_ascii=False)}: ", item) for key, item in value.items()],
        )
    else:
        brackets, parts = "[]", [(inside, item) for item in value]
    lines = ",\n".join(start + dumps(item, inside, len(start)) for start, item in parts)
    return f"{brackets[0]}\n{lines}\n{indent}{brackets[1]}"
