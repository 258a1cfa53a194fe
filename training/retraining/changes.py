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


@dataclass(frozen=True, slots=True)
class Changed:
    """A corpus after the changes."""

    rows: pd.DataFrame
    """With `data.loading.COLUMNS`."""
    known: frozenset[str]
    """Row hashes of the previous version, under the names that their intents have now, too."""
    before: frozenset[str]
    """Row hashes of the previous version."""
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
) -> Changed:
    """Apply decisions on rows (in the order of time), then declared changes, to the corpus with its original labels.

    `earlier` are the row hashes of the previous version.
    """
    applied = apply_decisions(rows.assign(labelled=rows["row_hash"]), decisions)
    table, _ = declared.apply(applied.table.assign(decided=applied.table["row_hash"]))
    before = frozenset(earlier)
    renamed = table.loc[table["decided"].isin(before), "row_hash"]
    return Changed(
        rows=table[list(COLUMNS)],
        known=before.union(renamed),
        before=before,
        kept=applied.kept,
        overruled=frozenset(rows["row_hash"])
        - frozenset(applied.table.loc[applied.table["row_hash"] == applied.table["labelled"], "labelled"]),
        moved=applied.moved,
        dropped=applied.dropped,
    )
