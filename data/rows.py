"""Define what every reader returns: rows of message and intent with their lines, problems, notices, replies."""

from __future__ import annotations

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
        differing = [name for name, text in other.replies.items() if self.replies.get(name, text) != text]
        if differing:
            file = next((row.file for row in other.rows if row.file), "")
            count = f"another reply of {len(differing):,} intents, such as {differing[0]!r}"
            reason = f"{count}: that of the first file is used"
            self.notices.append(Problem(file, None, reason))
        self.rows.extend(other.rows)
        self.problems.extend(other.problems)
        self.notices.extend(other.notices)
        self.replies = {**other.replies, **self.replies}
