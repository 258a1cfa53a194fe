"""Any corpus becomes the reviewable folder, with its replies, and what was dropped is listed with the reason."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from chatbot.dialog.message import clean
from data import convert
from data.convert import main as app
from data.folder import read_intents
from data.loading import load_corpus, read_corpus
from data.messages import message_fault


def run(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner(env={"COLUMNS": "300"}).invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def corpus(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "intent", "reply"), *rows])
    return path


def test_messages_replies_and_labels_survive_and_dropped_rows_are_listed(tmp_path: Path) -> None:
    rows = [
        ("where is it\nplease", "Track order", "Look here: {website}"),
        ("  - a list: item # 1", "track_order", ""),
        ("no", "no", ""),
        ("sing", "fallback", "Never."),
        ("", "no", ""),
        ("nul\x1b", "no", ""),
    ]
    out = tmp_path / "mine"
    said = run(corpus(tmp_path / "corpus.csv", rows), "--out", out)
    assert "4 messages of 3 intents" in said
    assert "2 rows were dropped" in said
    assert "the message is empty" in said
    assert "'fallback' (1 rows) is read as out_of_scope" in said
    files = {file.intent: file for file in read_intents(out)}
    assert set(files) == {"Track order", "no", "out_of_scope"}
    assert [text for _, text in files["Track order"].messages] == ["where is it please", "- a list: item # 1"]
    assert files["Track order"].reply == "Look here: {website}"
    assert files["out_of_scope"].reply == ""
    dropped = list(csv.reader((out / "dropped.csv").read_text().splitlines()))
    assert [row[1:] for row in dropped[1:]] == [
        ["7", "the message is empty"],
        ["8", "the message holds a control character (U+001B) at character 4: remove it"],
    ]


def test_the_list_of_dropped_rows_has_no_formula(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(
        corpus(Path("=1+1.csv"), [("sing", "no", ""), ("where", "yes", ""), ("", "no", "")]),
        "--out",
        Path("mine"),
    )
    dropped = list(csv.reader((tmp_path / "mine" / "dropped.csv").read_text().splitlines()))
    assert [row[:2] for row in dropped[1:]] == [["'=1+1.csv", "4"]]


@pytest.mark.parametrize(
    "names",
    [
        ("a/b", "a?b", "a b", "../x"),
        ("退款", "возврат", "🙂", "🙁"),
        ("Aux", "x" * 200, "x" * 199),
        ("yes", "null", "1.0", "~"),
        ("[b]", "{c}", "'d'", "# e", "f: g"),
    ],
)
def test_intents_of_any_characters_have_a_file_each(tmp_path: Path, names: tuple[str, ...]) -> None:
    rows = [(f"message {number}", name, "") for number, name in enumerate(names)]
    out = tmp_path / "mine"
    run(corpus(tmp_path / "corpus.csv", rows), "--out", out)
    assert {intent.intent for intent in read_intents(out)} == set(names)
    assert all(path.is_relative_to(out / "intents") for path in out.rglob("*.yaml"))
    loaded = load_corpus(out)
    assert sorted(zip(loaded["message"], loaded["intent"], strict=True)) == sorted((m, i) for m, i, _ in rows)


@settings(max_examples=40)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_any_text_comes_back_as_serving_would_see_it(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("convert")
    good = [text for text in texts if message_fault(text) is None and clean(text).strip("\ufffe\uffff")]
    if not good:
        return
    file = corpus(folder / "corpus.csv", [(text, "a", "") for text in good])
    run(file, "--out", folder / "mine")
    expected = [
        clean(message).replace("\ufffe", "").replace("\uffff", "") for message in load_corpus(file)["message"]
    ]
    assert load_corpus(folder / "mine")["message"].tolist() == expected


def test_a_folder_with_content_is_not_changed(tmp_path: Path) -> None:
    file = corpus(tmp_path / "corpus.csv", [("hello", "greet", "")])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "reviewed.yaml").write_text("mine")
    assert "it is not empty: name a new folder" in run(file, "--out", tmp_path / "mine", code=1)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["reviewed.yaml"]


def test_nothing_is_written_if_no_row_can_be_used(tmp_path: Path) -> None:
    assert "the message is empty" in run(
        corpus(tmp_path / "a.csv", [("", "a", "")]), "--out", tmp_path / "m", code=1
    )
    assert "no such file" in run(tmp_path / "none.csv", "--out", tmp_path / "m", code=1)
    assert not (tmp_path / "m").exists()


def test_replies_from_elsewhere_are_written_and_one_without_an_intent_is_named(tmp_path: Path) -> None:
    file = corpus(tmp_path / "corpus.csv", [("hello", "greet", "Own."), ("bye", "leave", "")])
    (tmp_path / "replies.yaml").write_text("Leave: Bye.\ngreeet: Hi.\n")
    said = run(file, "--out", tmp_path / "mine", "--replies", tmp_path / "replies.yaml")
    assert "reply 'greeet' has no intent in this corpus; the closest name is 'greet'" in said
    assert {intent.intent: intent.reply for intent in read_intents(tmp_path / "mine")} == {
        "greet": "Own.",
        "leave": "Bye.",
    }


def test_an_array_of_objects_is_converted_wherever_it_is_in_the_document(tmp_path: Path) -> None:
    for number, text in enumerate(
        ('[{"text": "a", "intent": "b"}]', '{"version": 1, "data": [{"text": "a", "intent": "b"}]}')
    ):
        (tmp_path / f"{number}.json").write_text(text)
        run(tmp_path / f"{number}.json", "--out", tmp_path / str(number))
        assert len(read_corpus(tmp_path / str(number)).table) == 1


def test_rows_with_several_labels_are_dropped_and_not_written_as_an_intent(tmp_path: Path) -> None:
    source = tmp_path / "form.csv"
    rows = [("renew it", "loans"), ("open today", "hours"), ("renew it on sunday", "loans, hours")]
    source.write_text("text,label\n" + "".join(f'{text},"{label}"\n' for text, label in rows))
    loaded, _ = convert.run(source, tmp_path / "out")
    assert sorted(path.stem for path in (tmp_path / "out" / "intents").iterdir()) == ["hours", "loans"]
    assert len(loaded.table) == 2
    assert [problem.line for problem in loaded.problems] == [4]
