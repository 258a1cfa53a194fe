"""Convert records, Arrow tables and bundle references into the arrays that the drift check compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

TEXT_FEATURES = ("chars", "words", "non_letter_share", "upper_share")
SCORES = ("confidence", "scope")
NUMBERS = (*TEXT_FEATURES, *SCORES)
SUMMARY_AXES = 8


@dataclass(frozen=True, slots=True)
class RecordColumns:
    """Columns of n records, or of n rows of a reference.

    Attributes:
        numbers: by name of `NUMBERS`, shape (n,), float64. Confidence and scope are NaN if a rule decided, because
            the model made no prediction.
        summary: embedding summary, shape (n, SUMMARY_AXES), float32; NaN if missing.
        intents: shape (n,), strings.
        handoff: shape (n,), bool; None: unknown (a reference).
        negative: shape (n,), float64: 1 thumbs down, 0 thumbs up, NaN no feedback; None: unknown.
    """

    numbers: dict[str, NDArray[np.float64]]
    summary: NDArray[np.float32]
    intents: NDArray[np.object_]
    handoff: NDArray[np.bool_] | None = None
    negative: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.intents)

    def part(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> RecordColumns:
        """Select rows by index or by mask."""
        return RecordColumns(
            {name: values[rows] for name, values in self.numbers.items()},
            self.summary[rows],
            self.intents[rows],
            None if self.handoff is None else self.handoff[rows],
            None if self.negative is None else self.negative[rows],
        )

    @classmethod
    def joined(cls, parts: Sequence[RecordColumns]) -> RecordColumns:
        """Concatenate one or more parts."""
        handoffs = [part.handoff for part in parts if part.handoff is not None]
        negatives = [part.negative for part in parts if part.negative is not None]
        return cls(
            {name: np.concatenate([part.numbers[name] for part in parts]) for name in NUMBERS},
            np.concatenate([part.summary for part in parts]),
            np.concatenate([part.intents for part in parts]),
            np.concatenate(handoffs) if len(handoffs) == len(parts) else None,
            np.concatenate(negatives) if len(negatives) == len(parts) else None,
        )


def of_table(table: pa.Table) -> RecordColumns:
    """Convert a table of records, a baseline or a bundle's reference.

    Missing columns (files of an older schema) are read as unknown.
    """
    rows = table.num_rows
    names = set(table.column_names)

    def number(name: str) -> NDArray[np.float64]:
        if name not in names:
            return np.full(rows, np.nan)
        values = table[name]
        if pa.types.is_boolean(values.type):
            values = values.cast(pa.int8())
        return np.asarray(values.cast(pa.float64()).combine_chunks().to_numpy(zero_copy_only=False))

    numbers = {name: number(name) for name in NUMBERS}
    numbers["confidence"] = np.where(np.isnan(numbers["scope"]), np.nan, numbers["confidence"])
    summary = np.full((rows, SUMMARY_AXES), np.nan, dtype=np.float32)
    if "summary" in names and rows:
        lists = table["summary"].combine_chunks()
        full = np.asarray(pc.fill_null(pc.equal(pc.list_value_length(lists), SUMMARY_AXES), False))
        values = pc.list_flatten(lists.filter(pa.array(full)))
        summary[full] = np.asarray(values.to_numpy(zero_copy_only=False)).reshape(-1, SUMMARY_AXES)
    intents = np.asarray(table["intent"].combine_chunks().dictionary_encode().to_pandas(), dtype=object)
    handoff = number("handoff") > 0 if "handoff" in names else None
    return RecordColumns(
        numbers, summary, intents, handoff, number("negative") if "negative" in names else None
    )


def to_table(columns: RecordColumns) -> pa.Table:
    """Convert columns into the table that `of_table` reads, for a frozen baseline. Contains no text and no id."""
    summary = [None if np.isnan(row).any() else row for row in columns.summary.astype(np.float32)]
    table = {
        "intent": pa.array(list(columns.intents), pa.string()),
        **{
            name: pa.array(values, pa.float64(), mask=np.isnan(values))
            for name, values in columns.numbers.items()
        },
        "summary": pa.array(summary, pa.list_(pa.float32())),
    }
    if columns.handoff is not None:
        table["handoff"] = pa.array(columns.handoff, pa.bool_())
    if columns.negative is not None:
        table["negative"] = pa.array(columns.negative > 0, pa.bool_(), mask=np.isnan(columns.negative))
    return pa.table(table)
