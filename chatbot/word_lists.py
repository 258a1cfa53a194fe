"""Read word lists from a text file: `[name]` precedes each list, and `#` starts a comment line."""

from __future__ import annotations

from pathlib import Path


def read_lists(file: Path) -> dict[str, str]:
    """Return the lines of each list by its name."""
    lists: dict[str, list[str]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            lines = lists[line.strip("[]")] = []
        elif line and not line.startswith("#"):
            lines.append(line)
    return {name: "\n".join(lines) for name, lines in lists.items()}


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())
