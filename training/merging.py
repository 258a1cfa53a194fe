"""A corpus and what people said since: accepted rows in, forgotten and taken-back ones out, replies of new intents."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from chatbot.message import OUT_OF_SCOPE
from chatbot.replies import Replies, ReplyText
from data.errors import CorpusError, Problem
from data.loading import COLUMNS
from data.messages import row_hash
from training.accepted import SOURCE, Accepted

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """A corpus with what people said since, and how it differs from the one before."""

    rows: pd.DataFrame
    """`data.loading.COLUMNS`: rows that no person added first, in their order; then the others by their ids."""
    replies: Replies
    added: int
    """Rows that were not there before, corrected ones among them."""
    removed: int
    """Rows that are there no more: forgotten, taken back or corrected."""
    new_intents: tuple[str, ...]
    replies_changed: bool

    @property
    def changed(self) -> bool:
        """Whether there is anything that the corpus before did not say."""
        return bool(self.added or self.removed or self.replies_changed)


def merge(
    rows: pd.DataFrame,
    replies: Replies,
    accepted: Sequence[Accepted],
    forgotten: Collection[str],
    taken_back: Collection[str] = (),
) -> Merged:
    """Merge.

    Args:
        rows: the corpus, `data.loading.COLUMNS`.
        replies: of its intents, without examples.
        accepted: all that people accepted so far, also what `rows` has already.
        forgotten: source ids that no corpus may hold any more.
        taken_back: source ids that people decided on and do not accept (any more).
    """
    now = {a.source: a for a in accepted if a.source_id not in forgotten}
    gone = {SOURCE + source_id for source_id in (*forgotten, *taken_back)}
    by_people = rows["source"].str.startswith(SOURCE)
    own = rows[~by_people]
    kept = rows[by_people & ~rows["source"].isin(gone | now.keys())]
    categories = dict(zip(own["intent"], own["category"], strict=True))
    there = set(own["row_hash"])
    fresh = [
        row
        for a in now.values()
        if (row := (a.message, a.intent, _category(a, categories), a.source, row_hash(a.message, a.intent)))[
            4
        ]
        not in there
    ]
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


def write_rows(rows: pd.DataFrame, file: Path) -> None:
    """Write rows with the same bytes each time, without pandas, whose metadata differs between versions."""
    columns = {name: pa.array(rows[name].tolist(), pa.string()) for name in COLUMNS}
    pq.write_table(pa.table(columns), file, compression="zstd")


def read_rows(file: Path) -> pd.DataFrame:
    """Raises: CorpusError: the file does not hold `data.loading.COLUMNS`."""
    try:
        table = pq.read_table(file, columns=list(COLUMNS))
    except (OSError, pa.ArrowException) as error:
        raise CorpusError([Problem(str(file), None, f"no rows of a corpus: {error}")]) from error
    return pd.DataFrame({name: table.column(name).to_pylist() for name in COLUMNS}, dtype="str")


def without_examples(replies: Replies) -> Replies:
    """Replies as a corpus version keeps them: examples are messages, and are taken anew from what is taught."""
    return Replies(
        {intent: text.model_copy(update={"examples": ()}) for intent, text in replies.texts.items()}
    )


def _category(accepted: Accepted, categories: dict[str, str]) -> str:
    return categories.get(accepted.intent, accepted.category)


def _replies(replies: Replies, accepted: Collection[Accepted]) -> Replies:
    """With those of intents that were made in the review; the last word on an intent holds."""
    texts = dict(replies.texts)
    for a in sorted(accepted, key=lambda a: (a.when, a.source_id)):
        if a.reply:
            texts[a.intent] = ReplyText(response=a.reply, category=a.category, title=a.title)
    return Replies(texts)


def _keys(rows: pd.DataFrame) -> set[Key]:
    return set(zip(rows["row_hash"], rows["message"], rows["source"], strict=True))
