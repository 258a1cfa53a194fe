"""What is worth a person's minute is in the queue, once, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chatbot.records.erasure import mark_forgotten
from chatbot.records.schema import Feedback, Record
from chatbot.settings import ReviewSettings
from chatbot.store import Store
from tests.training.review_tools import fill, record, strange, thumbs_down
from training.review.decisions import DecisionKind, Decisions, ReviewDecision, now
from training.review.queue import Queue, Reason, make_queue, read_queue

SETTINGS = ReviewSettings()


def queue_of(*records: Record, feedback: tuple[Feedback, ...] = (), most: int = 3_000) -> Queue:
    said = {f.prediction_id: f for f in feedback}
    return make_queue(records, said, {}, SETTINGS.model_copy(update={"max_messages": most}))


def decision(of: Record, verdict: DecisionKind = DecisionKind.ACCEPT) -> ReviewDecision:
    return ReviewDecision(
        item_id=of.prediction_id,
        message=of.query,
        verdict=verdict,
        intent=of.intent,
        reviewer="ada",
        when=now(),
    )


def test_what_the_bot_was_sure_of_is_not_shown() -> None:
    assert not queue_of(record("where is my parcel", confidence=0.97, source="model")).items


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (record("my order", source="human"), Reason.LOW_CONFIDENCE),
        (record("my order", source="clarify"), Reason.LOW_CONFIDENCE),
        (record("my order", source="model", confidence=0.55), Reason.LOW_CONFIDENCE),
        (strange("sing me a song"), Reason.OUT_OF_SCOPE),
        (
            record("money", source="clarify", alternatives=[("get_refund", 0.44), ("track_refund", 0.4)]),
            Reason.NEAR_TIE,
        ),
    ],
)
def test_what_the_bot_was_unsure_of_is_shown_with_its_reason(asked: Record, reason: Reason) -> None:
    (item,) = queue_of(asked).items
    assert reason in item.reasons


def test_a_sure_answer_that_a_customer_did_not_like_is_shown_with_what_they_said() -> None:
    sure = record("i want it back", "get_refund", 0.99, "model")
    (item,) = queue_of(sure, feedback=(thumbs_down(sure, "cancel_order", "not what I asked"),)).items
    assert item.reasons == (Reason.THUMBS_DOWN,)
    assert (item.suggested, item.comments) == ("cancel_order", ("not what I asked",))


def test_a_handoff_by_rule_is_not_queued_for_review() -> None:
    rule = replace(record("let me talk to a human", confidence=1.0), source="rule", scope=None)
    assert not queue_of(replace(rule, source="human", scope=None)).items
    assert not queue_of(rule).items


def test_exact_and_near_duplicates_are_one_item_with_their_count_and_the_earliest_id() -> None:
    asked = [
        record("I want to rent a lawn mower", minute=2),
        record("i want to  rent a lawn mower", minute=1),
        record("i want to rent a lawn mower!", minute=3),
        record("where is the nearest shop", minute=4),
    ]
    items = {item.message: item for item in queue_of(*asked).items}
    assert len(items) == 2
    mower = items["i want to  rent a lawn mower"]
    assert mower.count == 3
    assert mower.item_id == asked[1].prediction_id
    assert set(mower.duplicates) == {asked[0].prediction_id, asked[2].prediction_id}


def test_what_was_decided_is_not_shown_again_nor_what_is_nearly_the_same() -> None:
    asked = [record("rent a lawn mower"), record("rent a lawn mower!"), record("play some jazz")]
    decided = {asked[0].prediction_id: decision(asked[0])}
    assert [i.message for i in make_queue(asked, {}, decided, SETTINGS).items] == ["play some jazz"]


def test_what_was_taken_back_waits_again() -> None:
    asked = record("rent a lawn mower")
    decided = {asked.prediction_id: decision(asked, DecisionKind.REOPENED)}
    assert make_queue([asked], {}, decided, SETTINGS).items[0].item_id == asked.prediction_id


def test_more_messages_than_the_setting_lets_in_are_counted_and_the_most_worth_stay() -> None:
    liked_least = record("i am not happy with that", confidence=0.3)
    asked = [strange("play some jazz"), strange("how tall was napoleon"), liked_least]
    queue = queue_of(*asked, feedback=(thumbs_down(liked_least),), most=1)
    assert [item.message for item in queue.items] == ["i am not happy with that"]
    assert queue.omitted == 2


def test_the_store_is_read_by_column_and_what_was_forgotten_never_shows_up(store: Store) -> None:
    asked = [
        record(f"question {word}", session="s" * 16 if word == "three" else "")
        for word in ("one", "two", "three")
    ]
    sure = record("where is my parcel", confidence=0.97, source="model")
    liked_not = record("where is my letter", confidence=0.97, source="model")
    fill(store, [*asked, sure, liked_not], [thumbs_down(liked_not)])
    shown = {item.message for item in read_queue(store, SETTINGS).items}
    assert shown == {"question one", "question two", "question three", "where is my letter"}
    mark_forgotten(store, asked[0].prediction_id, datetime.now(UTC))
    mark_forgotten(store, "s" * 16, datetime.now(UTC))
    assert {item.message for item in read_queue(store, SETTINGS).items} == {
        "question two",
        "where is my letter",
    }


def test_a_near_tie_with_more_than_the_least_confidence_is_found_in_the_store_too(store: Store) -> None:
    tie = record(
        "money", source="model", confidence=0.52, alternatives=[("get_refund", 0.52), ("track_refund", 0.47)]
    )
    fill(store, [tie])
    queue = read_queue(store, SETTINGS.model_copy(update={"confidence": 0.3}), Decisions(store))
    assert queue.items[0].reasons == (Reason.NEAR_TIE,)
    assert queue.by_reason == {"near_tie": 1}
