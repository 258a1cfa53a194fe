"""Merge review decisions into a corpus: add accepted rows, remove erased and undone ones, add replies."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.dialog.replies import Replies, ReplyText
from chatbot.records.erasure import REVIEWED
from data.loading import COLUMNS
from data.messages import row_hash
from training.review.accepted import Accepted

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged corpus, and its difference from the previous version."""

    rows: pd.DataFrame
    """Rows with `data.loading.COLUMNS`: original rows in their order, then reviewed rows sorted by source."""
    replies: Replies
    added: int
    """Number of rows that the previous version lacks, corrected ones included."""
    removed: int
    """Number of rows of the previous version that are gone: erased, undone or corrected."""
    new_intents: tuple[str, ...]
    replies_changed: bool

    @property
    def changed(self) -> bool:
        """Whether the merged corpus or its replies differ from the previous version."""
        return bool(self.added or self.removed or self.replies_changed)


def merge(
    rows: pd.DataFrame,
    replies: Replies,
    accepted: Sequence[Accepted],
    forgotten: Collection[str],
    taken_back: Collection[str] = (),
) -> Merged:
    """Apply accepted, corrected, undone and erased rows to a corpus version, and to its replies without examples.

    Args:
        accepted: all accepted messages, including those already in `rows`.
        forgotten: source ids under an erasure tombstone; no corpus may contain them.
        taken_back: source ids whose decision was a rejection or was undone.
    """
    now = {a.source: a for a in accepted if a.source_id not in forgotten}
    gone = {REVIEWED + source_id for source_id in (*forgotten, *taken_back)}
    by_people = rows["source"].str.startswith(REVIEWED)
    own = rows[~by_people]
    kept = rows[by_people & ~rows["source"].isin(gone | now.keys())]
    categories = dict(zip(own["intent"], own["category"], strict=True))
    there = set(own["row_hash"])
    fresh = []
    for a in now.values():
        if (row := row_hash(a.message, a.intent)) not in there:
            fresh.append((a.message, a.intent, categories.get(a.intent, a.category), a.source, row))
    people = pd.concat([kept, pd.DataFrame(fresh, columns=list(COLUMNS), dtype="str")])
    people = people.sort_values("source", kind="stable").drop_duplicates("row_hash")
    merged = pd.concat([own, people], ignore_index=True)[list(COLUMNS)]
    before, after = _keys(rows), _keys(merged)
    texts = _replies(replies, now.values())
    known = set(rows["intent"]) | {OUT_OF_SCOPE}
    return Merged(
        rows=merged,
        replies=texts,
        added=len(after - before),
        removed=len(before - after),
        new_intents=tuple(sorted(set(merged["intent"]) - known)),
        replies_changed=dict(texts.texts) != dict(replies.texts),
    )


def still_right(before: pd.DataFrame, now: pd.DataFrame, overruled: Collection[str] = ()) -> pd.DataFrame:
    """Return the rows of a corpus version without those whose label a person has overruled since.

    They are reviewed rows that were corrected, withdrawn or erased, and those named in `overruled` (row hashes).
    """
    hashes, reviewed = before["row_hash"], before["source"].str.startswith(REVIEWED)
    return before[(~reviewed | hashes.isin(now["row_hash"])) & ~hashes.isin(list(overruled))]


def _replies(replies: Replies, accepted: Collection[Accepted]) -> Replies:
    """Add the replies of intents created in the review; the latest decision on an intent wins."""
    texts = dict(replies.texts)
    for a in sorted(accepted, key=lambda a: (a.when, a.source_id)):
        if a.reply:
            texts[a.intent] = ReplyText(response=a.reply, category=a.category, title=a.title)
    return Replies(texts)


def _keys(rows: pd.DataFrame) -> set[Key]:
    return set(zip(rows["row_hash"], rows["message"], rows["source"], strict=True))
