"""Word lists for PII redaction of names and passwords, read from words.txt and given.txt."""

from __future__ import annotations

from pathlib import Path


def _read(file: str, name: str = "") -> dict[str, str]:
    """Return each list as text by its name: `[name]` precedes it, and `#` starts a comment line."""
    lists: dict[str, str] = {}
    for line in Path(__file__).with_name(file).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            name = line.strip("[]")
        elif line and not line.startswith("#"):
            lists[name] = f"{lists.get(name, '')} {line}"
    return lists


_LISTS = _read("words.txt") | _read("given.txt", "more_given")
_WORDS = {name: frozenset(text.split()) for name, text in _LISTS.items()}

GIVEN, GIVEN_AND_WORDS, SURNAMES = _WORDS["given"], _WORDS["given_and_words"], _WORDS["surnames"]
MORE_GIVEN = _WORDS["more_given"]
"""Given names that only a capital tells from words."""
NO_NAMES, NO_SECRETS = _WORDS["no_names"], _WORDS["no_secrets"]
BRANDS = frozenset(" ".join(pair.split()) for pair in _LISTS["brands"].split(","))
