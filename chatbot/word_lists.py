"""Read word lists from a text file: `[name]` precedes each list, and `#` starts a comment line."""

from __future__ import annotations

from pathlib import Path


def read_lists(file: Path) -> dict[str, str]:
    """Return each list as text by its name."""
    lists: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            name = line.strip("[]")
        elif line and not line.startswith("#"):
            lists[name] = f"{lists.get(name, '')} {line}"
    return lists
