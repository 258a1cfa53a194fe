"""Rows are split by groups of near-duplicates, and what is added never moves what was there."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.loading import table_of
from data.messages import row_hash
from data.rows import Row
from data.similarity import near_duplicates
from data.splitting import SPLIT_COLUMNS, TEST, TRAIN, Split, empty_splits, groups, split

# A window of 15 of these words is a near-duplicate of the one a word further, not of the next but one.
WORDS = [row_hash(str(number), "")[:6] for number in range(30)]
STEMS = (
    "where is my parcel now",
    "where is my parcel today",
    "cancel the order please",
    "i want my money back",
)
ENDS = ("", "!", "?", " thanks", " today", " now please", " i was told it would come", " or else")


def window(start: int) -> str:
    return " ".join(WORDS[start : start + 15])


def corpus_of(rows: list[tuple[str, str]]) -> pd.DataFrame:
    return table_of([Row(line, m, i) for line, (m, i) in enumerate(rows, start=1)], "rows.csv")


def splits_of(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    """Earlier splits: message, intent, part, each row a group of its own."""
    lines = [(row_hash(m, i), row_hash(m, i), part) for m, i, part in rows]
    return pd.DataFrame(lines, columns=list(SPLIT_COLUMNS), dtype="str")


def parts(done: Split) -> dict[str, str]:
    return dict(zip(done.table["row_hash"], done.table["part"], strict=True))


def linked(corpus: pd.DataFrame) -> list[tuple[str, str]]:
    """The row hashes of every pair of near-duplicates, as `split` sees them."""
    rows = corpus.drop_duplicates("row_hash").sort_values("row_hash", ignore_index=True)
    found = near_duplicates(rows["message"].tolist(), rows["intent"].tolist())
    hashes = rows["row_hash"].tolist()
    return [(hashes[i], hashes[j]) for i, j in found]


rows_of_a_corpus = st.lists(
    st.tuples(
        st.one_of(
            st.integers(0, 12).map(window),
            st.builds("{}{}".format, st.sampled_from(STEMS), st.sampled_from(ENDS)),
            st.text(st.sampled_from("abcde "), max_size=6).map(lambda text: f"x{text}"),
        ),
        st.sampled_from(["track", "out_of_scope"]),
    ),
    min_size=1,
    max_size=20,
)
shares = st.sampled_from([0.2, 0.5, 0.8])


@st.composite
def grown_corpora(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A corpus full of chains of near-duplicates, and earlier splits of some of its rows anyhow."""
    chain = [(window(start), "track") for start in draw(st.sets(st.integers(0, 14), min_size=3))]
    rows = list(dict.fromkeys([*chain, *draw(rows_of_a_corpus)]))
    places = draw(st.lists(st.sampled_from([TRAIN, TEST, "new"]), min_size=len(rows), max_size=len(rows)))
    earlier = [(m, i, part) for (m, i), part in zip(rows, places, strict=True) if part != "new"]
    return corpus_of(rows), splits_of(earlier).drop_duplicates("row_hash").sort_values(
        "row_hash", ignore_index=True
    )


@given(rows_of_a_corpus, rows_of_a_corpus, rows_of_a_corpus, shares)
@settings(max_examples=30, deadline=None)
def test_rows_that_are_added_move_no_row_that_was_there(
    first: list[tuple[str, str]], second: list[tuple[str, str]], third: list[tuple[str, str]], share: float
) -> None:
    earlier: pd.DataFrame | None = None
    rows: list[tuple[str, str]] = []
    for added in (first, second, third):
        rows = rows + added
        done = split(corpus_of(rows), earlier, test_share=share)
        if earlier is not None:
            known = done.table["row_hash"].isin(earlier["row_hash"])
            pd.testing.assert_frame_equal(done.table[known].reset_index(drop=True), earlier)
            assert done.new_rows == (~known).sum()
        earlier = done.table


