"""`python -m training.review`, as a person types it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chatbot.errors import StoreError
from chatbot.model.bundle import Bundle
from chatbot.store import Store
from chatbot.store.folder import FolderStore
from tests.training.review_tools import GARDEN, answer, fill, record
from training.review.__main__ import app
from training.review.accepted import read_accepted
from training.review.board import queue_length
from training.review.decisions import Decisions, ReviewDecision


@pytest.fixture(scope="module")
def filled(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled") / "store"
    messages = [record("my parcel"), record("my invoice", minute=1), *answer(bundle, GARDEN, 2)]
    fill(FolderStore(folder), messages)
    return folder


@pytest.fixture
def store(filled: Path, tmp_path: Path, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CHATBOT_STORE_URL", str(tmp_path / "store"))
    monkeypatch.setenv("CHATBOT_BUNDLE", str(bundle_folder))
    monkeypatch.setenv("COLUMNS", "200")
    return FolderStore(Path(shutil.copytree(filled, tmp_path / "store")))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def id_of(message: str) -> str:
    (line,) = [line for line in run("list").output.splitlines() if message in line]
    return line.split()[0]


@pytest.mark.usefixtures("loaded_once")
def test_what_waits_is_listed_and_decided_and_ends_as_rows(store: Store) -> None:
    waited = queue_length(store)
    assert waited == len([line for line in run("list", "--most", "99").output.splitlines() if "%" in line])
    assert "track_order 40%" in run("show", id_of("my parcel")).output
    assert run("accept", id_of("my parcel")[:30], "--by", "ada").exit_code == 0
    assert run("correct", id_of("my invoice"), "get_invoice", "--by", "ada").exit_code == 0
    rows = {row.message: (row.intent, row.reviewer) for row in read_accepted(store)}
    assert rows == {"my parcel": ("track_order", "ada"), "my invoice": ("get_invoice", "ada")}
    assert queue_length(store) == waited - 2


@pytest.mark.usefixtures("loaded_once")
def test_a_cluster_becomes_an_intent_with_one_command(store: Store) -> None:
    shown = run("clusters").output
    name = shown.split()[0]
    assert "mower" in name
    made = run(
        "new-intent", "rent_mower", "--reply", "Book one at {website}.", "--cluster", name, "--by", "ada"
    )
    assert made.exit_code == 0, made.output
    assert "https://shop.example.com" in made.output
    assert {row.intent for row in read_accepted(store)} == {"rent_mower"}
    assert run("clusters").output.strip() == "no clusters"


@pytest.mark.usefixtures("loaded_once")
def test_a_command_that_stops_half_way_says_what_it_decided_and_why_it_stopped(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = Decisions.decide

    def fail_later(decisions: Decisions, decision: ReviewDecision) -> ReviewDecision:
        if read_accepted(store):
            raise StoreError("the store does not answer")
        return decide(decisions, decision)

    names = [id_of("my parcel"), id_of("my invoice")]
    monkeypatch.setattr(Decisions, "decide", fail_later)
    made = run("new-intent", "rent_mower", *names, "--reply", "Book one at {website}.", "--by", "ada")
    assert made.exit_code == 1
    assert "1 messages become rows" in made.output
    assert "the store does not answer" in made.output
    assert "Traceback" not in made.output


@pytest.mark.usefixtures("loaded_once")
def test_what_cannot_be_done_is_one_line_that_says_why(store: Store) -> None:
    name = id_of("my parcel")
    for arguments, problem in (
        (("show", "zzzz"), "message zzzz is not in the queue"),
        (("correct", name, "sell_house"), "not an intent of this bot"),
        (("new-intent", "rent_mower", name, "--reply", "Go to {mower_url}."), "CHATBOT_SLOT_MOWER_URL"),
        (("new-intent", "rent_mower", "--reply", "Yes."), "name their ids"),
        (("undo", name), "no decision to undo"),
    ):
        told = run(*arguments)
        assert told.exit_code == 1
        assert problem in " ".join(told.output.split()), told.output
        assert "Traceback" not in told.output
    assert read_accepted(store) == []


@pytest.mark.usefixtures("loaded_once")
def test_a_decision_is_taken_back(store: Store) -> None:
    name = id_of("my parcel")
    assert run("reject", name, "--by", "ada").exit_code == 0
    assert "my parcel" not in run("list").output
    assert run("undo", name, "--by", "bob").exit_code == 0
    assert id_of("my parcel") == name


def test_before_any_traffic_the_list_says_so(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no traffic yet" not in run("list").output
    monkeypatch.setenv("CHATBOT_STORE_URL", str(tmp_path / "empty"))
    assert "no traffic yet" in run("list").output
