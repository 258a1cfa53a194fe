"""What can be wrong with a corpus: each problem named by file, line and reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chatbot.errors import ChatbotError

_SHOWN = 20


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong in a corpus, or worth a warning."""

    file: str
    """The file as a person would name it; empty where the corpus did not come from a file."""
    line: int | None
    """The physical line counted from 1 (in Parquet: the row); None where it is about the whole file."""
    reason: str
    """What is wrong, with the value, and what to do."""

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line) if part not in ("", None))
        return f"{where}: {self.reason}" if where else self.reason

    def as_dict(self) -> dict[str, str | int | None]:
        """The problem as JSON."""
        return {"file": self.file, "line": self.line, "reason": self.reason}


class CorpusError(ChatbotError):
    """A corpus that cannot be used: every bad row is in `problems`, the first twenty in the text."""

    status = 422
    type = "corpus"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            lines.append(f"... and {len(self.problems) - _SHOWN} more")
        super().__init__("\n".join(lines), [problem.as_dict() for problem in self.problems])
