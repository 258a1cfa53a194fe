"""Apply what people decided about a corpus's labels: decisions on rows, and declared changes of intents.

Both are applied to the rows as they were labelled, in each retraining again: an undone decision leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain

import pandas as pd

from data.decisions import RowDecision, apply_decisions, row_hashes
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
    """Row hashes of rows that a person moved or dropped, under all names of their old label: it is not evaluated."""
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
    applied = apply_decisions(rows.assign(labelled=rows["row_hash"]), decisions, declared.names)
    table, _ = declared.apply(applied.table)
    before = frozenset(earlier)
    decided = row_hashes(applied.table, declared.names)
    is_same = applied.table["row_hash"] == applied.table["labelled"]
    same = row_hashes(applied.table[is_same], declared.names)
    return Changed(
        rows=table[list(COLUMNS)],
        known=before.union(names[-1] for names in decided if not before.isdisjoint(names)),
        before=before,
        kept=applied.kept,
        overruled=frozenset(chain(*row_hashes(rows, declared.names))).difference(*same),
        moved=applied.moved,
        dropped=applied.dropped,
    )
