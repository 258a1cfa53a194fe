"""Decisions on suspect labels are stored once, can be undone, and change the next corpus version and nothing else."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from chatbot.dialog.replies import Replies, ReplyText
from chatbot.errors import InvalidMessage, StoreError
from chatbot.loop.retrain_history import accepted_digest
from chatbot.records.erasure import mark_forgotten
from chatbot.store import layout
from chatbot.store.folder import FolderStore
from data.decisions import LabelAction
from data.declarations import Declared
from data.loading import COLUMNS
from data.messages import row_hash
from tests.training.review_tools import record
from training.labels.findings import LabelFindings, Labelled, SuspectLabel
from training.retraining.changes import Changed, apply_changes
from training.review.accepted import read_accepted
from training.review.decisions import AlreadyDecided, Decisions, now
from training.review.declared import read_stored, renamed, write_stored
from training.review.labels import decide_label, label_item_id, put_findings, read_label_queue, row_decisions
from training.review.queue import Item, Queue

INTENTS = ("cancel", "refund", "track")
ROWS = [
    ("cancel it", "cancel"),
    ("money back", "cancel"),
    ("a refund", "refund"),
    ("asdf", "refund"),
    ("where", "track"),
]


def suspect(message: str = "money back", label: str = "cancel", source: str = "my.csv:3") -> SuspectLabel:
    near = (Labelled(message="a refund", label="refund"),)
    return SuspectLabel(
        row_hash=row_hash(message, label), message=message, label=label, better="refund", quality=0.1, source=source,
        neighbours=near,
    )  # fmt: skip


def findings(*suspects: SuspectLabel) -> LabelFindings:
    return LabelFindings(rows=5, distinct=5, judged=5, suspects=suspects, pairs=(), few=(), contradictions=())


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def table(rows: list[tuple[str, str]]) -> pd.DataFrame:
    return pd.DataFrame(
        [(m, i, "", f"my.csv:{n}", row_hash(m, i)) for n, (m, i) in enumerate(rows, start=2)],
        columns=list(COLUMNS),
        dtype="str",
    )


def changed(
    store: FolderStore, declared: Declared | None = None, before: list[tuple[str, str]] | None = None
) -> Changed:
    rows = table(ROWS)
    decisions = row_decisions(Decisions(store))
    return apply_changes(
        rows,
        decisions,
        declared or Declared(),
        table(ROWS if before is None else before)["row_hash"].tolist(),
    )


def labels(done: Changed) -> list[tuple[str, str]]:
    return list(zip(done.rows["message"], done.rows["intent"], strict=True))


def test_the_queue_holds_what_nobody_decided_and_nobody_had_erased(store: FolderStore) -> None:
    decisions = Decisions(store)
    assert read_label_queue(store, decisions).suspects is None
    erased = record("x").prediction_id
    put_findings(
        store, findings(suspect(), suspect("asdf", "refund"), suspect("erased", source=f"review:{erased}"))
    )
    mark_forgotten(store, erased, now())
    decide_label(decisions, suspect("asdf", "refund"), LabelAction.DROP, "ada")
    queue = read_label_queue(store, decisions)
    assert queue.suspects == (suspect(),)
    assert queue.decided == 1
    store.put(layout.LABEL_FINDINGS, b"{}")
    with pytest.raises(StoreError, match="not the result of a label check"):
        read_label_queue(store, decisions)


def test_the_first_reviewer_decides_and_an_undone_decision_is_open_again(store: FolderStore) -> None:
    decisions = Decisions(store)
    put_findings(store, findings(suspect()))
    first = decide_label(decisions, suspect(), LabelAction.MOVE, "ada", "refund", INTENTS)
    with pytest.raises(AlreadyDecided, match="ada"):
        decide_label(Decisions(store), suspect(), LabelAction.KEEP, "bob")
    assert Decisions(store).labels() == [first]
    decisions.reopen(label_item_id(suspect().row_hash), "ada")
    assert read_label_queue(store, decisions).suspects == (suspect(),)
    assert row_decisions(decisions) == []
    decide_label(decisions, suspect(), LabelAction.MOVE, "bob", "cancel", INTENTS)
    assert [d.action for d in row_decisions(decisions)] == [LabelAction.KEEP]


def test_an_unknown_intent_and_a_nameless_reviewer_are_refused(store: FolderStore) -> None:
    with pytest.raises(InvalidMessage, match="'gone' is not an intent"):
        decide_label(Decisions(store), suspect(), LabelAction.MOVE, "ada", "gone", INTENTS)
    with pytest.raises(InvalidMessage, match="name of its reviewer"):
        decide_label(Decisions(store), suspect(), LabelAction.KEEP, " ")
    assert list(store.list()) == []


def test_decisions_on_labels_are_no_messages_of_the_review(store: FolderStore) -> None:
    decide_label(Decisions(store), suspect(), LabelAction.MOVE, "ada", "refund", INTENTS)
    assert Decisions(store).read() == {}
    assert read_accepted(store) == []


def test_a_change_of_the_corpus_is_news_for_the_trigger_and_a_confirmed_label_is_not(
    store: FolderStore,
) -> None:
    digests = [accepted_digest(store)]
    decide_label(Decisions(store), suspect("where", "track"), LabelAction.KEEP, "ada")
    assert accepted_digest(store) == digests[0]
    for message, label, action in (
        ("money back", "cancel", LabelAction.MOVE),
        ("asdf", "refund", LabelAction.DROP),
    ):
        decide_label(Decisions(store), suspect(message, label), action, "ada", "refund", INTENTS)
        digests.append(accepted_digest(store))
    write_stored(store, Declared(renamed={"track": "track_order"}))
    assert len({*digests, accepted_digest(store)}) == 4


def test_the_next_version_has_the_decisions(store: FolderStore) -> None:
    assert not changed(store).differs
    decisions = Decisions(store)
    decide_label(decisions, suspect(), LabelAction.MOVE, "ada", "refund", INTENTS)
    decide_label(decisions, suspect("asdf", "refund"), LabelAction.DROP, "ada")
    decide_label(decisions, suspect("where", "track"), LabelAction.KEEP, "ada")
    done = changed(store)
    assert labels(done) == [
        ("cancel it", "cancel"),
        ("money back", "refund"),
        ("a refund", "refund"),
        ("where", "track"),
    ]
    assert (done.differs, done.moved, done.dropped) == (True, 1, 1)
    assert done.kept == {row_hash("where", "track")}
    moved = row_hash("money back", "refund")
    # Its label came with the challenger: it is not compared with the champion's.
    assert moved not in done.known
    assert not changed(store, before=labels(done)).differs
    decisions.reopen(label_item_id(row_hash("asdf", "refund")), "ada")
    assert ("asdf", "refund") in labels(changed(store, before=labels(done)))


def test_a_renamed_intents_rows_are_the_ones_that_the_champion_knows(store: FolderStore) -> None:
    declared = Declared(renamed={"cancel": "cancel_order"}, removed=("track",))
    decide_label(Decisions(store), suspect(), LabelAction.MOVE, "ada", "refund", INTENTS)
    done = changed(store, declared)
    assert labels(done) == [
        ("cancel it", "cancel_order"),
        ("money back", "refund"),
        ("a refund", "refund"),
        ("asdf", "refund"),
    ]
    known = done.known
    assert row_hash("cancel it", "cancel_order") in known
    assert row_hash("money back", "refund") not in known
    assert not changed(store, declared, before=labels(done)).differs


def test_a_decision_about_a_renamed_intents_row_takes_effect_and_can_be_undone(store: FolderStore) -> None:
    declared = Declared(renamed={"cancel": "stop"}, merged={"cancel_order": ("stop",)})
    for label in ("stop", "cancel_order"):
        listed = suspect(label=label)
        item = decide_label(Decisions(store), listed, LabelAction.MOVE, "ada", "track", INTENTS).item_id
        done = changed(store, declared, before=[("money back", label)])
        assert ("money back", "track") in labels(done)
        assert (done.moved, listed.row_hash in done.overruled) == (1, True)
        Decisions(store).reopen(item, "ada")
        done = changed(store, declared, before=[("money back", label)])
        assert (done.moved, done.overruled) == (0, frozenset())
        assert row_hash("money back", "cancel_order") in done.known


def test_a_reply_follows_its_intent() -> None:
    replies = Replies({name: ReplyText(response=name) for name in ("cancel", "track", "refund")})
    after = Declared(renamed={"cancel": "cancel_order"}, removed=("track",)).texts(replies.texts)
    assert {name: text.response for name, text in after.items()} == {
        "cancel_order": "cancel", "refund": "refund",
    }  # fmt: skip


def test_what_is_declared_is_kept_in_the_store(store: FolderStore) -> None:
    assert read_stored(store) == Declared()
    declared = Declared(merged={"a": ("b", "c")}, target=0.05)
    write_stored(store, declared)
    assert read_stored(store) == declared
    assert Decisions(store).read() == {}


def test_the_review_shows_what_older_versions_predicted_under_todays_names() -> None:
    item = Item(
        "1", "where", now(), "track", 0.4, 0.9, "human", (("track", 0.4), ("find", 0.3), ("cancel", 0.2)), "1", "", (),
        suggested="find",
    )  # fmt: skip
    declared = Declared(merged={"locate": ("track", "find")})
    (shown,) = renamed(Queue((item,)), declared, {"locate", "cancel"}).items
    assert (shown.intent, shown.suggested) == ("locate", "locate")
    assert shown.alternatives == (("locate", 0.7), ("cancel", 0.2))
    # The bundle still has the former names: its intents are offered as they are.
    assert renamed(Queue((item,)), declared, {"track", "find", "cancel"}).items == (item,)
