"""What is in a folder beside the files that are the corpus: messages there are named, other things do not disturb."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest

from data.errors import CorpusError
from data.loading import Loaded, read_corpus

TABLE = "text,label\nhello there,a\nhow are you,a\ngood bye,b\nsee you,b\n"
INTENT = "intent: {0}\nmessages: |\n  one {0}\n  two {0}\n"
LUIS = {"luis_schema_version": "7.0.0", "utterances": [{"text": "hi you", "intent": "a"}]}


def said(loaded: Loaded) -> list[str]:
    assert not loaded.problems
    return [f"{Path(notice.file).name} {notice.reason.partition(';')[0]}" for notice in loaded.notices]


def intents(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.yaml").write_text(INTENT.format(name))


def lists(folder: Path) -> None:
    for name in ("greet", "bye"):
        (folder / f"{name}.txt").write_text(f"{name}\n{name} you\n")


def test_yaml_files_with_messages_outside_the_folder_of_intents_are_named(tmp_path: Path) -> None:
    intents(tmp_path / "intents", "refund", "cancel")
    intents(tmp_path / "more", "track")
    (tmp_path / "nlu.yml").write_text("nlu:\n- intent: a\n  examples: |\n    - one a\n")
    (tmp_path / "rules.yaml").write_text("- name: hello\n")
    assert said(read_corpus(tmp_path)) == ["track.yaml not taken: 2 rows", "nlu.yml not taken: 1 rows"]


def test_exports_and_archives_beside_yaml_files_are_named(tmp_path: Path) -> None:
    intents(tmp_path, "refund", "cancel")
    (tmp_path / "bot.json").write_text(json.dumps(LUIS))
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(TABLE.encode()))
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("c.csv", TABLE)
    (tmp_path / "package.json").write_text('{"name": "x", "files": ["a", "b"]}')
    (tmp_path / "model.tar.gz").write_bytes(b"\x1f\x8b, and a gigabyte more")
    assert said(read_corpus(tmp_path)) == [
        "b.csv.gz not taken: 4 rows",
        "bot.json not taken: 1 rows",
        "c.zip not taken: 4 rows",
    ]


@pytest.mark.parametrize("kind", ["YAML files", "tables"])
def test_lists_of_messages_beside_a_corpus_are_named(tmp_path: Path, kind: str) -> None:
    lists(tmp_path)
    if kind == "tables":
        (tmp_path / "table.csv").write_text(TABLE)
    else:
        intents(tmp_path, "refund", "cancel")
    loaded = read_corpus(tmp_path)
    assert said(loaded)[-1].endswith("not taken: 2 text files (bye.txt, greet.txt), which may hold messages")
    assert f"the folder's {kind} are the corpus" in loaded.notices[-1].reason


def test_a_table_beside_e_mails_is_named(tmp_path: Path) -> None:
    for intent in ("refund", "cancel"):
        (tmp_path / intent).mkdir()
        (tmp_path / intent / "1.eml").write_text(f"From: a@example.com\nSubject: x\n\nplease {intent}\n")
    (tmp_path / "labels.csv").write_text(TABLE)
    assert said(read_corpus(tmp_path))[-1] == "labels.csv not taken: 4 rows"


def test_what_windows_and_excel_leave_in_a_folder_is_no_corpus(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(TABLE)
    for name in ("~$book.xlsx", "Thumbs.db", "desktop.ini", "~$notes.docx"):
        (tmp_path / name).write_bytes(b"\x05owner")
    assert said(read_corpus(tmp_path)) == []


def test_of_two_tables_with_other_replies_of_an_intent_that_of_the_first_is_used_and_it_is_said(
    tmp_path: Path,
) -> None:
    for name, reply in (("a", "One."), ("b", "Two."), ("c", "One.")):
        (tmp_path / f"{name}.csv").write_text(f"text,label,reply\nhello,x,{reply}\nbye,{name},Bye.\n")
    loaded = read_corpus(tmp_path)
    assert loaded.replies["x"] == "One."
    assert "another reply of 1 intents, such as 'x': the first is used" in str(loaded.notices[0])


def test_a_table_of_replies_in_the_folder_is_told_to_be_passed_as_such(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(TABLE)
    (tmp_path / "replies.csv").write_text("label,reply\na,Hello.\nb,Bye.\n")
    assert "replies of intents are a file of their own: --replies" in str(
        CorpusError(read_corpus(tmp_path).problems)
    )
