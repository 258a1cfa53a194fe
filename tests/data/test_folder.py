"""A folder of YAML files is a corpus too, and what is wrong in it is named by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import CorpusError
from data.folder import read_intents
from data.loading import load_corpus

INTENT = "intent: greet\ncategory: TALK\ndescription: Says hello.\nreply: |\n  Hello {company}\nmessages: |\n"


def test_a_folder_of_intents_is_a_corpus_whose_rows_know_their_lines(tmp_path: Path) -> None:
    (tmp_path / "intents").mkdir()
    (tmp_path / "rules.yaml").write_text("not: an intent")
    file = tmp_path / "intents" / "greet.yaml"
    file.write_text(INTENT + "  hello\n\n  no\n  # 1: fine\n")
    corpus = load_corpus(tmp_path)
    assert corpus["message"].tolist() == ["hello", "no", "# 1: fine"]
    assert set(corpus["category"]) == {"TALK"}
    lines = file.read_text().split("\n")
    for message, source in zip(corpus["message"], corpus["source"], strict=True):
        name, line = source.rsplit(":", 1)
        assert name.endswith("intents/greet.yaml")
        assert lines[int(line) - 1].strip() == message
    [intent] = read_intents(tmp_path)
    assert (intent.intent, intent.reply, intent.description) == ("greet", "Hello {company}", "Says hello.")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (INTENT.replace("reply", "replay") + "  hello\n", 4, "unknown field 'replay'"),
        (INTENT.replace("|\n", ">\n") + "  hello\n  you\n", 6, "one message a line"),
        (
            INTENT + "  hello\nintent: again\n",
            8,
            "the key 'intent' occurs twice in one mapping, first in line",
        ),
        ("intent: greet\n", None, "field 'messages' is missing"),
        ("- hello\n", 1, "a mapping"),
        ("intent: [a]\nmessages: |\n  a\n", 1, "must be text"),
        ("intent: a\n  b: c\n", 2, "not YAML"),
        (INTENT + "  a\0b\n", 7, "U+0000"),
        (INTENT + "  \u200e\n", 7, "says nothing"),
    ],
)
def test_an_intent_file_that_is_none_is_named(
    tmp_path: Path, text: str, line: int | None, reason: str
) -> None:
    (tmp_path / "greet.yaml").write_text(text)
    with pytest.raises(CorpusError) as caught:
        load_corpus(tmp_path)
    [problem] = caught.value.problems
    assert (problem.file, problem.line) == (str(tmp_path / "greet.yaml"), line)
    assert reason in problem.reason


def test_two_files_about_one_intent_are_refused(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(INTENT + "  hello\n")
    with pytest.raises(CorpusError, match=r"b\.yaml: intent 'greet' is also in a\.yaml"):
        load_corpus(tmp_path)


def test_a_folder_without_intents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no corpus: a folder holds"):
        load_corpus(tmp_path)
