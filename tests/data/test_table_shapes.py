"""Shapes of tables that people have: columns separated by spaces, lists in cells, other quotes, Excel's escapes."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.datavalidation import DataValidation

from data.columns import Columns
from data.errors import CorpusError
from data.loading import Loaded, read_corpus

ROWS = [
    ("i want my money", "refund"),
    ("pay me back", "refund"),
    ("stop it", "cancel"),
    ("no order", "cancel"),
]


def read(path: Path, content: str, columns: Columns | None = None) -> Loaded:
    path.write_text(content, encoding="utf-8")
    return read_corpus(path, columns)


def found(loaded: Loaded) -> list[tuple[str, str]]:
    assert not loaded.problems
    return list(zip(loaded.table["message"], loaded.table["intent"], strict=True))


ALIGNED = "".join(f"{message:<24}{intent}\n" for message, intent in [("Message", "Intent"), *ROWS])


@pytest.mark.parametrize("name", ["table.txt", "table.csv"])
def test_columns_that_spaces_align_are_read(tmp_path: Path, name: str) -> None:
    assert found(read(tmp_path / name, f"\n{ALIGNED}")) == ROWS
    without = ALIGNED.partition("\n")[2]
    assert found(read(tmp_path / name, without, Columns(header=False))) == ROWS


def test_a_message_with_two_spaces_among_aligned_columns_is_a_problem_and_not_shifted(tmp_path: Path) -> None:
    loaded = read(tmp_path / "table.txt", f"{ALIGNED}what  now   cancel\n")
    assert [(p.line, p.reason.partition(":")[0]) for p in loaded.problems] == [
        (6, "3 fields where the header has 2")
    ]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_spaces_beside_another_separator_do_not_separate(tmp_path: Path, mark: str) -> None:
    content = "".join(f"{a}  {mark}  {b}\n" for a, b in [("text", "intent"), ("stop  it", "a"), ("go", "b")])
    assert found(read(tmp_path / "table.csv", content)) == [("stop  it", "a"), ("go", "b")]


@pytest.mark.parametrize("mark", ["\n", ";", "|"])
def test_a_cell_with_all_messages_of_an_intent_is_not_taught_as_one_message(
    tmp_path: Path, mark: str
) -> None:
    cells = [mark.join(f"{intent} {word}" for word in ("one", "two", "three")) for intent in ("a", "b")]
    loaded = read(tmp_path / "table.csv", f'intent,utterances\na,"{cells[0]}"\nb,"{cells[1]}"\n')
    assert "each intent has one row, whose cell lists several messages" in loaded.problems[-1].reason


def test_one_long_message_of_each_intent_is_a_message(tmp_path: Path) -> None:
    content = 'intent,text\na,"line one\nline two\nline three"\nb,"short"\n'
    assert len(found(read(tmp_path / "table.csv", content))) == 2


@pytest.mark.parametrize("quotes", ["''", "“”", "«»", "``"])
def test_quotes_that_csv_does_not_know_are_named(tmp_path: Path, quotes: str) -> None:
    rows = [("message", "intent"), ("hi, you", "a"), ("bye", "b")]
    content = "".join(",".join(f"{quotes[0]}{cell}{quotes[1]}" for cell in row) + "\n" for row in rows)
    with pytest.raises(CorpusError, match="quotes that CSV does not know") as refused:
        read(tmp_path / "table.csv", content)
    assert "straight double quotes" in str(refused.value)


def test_labels_joined_by_a_hash_are_several_where_each_is_a_label(tmp_path: Path) -> None:
    content = "text,label\na b,flight\nc d,airfare\ne f,flight#airfare\ng h,c#\n"
    loaded = read(tmp_path / "atis.csv", content)
    assert [problem.line for problem in loaded.problems] == [4]
    assert set(loaded.table["intent"]) == {"flight", "airfare", "c#"}


def workbook(path: Path) -> Path:
    book = openpyxl.Workbook()
    for row in [("message", "intent"), ("one_x000D_\ntwo", "a"), ("_x005F_x000D_ stays", "b")]:
        book.active.append(row)
    book.active.add_data_validation(DataValidation(type="list", formula1='"a,b"'))
    book.save(path)
    return path


def test_characters_that_excel_escapes_are_not_taught_as_codes(tmp_path: Path) -> None:
    loaded = read_corpus(workbook(tmp_path / "book.xlsx"))
    assert loaded.table["message"].tolist() == ["one\r\ntwo", "_x000D_ stays"]


def test_a_workbook_of_the_strict_standard_is_told_how_to_be_saved_and_nothing_else_is_printed(
    tmp_path: Path,
) -> None:
    workbook(tmp_path / "book.xlsx")
    old = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    with zipfile.ZipFile(tmp_path / "book.xlsx") as book, zipfile.ZipFile(tmp_path / "s.xlsx", "w") as strict:
        for name in book.namelist():
            new = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
            strict.writestr(name, book.read(name).replace(old, new))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CorpusError, match="Strict Open XML workbook: save it as Excel Workbook"):
            read_corpus(tmp_path / "s.xlsx")


def test_a_chart_sheet_before_the_messages_is_no_sheet_of_cells(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(workbook(tmp_path / "book.xlsx"))
    book.create_chartsheet("Chart", 0)
    book.save(tmp_path / "book.xlsx")
    assert len(found(read_corpus(tmp_path / "book.xlsx"))) == 2


@pytest.mark.parametrize("mark", ["\t", ",", ";"])
@pytest.mark.parametrize("between", [[], ["where is it{}track"], ["where is it{}track", "", "money{}other"]])
def test_rows_between_a_stray_quote_and_the_next_are_a_problem(
    mark: str, between: list[str], tmp_path: Path
) -> None:
    swallowed = ['"hello there{}refund', *between, 'my screen is 5"{}track']
    rows = ["message{}intent", "a b{}refund", *swallowed, "last{}track"]
    loaded = read(tmp_path / "corpus.tsv", "\n".join(rows).replace("{}", mark))
    assert loaded.table["message"].tolist() == ["a b", "last"]
    said = f"a quote is opened in line 3 and closed in line {4 + len(between)}"
    assert [said in problem.reason for problem in loaded.problems] == [True]


def test_a_message_of_several_lines_is_a_message(tmp_path: Path) -> None:
    letter = 'Hello,\n\nI want ""money"" back, please\nrefund, or not\nthanks, bye'
    loaded = read(tmp_path / "corpus.csv", f'message,intent\n"{letter}",refund\nthanks,refund\nHello,track\n')
    assert not loaded.problems
    assert loaded.table["message"].tolist() == [letter.replace('""', '"'), "thanks", "Hello"]


def test_a_stray_quote_within_a_row_names_the_last_line_that_is_lost(tmp_path: Path) -> None:
    rows = ["message\tintent", '"hello\trefund', "where\ttrack", 'it says "broken" now\ttrack', "last\ttrack"]
    problems = read(tmp_path / "corpus.tsv", "\n".join(rows)).problems
    assert [problem.line for problem in problems] == [2]
    assert "the rows up to line 4 are lost" in problems[0].reason


@pytest.mark.parametrize("rule", ["|---|---|", "|:--|--:|"])
def test_a_markdown_table_is_read_whatever_words_its_labels_have(rule: str, tmp_path: Path) -> None:
    rows = [("message", "intent"), ("where is it", "track order"), ("my money", "refund")]
    lines = [f"| {message:<12} | {intent} |" for message, intent in rows]
    assert found(read(tmp_path / "a.txt", "\n".join([lines[0], rule, *lines[1:]]))) == rows[1:]


NOTED = ["my money,refund,", "pay me,refund,", "where is it,track,", "why late,track,"]


@pytest.mark.parametrize(
    ("header", "agent"),
    [
        ("message,intent,notes", ""),
        ("message,intent,agent,notes", ","),
        ("message,intent,agent,notes", "Bob,"),
    ],
)
def test_a_comma_without_quotes_that_moves_the_label_into_an_empty_column_is_a_problem(
    header: str, agent: str, tmp_path: Path
) -> None:
    rows = [*(row + agent for row in NOTED), f"hello, i want it,refund,{agent}".removesuffix(",")]
    loaded = read(tmp_path / "a.csv", "\n".join([header, *rows]))
    assert set(loaded.table["intent"]) == {"refund", "track"}
    assert [problem.line for problem in loaded.problems] == [6]
    assert "are quotes missing? It begins 'hello'" in loaded.problems[0].reason


def test_a_comma_without_quotes_behind_the_label_is_a_problem_too(tmp_path: Path) -> None:
    rows = [
        "intent,message,notes",
        "refund,my money,",
        "refund,pay me,",
        "track,where is it,",
        "refund,hello, i want it",
    ]
    loaded = read(tmp_path / "a.csv", "\n".join(rows))
    assert loaded.table["message"].tolist() == ["my money", "pay me", "where is it"]
    assert [problem.line for problem in loaded.problems] == [5]


@pytest.mark.parametrize(
    "rows",
    [
        [*NOTED, "why late,track,by Ann"],
        ["my money, refund,", "pay me, refund,", "why late, track, by Ann"],
        [*(row + "Ann" for row in NOTED), "why late, track,by Ann"],
    ],
    ids=["a note", "spaces", "notes"],
)
def test_a_filled_last_column_is_no_problem(rows: list[str], tmp_path: Path) -> None:
    loaded = read(tmp_path / "a.csv", "\n".join(["message,intent,notes", *rows]))
    assert len(found(loaded)) == len(rows)
