"""Any corpus is loaded, and a row that cannot be used is named by file, line and reason."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.columns import Columns
from data.errors import CorpusError
from data.loading import COLUMNS, load_corpus
from data.messages import MAX_CHARACTERS, row_hash

ROWS = [("where is my parcel", "track_order"), ('he said "now", really', "complaint"), ("n/a", "other")]


def csv_of(
    rows: list[tuple[str, str]], mark: str = ",", header: tuple[str, str] = ("message", "intent")
) -> str:
    """The rows as CSV with every field quoted."""
    lines = [mark.join('"' + field.replace('"', '""') + '"' for field in row) for row in [header, *rows]]
    return "\n".join(lines) + "\n"


def pairs(corpus: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(corpus["message"], corpus["intent"], strict=True))


def problems_of(path: Path, **columns: str) -> list[tuple[int | None, str]]:
    with pytest.raises(CorpusError) as caught:
        load_corpus(path, Columns(**columns))
    assert all(problem.file.startswith(str(path)) for problem in caught.value.problems)
    return [(problem.line, problem.reason) for problem in caught.value.problems]


def write_jsonl(path: Path) -> None:
    path.write_text("".join(json.dumps({"message": m, "intent": i}) + "\n" for m, i in ROWS))


def write_parquet(path: Path) -> None:
    pq.write_table(pa.table({"message": [m for m, _ in ROWS], "intent": [i for _, i in ROWS]}), path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("corpus.csv", lambda path: path.write_text(csv_of(ROWS))),
        ("semicolons.csv", lambda path: path.write_text(csv_of(ROWS, ";"))),
        ("tabs.tsv", lambda path: path.write_text(csv_of(ROWS, "\t"))),
        ("tabs.csv", lambda path: path.write_text(csv_of(ROWS, "\t"))),
        ("bars.csv", lambda path: path.write_text(csv_of(ROWS, "|"))),
        ("windows.csv", lambda path: path.write_bytes(csv_of(ROWS).replace("\n", "\r\n").encode())),
        ("old_mac.csv", lambda path: path.write_bytes(csv_of(ROWS).replace("\n", "\r").encode())),
        ("marked.csv", lambda path: path.write_text(csv_of(ROWS), encoding="utf-8-sig")),
        ("UPPER.CSV", lambda path: path.write_text(csv_of(ROWS))),
        ("blank_lines.csv", lambda path: path.write_text("\n\n" + csv_of(ROWS).replace("\n", "\n\n"))),
        ("corpus.jsonl", write_jsonl),
        ("corpus.ndjson", write_jsonl),
        ("corpus.parquet", write_parquet),
    ],
)
def test_every_form_of_a_file_gives_the_same_corpus(
    tmp_path: Path, name: str, write: Callable[[Path], None]
) -> None:
    write(tmp_path / name)
    corpus = load_corpus(tmp_path / name)
    assert pairs(corpus) == ROWS
    assert tuple(corpus.columns) == COLUMNS
    assert list(corpus["row_hash"]) == [row_hash(m, i) for m, i in ROWS]


@pytest.mark.parametrize(
    "header",
    [
        ("message", "intent"),
        ("text", "label"),
        ("text", "category"),
        ("instruction", "intent"),
        ("utterance", "intent"),
        ("query", "intent"),
        (" Text ", "LABEL"),
    ],
)
def test_the_usual_pairs_of_columns_are_found(tmp_path: Path, header: tuple[str, str]) -> None:
    file = tmp_path / "corpus.csv"
    file.write_text(csv_of(ROWS, header=header))
    assert pairs(load_corpus(file)) == ROWS


def test_columns_that_are_named_win_over_the_usual_ones(tmp_path: Path) -> None:
    file = tmp_path / "corpus.csv"
    file.write_text("text,intent,what they wrote,topic,family\nno,no,where is it,track_order,ORDER\n")
    corpus = load_corpus(file, Columns("what they wrote", "topic", "family"))
    assert corpus.iloc[0, :3].tolist() == [
        "where is it",
        "track_order",
        "ORDER",
    ]


def test_a_category_is_loaded_beside_the_intent_and_may_be_missing_from_a_row(tmp_path: Path) -> None:
    file = tmp_path / "corpus.csv"
    file.write_text("category,text,intent\nORDER,where is it,track_order\n,hello,greet\n")
    assert load_corpus(file)["category"].tolist() == ["ORDER", ""]


def test_an_unknown_column_is_refused_with_those_that_are_there(tmp_path: Path) -> None:
    file = tmp_path / "corpus.csv"
    file.write_text("said,meant\nhello,greet\n")
    [(line, reason)] = problems_of(file)
    assert line == 1
    assert "no message column" in reason
    assert "'said', 'meant'" in reason
    [(_, reason)] = problems_of(file, message="said", intent="ment")
    assert "no column 'ment'; the columns are: 'said', 'meant'" in reason
    assert "--intent-column" in reason


def test_a_header_that_names_the_message_twice_is_refused_and_another_twin_is_not(tmp_path: Path) -> None:
    file = tmp_path / "corpus.csv"
    file.write_text("message,message,intent\nhello,hello,greet\n")
    [(line, reason)] = problems_of(file)
    assert (line, reason) == (1, "column 'message' occurs 2 times: rename all but one")
    file.write_text("note,note,message,intent\na,b,hello,greet\n")
    assert pairs(load_corpus(file)) == [("hello", "greet")]


def test_the_published_bitext_file_is_loaded_with_flags_and_responses(tmp_path: Path) -> None:
    file = tmp_path / "bitext.csv"
    file.write_text(
        "flags,instruction,category,intent,response\n"
        'B,question about order {{Order Number}},ORDER,cancel_order,"Sure.\n\n1. Go ""there"",\n2. cancel."\n'
        "BL,i want my money back,REFUND,get_refund,Of course!\n"
    )
    corpus = load_corpus(file)
    assert corpus["message"].tolist() == ["question about order {{Order Number}}", "i want my money back"]
    assert corpus["intent"].tolist() == ["cancel_order", "get_refund"]
    assert corpus["category"].tolist() == ["ORDER", "REFUND"]
    assert corpus["source"].tolist() == ["bitext.csv:2", "bitext.csv:6"]


def test_the_bitext_file_without_flags_and_responses_is_loaded_whole(bitext: pd.DataFrame) -> None:
    assert len(bitext) == 26_872
    assert bitext["intent"].nunique() == 27
    assert bitext["category"].nunique() == 11
    assert bitext["source"].iloc[-1] == "bitext_customer_support.csv:26873"


def test_a_row_is_named_by_its_physical_line_after_quoted_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "corpus.csv"
    file.write_bytes(
        b'message,intent\r\n"two\r\nlines",a\r\n\r\n"three\r\nmore\r\nlines",b\r\n,c\r\nfine,d\r\n'
    )
    assert problems_of(file) == [(8, "the message is empty")]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("", "the message is empty"),
        (" \t ", "the message is only white space"),
        ("a\0b", "a NUL (U+0000) at character 2"),
        ("a\x1bb", "a control character (U+001B)"),
        ("\u200e\u202e", "says nothing"),
        ("half \ud83d", "a lone surrogate (U+D83D"),
        ("x" * (MAX_CHARACTERS + 1), "10,001 characters"),
    ],
)
def test_a_message_that_cannot_be_taught_is_named(tmp_path: Path, message: str, reason: str) -> None:
    file = tmp_path / "corpus.jsonl"
    records = [{"message": "hello", "intent": "greet"}, {"message": message, "intent": "greet"}]
    file.write_text("\n".join(json.dumps(record) for record in records))
    [(line, said)] = problems_of(file)
    assert line == 2
    assert reason in said


def test_every_bad_row_is_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "corpus.csv"
    file.write_text("message,intent\n,greet\nhello,greet\nhello, \na,b,c\n   ,greet\nonly\n")
    found = problems_of(file)
    assert [line for line, _ in found] == [2, 4, 5, 6, 7]
    with pytest.raises(CorpusError, match=f"{file}:2: the message is empty"):
        load_corpus(file)


def test_a_comma_without_quotes_is_an_error_and_not_another_intent(tmp_path: Path) -> None:
    file = tmp_path / "corpus.csv"
    file.write_text("message,intent\nhi, where is it,track_order\nhello,greet,,\n")
    assert problems_of(file) == [
        (2, "3 fields where the header has 2: are quotes missing? It begins 'hi'"),
    ]


def test_a_quote_that_is_never_closed_is_named_where_it_opens(tmp_path: Path) -> None:
    file = tmp_path / "corpus.csv"
    file.write_text('message,intent\nhello,greet\n"where is it,track_order\nbye,bye\n')
    assert problems_of(file) == [(3, "a quote is opened here and never closed")]


def test_bytes_that_are_neither_utf8_nor_windows_1252_are_each_named_by_line(tmp_path: Path) -> None:
    file = tmp_path / "corpus.csv"
    file.write_bytes(b"message,intent\ncaf\x8d closed,a\nfine,b\nna\xefve,c\n")
    (first, reason), (second, _) = problems_of(file)
    assert (first, second) == (2, 4)
    assert "byte 0x8D at byte 4 of the line, near" in reason


@pytest.mark.parametrize("content", ["", "\n\n", "message,intent\n", "message,intent\n\n\n", "x" * 200_000])
def test_a_file_without_a_row_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "corpus.csv"
    file.write_text(content)
    assert len(problems_of(file)) == 1


def test_a_malformed_line_of_jsonl_is_named(tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    lines = [
        '{"text": "hello", "label": 3}',
        "{broken",
        "[1]",
        '{"text": "hello"}',
        '{"text": 5, "label": "a"}',
        '{"text": null, "label": "a"}',
        '{"text": "a", "label": true}',
        "[" * 100_000,
    ]
    file.write_text("\n".join(lines))
    found = dict(problems_of(file))
    assert list(found) == [2, 3, 4, 5, 6, 7, 8]  # line 1 is a row: a whole number is a label's name
    assert found[4] == "this row has no intent"
    assert found[5] == "the message is not text but int: '5'"
    assert found[6] == "the message is empty"


def test_a_parquet_row_is_named_by_its_number(tmp_path: Path) -> None:
    file = tmp_path / "corpus.parquet"
    table = {"text": ["hello", None, " "], "label": pa.array([1, 2, 3]), "category": ["A", None, "B"]}
    pq.write_table(pa.table(table), file)
    assert problems_of(file) == [(2, "the message is empty"), (3, "the message is only white space")]


def test_nothing_that_a_pickle_holds_is_ever_run(tmp_path: Path) -> None:
    marker = tmp_path / "marker"

    class Bomb:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[Path]]:
            return Path.touch, (marker,)

    for name in ("corpus.pkl", "corpus.csv", "corpus.jsonl", "corpus.parquet"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
        assert problems_of(tmp_path / name)
    assert not marker.exists()


def test_a_file_of_an_unknown_kind_or_none_at_all_is_named(tmp_path: Path) -> None:
    (tmp_path / "corpus.xyz").write_bytes(b"PK")
    assert "unknown kind of file '.xyz': A corpus is .csv" in problems_of(tmp_path / "corpus.xyz")[0][1]
    assert "no such file" in problems_of(tmp_path / "none.csv")[0][1]


def test_a_row_hash_does_not_depend_on_case_spacing_or_apostrophes() -> None:
    assert row_hash("Where's  my ORDER", "a") == row_hash(" where\u2019s my order ", "a")
    assert row_hash("where is it", "a") != row_hash("where is it", "b")
    # Splits are kept under these digests: another way to compute them would forget every part.
    assert row_hash("Where is it?", "track_order") == "e6b4121069e3f9f9e922e35cee626f4e"


def test_the_location_of_a_corpus_does_not_change_what_is_loaded(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "corpus.csv").write_text(csv_of(ROWS))
    pd.testing.assert_frame_equal(
        load_corpus(tmp_path / "here" / "corpus.csv"), load_corpus(tmp_path / "there" / "corpus.csv")
    )
