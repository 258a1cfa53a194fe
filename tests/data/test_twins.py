"""What stands twice in a file is named: parsers and archives keep the last one and lose the first in silence."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from chatbot.dialog.replies import ReplyText
from data.declarations import parse_declared
from data.errors import CorpusError
from data.loading import Loaded, read_corpus
from data.replies import match_replies, read_replies

NLU = "nlu:\n- intent: {}\n  examples: |\n    - {} one\n    - {} two\n"
TABLE = "text,label\nhello there,a\nhow are you,a\ngood bye,b\nsee you,b\n"


def rasa(*intents: str) -> str:
    return "".join(NLU.format(*[intent] * 3) for intent in intents)


def read(path: Path, content: str) -> Loaded:
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return read_corpus(path)


@pytest.mark.parametrize(
    ("content", "key", "line"),
    [
        ("refund: [a b, c d]\ncancel: [e f]\nrefund: [g h]\n", "refund", 3),
        (rasa("refund", "cancel"), "nlu", 6),
        ("nlu:\n- intent: a\n  examples: '- x y'\n  examples: '- z w'\n", "examples", 4),
        ("nlu: [{intent: a, examples: '- x', examples: '- y'}]\n", "examples", 1),
    ],
)
def test_a_key_that_yaml_has_twice_loses_no_messages(
    tmp_path: Path, content: str, key: str, line: int
) -> None:
    with pytest.raises(CorpusError) as refused:
        read(tmp_path / "corpus.yml", content)
    assert [problem.line for problem in refused.value.problems] == [line]
    assert f"the key {key!r} occurs twice in one mapping, first in line" in str(refused.value)


def test_aliases_and_merged_keys_are_not_twins(tmp_path: Path) -> None:
    content = "x: &x {a: 1}\ny: &y {b: 1}\nz: {<<: *x, <<: *y}\nhello: &h [hi there, good day]\nbye: *h\n"
    with pytest.raises(CorpusError, match="no messages"):  # and not: occurs twice
        read(tmp_path / "other.yaml", content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("replies.yaml", "refund: One.\nrefund: Two.\n"),
        ("replies.yaml", "refund: {response: One., response: Two.}\n"),
        ("replies.json", '{"refund": "One.", "refund": "Two."}'),
        ("domain.yml", "responses:\n  utter_a: [{text: One.}]\n  utter_a: [{text: Two.}]\n"),
    ],
)
def test_of_two_replies_of_an_intent_the_last_does_not_win_in_silence(
    tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(CorpusError, match="occurs twice"):
        read_replies(tmp_path / name)


def test_two_replies_in_the_file_beside_a_folders_intents_are_named(tmp_path: Path) -> None:
    for intent in ("refund", "cancel"):
        (tmp_path / f"{intent}.yaml").write_text(f"intent: {intent}\nmessages: [a b, c d]\n")
    (tmp_path / "replies.yaml").write_text("refund: One.\nrefund: Two.\n")
    with pytest.raises(CorpusError, match=r"replies\.yaml:2: the key 'refund' occurs twice"):
        read_replies(tmp_path)


def test_replies_of_two_spellings_of_an_intent_are_named_and_the_exact_one_is_used() -> None:
    texts = {name: ReplyText(response=f"{name}!") for name in ("Refund", "refund", "RE-FUND")}
    matched, notices = match_replies(texts, ["refund"], "replies.yaml")
    assert matched["refund"].response == "refund!"
    assert "intent 'refund' has two replies" in str(notices[0])


def test_a_declared_change_that_stands_twice_is_named() -> None:
    with pytest.raises(CorpusError, match=r"declared\.yaml:2: the key 'renamed' occurs twice"):
        parse_declared("renamed: {a: b}\nrenamed: {c: d}\n", "declared.yaml")


def test_all_documents_of_a_rasa_file_are_read(tmp_path: Path) -> None:
    loaded = read(tmp_path / "nlu.yml", f"---\n{rasa('refund')}---\n{rasa('cancel')}---\n")
    assert loaded.table["intent"].tolist() == ["refund", "refund", "cancel", "cancel"]


def test_replies_in_several_documents_are_refused(tmp_path: Path) -> None:
    (tmp_path / "replies.yaml").write_text("refund: One.\n---\ncancel: Two.\n")
    with pytest.raises(CorpusError, match=r"replies\.yaml:3: 2 documents"):
        read_replies(tmp_path / "replies.yaml")


def test_messages_that_yaml_folds_into_one_line_are_a_problem(tmp_path: Path) -> None:
    loaded = read(tmp_path / "nlu.yml", rasa("refund").replace("|", ">"))
    assert loaded.table.empty
    assert "write `examples: |`" in loaded.problems[0].reason


def test_a_response_in_two_files_of_a_domain_is_named_where_the_texts_differ(tmp_path: Path) -> None:
    (tmp_path / "nlu.yml").write_text(rasa("a"))
    for name, text in (("x", "One."), ("y", "Two."), ("z", "Two.")):
        (tmp_path / f"{name}.yml").write_text(f"responses:\n  utter_a: [{{text: {text}}}]\n")
    loaded = read_corpus(tmp_path)
    assert loaded.replies == {"a": "Two."}
    assert [notice.reason for notice in loaded.notices] == [
        "response 'utter_a' has another text in a file that is read earlier: this one is used"
    ]


def test_two_files_of_one_name_in_an_archive_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "corpus.zip", "w") as archive:
        archive.writestr("a.csv", TABLE)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.csv", "text,label\nonly me,a\n")
    with pytest.raises(CorpusError, match=r"two files in it have the name 'a\.csv': pack it again"):
        read_corpus(tmp_path / "corpus.zip")


def test_a_header_that_a_joined_file_repeats_behind_its_mark_is_not_taught(tmp_path: Path) -> None:
    loaded = read(tmp_path / "joined.csv", f"{TABLE}\ufeff{TABLE}")
    assert loaded.table["intent"].value_counts().to_dict() == {"a": 4, "b": 4}
