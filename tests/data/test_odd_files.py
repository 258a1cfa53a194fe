"""Damaged and odd files end in one clear message: no traceback, no endless wait, no row lost silently."""

from __future__ import annotations

import os
import random
from pathlib import Path

import openpyxl
import pytest

from data.errors import CorpusError
from data.loading import Loaded, read_corpus

LINES = ['{"text": "hi there", "label": "a"}', '{"text": "yo man", "label": "b"}']


def refusal(path: Path) -> str:
    with pytest.raises(CorpusError) as refused:
        read_corpus(path, arrays=True)
    return str(refused.value)


def read(path: Path, text: str) -> Loaded:
    path.write_bytes(text.encode())
    return read_corpus(path, arrays=True)


def test_a_damaged_workbook_is_refused_whatever_its_reader_raises(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(("text", "label"))
    for number in range(40):
        book.active.append((f"message {number}", "ab"[number % 2]))
    book.save(tmp_path / "whole.xlsx")
    whole, chance = (tmp_path / "whole.xlsx").read_bytes(), random.Random(0)
    outcomes = []
    for _ in range(25):
        damaged = bytearray(whole)
        for _ in range(6):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        (tmp_path / "damaged.xlsx").write_bytes(bytes(damaged))
        try:
            outcomes.append(len(read_corpus(tmp_path / "damaged.xlsx").problems))
        except CorpusError as error:
            outcomes.append(len(error.problems))
    assert len(outcomes) == 25


def test_a_workbook_with_a_sheet_that_its_reader_cannot_take_is_refused_with_the_way_out(
    tmp_path: Path,
) -> None:
    book = openpyxl.Workbook()
    book.create_chartsheet("chart")
    book.save(tmp_path / "chart.xlsx")
    assert "save the sheet as CSV" in refusal(tmp_path / "chart.xlsx")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "corpus.csv")
    assert "not a file (a pipe or a device)" in refusal(tmp_path / "corpus.csv")


@pytest.mark.parametrize("between", ["\r", "\r\n", ",\n", "\n\n  \n"])
def test_json_lines_are_read_with_any_line_end_and_with_commas(tmp_path: Path, between: str) -> None:
    loaded = read(tmp_path / "corpus.jsonl", between.join(LINES))
    assert not loaded.problems
    assert loaded.table["message"].tolist() == ["hi there", "yo man"]


def test_json_that_is_almost_right_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "pretty.jsonl").write_text("\n".join(line.replace(",", ",\n") for line in LINES))
    assert "write each object in one line" in refusal(tmp_path / "pretty.jsonl")
    (tmp_path / "comma.json").write_text(f"[{', '.join(LINES)},]")
    assert "JSON has no comma after the last element" in refusal(tmp_path / "comma.json")


def test_a_key_that_occurs_twice_is_a_problem_and_its_first_value_not_lost(tmp_path: Path) -> None:
    loaded = read(
        tmp_path / "corpus.jsonl", '{"text": "one", "text": "two", "label": "a"}\n' + "\n".join(LINES)
    )
    assert [problem.line for problem in loaded.problems] == [1]
    assert "the key 'text' occurs twice in one object" in loaded.problems[0].reason


def test_a_second_document_in_an_intents_file_is_not_lost(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text(f"intent: {name}\nmessages: [x y, z w]\n")
    with (tmp_path / "b.yaml").open("a") as file:
        file.write("---\nintent: c\nmessages: [v w]\n")
    loaded = read_corpus(tmp_path)
    assert "2 documents (`---`): a file holds one intent" in loaded.problems[0].reason


def test_where_no_row_is_left_the_error_says_what_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "tickets.jsonl").write_text('{"subject": "x", "description": "y", "tags": []}\n')
    assert "not taken: 1 tickets without a label in 'tags'" in refusal(tmp_path / "tickets.jsonl")
