"""A corpus and what people said since: which rows and replies come out of it, case by case."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.dialog.replies import Replies, ReplyText
from data.errors import CorpusError
from data.loading import COLUMNS
from data.messages import row_hash
from training.corpus.files import read_rows, without_examples, write_rows
from training.retraining.merge import Merged, merge
from training.review.accepted import Accepted

REPLIES = Replies({"get_refund": ReplyText(response="Here it is.", category="REFUND", title="Get a refund")})


def row(
    message: str, intent: str = "get_refund", source: str = "hand", category: str = "REFUND"
) -> list[str]:
    return [message, intent, category, source, row_hash(message, intent)]


def corpus(*rows: list[str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(COLUMNS), dtype="str")


def accepted(
    source_id: str, message: str, intent: str = "get_refund", minute: int = 0, **more: str
) -> Accepted:
    return Accepted(source_id, message, intent, "kim", datetime(2026, 11, 23, 12, minute, tzinfo=UTC), **more)


def messages(merged: Merged) -> list[str]:
    return [str(message) for message in merged.rows["message"]]


BEFORE = corpus(
    row("my money back"), row("refund it", source="review:p2"), row("pay me back", source="review:p4")
)


def test_with_nothing_said_since_nothing_changes() -> None:
    same = [accepted("p4", "pay me back"), accepted("p2", "refund it")]
    merged = merge(BEFORE, REPLIES, same, ())
    assert not merged.changed
    pd.testing.assert_frame_equal(merged.rows, BEFORE)


def test_what_was_accepted_comes_behind_the_others_in_the_order_of_ids() -> None:
    merged = merge(BEFORE, REPLIES, [accepted("p3", "money back, now"), accepted("p1", "give it back")], ())
    assert messages(merged) == [
        "my money back",
        "give it back",
        "refund it",
        "money back, now",
        "pay me back",
    ]
    assert (merged.added, merged.removed, merged.new_intents) == (2, 0, ())
    assert merged.changed


def test_an_accepted_row_that_the_corpus_has_already_is_not_there_twice() -> None:
    merged = merge(BEFORE, REPLIES, [accepted("p1", "my money back"), accepted("p9", "Refund it")], ())
    assert messages(merged) == ["my money back", "refund it", "pay me back"]
    assert not merged.changed
    twice = merge(BEFORE, REPLIES, [accepted("p7", "so give it"), accepted("p8", "so give it")], ())
    assert (messages(twice)[-1], twice.added) == ("so give it", 1)


def test_what_was_forgotten_or_taken_back_goes_and_what_others_wrote_by_hand_stays() -> None:
    said = [accepted("p2", "refund it"), accepted("p4", "pay me back")]
    gone = merge(BEFORE, REPLIES, said, {"p2"})
    assert messages(gone) == ["my money back", "pay me back"]
    assert (gone.added, gone.removed, gone.changed) == (0, 1, True)
    back = merge(BEFORE, REPLIES, said[:1], (), {"p4"})
    assert messages(back) == ["my money back", "refund it"]
    # Decisions that the store lost do not take a row out: only marks and people do.
    assert messages(merge(BEFORE, REPLIES, [], ())) == ["my money back", "refund it", "pay me back"]


def test_a_corrected_row_is_there_once_with_the_last_word() -> None:
    merged = merge(BEFORE, REPLIES, [accepted("p2", "refund it", "track_refund", category="OTHER")], ())
    (found,) = merged.rows[merged.rows["source"] == "review:p2"].to_dict("records")
    assert (found["intent"], found["category"]) == ("track_refund", "OTHER")
    assert found["row_hash"] == row_hash("refund it", "track_refund")
    assert (merged.added, merged.removed, merged.new_intents) == (1, 1, ("track_refund",))


def test_an_accepted_row_has_its_intents_category_and_out_of_scope_is_not_an_intent() -> None:
    said = [accepted("p5", "back with it", category="WRONG"), accepted("p6", "tell a joke", OUT_OF_SCOPE)]
    merged = merge(BEFORE, REPLIES, said, ())
    assert merged.rows.set_index("source").loc["review:p5", "category"] == "REFUND"
    assert merged.new_intents == ()


def test_a_new_intent_brings_its_reply_and_the_last_one_holds() -> None:
    first = accepted("p9", "old phone", "trade_in", 1, reply="Soon.", category="NEW", title="Trade")
    last = accepted("p5", "old laptop", "trade_in", 2, reply="Yes.", category="NEW", title="Trade in")
    merged = merge(BEFORE, REPLIES, [last, first], ())
    assert merged.new_intents == ("trade_in",)
    assert merged.replies.texts["trade_in"] == ReplyText(response="Yes.", category="NEW", title="Trade in")
    assert merged.replies.texts["get_refund"] == REPLIES.texts["get_refund"]
    again = merge(merged.rows, merged.replies, [first, last], ())
    assert not again.changed
    said_otherwise = accepted("p5", "old laptop", "trade_in", 2, reply="Of course.", category="NEW")
    changed = merge(merged.rows, merged.replies, [first, said_otherwise], ())
    assert (changed.added, changed.removed, changed.replies_changed, changed.changed) == (0, 0, True, True)


def test_rows_are_written_with_the_same_bytes_each_time_and_come_back(tmp_path: Path) -> None:
    write_rows(BEFORE, tmp_path / "one.parquet")
    write_rows(BEFORE.copy(), tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    pd.testing.assert_frame_equal(read_rows(tmp_path / "one.parquet"), BEFORE)
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "one.parquet").read_bytes()[:100])
    with pytest.raises(CorpusError, match=r"cut\.parquet.*rows cannot be read"):
        read_rows(tmp_path / "cut.parquet")


def test_a_corpus_version_keeps_replies_without_what_customers_wrote() -> None:
    told = Replies({"get_refund": ReplyText(response="Here.", examples=("my money back",))})
    assert without_examples(told).texts["get_refund"] == ReplyText(response="Here.")
