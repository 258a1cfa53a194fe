"""Corpus errors: each problem has a file, a line and a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chatbot.errors import ChatbotError

_SHOWN = 20


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One error or warning about a corpus."""

    file: str
    """File name for display; empty if the corpus does not come from a file."""
    line: int | None
    """Physical line, counted from 1 (in Parquet: the row); None if the problem concerns the whole file."""
    reason: str
    """What is wrong, with the value, and what to do."""

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line) if part not in ("", None))
        return f"{where}: {self.reason}" if where else self.reason

    def as_dict(self) -> dict[str, str | int | None]:
        """Return the problem as JSON-compatible data."""
        return {"file": self.file, "line": self.line, "reason": self.reason}


class CorpusError(ChatbotError):
    """The corpus cannot be used. `problems` has every bad row, the message the first twenty."""

    status = 422
    type = "corpus"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            lines.append(f"... and {len(self.problems) - _SHOWN} more")
        super().__init__("\n".join(lines), [problem.as_dict() for problem in self.problems])
