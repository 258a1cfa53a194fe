"""Define what every reader returns: rows of message and intent with their lines, problems, notices, replies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from data.errors import Problem


@dataclass(frozen=True, slots=True)
class Row:
    """One message as read from a file."""

    line: int
    message: str
    intent: str
    category: str = ""
    file: str = ""
    """File within a folder; empty for a corpus of one file."""
    subject: str | None = None
    """Of a ticket or e-mail, perhaps empty; None: the message is not one."""


@dataclass(slots=True)
class Rows:
    """Content of a source: the readable rows, and problems and notices about the others."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """Rows that cannot be used."""
    notices: list[Problem] = field(default_factory=list)
    """What was skipped, decoded or chosen in reading; the corpus can be used."""
    replies: dict[str, str] = field(default_factory=dict)
    """Reply texts by intent, where the source has them."""
    beside: dict[str, bytes] = field(default_factory=dict)
    """Files of decisions and declared changes in a folder or archive: content by name for display."""

    def extend(self, other: Rows, part: str = "") -> None:
        """Append another file's content; existing replies are kept, and one that differs is named.

        Args: part: the file, sheet or folder within this source that the rows come from; empty: they name it.
        """
        if part:
            other.rows = [replace(row, file=f"{part}/{row.file}" if row.file else part) for row in other.rows]
        file = next((row.file for row in other.rows if row.file), "")
        self.replies, several = first_replies([*self.replies.items(), *other.replies.items()], file)
        self.notices.extend(several)
        self.rows.extend(other.rows)
        self.problems.extend(other.problems)
        self.notices.extend(other.notices)


def first_replies(replies: Iterable[tuple[str, str]], file: str) -> tuple[dict[str, str], list[Problem]]:
    """Return the first reply of each intent, and a notice if intents have another one."""
    found: dict[str, str] = {}
    several = {intent: None for intent, text in replies if found.setdefault(intent, text) != text}
    if not several:
        return found, []
    reason = f"another reply of {len(several):,} intents, such as {next(iter(several))!r}: the first is used"
    return found, [Problem(file, None, reason)]
