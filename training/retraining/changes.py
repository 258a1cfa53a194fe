"""Apply what people decided about a corpus's labels: decisions on rows, and declared changes of intents.

Both are applied to the rows as they were labelled, in each retraining again: an undone decision leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from data.decisions import RowDecision, apply_decisions
from data.declarations import Declared
from data.loading import COLUMNS
from data.splitting import SPLIT_COLUMNS


@dataclass(frozen=True, slots=True)
class Changed:
    """A corpus after the changes."""

    rows: pd.DataFrame
    """With `data.loading.COLUMNS`."""
    splits: pd.DataFrame | None
    """Earlier parts, which a relabelled row keeps."""
    known: frozenset[str]
    """Row hashes of the previous version, under the names that their intents have now, too."""
    before: frozenset[str]
    """Row hashes of the previous version, those left out included."""
    kept: frozenset[str]
    """Row hashes whose label a person confirmed."""
    overruled: frozenset[str]
    """Row hashes of rows that a person moved or dropped: they are not evaluated under their old label."""
    moved: int
    dropped: int

    @property
    def differs(self) -> bool:
        """Whether the rows differ from the previous version's."""
        return frozenset(self.rows["row_hash"]) != self.before


def apply_changes(
    rows: pd.DataFrame,
    decisions: Sequence[RowDecision],
    declared: Declared,
    earlier: Collection[str],
    left_out: Collection[str],
    splits: pd.DataFrame | None,
) -> Changed:
    """Apply decisions on rows (in the order of time), then declared changes, to the corpus with its original labels.

    `earlier` and `left_out` are row hashes of the previous version, and of those that it leaves out.
    """
    applied = apply_decisions(rows.assign(labelled=rows["row_hash"]), decisions)
    table, _ = declared.apply(applied.table.assign(decided=applied.table["row_hash"]))
    before = set(earlier)
    renamed = table.loc[table["decided"].isin(before), "row_hash"]
    return Changed(
        rows=table[list(COLUMNS)],
        splits=None if splits is None else _carried(splits, table),
        known=frozenset({*before, *renamed}),
        before=frozenset({*before, *left_out}),
        kept=applied.kept,
        overruled=frozenset(rows["row_hash"])
        - frozenset(applied.table.loc[applied.table["row_hash"] == applied.table["labelled"], "labelled"]),
        moved=applied.moved,
        dropped=applied.dropped,
    )


def _carried(splits: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the splits with a line for each relabelled row: a new label changes neither group nor part."""
    known = splits.set_index("row_hash")
    lines: dict[str, tuple[str, str]] = {}
    for labelled, decided, now in zip(table["labelled"], table["decided"], table["row_hash"], strict=True):
        was = next((row for row in (decided, labelled) if row in known.index), None)
        if was is not None and now not in known.index:
            lines[now] = tuple(known.loc[was, ["group", "part"]])
    fresh = pd.DataFrame(
        [(row, *line) for row, line in lines.items()], columns=list(SPLIT_COLUMNS), dtype="str"
    )
    return pd.concat([splits, fresh]).sort_values("row_hash", kind="stable", ignore_index=True)
