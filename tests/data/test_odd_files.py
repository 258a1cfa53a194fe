"""Damaged and odd files end in one clear message: no traceback, no endless wait, no row lost silently."""

from __future__ import annotations

import gzip
import os
import random
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pytest
from pyarrow import feather
from pyarrow import parquet as pq

from data import text
from data.errors import CorpusError
from data.formats import archive, arrow
from data.loading import Loaded, load_corpus, read_corpus
from data.text import MAX_DOCUMENT_BYTES, MAX_LINE_BYTES, read_lines

LINES = ['{"text": "hi there", "label": "a"}', '{"text": "yo man", "label": "b"}']


def refusal(path: Path) -> str:
    with pytest.raises(CorpusError) as refused:
        read_corpus(path, arrays=True)
    return str(refused.value)


def read(path: Path, content: str) -> Loaded:
    path.write_bytes(content.encode())
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


def test_a_workbook_that_its_reader_cannot_take_is_refused_with_the_way_out(tmp_path: Path) -> None:
    openpyxl.Workbook().save(tmp_path / "whole.xlsx")
    with zipfile.ZipFile(tmp_path / "whole.xlsx") as whole, zipfile.ZipFile(tmp_path / "x.xlsx", "w") as odd:
        for name in whole.namelist():
            odd.writestr(name, b"<styleSheet>" if name == "xl/styles.xml" else whole.read(name))
    assert "save the sheet as CSV" in refusal(tmp_path / "x.xlsx")


@pytest.mark.parametrize(
    "name", ["one.csv", "one.jsonl", "one.jsonl.gz", "one.zip", "one.yaml", "folder/one.txt"]
)
def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    content = b'text,label\n"' + b"a" * (2 * MAX_LINE_BYTES)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("one.jsonl", content)
    else:
        path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)
    if name.startswith("folder"):
        path.with_name("two.txt").write_text("good morning\n")
        path = path.parent
    tracemalloc.start()
    try:
        assert f":2: a line of more than {MAX_LINE_BYTES:,} bytes" in refusal(path)
        assert tracemalloc.get_traced_memory()[1] < MAX_LINE_BYTES
    finally:
        tracemalloc.stop()


def test_archives_in_archives_end_before_some_kilobytes_become_millions_of_files(tmp_path: Path) -> None:
    (tmp_path / "0.jsonl").write_text("\n".join(LINES))
    names = ["0.jsonl", *(f"{level}.zip" for level in range(1, 5))]
    for inner, outer in pairwise(names):
        with zipfile.ZipFile(tmp_path / outer, "w") as file:
            for copy in range(3):
                file.write(tmp_path / inner, f"{copy}-{inner}")
    assert not read_corpus(tmp_path / "3.zip", arrays=True).problems
    reasons = {problem.reason for problem in read_corpus(tmp_path / "4.zip", arrays=True).problems}
    assert reasons == {"archives in archives: 3 levels are the most"}


def test_archives_in_an_archive_share_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "0.jsonl").write_text("\n".join(LINES) + "\n" * 10_000)
    with zipfile.ZipFile(tmp_path / "1.zip", "w", zipfile.ZIP_DEFLATED) as inner:
        inner.write(tmp_path / "0.jsonl", "0.jsonl")
    with zipfile.ZipFile(tmp_path / "2.zip", "w") as outer:
        for copy in range(5):
            outer.write(tmp_path / "1.zip", f"{copy}.zip")
    monkeypatch.setattr(archive, "MAX_BYTES", 60_000)
    assert not read_corpus(tmp_path / "2.zip", arrays=True).problems
    monkeypatch.setattr(archive, "MAX_BYTES", 30_000)
    reasons = {problem.reason for problem in read_corpus(tmp_path / "2.zip", arrays=True).problems}
    assert reasons == {"cannot be unpacked: more than 30,000 bytes unpacked"}


def test_records_with_a_key_of_their_own_each_do_not_make_a_table_of_all_keys(tmp_path: Path) -> None:
    lines = (f'{{"text": "it broke {number}", "label": "repair", "k{number}": 1}}' for number in range(6_000))
    (tmp_path / "keys.jsonl").write_text("\n".join(lines))
    assert "more than 20,000,000 cells" in refusal_in_memory(tmp_path / "keys.jsonl", 64 << 20)


def equal_values() -> pa.Table:
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(30_000_000, "int8")), ["it broke"])
    return pa.table({"text": words, "label": pa.nulls(len(words))})


def list_of_nothing() -> pa.Table:
    lists = pa.ListArray.from_arrays(pa.array([0, 1 << 27], pa.int32()), pa.nulls(1 << 27))
    return pa.table({"text": ["it broke"], "label": lists})


