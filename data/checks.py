"""Check a corpus before training: a report of errors and warnings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd
from rich.console import Console, ConsoleOptions, RenderResult

from chatbot.dialog.message import OUT_OF_SCOPE
from data.errors import CorpusError, Problem, problems_table
from data.messages import intent_fault, message_fault, normalise

FEW_MESSAGES = 10
"""An intent with fewer messages is trained with a warning: its scores are unreliable."""


@dataclass(frozen=True, slots=True)
class Report:
    """Result of `check`; rich prints it, `as_dict` returns it as JSON."""

    rows: int
    intents: int
    """Without `out_of_scope`."""
    categories: int
    out_of_scope: int
    """Rows labelled `out_of_scope`."""
    duplicates: int
    """Rows with the same normalised message and intent as an earlier row; they are kept."""
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the corpus can be used for training."""
        return not self.errors

    def raise_errors(self) -> None:
        """Raises: CorpusError: there are errors."""
        if self.errors:
            raise CorpusError(self.errors)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON-compatible data."""
        problems = {name: [one.as_dict() for one in getattr(self, name)] for name in ("errors", "warnings")}
        return asdict(self) | problems

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render errors and warnings as tables; render nothing if there are none."""
        yield from problems_table(self.errors, self.warnings)


def check(corpus: pd.DataFrame, *, strict: bool = False) -> Report:
    """Validate a corpus (`data.loading.COLUMNS`) and count its rows, intents and duplicates.

    Args:
        corpus: one row per message.
        strict: report the same message under two labels as an error instead of a warning.

    Returns:
        Errors: unusable messages and intents, fewer than two intents. Warnings: an intent with fewer than ten
        messages, the same normalised message under two labels (each later row is named together with the
        first).
    """
    errors = _faults(corpus)
    warnings: list[Problem] = []
    (errors if strict else warnings).extend(_two_labels(corpus))
    in_scope = corpus[corpus["intent"] != OUT_OF_SCOPE]
    names = sorted(in_scope["intent"].unique())
    if len(names) < 2:
        here = ", ".join(names) or "none"
        errors.append(Problem("", None, f"a bot needs at least two intents; this corpus has: {here}"))
    warnings.extend(_few_messages(in_scope))
    return Report(
        rows=len(corpus),
        intents=len(names),
        categories=in_scope["category"][in_scope["category"] != ""].nunique(),
        out_of_scope=len(corpus) - len(in_scope),
        duplicates=int(corpus["row_hash"].duplicated().sum()),
        errors=errors,
        warnings=warnings,
    )


def _faults(corpus: pd.DataFrame) -> list[Problem]:
    """Return what makes rows unusable: a corpus may be put together from several sources."""
    rows = zip(corpus["message"], corpus["intent"], corpus["source"], strict=True)
    return [
        Problem(*_place(source), fault)
        for message, intent, source in rows
        for fault in (message_fault(message), intent_fault(intent))
        if fault
    ]


def _place(source: str) -> tuple[str, int | None]:
    file, _, line = source.rpartition(":")
    return (file, int(line)) if line.isdigit() else (source, None)


def _two_labels(corpus: pd.DataFrame) -> list[Problem]:
    first: dict[str, dict[str, str]] = {}
    problems: list[Problem] = []
    for message, intent, source in zip(corpus["message"], corpus["intent"], corpus["source"], strict=True):
        labels = first.setdefault(normalise(message), {})
        if intent not in labels:
            if labels:
                others = " and ".join(f"{other} at {place}" for other, place in labels.items())
                reason = f"{message!r} is labelled {intent} here, {others}: which is it?"
                problems.append(Problem(*_place(source), reason, kind="messages have two labels"))
            labels[intent] = source
    return problems


def _few_messages(corpus: pd.DataFrame) -> list[Problem]:
    problems = []
    for intent, rows in corpus.groupby("intent", sort=True):
        if len(rows) < FEW_MESSAGES:
            count = f"{len(rows)} message{'s' if len(rows) > 1 else ''}"
            reason = f"intent {intent!r} has {count}: too few to be judged, add messages until it has {FEW_MESSAGES}"
            kind = f"intents have under {FEW_MESSAGES} messages, too few to be judged: add messages"
            problems.append(Problem(*_place(rows["source"].iloc[0]), reason, kind=kind))
    return problems
