"""Label decisions and declared changes that are with a corpus are applied whenever it is loaded."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from data.columns import Columns
from data.decisions import (
    DECISIONS_FILE,
    LabelAction,
    RowDecision,
    apply_decisions,
    decisions_csv,
    read_decisions,
)
from data.declarations import NOTHING, Declared, parse_declared, read_declared
from data.errors import CorpusError
from data.loading import load_corpus, read_corpus
from data.messages import row_hash
from data.process import run as process
from data.processing import ProcessParams
from training.corpus.reading import read
from training.model.params import TrainParams

ROWS = [
    ("cancel my order", "cancel"),
    ("stop the order", "cancel"),
    ("money back", "cancel"),
    ("i want a refund", "refund"),
    ("give me my money", "refund"),
    ("asdf", "refund"),
]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    file = tmp_path / "my.csv"
    file.write_text("\n".join(["message,intent,reply", *(f"{m},{i},Reply to {i}." for m, i in ROWS)]) + "\n")
    return file


def decide(corpus: Path, *decisions: tuple[str, str, str], mark: str = ",") -> None:
    lines = [f"{mark}".join(("note", "decision", "row_hash"))]
    lines += [mark.join(("", decision, row_hash(message, label))) for message, label, decision in decisions]
    corpus.with_name(f"my.{DECISIONS_FILE}").write_text("\n".join(lines) + "\n")


def declare(corpus: Path, text: str) -> None:
    corpus.with_name("my.declared.yaml").write_text(text)


def labels(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(table["message"], table["intent"], strict=True))


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_moved_dropped_and_kept_rows_in_the_form_that_spreadsheets_save(corpus: Path, mark: str) -> None:
    decide(
        corpus,
        ("money back", "cancel", "refund"),
        ("asdf", "refund", "DROP"),
        ("stop the order", "cancel", "keep"),
        ("give me my money", "refund", ""),
        mark=mark,
    )
    loaded = read_corpus(corpus)
    assert labels(loaded.table) == [(m, "refund" if m == "money back" else i) for m, i in ROWS if m != "asdf"]
    assert loaded.table["row_hash"].tolist()[2] == row_hash("money back", "refund")
    assert loaded.kept == {row_hash("stop the order", "cancel")}
    assert "1 rows moved, 1 dropped, 1 labels confirmed" in str(loaded.notices[-1])


def test_a_decision_may_spell_its_intent_as_labels_may_and_a_declaration_is_told_the_usual_way(
    corpus: Path,
) -> None:
    decide(corpus, ("money back", "cancel", " Refund"))
    assert set(read_corpus(corpus).table["intent"]) == {"cancel", "refund"}
    assert set(read_corpus(corpus, Columns(labels_as_written=True)).table["intent"]) == {
        "cancel",
        "refund",
        "Refund",
    }
    declare(corpus, "renamed: {REFUND: get_refund}")
    [problem] = read_corpus(corpus).problems
    assert "'REFUND' is not an intent here, 'refund' is" in str(problem)
    declare(corpus, "renamed: {REFUND: refund}")
    assert not read_corpus(corpus).problems


@pytest.mark.parametrize("name", ["oos", "none", "Out of scope", "out_of_scope"])
def test_a_decision_may_call_out_of_scope_what_labels_may(name: str, corpus: Path) -> None:
    decide(corpus, ("asdf", "refund", name))
    loaded = read_corpus(corpus)
    assert loaded.table["intent"].tolist()[-1] == "out_of_scope"
    assert not [notice for notice in loaded.notices if "no other rows" in str(notice)]
    assert read_corpus(corpus, Columns(labels_as_written=True)).table["intent"].tolist()[-1] == name


def test_a_declaration_names_out_of_scope_as_it_is(corpus: Path) -> None:
    declare(corpus, "renamed: {refund: oos}")
    [problem] = read_corpus(corpus).problems
    assert "'oos' is a name for out_of_scope: write it so" in str(problem)
    assert not read_corpus(corpus, Columns(labels_as_written=True)).problems


def test_a_decision_for_an_intent_that_the_corpus_lacks_is_told(corpus: Path) -> None:
    decide(corpus, ("asdf", "refund", "refnd"), ("money back", "cancel", "Get refund"))
    declare(corpus, "renamed: {refund: get_refund}")
    loaded = read_corpus(corpus)
    assert set(loaded.table["intent"]) == {"cancel", "get_refund", "refnd"}
    assert "decisions moved rows to 'refnd', which the corpus has no other rows of" in str(loaded.notices[-1])


def test_a_decision_is_about_a_label_and_not_about_a_message(corpus: Path) -> None:
    decide(corpus, ("money back", "refund", "drop"))
    loaded = read_corpus(corpus)
    assert labels(loaded.table) == ROWS
    assert "1 decisions are about rows that are not there" in str(loaded.notices[-1])


def test_a_corpus_with_decisions_is_another_corpus(corpus: Path) -> None:
    before = read(corpus, ProcessParams())
    decide(corpus, ("money back", "cancel", "refund"))
    after = read(corpus, ProcessParams())
    assert after.digest != before.digest
    assert (after.rows["intent"] == "refund").sum() == 4


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("row_hash,note\n", 1, "no column decision"),
        ("row_hash,decision\nnohash,keep\n", 2, "'nohash' is not a row hash"),
        (f"row_hash,decision\n{'0' * 32},keep\n{'0' * 32},drop\n", 3, "two decisions"),
        (f"row_hash,decision\n{'0' * 32},{'x' * 300}\n", 2, "is not a name"),
    ],
)
def test_a_decisions_file_that_is_none_is_an_error_of_the_corpus(
    corpus: Path, text: str, line: int, says: str
) -> None:
    corpus.with_name(f"my.{DECISIONS_FILE}").write_text(text)
    with pytest.raises(CorpusError, match=says) as error:
        load_corpus(corpus)
    assert error.value.problems[0].line == line


@pytest.mark.parametrize("intent", ["=intent", "'=intent", "＝intent"])
def test_what_the_check_writes_can_be_read_again(tmp_path: Path, intent: str) -> None:
    key = row_hash("a", "b")
    row = (intent, "cancel", "refund", "0.1", 'a, "b"\nc', "", "", "my.csv:2", key)
    (tmp_path / "d.csv").write_text(decisions_csv([row]))
    assert read_decisions(tmp_path / "d.csv") == [RowDecision(key, LabelAction.MOVE, intent)]


def test_a_moved_row_can_be_moved_on_and_back() -> None:
    table = pd.DataFrame(
        [("a", "one", "", "x:1", row_hash("a", "one"))],
        columns=["message", "intent", "category", "source", "row_hash"],
        dtype="str",
    )
    to_two = RowDecision(row_hash("a", "one"), LabelAction.MOVE, "two")
    to_three = RowDecision(row_hash("a", "two"), LabelAction.MOVE, "three")
    back = RowDecision(row_hash("a", "two"), LabelAction.MOVE, "one")
    assert labels(apply_decisions(table, [to_two, to_three]).table) == [("a", "three")]
    assert labels(apply_decisions(table, [to_two, back]).table) == [("a", "one")]
    assert apply_decisions(table, [to_two, RowDecision(to_three.row_hash, LabelAction.DROP)]).table.empty


def test_a_decision_follows_a_renamed_and_merged_intent_and_may_name_it_as_it_is_called_now(
    corpus: Path,
) -> None:
    """The label check lists suspects under the names of today."""
    declare(corpus, "renamed: {refund: get_refund}\nmerged: {money: [get_refund]}")
    decide(
        corpus,
        ("i want a refund", "refund", "cancel"),
        ("give me my money", "get_refund", "cancel"),
        ("asdf", "money", "drop"),
        ("money back", "cancel", "get_refund"),
    )
    loaded = read_corpus(corpus)
    assert labels(loaded.table) == [
        (message, "money" if message == "money back" else "cancel")
        for message, _ in ROWS
        if message != "asdf"
    ]
    assert "3 rows moved, 1 dropped, 0 labels confirmed by my.decisions.csv" in str(loaded.notices[0])
    decide(corpus, ("asdf", "refund", "keep"), ("give me my money", "money", "keep"))
    assert read_corpus(corpus).kept == {row_hash("asdf", "money"), row_hash("give me my money", "money")}


def test_copies_are_moved_together_with_their_category() -> None:
    table = pd.DataFrame(
        [(m, i, i.upper(), "x:1", row_hash(m, i)) for m, i in [("a", "one"), ("a", "one"), ("b", "two")]],
        columns=["message", "intent", "category", "source", "row_hash"],
        dtype="str",
    )
    applied = apply_decisions(table, [RowDecision(row_hash("a", "one"), LabelAction.MOVE, "two")])
    assert applied.moved == 2
    assert set(applied.table["category"]) == {"TWO"}
    assert set(table["category"]) == {"ONE", "TWO"}


def test_a_renamed_intent_keeps_its_rows_and_its_reply(corpus: Path) -> None:
    declare(corpus, "renamed: {cancel: cancel_order}\n")
    loaded = read_corpus(corpus)
    assert set(loaded.table["intent"]) == {"cancel_order", "refund"}
    assert loaded.table["row_hash"].iloc[0] == row_hash("cancel my order", "cancel_order")
    assert loaded.replies == {"cancel_order": "Reply to cancel.", "refund": "Reply to refund."}
    assert "'cancel' (3 rows) is 'cancel_order' now" in str(loaded.notices[-1])
    assert read(corpus, ProcessParams()).replies["cancel_order"].response == "Reply to cancel."


def test_merged_removed_and_split_intents(corpus: Path) -> None:
    declare(corpus, "merged: {money: [refund]}\nrenamed: {money: payments}\nremoved: [gone]\n")
    assert set(read_corpus(corpus).table["intent"]) == {"cancel", "payments"}
    declare(corpus, "removed: [refund]\n")
    assert labels(read_corpus(corpus).table) == ROWS[:3]
    declare(corpus, "split: {refund: [claim, money_back]}\n")
    decide(corpus, ("give me my money", "refund", "claim"))
    assert labels(read_corpus(corpus).table) == [*ROWS[:3], ("give me my money", "claim")]
    declare(corpus, "split: {refund: [refund, claim]}\n")
    assert ("asdf", "refund") in labels(read_corpus(corpus).table)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("renamed: {a: b, b: a}", "becomes itself"),
        ("renamed: {a: b}\nremoved: [a]", "'a' is declared twice"),
        ("renamed: {a: b}\nremoved: [b]", "'b' is removed, but"),
        ("removed: [out_of_scope]", "not an intent"),
        ("renamed: {a: ''}", "the intent is empty"),
        ("rename: {a: b}", "the fields are renamed, merged, removed, split, target"),
        ("- a", "no declaration"),
        ("target: 2", "target"),
        ("{", "not YAML"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_an_error_that_names_the_intent(
    corpus: Path, text: str, says: str
) -> None:
    declare(corpus, text)
    with pytest.raises(CorpusError, match=says):
        load_corpus(corpus)


def test_a_folder_has_its_declaration_and_its_decisions_within(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for intent in ("one", "two"):
        (folder / f"{intent}.yaml").write_text(
            f"intent: {intent}\nmessages:\n- say {intent}\n- {intent} again\n"
        )
    (folder / "declared.yaml").write_text("renamed: {one: first}\n")
    (folder / "decisions.csv").write_text(f"decision,row_hash\ndrop,{row_hash('two again', 'two')}\n")
    assert labels(load_corpus(folder)) == [("say one", "first"), ("one again", "first"), ("say two", "two")]


def test_what_happened_to_an_intent(tmp_path: Path) -> None:
    declared = Declared(
        renamed={"a": "b"}, merged={"c": ("b",)}, removed=("d",), split={"e": ("f", "g")}, target=0.03
    )
    assert [declared.now(name) for name in "abcdef"] == ["c", "c", "c", None, None, "f"]
    assert declared.retired == {"a", "b", "d", "e"}
    assert declared.texts({"a": 1, "b": 2, "d": 4, "c": 3}) == {"c": 3}
    assert parse_declared(declared.dump(), "x") == declared
    assert read_declared(tmp_path / "none.yaml") == NOTHING


def test_a_processed_corpus_carries_its_declaration_with_the_target(corpus: Path, tmp_path: Path) -> None:
    declare(corpus, "renamed: {cancel: cancel_order}\ntarget: 0.05\nout_of_scope_share: 0.3\n")
    process(corpus, tmp_path / "processed", ProcessParams())
    processed = read(tmp_path / "processed" / "corpus.parquet", ProcessParams())
    assert set(processed.rows["intent"]) == {"cancel_order", "refund"}
    assert processed.declared.target == 0.05
    params = TrainParams(seed=7).declared(processed.declared)
    assert (params.target, params.out_of_scope_share, params.seed) == (0.05, 0.3, 7)
    assert TrainParams(target=0.04).declared(NOTHING) == TrainParams(target=0.04)
    declare(corpus, "")
    process(corpus, tmp_path / "processed", ProcessParams())
    assert read(tmp_path / "processed" / "corpus.parquet", ProcessParams()).declared == NOTHING


def packed(file: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


@pytest.mark.parametrize(
    ("corpus_name", "decisions_name"),
    [
        ("top/all.csv", "top/decisions.csv"),
        ("my.csv", "my.decisions.csv"),
        ("shop/a.csv", "shop/sub/decisions.csv"),
    ],
)
def test_decisions_and_declarations_in_an_archive_or_folder_are_applied(
    tmp_path: Path, corpus: Path, corpus_name: str, decisions_name: str
) -> None:
    decide(corpus, ("money back", "cancel", "refund"), ("asdf", "refund", "drop"))
    members = {
        corpus_name: corpus.read_text(),
        decisions_name: (tmp_path / "my.decisions.csv").read_text(),
        decisions_name.replace("decisions.csv", "declared.yaml"): "renamed: {cancel: cancel_order}\n",
    }
    archive = packed(tmp_path / "export.zip", members)
    for name, content in members.items():
        file = tmp_path / "folder" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    for source in (archive, tmp_path / "folder"):
        loaded = read_corpus(source)
        assert not loaded.problems
        assert labels(loaded.table) == [
            ("cancel my order", "cancel_order"),
            ("stop the order", "cancel_order"),
            ("money back", "refund"),
            ("i want a refund", "refund"),
            ("give me my money", "refund"),
        ]


def test_decisions_beside_an_archive_take_the_place_of_those_in_it(tmp_path: Path, corpus: Path) -> None:
    decide(corpus, ("asdf", "refund", "drop"))
    inside = (tmp_path / "my.decisions.csv").read_text()
    archive = packed(tmp_path / "my.zip", {"my.csv": corpus.read_text(), "decisions.csv": inside})
    decide(corpus, ("money back", "cancel", "drop"))
    assert "money back" not in set(load_corpus(archive)["message"])
    assert "asdf" in set(load_corpus(archive)["message"])


def test_wrong_decisions_in_an_archive_are_named_by_the_archive(tmp_path: Path, corpus: Path) -> None:
    archive = packed(tmp_path / "all.zip", {"a.csv": corpus.read_text(), "decisions.csv": "decision\nkeep\n"})
    assert "all.zip/decisions.csv:1: no column row_hash" in str(CorpusError(read_corpus(archive).problems))


def test_a_list_of_suspects_is_not_taught_as_a_corpus(tmp_path: Path, corpus: Path) -> None:
    suspects = decisions_csv([("", "refund", "cancel", "0.1", "asdf", "", "", "my.csv:7", "0" * 32)])
    (tmp_path / "suspects.csv").write_text(suspects)
    with pytest.raises(CorpusError, match="label decisions, not a corpus: save them beside it"):
        load_corpus(tmp_path)


@pytest.mark.parametrize(
    ("first", "second", "now"),
    [
        ("renamed: {a: b}", "renamed: {b: c}", {"a": "c", "b": "c"}),
        ("renamed: {a: b}", "renamed: {b: a}", {"a": "a", "b": "a"}),
        ("renamed: {a: b}", "renamed: {c: a}", {"a": "a", "c": "a"}),
        ("renamed: {a: b}", "removed: [b]", {"a": None, "b": None}),
        ("removed: [a]", "renamed: {b: a}", {"a": "a", "b": "a"}),
        ("merged: {b: [a]}", "target: 0.1", {"a": "b"}),
        ("target: 0.1", "split: {a: [b, c]}", {"a": None}),
    ],
)
def test_a_declaration_after_another_one_is_one(first: str, second: str, now: dict[str, str | None]) -> None:
    both = parse_declared(first, "x").then(parse_declared(second, "x"))
    assert {name: both.now(name) for name in now} == now
    assert both.target == (0.1 if "target" in first + second else None)