@pytest.mark.parametrize(
    ("table", "suffix"), [(equal_values, "parquet"), (equal_values, "feather"), (list_of_nothing, "feather")]
)
def test_columns_that_take_no_space_in_a_file_take_no_memory(
    tmp_path: Path, table: Callable[[], pa.Table], suffix: str
) -> None:
    path = tmp_path / f"corpus.{suffix}"
    write: Callable[[pa.Table, Path], None] = pq.write_table if suffix == "parquet" else feather.write_feather
    write(table(), path)
    assert "more than 20,000,000 cells" in refusal_in_memory(path, 64 << 20)


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_a_text_repeated_beyond_the_limit_of_bytes_is_refused(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"corpus.{suffix}"
    table = pa.table({"text": ["a" * 20_000] * 2_000, "label": ["repair", "hours"] * 1_000})
    write: Callable[[pa.Table, Path], None] = pq.write_table if suffix == "parquet" else feather.write_feather
    write(table, path)
    monkeypatch.setattr(arrow, "MAX_BYTES", 10_000_000)
    assert "more than 10,000,000 bytes unpacked" in refusal(path)


def refusal_in_memory(path: Path, limit: int) -> str:
    tracemalloc.start()
    try:
        said = refusal(path)
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()
    return said


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("big.json", "write JSON Lines"),
        ("agent/agent.json", "write JSON Lines"),
        ("refund/big.eml", "save it without its attachments"),
    ],
)
def test_a_document_that_is_parsed_as_a_whole_is_refused_before_it_is_in_memory(
    tmp_path: Path, name: str, advice: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    os.truncate(path, MAX_DOCUMENT_BYTES + 1)  # a sparse file: it takes no space
    tracemalloc.start()
    try:
        with pytest.raises(CorpusError, match=f"{MAX_DOCUMENT_BYTES + 1:,} bytes; at most .*{advice}"):
            load_corpus(tmp_path if path.suffix == ".eml" else path)
        assert tracemalloc.get_traced_memory()[1] < MAX_LINE_BYTES
    finally:
        tracemalloc.stop()


def test_the_limit_of_a_document_holds_for_what_is_in_an_archive_and_not_one_byte_earlier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = f"[{', '.join(LINES)}]"
    with zipfile.ZipFile(tmp_path / "one.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("one.json", content)
    monkeypatch.setattr(text, "MAX_DOCUMENT_BYTES", len(content))
    assert len(read_corpus(tmp_path / "one.zip", arrays=True).table) == 2
    monkeypatch.setattr(text, "MAX_DOCUMENT_BYTES", len(content) - 1)
    assert f"{len(content)} bytes; at most {len(content) - 1}" in refusal(tmp_path / "one.zip")


def test_an_e_mail_that_is_too_large_is_named_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "refund").mkdir()
    for name, body in (("small", "I want a refund"), ("large", "x" * 1000)):
        (tmp_path / "refund" / f"{name}.eml").write_text(f"From: a@b.c\nSubject: s\n\n{body}\n")
    monkeypatch.setattr(text, "MAX_DOCUMENT_BYTES", 500)
    loaded = read_corpus(tmp_path)
    assert len(loaded.table) == 1
    [problem] = loaded.problems
    assert problem.file.endswith("large.eml")


def test_lines_up_to_the_limit_are_read_whatever_ends_them(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    for end in (b"\n", b"\r", b"\r\n"):
        path.write_bytes((b"a" * (MAX_LINE_BYTES * 3 // 4) + end) * 2)
        assert len(read_lines(path)) == path.stat().st_size


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("names", "content"),
    [
        (["a.txt", "b.txt"], "one {name}\ntwo {name}\n"),
        (["a.intent", "b.intent"], "# of an export\none {name}\ntwo {name}\n"),
        (["my.txt"], "__label__a one a\n__label__a two a\n__label__b one b\n__label__b two b\n"),
        (
            ["my.txt"],
            "message       intent\none a         a\ntwo a         a\none b         b\ntwo b         b\n",
        ),
        (["a/1.txt", "b/1.txt"], "From x Mon\nFrom: x@y.de\nTo: me\nSubject: one {name}\n\ntwo {name}\n"),
    ],
)
def test_lines_may_end_as_on_any_system(names: list[str], content: str, end: str, tmp_path: Path) -> None:
    for name in names:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content.replace("{name}", name[0]).replace("\n", end).encode())
    rows = read_corpus(tmp_path if len(names) > 1 else tmp_path / names[0]).table
    lines = ["one a. two a", "one b. two b"] if "/" in names[0] else ["one a", "one b", "two a", "two b"]
    assert sorted(rows["message"]) == lines
    assert set(rows["intent"]) == {"a", "b"}


def test_a_line_that_is_not_utf_8_is_named_whatever_ends_it(tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_bytes(b"message,intent\rone,a\rma\xdfe,a\rtwo,b\r")
    [notice] = [one for one in read_corpus(tmp_path / "my.csv").notices if "not UTF-8" in one.reason]
    assert notice.line == 3


def test_a_cell_that_lists_messages_is_refused_whatever_ends_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "my.csv"
    file.write_bytes(b'message,intent\n"one\rtwo\rthree",a\n"four\rfive\rsix",b\n')
    assert "a line for each message" in str(read_corpus(file).problems)


@pytest.mark.parametrize(("left", "right"), ["()", "[]"])
def test_a_template_nested_deeper_than_a_person_writes_is_refused_at_once(
    tmp_path: Path, left: str, right: str
) -> None:
    for levels, name in ((20, "deep.intent"), (50_000, "deepest.intent")):
        (tmp_path / "other.intent").write_text("good morning\n")
        (tmp_path / name).write_text("first\n" + left * levels + "a|b" + right * levels + "\n")
        if levels == 20:
            assert "a" in read_corpus(tmp_path).table.to_numpy()
        else:
            began = time.thread_time()
            assert "deepest.intent:2: choices are nested deeper than 20 levels" in refusal(tmp_path)
            assert time.thread_time() - began < 5, "each level was a pass over the template: minutes"


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
