"""New clusters: messages alike that no intent covers, found and named; with the project's own bundle."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chatbot.model.bundle import Bundle
from chatbot.settings import ReviewSettings, SlotSettings
from chatbot.store.folder import FolderStore
from tests.support.requirements import ROOT
from tests.training.review_tools import GARDEN, STRANGE, answer, fill
from training.review.accepted import read_accepted
from training.review.board import Board
from training.review.clusters import typical_words
from training.review.decisions import AlreadyDecided
from training.review.queue import Reason


@pytest.fixture(scope="module")
def filled(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled") / "store"
    known = [example for text in bundle.replies.texts.values() for example in text.examples]
    fill(FolderStore(folder), answer(bundle, [*known, *GARDEN, *STRANGE]))
    return folder


@pytest.fixture
def board(filled: Path, tmp_path: Path, bundle: Bundle) -> Board:
    store = FolderStore(Path(shutil.copytree(filled, tmp_path / "store")))
    return Board(store, bundle, ReviewSettings(), SlotSettings().values())


def test_a_product_that_the_bot_was_never_taught_is_one_cluster_named_by_its_words(board: Board) -> None:
    view = board.look()
    assert view.clusters, [item.message for item in view.queue.items]
    mowers = view.clusters[0]
    messages = {item.message for item in mowers.items}
    # What the bot answered, sure and wrong, is in no queue: nobody has told it yet.
    waiting = {item.message for item in view.queue.items} & set(GARDEN)
    assert len(waiting) >= 6
    assert len(messages & waiting) >= 0.7 * len(waiting)
    assert not messages & set(STRANGE)
    assert {"rent", "mower"} <= set(mowers.words)
    assert all(Reason.NEW_CLUSTER in i.reasons for i in view.queue.items if i.message in messages)
    assert view.cluster(mowers.name) is mowers


def test_dissimilar_messages_are_not_clustered(board: Board) -> None:
    in_clusters = {item.message for cluster in board.look().clusters for item in cluster.items}
    assert not in_clusters & set(STRANGE)


def test_a_cluster_becomes_an_intent_at_once_but_for_what_others_decided(board: Board) -> None:
    view = board.look()
    mowers = view.cluster(view.clusters[0].name)
    board.reject(mowers.items[0], "bob")
    outcome = board.new_intent(mowers.items, "rent_mower", "Book one at {website}.", "ada", "RENTAL")
    assert [error.decision.reviewer for error in outcome.before] == ["bob"]
    assert all(isinstance(error, AlreadyDecided) for error in outcome.before)
    rows = read_accepted(board.store)
    assert {row.message for row in rows} == {item.message for item in mowers.items[1:]}
    assert {(row.intent, row.reply) for row in rows} == {("rent_mower", "Book one at {website}.")}
    assert mowers.name not in [cluster.name for cluster in board.look().clusters]


def test_a_look_encodes_the_messages_that_the_one_before_did_not(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Encoding the whole queue again made an undo take seconds."""
    encoder = board.bundle.encoder
    encode, asked = encoder.encode, []
    monkeypatch.setattr(encoder, "encode", lambda texts: (asked.extend(texts), encode(texts))[1])
    records = answer(board.bundle, ["how deep is the lake of geneva"])
    before = board.look()
    assert asked
    asked.clear()
    assert board.look() == before
    assert asked == []
    fill(board.store, records, name="later")
    board.look()
    assert asked == ["how deep is the lake of geneva"]


def test_typical_words_are_frequent_here_and_rare_elsewhere() -> None:
    gifts = [
        "the balance of my gift card",
        "is there money on the gift card <NUMBER>",
        "gift card balance please",
    ]
    mowers = ["rent a mower with my card", "mower to rent", "renting mowers: rent per day"]
    first, second = typical_words([gifts, mowers], ["pay by card", "my card was charged", "card refused"])
    assert first[:2] == ("gift", "balance")
    assert second[:2] == ("rent", "mower")
    assert "number" not in first


@pytest.mark.process
def test_the_review_imports_no_library_that_takes_a_second_before_it_needs_it() -> None:
    """The first visitor of the staff pages waits for it, and each command of the review."""
    slow = {"sklearn", "pandas", "scipy.cluster", "scipy.stats", "torch", "mlflow"}
    code = (
        f"import sys, training.review.board, training.review.labels; print(sorted({slow} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
