"""The staff pages' script without a browser."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
import streamlit as st
from streamlit import config
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from chatbot.dialog.router import Router
from chatbot.errors import StoreError
from chatbot.ids import new_id
from chatbot.records import contact
from chatbot.records.handoff import Handoff
from chatbot.records.schema import Record
from chatbot.settings import SlotSettings
from chatbot.store import Entry
from chatbot.store.folder import FolderStore
from data.decisions import LabelAction
from data.messages import row_hash
from tests.training.review_tools import fill, record
from tests.ui.staff_tools import HOSTILE, TOKEN, add_handoffs, make_store
from training.labels.findings import LabelFindings, Labelled, SuspectLabel
from training.review.board import Board
from training.review.decisions import DecisionKind, Decisions, ReviewDecision
from training.review.handoffs import HandoffCase, HandoffReader, Task, move
from training.review.labels import decide_label, put_findings, row_hash_of
from training.review.queue import Item
from ui.staff_pages import cache, markup
from ui.staff_pages.paging import PAGE_SIZE

if TYPE_CHECKING:
    from chatbot.model.bundle import Bundle

STAFF = Path(__file__).resolve().parents[2] / "ui" / "staff_pages" / "page.py"


@pytest.fixture(scope="module")
def filled(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled") / "store"
    make_store(folder, bundle)
    return folder


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> FolderStore:
    return FolderStore(Path(shutil.copytree(filled, tmp_path / "store")))


@pytest.fixture
def open_pages(
    store: FolderStore,
    tmp_path: Path,
    bundle_folder: Path,
    loaded_once: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., AppTest]]:
    """Runs the script once, at an address, with settings."""
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", list)
    before = config.get_option("server.address")

    def run(address: str = "127.0.0.1", **environment: str) -> AppTest:
        config.set_option("server.address", address)
        settings = {"CHATBOT_STORE_URL": str(tmp_path / "store"), "CHATBOT_BUNDLE": str(bundle_folder)}
        for name, value in (settings | environment).items():
            monkeypatch.setenv(name, value)
        st.cache_resource.clear()
        st.cache_data.clear()
        return AppTest.from_file(STAFF, default_timeout=60).run()

    yield run
    config.set_option("server.address", before)


def html(pages: AppTest) -> str:
    return " ".join(element.proto.body for element in pages.get("html"))


def button(pages: AppTest, name: str) -> Button:
    """The button whose key begins with a name; the rest of it is the item's."""
    return next(found for found in pages.button if found.key and found.key.startswith(name))


def press(pages: AppTest, name: str) -> None:
    button(pages, name).click().run()
    assert not pages.exception


def clusters_page() -> None:
    """The script of a page alone: the test harness does not switch between pages that are functions."""
    import streamlit as st

    from ui.staff_pages import review

    st.session_state["reviewer"] = "ada"
    review.show_clusters()


def test_a_double_click_decides_one_message_not_the_next_one_too(
    open_pages: Callable[..., AppTest], store: FolderStore
) -> None:
    """The second click reaches the server when the next message is drawn: its buttons must be others."""
    pages = open_pages()
    before = {found.proto.id for found in pages.button}
    press(pages, "choose-1")
    assert [decision.message for decision in Decisions(store).read().values()] == ["my order"]
    assert {found.key for found in pages.button if found.proto.id in before} == {"undo"}


