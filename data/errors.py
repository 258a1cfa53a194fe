"""Corpus errors: each problem has a file, a line and a reason; equal problems are printed once, with a count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table
from rich.text import Text

from chatbot.errors import ChatbotError

SHOWN = 20
"""Kinds of problems that a message lists."""
LOCATIONS = 5
"""Places that are listed for one kind of problem."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One error or warning about a corpus."""

    file: str
    """File name for display; empty if the corpus does not come from a file."""
    line: int | None
    """Physical line, counted from 1 (in Parquet: the row); None if the problem concerns the whole file."""
    reason: str
    """What is wrong, with the value, and what to do."""
    kind: str = field(default="", compare=False)
    """What problems of this kind have in common, in the plural; empty: problems with the same reason are one."""

    @property
    def place(self) -> str:
        """Return `file:line`, as far as known."""
        return ":".join(str(part) for part in (self.file, self.line) if part not in ("", None))

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}" if self.place else self.reason

    def as_dict(self) -> dict[str, str | int | None]:
        """Return the problem as JSON-compatible data."""
        return {"file": self.file, "line": self.line, "reason": self.reason}


class CorpusError(ChatbotError):
    """The corpus cannot be used. `problems` has every bad row, the message each kind once."""

    status = 422
    type = "corpus"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(summary(self.problems)), [problem.as_dict() for problem in self.problems])

    @classmethod
    def at(cls, file: Path | str, line: int | None, reason: str) -> CorpusError:
        """Return the error of one problem; see `Problem`."""
        return cls([Problem(str(file), line, reason)])


def summary(problems: Iterable[Problem]) -> list[str]:
    """Describe problems: each kind once, with its count and at most LOCATIONS places; at most SHOWN kinds."""
    kinds: dict[str, list[Problem]] = {}
    for problem in problems:
        kinds.setdefault(problem.kind or problem.reason, []).append(problem)
    texts = [_described(kind, members) for kind, members in kinds.items()]
    return texts if len(texts) <= SHOWN else [*texts[:SHOWN], f"... and {len(texts) - SHOWN} more"]


def problems_table(errors: list[Problem], warnings: list[Problem]) -> list[Table | Text]:
    """Format errors, then warnings, as rich tables: each kind once, with a count and a few places."""
    result: list[Table | Text] = []
    for title, colour, problems in (("error", "red", errors), ("warning", "yellow", warnings)):
        if problems:
            table = Table(box=None, show_header=False, padding=(0, 1))
            for text in summary(problems):
                # Text, not markup: messages may hold `[/b]`.
                table.add_row(Text(title, style=colour), Text(text, overflow="fold"))
            result.append(table)
    return result


def _described(kind: str, members: list[Problem]) -> str:
    if len(members) == 1:
        return str(members[0])
    rest = len(members) - LOCATIONS
    if len({member.reason for member in members}) == 1:
        places = [member.place for member in members[:LOCATIONS]]
        here = f"{members[0].file}:" if members[0].line is not None else ""
        places[1:] = [place.removeprefix(here) for place in places[1:]]
        more = f" and {rest:,} more" if rest > 0 else ""
        return f"{members[0].reason} ({len(members):,} times: {', '.join(places)}{more})"
    lines = [f"{kind} ({len(members):,}):", *(f"  {member}" for member in members[:LOCATIONS])]
    return "\n".join([*lines, f"  ... and {rest:,} more"] if rest > 0 else lines)
