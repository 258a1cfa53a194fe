"""Choose the rows on which two bundles are compared: those that each predicts without having learned from them.

They are rows of the champion's corpus, under the champion's labels. A bundle's prediction of a row is the out-of-fold
one that it keeps (`training.model.held_out`), or it is made now, if the row is not one of its training rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.dialog.router import Prediction
from data.declarations import NOTHING, Declared
from data.messages import row_hash
from training.model.distinct import joined_groups

CHAMPION_ROW, CHALLENGER_ROW = "champion_row", "challenger_row"
"""Columns: the hash under which each bundle keeps its prediction of a row; empty: it is predicted now."""
UNFILLED = "unfilled"
"""Optional column of the challenger's corpus: the messages before their placeholders were filled."""

_UNKNOWN = "unknown"
Kept = Mapping[str, Prediction]
"""A bundle's out-of-fold predictions by row hash; empty: a bundle that was made before they were kept."""


def compared_rows(
    before: pd.DataFrame | None,
    now: pd.DataFrame,
    champion: Kept | None,
    challenger: Kept,
    champion_intents: frozenset[str] = frozenset(),
    declared: Declared = NOTHING,
) -> pd.DataFrame:
    """Return the rows for `training.gate.judge.judge`, with the columns `new`, CHAMPION_ROW and CHALLENGER_ROW.

    Rows that say the same share a `group`, as in the training (`training.model.distinct`).
    Left out are rows that a bundle may have learned from without keeping a prediction, and rows that came with
    the challenger for a known intent. Rows of intents that the champion lacks are marked `new`.

    Args:
        before, now: the processed corpora of champion (None: the same as `now`) and challenger. The values of
            placeholders depend on the label: without UNFILLED, a row that has both a placeholder and another label
            counts as one that the challenger never saw.
        champion: None if there is no champion.
        champion_intents: under their names after the declared changes, as `now` has them.
        declared: the changes; the champion's rows get the names after them, and those of removed intents are left out.
    """
    now = now.drop_duplicates("row_hash")
    before = now if before is None else before.drop_duplicates("row_hash")
    # The same row, else the same message under another label, else none: then the challenger did not learn from it.
    same, texts = before["row_hash"].isin(now["row_hash"]), before["message"].map(clean)
    now_texts = now["message"].map(clean)
    theirs = before["row_hash"].where(same, texts.map(dict(zip(now_texts, now["row_hash"], strict=True))))
    refilled = before["row_hash"].map(_refilled(before.loc[theirs.isna(), "intent"].unique(), now))
    theirs = theirs.where(theirs.notna(), refilled)
    old = before.assign(
        new=False,
        **{
            CHAMPION_ROW: "" if champion is None else _places(before["row_hash"], champion),
            CHALLENGER_ROW: _places(theirs, challenger),
        },
    )
    names = old["intent"].map(declared.now)
    old = old.assign(intent=names)[names.notna()]
    late = ~now["intent"].isin([*champion_intents, OUT_OF_SCOPE])
    late &= ~now_texts.isin(texts) & ~now["row_hash"].isin(refilled)
    new = now[late & (champion is not None)]
    new = new.assign(new=True, **{CHAMPION_ROW: "", CHALLENGER_ROW: _places(new["row_hash"], challenger)})
    rows = pd.concat([old, new], ignore_index=True)
    rows = rows[(rows[CHALLENGER_ROW] != _UNKNOWN) & (rows[CHAMPION_ROW] != _UNKNOWN)].reset_index(drop=True)
    return rows.assign(group=joined_groups(rows["message"].tolist(), rows["group"].tolist()))


def _refilled(intents: Iterable[str], now: pd.DataFrame) -> dict[str, str]:
    """Return by the hash that a row with placeholders has under one of these labels: its hash in `now`."""
    if UNFILLED not in now:
        return {}
    filled = now[now[UNFILLED] != now["message"]]
    rows = list(zip(filled[UNFILLED], filled["row_hash"], strict=True))
    return {row_hash(message, intent): one for intent in intents for message, one in rows}


def _places(hashes: pd.Series[str], kept: Kept) -> list[str]:
    """Return where a bundle's prediction of each row is: its hash, empty if it is made now, or `_UNKNOWN`.

    A row without a hash is not in the bundle's corpus.
    """
    return ["" if pd.isna(one) else one if one in kept else _UNKNOWN for one in hashes]
