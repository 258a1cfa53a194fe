"""Validate a corpus before training: a pandera schema for its rows, and a report of errors and warnings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors
from rich.console import Console, ConsoleOptions, RenderResult

from chatbot.dialog.message import OUT_OF_SCOPE
from data.errors import CorpusError, Problem, problems_table
from data.messages import intent_fault, message_fault, normalise

FEW_MESSAGES = 10
"""An intent with fewer messages is trained with a warning: its scores are unreliable."""


def _fit(fault_of: Any) -> pa.Check:
    return pa.Check(lambda value: fault_of(value) is None, element_wise=True, name=fault_of.__name__)


SCHEMA = pa.DataFrameSchema(
    {
        "message": pa.Column(str, _fit(message_fault)),
        "intent": pa.Column(str, _fit(intent_fault)),
        "category": pa.Column(str),
        "source": pa.Column(str),
        "row_hash": pa.Column(str, pa.Check.str_matches(r"^[0-9a-f]{32}$")),
    }
)
"""Row schema of a loaded corpus; further columns are allowed."""


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
        return {
            "rows": self.rows,
            "intents": self.intents,
            "categories": self.categories,
            "out_of_scope": self.out_of_scope,
            "duplicates": self.duplicates,
            "errors": [problem.as_dict() for problem in self.errors],
            "warnings": [problem.as_dict() for problem in self.warnings],
        }

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render errors and warnings as tables; render nothing if there are none."""
        yield from problems_table(self.errors, self.warnings)


def check(corpus: pd.DataFrame, *, strict: bool = False) -> Report:
    """Validate a corpus (`data.loading.COLUMNS`) and count its rows, intents and duplicates.

    Args:
        corpus: one row per message.
        strict: report the same message under two labels as an error instead of a warning.

    Returns:
        Errors: rows that violate the schema, fewer than two intents. Warnings: an intent with fewer than ten
        messages, the same normalised message under two labels (each later row is named together with the
        first).
    """
    errors = row_problems(corpus)
    warnings: list[Problem] = []
    if not set(SCHEMA.columns) <= set(corpus.columns):
        return Report(len(corpus), 0, 0, 0, 0, errors)
    # The checks below compare strings; rows with other types are reported above.
    texts = [_is_text(m) and _is_text(i) for m, i in zip(corpus["message"], corpus["intent"], strict=True)]
    sound = corpus[np.array(texts, dtype=bool)]
    (errors if strict else warnings).extend(_two_labels(sound))
    in_scope = sound[sound["intent"] != OUT_OF_SCOPE]
    names = sorted(in_scope["intent"].unique())
    if len(names) < 2:
        here = ", ".join(names) or "none"
        errors.append(Problem("", None, f"a bot needs at least two intents; this corpus has: {here}"))
    warnings.extend(_few_messages(in_scope))
    return Report(
        rows=len(corpus),
        intents=len(names),
        categories=in_scope["category"][in_scope["category"] != ""].nunique(),
        out_of_scope=len(sound) - len(in_scope),
        duplicates=int(sound["row_hash"].duplicated().sum()),
        errors=errors,
        warnings=warnings,
    )


def row_problems(corpus: pd.DataFrame) -> list[Problem]:
    """Return the violations of SCHEMA in row order; a missing column is one problem."""
    corpus = corpus.reset_index(drop=True)
    try:
        SCHEMA.validate(corpus, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
    else:
        return []
    problems: list[tuple[int, Problem]] = []
    for _, case in cases.iterrows():
        place = int(case["index"]) if pd.notna(case["index"]) else -1
        source = str(corpus["source"].iloc[place]) if place >= 0 and "source" in corpus else ""
        problems.append((place, Problem(*_place(source), _reason(case))))
    return [problem for _, problem in sorted(problems, key=lambda item: item[0])]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _reason(case: pd.Series[Any]) -> str:
    value = case["failure_case"]
    if case["check"] == message_fault.__name__:
        return message_fault(value) or "the message is unfit"
    if case["check"] == intent_fault.__name__:
        return intent_fault(value) or "the intent is unfit"
    if case["check"] == "column_in_dataframe":
        return f"column {value!r} is missing"
    return f"column {case['column']!r} holds {value!r}, which is not {case['check']}"


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