@given(grown_corpora())
@settings(max_examples=40, deadline=None)
def test_no_new_row_has_a_near_duplicate_in_the_other_part(grown: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    corpus, earlier = grown
    placed, old = parts(split(corpus, earlier)), set(earlier["row_hash"])
    for one, other in linked(corpus):
        if one in placed and other in placed and not {one, other} <= old:
            assert placed[one] == placed[other]


@given(grown_corpora())
@settings(max_examples=40, deadline=None)
def test_a_row_is_placed_as_it_was_or_new_or_left_out_between_train_and_test(
    grown: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    corpus, earlier = grown
    done = split(corpus, earlier)
    placed, left_out = parts(done), done.left_out
    known = done.table["row_hash"].isin(earlier["row_hash"])
    pd.testing.assert_frame_equal(done.table[known].reset_index(drop=True), earlier)
    assert set(placed) | set(left_out["row_hash"]) == set(corpus["row_hash"])
    assert not set(placed) & set(left_out["row_hash"])
    pairs = {frozenset(pair) for pair in linked(corpus)}
    for row in left_out.itertuples():
        for near, part in ((row.near_train, TRAIN), (row.near_test, TEST)):
            assert placed[str(near)] == part
            assert frozenset((row.row_hash, near)) in pairs


@given(grown_corpora(), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_rows_and_a_second_run_change_nothing(
    grown: tuple[pd.DataFrame, pd.DataFrame], order: int
) -> None:
    corpus, earlier = grown
    shuffled = corpus.sample(frac=1, random_state=order)
    done = split(corpus, earlier)
    other = split(shuffled, earlier)
    pd.testing.assert_frame_equal(other.table, done.table)
    pd.testing.assert_frame_equal(other.left_out, done.left_out)
    again = split(shuffled, done.table)
    pd.testing.assert_frame_equal(again.table, done.table)
    assert again.new_rows == 0


@given(rows_of_a_corpus, shares)
@settings(max_examples=25, deadline=None)
def test_a_group_is_in_one_part_and_every_intent_has_a_row_in_train(
    rows: list[tuple[str, str]], share: float
) -> None:
    corpus = corpus_of(rows)
    table = split(corpus, test_share=share).table
    assert (table.groupby("group")["part"].nunique() == 1).all()
    merged = corpus.merge(table, on="row_hash")
    assert set(merged.loc[merged["part"] == TRAIN, "intent"]) == set(corpus["intent"])


def test_a_new_row_takes_the_part_and_group_of_its_near_duplicate() -> None:
    old, new = "where is my parcel with the blue shoes", "where is my parcel with the blue shoes?"
    other = "could you tell me what a refund is"
    for part in (TRAIN, TEST):
        earlier = splits_of([(old, "a", part), (other, "a", TRAIN)])
        done = split(corpus_of([(old, "a"), (other, "a"), (new, "a")]), earlier)
        row = done.table[done.table["row_hash"] == row_hash(new, "a")]
        assert row[["group", "part"]].to_numpy().tolist() == [[row_hash(old, "a"), part]]


def test_a_near_duplicate_of_another_intent_decides_nothing() -> None:
    old = "where is my parcel with the blue shoes"
    done = split(corpus_of([(old, "a"), (old, "b")]), splits_of([(old, "a", TEST)]))
    assert parts(done)[row_hash(old, "b")] == TRAIN


BRIDGED = (
    "where is my parcel with shoes that i ordered in may",
    "where is my parcel with shoes that i ordered in july",
)


def test_a_row_that_would_link_train_and_test_is_left_out_and_listed() -> None:
    train, test = BRIDGED
    bridge = "where is my parcel with shoes that i ordered in may july"
    rows = [(train, "a"), (test, "a"), (bridge, "a"), ("something else altogether", "a")]
    earlier = splits_of([(train, "a", TRAIN), (test, "a", TEST)])
    assert {frozenset(pair) for pair in linked(corpus_of(rows))} >= {
        frozenset((row_hash(bridge, "a"), row_hash(train, "a"))),
        frozenset((row_hash(bridge, "a"), row_hash(test, "a"))),
    }
    done = split(corpus_of(rows), earlier)
    [row] = done.left_out.to_dict(orient="records")
    assert row == {
        "row_hash": row_hash(bridge, "a"),
        "message": bridge,
        "intent": "a",
        "source": "rows.csv:3",
        "near_train": row_hash(train, "a"),
        "near_test": row_hash(test, "a"),
    }
    assert row_hash("something else altogether", "a") in parts(done)


def test_of_a_chain_between_train_and_test_only_one_row_is_left_out() -> None:
    steps = [window(start) for start in range(5)]
    rows = [(step, "a") for step in steps]
    chain = linked(corpus_of(rows))
    assert len(chain) == 4, "each step is a near-duplicate of the next and of no other"
    done = split(corpus_of(rows), splits_of([(steps[0], "a", TRAIN), (steps[4], "a", TEST)]))
    assert done.left_out["message"].tolist() == [steps[2]]
    assert parts(done)[row_hash(steps[1], "a")] == TRAIN
    assert parts(done)[row_hash(steps[3], "a")] == TEST


def test_a_row_that_left_the_corpus_comes_back_to_where_it_was() -> None:
    rows = [(f"{stem}{end}", "a") for stem in STEMS for end in ENDS]
    first = split(corpus_of(rows), test_share=0.5)
    without = split(corpus_of(rows[:5]), first.table, test_share=0.5)
    pd.testing.assert_frame_equal(without.table, first.table)
    pd.testing.assert_frame_equal(split(corpus_of(rows), without.table, test_share=0.5).table, first.table)


def test_a_new_groups_part_depends_only_on_its_hash_and_the_seed() -> None:
    rows = [(row_hash(str(number), ""), "a") for number in range(300)]
    alone = parts(split(corpus_of(rows[:150])))
    together = parts(split(corpus_of(rows)))
    assert all(together[h] == part for h, part in alone.items())
    assert parts(split(corpus_of(rows), seed=1)) != together
    share = list(together.values()).count(TEST) / len(rows)
    assert 0.13 < share < 0.27
    assert list(parts(split(corpus_of(rows), test_share=0)).values()).count(TEST) == 0


def test_messages_too_short_for_a_3_gram_are_groups_of_their_own() -> None:
    done = split(corpus_of([("hi", "a"), ("ok", "a"), ("?", "a")]))
    assert done.table["group"].nunique() == 3
    assert split(corpus_of([]), empty_splits()).table.empty


def test_the_blocks_of_a_large_intent_find_the_same_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = [f"{stem}{end}" for stem in STEMS for end in ENDS]
    whole = near_duplicates(messages, ["a"] * len(messages))
    assert len(whole) > 5
    monkeypatch.setattr("data.similarity._BLOCK", len(messages))
    np.testing.assert_array_equal(near_duplicates(messages, ["a"] * len(messages)), whole)


def test_bitext_is_split_by_its_groups_within_ten_seconds(bitext: pd.DataFrame) -> None:
    begin = time.process_time()
    done = split(bitext)
    assert time.process_time() - begin < 10
    table = bitext.merge(done.table, on="row_hash")
    assert len(table) == 26_872
    sizes = table.groupby(["intent", "group"]).size()
    assert 15_000 < len(sizes) < 18_000
    assert (sizes / table.groupby("intent").size()).max() < 0.2
    assert 0.17 < (table["part"] == TEST).mean() < 0.23
    assert set(table.loc[table["part"] == TEST, "intent"]) == set(bitext["intent"])


def test_groups_for_a_benchmark_are_those_of_a_first_split() -> None:
    corpus = corpus_of([(f"{stem}{end}", intent) for stem in STEMS for end in ENDS for intent in "ab"])
    rows = corpus.sort_values("row_hash", ignore_index=True)
    numbers = groups(rows["message"].tolist(), rows["intent"].tolist())
    named = split(corpus).table["group"]
    assert pd.Series(numbers).groupby(named).nunique().eq(1).all()
    assert len(set(numbers)) == named.nunique() > 2
