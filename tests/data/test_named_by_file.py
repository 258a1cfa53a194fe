"""Labels in the names of files and sheets: a folder with a table for each intent, a workbook with a sheet for each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from data.columns import Columns
from data.errors import CorpusError
from data.loading import read_corpus

INTENTS = {"refund": ["i want my money", "pay me back, please"], "cancel": ["stop it", "no order any more"]}
RIGHT = sorted((message, intent) for intent, messages in INTENTS.items() for message in messages)


def quoted(messages: list[str]) -> str:
    return "".join(f'"{message}"\n' for message in messages)


FORMS: dict[str, Callable[[list[str]], str]] = {
    "{}.csv": lambda messages: "message\n" + quoted(messages),
    "{}/messages.csv": lambda messages: "text\n" + quoted(messages),
    "billing/{}.tsv": lambda messages: "id\ttext\n" + "".join(f"1\t{message}\n" for message in messages),
    "{}.jsonl": lambda messages: "\n".join(json.dumps({"text": message}) for message in messages),
    "{}.json": json.dumps,
    "{}/export.json": lambda messages: json.dumps([{"text": message} for message in messages]),
}


def found(path: Path, columns: Columns | None = None) -> list[tuple[str, str]]:
    loaded = read_corpus(path, columns, arrays=True)
    assert not loaded.problems
    return sorted(zip(loaded.table["message"], loaded.table["intent"], strict=True))


@pytest.mark.parametrize("name", FORMS)
def test_a_folder_with_a_table_for_each_intent_is_read_and_the_intents_are_named(
    tmp_path: Path, name: str
) -> None:
    for intent, messages in INTENTS.items():
        path = tmp_path / name.format(intent)
        path.parent.mkdir(exist_ok=True)
        path.write_text(FORMS[name](messages))
    assert found(tmp_path) == RIGHT
    notices = [notice.reason for notice in read_corpus(tmp_path, arrays=True).notices]
    assert any("the intents are the names of files or folders: cancel (2), refund (2)" in n for n in notices)


def test_a_list_of_messages_without_a_header_loses_no_first_line(tmp_path: Path) -> None:
    for intent, messages in INTENTS.items():
        (tmp_path / f"{intent}.csv").write_text(quoted(messages))
    assert found(tmp_path) == RIGHT


@pytest.mark.parametrize(
    "names",
    [("january", "february"), ("2024-01", "2024-02"), ("messages_1", "messages_2"), ("shop-jan", "shop-feb")],
)
def test_files_named_by_time_or_number_are_not_intents(tmp_path: Path, names: tuple[str, str]) -> None:
    for name, messages in zip(names, INTENTS.values(), strict=True):
        (tmp_path / f"{name}.csv").write_text("message\n" + quoted(messages))
    loaded = read_corpus(tmp_path)
    assert loaded.table.empty
    assert {problem.reason.partition(":")[0] for problem in loaded.problems} == {"one column"}


def test_tables_with_labels_are_not_named_by_their_files(tmp_path: Path) -> None:
    for name, messages in INTENTS.items():
        (tmp_path / f"{name}.csv").write_text("message,intent\n" + "".join(f'"{m}",own\n' for m in messages))
    assert {intent for _, intent in found(tmp_path)} == {"own"}


def test_in_a_folder_of_json_arrays_the_error_names_the_folder_to_convert_once(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(json.dumps([{"text": "hi", "intent": name}]))
    with pytest.raises(CorpusError) as refused:
        raise CorpusError(read_corpus(tmp_path).problems)
    assert str(refused.value).count("python -m data.convert") == 1
    assert f"python -m data.convert {tmp_path} --out" in str(refused.value)


def workbook(path: Path, sheets: dict[str, list[tuple[object, ...]]], hidden: str = "") -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
        sheet.sheet_state = "hidden" if title == hidden else "visible"
    book.active = len(sheets) - 1
    book.save(path)
    return path


def test_a_workbook_with_a_sheet_for_each_intent_is_read_and_other_sheets_are_named(tmp_path: Path) -> None:
    sheets: dict[str, list[tuple[object, ...]]] = {
        intent: [("message", "date"), *((message, 1) for message in messages)]
        for intent, messages in INTENTS.items()
    }
    path = workbook(tmp_path / "book.xlsx", sheets | {"totals": [("total", 4), ("x", 5)]})
    assert found(path) == RIGHT
    reasons = [notice.reason for notice in read_corpus(path).notices]
    assert reasons == [
        "no sheet has a column of intents: the intents are the titles of the sheets: refund (2), cancel (2); "
        "not taken: 'totals' (2 rows)"
    ]


def test_sheets_with_the_programs_titles_are_not_intents(tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [("message",), ("hello",)]
    path = workbook(tmp_path / "book.xlsx", {"Sheet1": rows, "Tabelle2": rows})
    with pytest.raises(CorpusError, match=r"sheet 'Sheet1': one column"):
        read_corpus(path)


def test_a_hidden_sheet_is_read_only_where_no_visible_one_has_messages(tmp_path: Path) -> None:
    old: list[tuple[object, ...]] = [("message", "intent"), ("old text", "old"), ("older", "older")]
    new: list[tuple[object, ...]] = [("message", "intent"), ("new text", "new"), ("newer", "newer")]
    path = workbook(tmp_path / "book.xlsx", {"Copy": old, "Data": new}, hidden="Copy")
    assert found(path) == [("new text", "new"), ("newer", "newer")]
    assert "sheet 'Data' is read; not taken: 'Copy' (3 rows)" in str(read_corpus(path).notices[0])
    path = workbook(tmp_path / "only.xlsx", {"Copy": old, "Data": [("x",)]}, hidden="Copy")
    assert found(path) == [("old text", "old"), ("older", "older")]
