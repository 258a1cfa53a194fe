"""Read fastText's training files: `__label__refund i want my money back` in each line."""

from __future__ import annotations

import re

from data.errors import Problem
from data.rows import Row, Rows
from data.text import lines_of

LABEL = "__label__"
_LABELS = re.compile(rf"(?:{LABEL}\S+\s*)+")


def read_fasttext(text: str, file: str) -> Rows:
    """Read a message with its label per line; a line with none or with several is a problem."""
    result = Rows()
    for line, content in enumerate(lines_of(text), start=1):
        if not content.strip():
            continue
        found = _LABELS.match(content.lstrip())
        labels = found[0].split() if found else []
        if found is None or len(labels) != 1:
            what = f"several labels: {' '.join(labels)!r}"[:120] if labels else f"no {LABEL} at the beginning"
            kind = "lines do not have one label each: keep the main one, or repeat the line"
            result.problems.append(Problem(file, line, what, kind=kind))
            continue
        message = content.lstrip()[found.end() :].strip()
        result.rows.append(Row(line, message, labels[0].removeprefix(LABEL)))
    return result