def test_a_decision_on_a_whole_cluster_is_undone_at_once_without_reading_the_queue_again(
    open_pages: Callable[..., AppTest], store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, looks = Board.look, []
    monkeypatch.setattr(Board, "look", lambda board: (looks.append(1), look(board))[1])
    open_pages()
    pages = AppTest.from_function(clusters_page, default_timeout=60).run()
    press(pages, "reject-")
    decided = Decisions(store).read().values()
    assert len(decided) > 2
    assert {decision.verdict for decision in decided} == {DecisionKind.REJECT}
    press(pages, "undo")
    assert f"and {len(decided) - 1} more wait again" in html(pages)
    assert {decision.verdict for decision in Decisions(store).read().values()} == {DecisionKind.REOPENED}
    assert len(looks) == 1


class StoreThatStops:
    """Replaces a method of `Decisions`: after some calls the store does not answer, until it is `up` again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, method: str, calls: int) -> None:
        self.calls = calls
        original = getattr(Decisions, method)

        def call(decisions: Decisions, *arguments: object) -> ReviewDecision:
            self.calls -= 1
            if self.calls < 0:
                raise StoreError("the store does not answer")
            return cast(ReviewDecision, original(decisions, *arguments))

        monkeypatch.setattr(Decisions, method, call)

    def up(self) -> None:
        """Answer again."""
        self.calls = 1_000


def verdicts(store: FolderStore) -> Counter[DecisionKind]:
    return Counter(decision.verdict for decision in Decisions(store).read().values())


def test_a_decision_on_a_cluster_that_fails_half_way_says_what_was_decided_and_that_can_be_undone(
    open_pages: Callable[..., AppTest], store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = StoreThatStops(monkeypatch, "decide", 2)
    open_pages()
    pages = AppTest.from_function(clusters_page, default_timeout=60).run()
    press(pages, "reject-")
    assert "2 messages: nothing to learn. The others wait: the store does not answer" in html(pages)
    assert verdicts(store) == {DecisionKind.REJECT: 2}
    decide.up()
    press(pages, "reject-")
    assert verdicts(store)[DecisionKind.REJECT] > 2
    press(pages, "undo")
    press(pages, "undo")
    assert set(verdicts(store)) == {DecisionKind.REOPENED}


def test_an_undo_that_fails_half_way_can_be_repeated_also_if_a_colleague_undid_one_meanwhile(
    open_pages: Callable[..., AppTest], store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_pages()
    pages = AppTest.from_function(clusters_page, default_timeout=60).run()
    press(pages, "reject-")
    count = verdicts(store)[DecisionKind.REJECT]
    reopen = StoreThatStops(monkeypatch, "reopen", 2)
    press(pages, "undo")
    assert "and 1 more wait again. Not undone: the store does not answer." in html(pages)
    assert verdicts(store) == {DecisionKind.REOPENED: 2, DecisionKind.REJECT: count - 2}
    reopen.up()
    rejected = (d for d in Decisions(store).read().values() if d.verdict is DecisionKind.REJECT)
    Decisions(store).reopen(next(rejected).item_id, "bob")
    press(pages, "undo")
    assert "no decision to undo" in html(pages)
    assert verdicts(store) == {DecisionKind.REOPENED: count}
    assert "undo" not in {found.key for found in pages.button}


def test_many_clusters_are_paged_and_a_click_on_their_page_lists_nothing_in_the_store(
    open_pages: Callable[..., AppTest], store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each cluster's form listed the intents in the store, in each run."""
    open_pages()
    found = cache.view()
    cluster = found.clusters[0]
    many = tuple(replace(cluster, name=f"{number} mowers") for number in range(45))
    monkeypatch.setattr(Board, "look", lambda _: replace(found, clusters=many))
    st.cache_resource.clear()
    pages = AppTest.from_function(clusters_page, default_timeout=60).run()
    list_entries, listed = FolderStore.list, []

    def list_and_note(of: FolderStore, prefix: str = "", *arguments: str) -> Iterator[Entry]:
        listed.append(prefix)
        return list_entries(of, prefix, *arguments)

    monkeypatch.setattr(FolderStore, "list", list_and_note)
    for number, shown in enumerate(("1 to 20", "21 to 40", "41 to 45")):
        assert f"{shown} of 45 clusters" in html(pages)
        names = [found.key for found in pages.button if found.key and found.key.startswith("accept-")]
        assert names == [f"accept-{n} mowers" for n in range(20 * number, min(20 * number + 20, 45))]
        if not button(pages, "next").disabled:
            press(pages, "next")
    assert button(pages, "next").disabled
    assert listed == []


def test_after_a_rollout_the_pages_review_with_the_new_version(
    open_pages: Callable[..., AppTest], bundle_folder: Path, tmp_path: Path, bundle: Bundle
) -> None:
    """They kept the bundle of their start: its intents, its titles, its thresholds."""
    served = shutil.copytree(bundle_folder, tmp_path / "served")
    open_pages(CHATBOT_BUNDLE=str(served))
    before = cache.board()
    assert before.bundle.digest == bundle.digest
    assert cache.board() is before
    manifest, sums = served / "model.json", served / "SHA256SUMS"
    old = hashlib.sha256(manifest.read_bytes()).hexdigest()
    manifest.write_text(manifest.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    new = hashlib.sha256(manifest.read_bytes()).hexdigest()
    sums.write_text(sums.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    st.cache_data.clear()  # their time is over
    assert cache.board().bundle.digest not in ("", bundle.digest)


def test_a_click_copies_no_queue_and_no_handoffs(open_pages: Callable[..., AppTest]) -> None:
    """With 5,000 handoffs a copy took seconds, in each run of a page."""
    open_pages()
    for shared in (cache.view, cache.cases, cache.label_queue):
        assert shared() is shared()


def test_on_loopback_the_pages_open_without_a_login(open_pages: Callable[..., AppTest]) -> None:
    pages = open_pages()
    assert not pages.exception
    assert "my order" in html(pages)


def test_elsewhere_nothing_is_shown_without_a_login(open_pages: Callable[..., AppTest]) -> None:
    pages = open_pages("0.0.0.0")
    assert "CHATBOT_STAFF_TOKEN" in html(pages)
    assert "my order" not in html(pages)


def test_without_a_session_the_script_shows_nothing_even_if_the_guard_let_it_run(
    open_pages: Callable[..., AppTest],
) -> None:
    pages = open_pages("0.0.0.0", CHATBOT_STAFF_TOKEN=TOKEN)
    assert not pages.exception
    assert "my order" not in html(pages)
    assert 'href="/login' in html(pages)


@pytest.mark.process  # urllib3 binds a socket when it is imported
def test_without_a_store_that_answers_the_page_says_so(open_pages: Callable[..., AppTest]) -> None:
    pages = open_pages(
        CHATBOT_STORE_URL="s3://nowhere", CHATBOT_STORE_ENDPOINT="http://127.0.0.1:9", CHATBOT_STORE_ATTEMPTS="1",
        AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test",
    )  # fmt: skip
    assert not pages.exception
    assert "This does not work now" in html(pages)


def test_without_a_bundle_the_review_says_so(open_pages: Callable[..., AppTest]) -> None:
    pages = open_pages(CHATBOT_BUNDLE="/nowhere")
    assert not pages.exception
    assert "This does not work now" in html(pages)
    assert "/nowhere" in html(pages)


def test_how_much_is_answered_at_each_target_is_shown_with_its_curve(
    open_pages: Callable[..., AppTest], bundle: Bundle
) -> None:
    def script() -> None:
        from ui.staff_pages import thresholds

        thresholds.show()

    open_pages()
    pages = AppTest.from_function(script, default_timeout=60).run()
    assert not pages.exception
    target = bundle.manifest.target
    shown = html(pages)
    assert shown.count('<tr class="chosen">') == 2
    for row in (*target["targets"], *target["shares"]):
        assert f"<td>{row['coverage']:.1%}</td><td>{row['risk']:.1%}</td>" in shown
        assert row["evidence"] in shown
    assert f"{target['messages']:,}" in shown
    assert '<img class="curve" src="data:image/svg+xml,' in shown
    assert all(sentence in shown for sentence in target["advice"])


def label_row(message: str, label: str = "cancel_order", better: str = "get_refund") -> SuspectLabel:
    near = (Labelled(message="a similar one", label=better),)
    return SuspectLabel(
        row_hash=row_hash(message, label), message=message, label=label, better=better, quality=0.1,
        source="my.csv:7", neighbours=near,
    )  # fmt: skip


def put_suspects(store: FolderStore, *suspects: SuspectLabel) -> None:
    put_findings(
        store,
        LabelFindings(rows=9, distinct=9, judged=9, suspects=suspects, pairs=(), few=(), contradictions=()),
    )


@pytest.fixture
def labels_page(open_pages: Callable[..., AppTest]) -> AppTest:
    """The labels page alone: the test harness does not switch between pages that are functions."""

    def script() -> None:
        import streamlit as st

        from ui.staff_pages import labels

        st.session_state["reviewer"] = "ada"
        labels.show()

    open_pages()
    return AppTest.from_function(script, default_timeout=60)


def test_a_suspect_label_is_moved_kept_or_dropped_with_one_key_and_undone(
    labels_page: AppTest, store: FolderStore
) -> None:
    put_suspects(store, label_row(HOSTILE), label_row("second"), label_row("third"))
    pages = labels_page.run()
    assert not pages.exception
    assert "&lt;img src=x onerror=alert(1)&gt;" in html(pages)
    assert "a similar one" in html(pages)
    assert "my.csv:7" in html(pages)
    shortcuts = {button.key.partition("-")[0]: button.proto.shortcut for button in pages.button if button.key}
    assert shortcuts == {"move": "m", "keep": "k", "drop": "d", "skip": "s", "undo": "u"}
    press(pages, "move")
    press(pages, "keep")
    press(pages, "drop")
    assert "Every suspect label is decided" in html(pages)
    kinds = {row_hash_of(d): d.verdict.value for d in Decisions(store).labels()}
    assert kinds[label_row(HOSTILE).row_hash] == "correct"
    assert kinds[label_row("second").row_hash] == "accept"
    assert kinds[label_row("third").row_hash] == "reject"
    press(pages, "undo")
    assert "waits again" in html(pages)
    assert "third" in html(pages)
    assert [d.reviewer for d in Decisions(store).labels()] == ["ada"] * 3


def test_what_another_reviewer_decided_stays(labels_page: AppTest, store: FolderStore) -> None:
    put_suspects(store, label_row("first"), label_row("second"))
    pages = labels_page.run()
    decide_label(Decisions(store), label_row("first"), LabelAction.KEEP, "bob")
    press(pages, "drop")
    assert "bob decided it" in html(pages)
    assert [d.reviewer for d in Decisions(store).labels()] == ["bob"]
    assert "second" in html(pages)


@pytest.mark.parametrize("draw", ["review.show_queue", "labels.show"])
def test_an_intent_chosen_while_the_store_does_not_answer_is_tried_once_and_can_be_chosen_again(
    draw: str, open_pages: Callable[..., AppTest], store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page tried for ever: each run found the choice and started another."""
    put_suspects(store, label_row("first"))
    decide, tried = Decisions.decide, []

    def fail(_: Decisions, decision: ReviewDecision) -> ReviewDecision:
        tried.append(decision.intent)
        raise StoreError("the store does not answer")

    def script(draw: str) -> None:
        import streamlit as st

        from ui.staff_pages import labels, review

        st.session_state["reviewer"] = "ada"
        {"review.show_queue": review.show_queue, "labels.show": labels.show}[draw]()

    open_pages()
    pages = AppTest.from_function(script, default_timeout=20, args=(draw,)).run()
    monkeypatch.setattr(Decisions, "decide", fail)
    pages.selectbox[0].select("newsletter_subscription").run()
    assert not pages.exception
    assert tried == ["newsletter_subscription"]
    assert "the store does not answer" in html(pages)
    monkeypatch.setattr(Decisions, "decide", decide)
    pages.selectbox[0].select("newsletter_subscription").run()
    (made,) = [*Decisions(store).read().values(), *Decisions(store).labels()]
    assert (made.intent, made.reviewer) == ("newsletter_subscription", "ada")


def test_before_the_first_label_check_the_page_says_how_to_run_one(labels_page: AppTest) -> None:
    pages = labels_page.run()
    assert not pages.exception
    assert "python -m data.check" in html(pages)


def test_a_label_check_without_suspects_is_not_called_decided(
    labels_page: AppTest, store: FolderStore
) -> None:
    put_suspects(store)
    assert "The last label check found no suspect label." in html(labels_page.run())


@pytest.fixture
def empty_store(tmp_path: Path) -> str:
    return str(tmp_path / "empty")


def test_before_any_traffic_the_review_says_so_and_how_to_get_some(
    open_pages: Callable[..., AppTest], empty_store: str
) -> None:
    said = html(open_pages(CHATBOT_STORE_URL=empty_store))
    assert "No traffic yet" in said
    assert "chat page" in said
    assert "No message has arrived yet" in said
    assert "5 minutes later" in said
    assert empty_store in said
    assert "decided" not in said


def test_a_bot_that_was_sure_of_everything_leaves_nothing_to_decide(
    open_pages: Callable[..., AppTest], empty_store: str
) -> None:
    fill(FolderStore(Path(empty_store)), [record("where is my parcel", confidence=0.99, source="model")])
    assert "sure of each of the 1 messages" in html(open_pages(CHATBOT_STORE_URL=empty_store))


@pytest.mark.parametrize(
    ("draw", "expected"), [("review.show_clusters", "No traffic yet"), ("handoffs.show", "No handoffs yet")]
)
def test_before_any_traffic_no_page_says_that_all_is_done(
    draw: str, expected: str, open_pages: Callable[..., AppTest], empty_store: str
) -> None:
    def script(draw: str) -> None:
        import streamlit as st

        from ui.staff_pages import handoffs, review

        st.session_state["reviewer"] = "ada"
        {"review.show_clusters": review.show_clusters, "handoffs.show": handoffs.show}[draw]()

    open_pages(CHATBOT_STORE_URL=empty_store)
    pages = AppTest.from_function(script, default_timeout=60, args=(draw,)).run()
    assert not pages.exception
    assert expected in html(pages)
    assert "chat page" in html(pages)


@pytest.fixture
def open_handoffs(open_pages: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """Opens the handoffs page alone, as bob."""

    def script() -> None:
        import streamlit as st

        from ui.staff_pages import handoffs

        st.session_state["reviewer"] = "bob"
        handoffs.show()

    def run(**environment: str) -> AppTest:
        open_pages(**environment)
        return AppTest.from_function(script, default_timeout=60).run()

    return run


def test_a_conversation_is_found_by_reference_or_contact_data_also_when_it_is_done(
    open_handoffs: Callable[..., AppTest], store: FolderStore
) -> None:
    add_handoffs(store, 45)
    done = HandoffReader(store).cases()[-1].case_id
    move(store, done, "done", "ada")
    left = contact.contact_of("jane@example.com", datetime.now(UTC))
    store.put(contact.key_of(done), left.model_dump_json().encode())
    pages = open_handoffs()
    assert done not in html(pages)
    for said in (done, f" {done.upper().replace('0', 'O')[:12]} {done[12:]} ", "Jane@Example.com"):
        pages.text_input(key="find").set_value(said).run()
        assert not pages.exception
        assert done in html(pages)
        assert html(pages).count("<article") == 1
    for said in ("01k3nosuch", "---"):
        pages.text_input(key="find").set_value(said).run()
        assert "No conversation has this" in html(pages)


def test_a_reference_that_is_new_is_found_although_the_page_has_read_the_handoffs_before(
    open_handoffs: Callable[..., AppTest], store: FolderStore
) -> None:
    """A customer on the phone reads out a reference of a minute ago: it was called erased until the cache expired."""
    pages = open_handoffs()
    (reference,) = add_handoffs(store, 1)
    pages.text_input(key="find").set_value(reference).run()
    assert reference in html(pages)
    count = len(HandoffReader(store).cases())
    assert f"Open: {count}" in pages.segmented_control(key="which").options
    pages.text_input(key="find").set_value("01k3nosuch").run()
    assert "press “Look again”" in html(pages)
    pages.text_input(key="find").set_value("").run()
    pages.segmented_control(key="which").set_value("done").run()
    assert "press “Look again”" in html(pages)


def test_what_a_colleague_closed_stays_closed_while_the_rest_of_the_conversation_is_taken_and_put_back(
    open_handoffs: Callable[..., AppTest], empty_store: str
) -> None:
    store = FolderStore(Path(empty_store))
    add_handoffs(store, 2, session="one")
    first = HandoffReader(store).cases()[0].case_id
    move(store, first, "done", "ada")

    def states() -> list[tuple[str, str]]:
        return [(task.state, task.work.by if task.work else "") for task in HandoffReader(store).tasks()]

    pages = open_handoffs(CHATBOT_STORE_URL=empty_store)
    press(pages, "taken-")
    assert states() == [("done", "ada"), ("taken", "bob")]
    pages.segmented_control(key="which").set_value("taken").run()
    press(pages, "open-")
    assert states() == [("done", "ada"), ("open", "bob")]
    pages.segmented_control(key="which").set_value("open").run()
    press(pages, "done-")
    assert states() == [("done", "ada"), ("done", "bob")]
    pages.segmented_control(key="which").set_value("done").run()
    press(pages, "open-")
    assert states() == [("open", "bob"), ("open", "bob")]


def test_without_a_bundle_the_handoffs_are_listed_and_taken_and_the_drift_is_shown(
    open_handoffs: Callable[..., AppTest], store: FolderStore
) -> None:
    def drift_page() -> None:
        from ui.staff_pages import drift

        drift.show()

    pages = open_handoffs(CHATBOT_BUNDLE="/nowhere")
    assert not pages.exception
    assert html(pages).count("<article") == min(PAGE_SIZE, len(HandoffReader(store).cases()))
    press(pages, "taken-")
    assert "You have it." in html(pages)
    assert [task.work.by for task in HandoffReader(store).tasks() if task.work] == ["bob"]
    drift = AppTest.from_function(drift_page, default_timeout=60).run()
    assert not drift.exception
    assert "One message in nine is about a topic missing from the corpus." in html(drift)


def test_a_click_after_the_login_by_openid_connect_expired_does_nothing_and_says_why(
    open_pages: Callable[..., AppTest], store: FolderStore, tmp_path: Path
) -> None:
    """A click's callback runs before the page checks the login."""
    put_suspects(store, label_row("first"))
    secrets = tmp_path / "secrets.toml"
    secrets.write_text('[auth]\ncookie_secret = "a cookie secret of some length"\n')
    open_pages(CHATBOT_STAFF_OIDC_SECRETS=str(secrets), CHATBOT_STAFF_OIDC_ALLOWED="@example.org")
    before = {(entry.key, entry.etag) for entry in store.list("reviews/")}

    def script(draw: str) -> None:
        import streamlit as st

        from ui.staff_pages import handoffs, labels, review

        st.session_state["reviewer"] = "ada"
        if float(str(st.user["iat"])) > 0:  # the page draws nothing without a login
            {"review": review.show_queue, "labels": labels.show, "handoffs": handoffs.show}[draw]()

    for draw, key in (("review", "choose-1"), ("labels", "keep"), ("handoffs", "taken-")):
        pages = AppTest.from_function(script, default_timeout=60, args=(draw,))
        pages.user = {"iat": time.time()}
        pages.run()
        pages.user = {"iat": 0.0}
        press(pages, key)
        assert {(entry.key, entry.etag) for entry in store.list("reviews/")} == before
        said = {"review": "review_said", "labels": "labels_said", "handoffs": "handoff_said"}[draw]
        assert "Your login has expired" in pages.session_state[said]
        pages.user = {"iat": time.time()}
        pages.run()
        press(pages, key)
        assert {(entry.key, entry.etag) for entry in store.list("reviews/")} != before
        before = {(entry.key, entry.etag) for entry in store.list("reviews/")}


def test_before_a_version_is_registered_the_page_names_the_command_that_registers_one(
    open_pages: Callable[..., AppTest], mlflow_database: Path, tmp_path: Path
) -> None:
    def script() -> None:
        from ui.staff_pages import versions

        versions.show()

    database = shutil.copyfile(mlflow_database, tmp_path / "none.db")
    open_pages(MLFLOW_TRACKING_URI=f"sqlite:///{database}", CHATBOT_BUNDLE="/nowhere")
    pages = AppTest.from_function(script, default_timeout=60).run()
    assert not pages.exception
    assert "python -m training.retrain --first" in html(pages)


def test_a_message_of_a_cluster_names_it_in_words() -> None:
    asked = Item("id", "do you sell mowers", datetime.now(UTC), "order", 0.5, None, "model", (), "1", "", ())
    shown = markup.item(replace(asked, cluster="garden_mowers"), {"order": "Order"})
    assert '<dt>Cluster</dt><dd dir="auto">garden mowers</dd>' in shown


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("je voudrais annuler ma commande parce que le colis est arrivé trop tard", "seems to be in French"),
        ("i want to talk to a human", "Rule: talk to human"),
        ("i don't want a refund", "The message seems to deny this request"),
        ("what is the capital of mongolia", "The message was unlike every training message"),
    ],
)
def test_a_handoff_says_why_the_bot_handed_over(message: str, why: str, bundle: Bundle) -> None:
    """The reason is that of the router: from the intent alone, a foreign message seemed unlike every other."""
    slots = SlotSettings().values()
    router = Router(bundle.rules, bundle.replies, bundle.manifest.thresholds, slots, frozenset({"en"}))
    reply = router.before_model(message) or router.after_model(message, bundle.predict([message])[0])
    written = Record.of(reply, message, new_id(b"k" * 32), model_version="v1")
    shown = markup.handoff(HandoffCase((Task(Handoff.of(reply, written)),)))
    (said,) = re.findall("<dt>Why</dt><dd[^>]*>(.*?)</dd>", shown)
    assert why in said
    assert "likeliest" not in said
    assert message not in said
