"""Decisions: two reviewers do not overwrite each other, on a folder and on a real MinIO."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chatbot.errors import InvalidMessage, SettingError, StoreError
from chatbot.loop.retrain_history import accepted_digest
from chatbot.records.erasure import mark_forgotten
from chatbot.settings import ReviewSettings, SlotSettings
from chatbot.store import Store, open_store
from chatbot.store.folder import FolderStore
from tests.training.review_tools import fill, record, strange
from training.review.accepted import read_accepted
from training.review.board import Board
from training.review.decisions import (
    ACCEPTED,
    AlreadyDecided,
    DecisionKind,
    Decisions,
    NewIntent,
    ReviewDecision,
    key_of,
    now,
)
from training.review.queue import Item

if TYPE_CHECKING:
    from chatbot.model.bundle import Bundle
    from tests.support.minio import Minio

ID = record("any").prediction_id


@pytest.fixture(params=["folder", pytest.param("minio", marks=pytest.mark.process)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    minio: Minio = request.getfixturevalue("minio")
    return open_store(minio.settings(request.getfixturevalue("bucket")))


@pytest.fixture
def board(store: Store, bundle: Bundle) -> Board:
    return Board(store, bundle, ReviewSettings(), SlotSettings().values())


def decision(reviewer: str, intent: str = "track_order", item_id: str = ID, **more: Any) -> ReviewDecision:
    told = {"verdict": DecisionKind.CORRECT, "message": "where is it", "when": now()} | more
    return ReviewDecision(item_id=item_id, intent=intent, reviewer=reviewer, **told)


def waiting(board: Board, message: str) -> Item:
    (item,) = [item for item in board.look().queue.items if item.message == message]
    return item


def test_of_concurrent_decisions_one_counts_and_the_others_are_told_whose(store: Store) -> None:
    def decide(number: int) -> ReviewDecision | AlreadyDecided:
        try:
            return Decisions(store).decide(decision(f"reviewer {number}", f"intent_{number}"))
        except AlreadyDecided as error:
            return error

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(decide, range(8)))
    (first,) = [outcome for outcome in outcomes if isinstance(outcome, ReviewDecision)]
    assert Decisions(store).read() == {ID: first}
    told = [outcome for outcome in outcomes if isinstance(outcome, AlreadyDecided)]
    assert len(told) == 7
    assert all(error.decision == first and first.reviewer in str(error) for error in told)


def test_a_decision_taken_back_is_open_to_one_of_those_who_decide_anew_at_once(store: Store) -> None:
    decisions = Decisions(store)
    decisions.decide(decision("ada"))
    assert decisions.reopen(ID, "bob").verdict is DecisionKind.REOPENED
    assert read_accepted(store) == []

    def decide(number: int) -> bool:
        try:
            Decisions(store).decide(decision(f"reviewer {number}"))
        except AlreadyDecided:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(decide, range(8))) == 1
    with pytest.raises(InvalidMessage, match="no decision to undo"):
        decisions.reopen(record("another").prediction_id, "bob")


def test_what_changed_since_is_read_anew(store: Store) -> None:
    mine, theirs = Decisions(store), Decisions(store)
    mine.decide(decision("ada"))
    assert theirs.read()[ID].reviewer == "ada"
    mine.reopen(ID, "ada")
    mine.decide(decision("bob"))
    assert theirs.read()[ID].reviewer == "bob"


def test_a_malformed_decision_is_named(store: Store) -> None:
    store.put(key_of(ID), b'{"item_id": 1}')
    with pytest.raises(StoreError, match=ID):
        Decisions(store).read()


def test_accepted_messages_say_where_they_came_from_and_hold_placeholders_for_what_was_taken_out(
    store: Store,
) -> None:
    decisions = Decisions(store)
    names = [record("x", minute=m).prediction_id for m in range(4)]
    decisions.decide(
        decision("ada", item_id=names[0], message="where is <ORDER>", verdict=DecisionKind.ACCEPT)
    )
    decisions.decide(decision("ada", "", names[1], verdict=DecisionKind.REJECT))
    decisions.decide(decision("ada", item_id=names[2]))
    decisions.decide(decision("ada", item_id=names[3], session_id="s" * 16))
    accepted = read_accepted(store)
    assert [(a.source_id, a.message) for a in accepted] == [
        (names[0], "where is {{Order Number}}"), (names[2], "where is it"), (names[3], "where is it"),
    ]  # fmt: skip
    assert accepted[0].source == f"review:{names[0]}"
    mark_forgotten(store, names[2], datetime.now(UTC))
    mark_forgotten(store, "s" * 16, datetime.now(UTC))
    assert [a.source_id for a in read_accepted(store)] == [names[0]]


def test_the_digest_of_accepted_rows_depends_on_the_rows_and_not_on_the_reviewer(
    store: Store, tmp_path: Path
) -> None:
    """`k8s.trigger` and `monitoring.retrain_if_needed` ask by it, and know the verdicts by their names alone."""
    decisions, seen = Decisions(store), [accepted_digest(store)]
    for minute, verdict in enumerate(ACCEPTED):
        name = record("x", minute=minute).prediction_id
        decisions.decide(
            decision("ada", item_id=name, verdict=verdict, session_id="s" * 16 if minute else "")
        )
        seen.append(accepted_digest(store))
    decisions.make_intent(NewIntent(intent="x_ray", reply="Yes.", reviewer="ada", when=datetime.now(UTC)))
    seen.append(accepted_digest(store))
    assert len(set(seen)) == len(seen)

    other = FolderStore(tmp_path / "other")
    for key in [entry.key for entry in store.list("reviews/")]:
        other.put(key, store.get(key).replace(b'"ada"', b'"bob"'))
    assert accepted_digest(other) == seen[-1]
    decisions.decide(decision("ada", "", record("x", minute=9).prediction_id, verdict=DecisionKind.REJECT))
    assert accepted_digest(store) == seen[-1]
    mark_forgotten(store, "s" * 16, datetime.now(UTC))
    assert accepted_digest(store) not in seen


def test_a_reviewer_with_an_outdated_list_is_informed_that_a_duplicate_was_decided(board: Board) -> None:
    first, again = record("rent a lawn mower", minute=1), record("rent a lawn mower!", minute=2)
    fill(board.store, [again])
    older = waiting(board, again.query)
    fill(board.store, [first, again])
    newer = waiting(board, first.query)
    assert newer.duplicates == (again.prediction_id,)
    board.reject(older, "ada")
    with pytest.raises(AlreadyDecided, match="ada"):
        board.accept(newer, "bob")


def test_accept_correct_reject_and_undo(board: Board) -> None:
    asked = [record("my parcel"), record("my invoice"), strange("sing me a song"), record("the thing")]
    fill(board.store, asked)
    board.accept(waiting(board, "my parcel"), "ada")
    board.correct(waiting(board, "my invoice"), "get_invoice", "ada")
    board.correct(waiting(board, "sing me a song"), "out_of_scope", "ada")
    board.reject(waiting(board, "the thing"), "ada")
    assert not board.look().queue.items
    rows = {a.message: a.intent for a in read_accepted(board.store)}
    assert rows == {"my parcel": "track_order", "my invoice": "get_invoice", "sing me a song": "out_of_scope"}
    board.undo(asked[0].prediction_id, "ada")
    assert [item.message for item in board.look().queue.items] == ["my parcel"]
    with pytest.raises(InvalidMessage, match="not an intent of this bot"):
        board.correct(waiting(board, "my parcel"), "sell_house", "ada")
    with pytest.raises(InvalidMessage, match="name of its reviewer"):
        board.accept(waiting(board, "my parcel"), " ")


def test_a_new_intent_brings_its_reply_and_messages_can_be_corrected_to_it(board: Board) -> None:
    fill(board.store, [strange("rent a lawn mower"), strange("is a mower for rent", 1)])
    first = waiting(board, "rent a lawn mower")
    outcome = board.new_intent(
        [first], "rent_mower", "Book one at {website}.", "ada", category="RENTAL", title="Rent a mower"
    )
    assert len(outcome.decided) == 1
    board.correct(waiting(board, "is a mower for rent"), "rent_mower", "bob")
    made, corrected = sorted(read_accepted(board.store), key=lambda a: a.reviewer)
    assert (made.intent, made.reply, made.category) == ("rent_mower", "Book one at {website}.", "RENTAL")
    assert (corrected.intent, corrected.reply) == ("rent_mower", "Book one at {website}.")
    assert board.intents()["rent_mower"] == "Rent a mower"
    assert "RENTAL" in board.categories()


@pytest.mark.parametrize(
    ("name", "reply", "problem", "error"),
    [
        ("Rent Mower", "Book one.", "not a name for an intent", InvalidMessage),
        ("track_order", "Book one.", "exists", InvalidMessage),
        ("out_of_scope", "Book one.", "exists", InvalidMessage),
        ("rent_mower", "  ", "0 characters", InvalidMessage),
        ("rent_" + "m" * 60, "Book one.", "at most 64 characters", InvalidMessage),
        ("rent_mower", "x" * 2_001, "2001 characters", InvalidMessage),
        ("rent_mower", "Book one at {mower_url}.", "CHATBOT_SLOT_MOWER_URL", SettingError),
        ("rent_mower", "Book one at {{website}.", "in braces, which is not a slot", SettingError),
    ],
)
def test_an_intent_that_could_not_be_answered_is_refused_and_nothing_is_written(
    board: Board, name: str, reply: str, problem: str, error: type[Exception]
) -> None:
    fill(board.store, [strange("rent a lawn mower")])
    with pytest.raises(error, match=problem):
        board.new_intent([waiting(board, "rent a lawn mower")], name, reply, "ada")
    assert not list(board.store.list("reviews/"))


def test_a_category_that_is_too_long_is_refused(board: Board) -> None:
    with pytest.raises(InvalidMessage, match="category of rent_mower is longer than 64"):
        board.preview("rent_mower", "Book one.", "C" * 65)


def test_a_decision_is_taken_back_once(store: Store) -> None:
    decisions = Decisions(store)
    decisions.decide(decision("ada"))
    assert decisions.reopen(ID, "bob").verdict is DecisionKind.REOPENED
    for nothing in (ID, record("other").prediction_id):
        with pytest.raises(InvalidMessage, match="no decision to undo"):
            decisions.reopen(nothing, "bob")
    assert decisions.decide(decision("cleo")).reviewer == "cleo"


def test_an_intent_that_another_made_with_the_same_reply_is_the_same_one(store: Store) -> None:
    new = NewIntent(intent="rent_mower", reply="Book one.", title="Rent", reviewer="ada", when=now())
    decisions = Decisions(store)
    assert decisions.make_intent(new) == new
    assert decisions.make_intent(new.model_copy(update={"reviewer": "bob", "title": "Hire"})) == new
    assert decisions.intents() == {"rent_mower": new}


class Forgetful(FolderStore):
    """A store in which `forget` takes a decision out at the worst moment: after it was looked for."""

    def get(self, key: str, **more: Any) -> bytes:
        content = super().get(key, **more)
        self.delete(key)
        return content


class Late(FolderStore):
    """A store in which `forget` takes a decision out after it was listed, and before it is read."""

    def get(self, key: str, **more: Any) -> bytes:
        self.delete(key)
        return super().get(key, **more)


def test_a_decision_erased_while_it_is_read_or_undone_is_treated_as_missing(tmp_path: Path) -> None:
    store = Forgetful(tmp_path / "store")
    key = key_of(ID)
    Decisions(store).decide(decision("ada"))
    with pytest.raises(InvalidMessage, match="erased at this moment"):
        Decisions(store).reopen(ID, "bob")

    Decisions(store).decide(decision("ada"))
    assert store.head(key) is not None
    assert Decisions(Late(tmp_path / "store")).read() == {}
    assert store.head(key) is None, "it was listed, and gone when it was to be read"


def test_two_reviewers_cannot_make_one_intent_with_two_replies(board: Board) -> None:
    fill(board.store, [strange("rent a lawn mower"), strange("play some jazz")])
    board.new_intent([waiting(board, "rent a lawn mower")], "rent_mower", "Book one.", "ada")
    with pytest.raises(InvalidMessage, match="ada made the intent rent_mower"):
        board.new_intent([waiting(board, "play some jazz")], "rent_mower", "Call us.", "bob")
    assert [item.message for item in board.look().queue.items] == ["play some jazz"]
