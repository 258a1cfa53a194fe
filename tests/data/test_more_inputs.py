"""Inputs that people have beside those of ../shared/cases: read whole, or told what is not taken and why."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from data.columns import Columns
from data.convert import main as convert
from data.errors import CorpusError
from data.loading import Loaded, read_corpus

ROWS = [("my bus was late", "late"), ("the 7 am bus never came", "late"), ("i contest my fine", "fine")]
TABLE = "message,intent\n" + "".join(f"{message},{intent}\n" for message, intent in ROWS)


def pairs(loaded: Loaded) -> list[tuple[str, str]]:
    return list(zip(loaded.table["message"], loaded.table["intent"], strict=True))


def said(loaded: Loaded) -> str:
    return "\n".join(map(str, [*loaded.notices, *loaded.problems]))


def read(path: Path, content: str) -> Loaded:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return read_corpus(path, arrays=True)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("\ufeff\ufeff" + TABLE, id="two byte order marks"),
        pytest.param(
            "".join(f'"{m}", "{i}"\n' for m, i in [("message", "intent"), *ROWS]), id="space before quote"
        ),
        pytest.param(
            TABLE.replace("message,intent", "ｍｅｓｓａｇｅ,in\u200btent"), id="header in other letters"
        ),
        pytest.param("".join(f"__label__{i} {m}\n" for m, i in ROWS), id="fastText"),
        pytest.param(TABLE.replace(",", "^"), id="caret"),
        pytest.param(TABLE.replace("message,intent", "userMessage,intentLabel"), id="camel case"),
        pytest.param(TABLE.replace("message,intent", "Customer Query,Category"), id="by the last word"),
        pytest.param(
            "".join(f"{m},['{i}']\n" for m, i in [*ROWS]).join(["message,intent\n", ""]), id="list of one"
        ),
    ],
)
def test_every_spelling_of_a_table_gives_the_same_rows(tmp_path: Path, content: str) -> None:
    loaded = read(tmp_path / "corpus.txt", content)
    assert pairs(loaded) == ROWS
    assert not loaded.problems


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(
            [
                {"id": 1, "data": {"text": m}, "annotations": [{"result": [{"value": {"choices": [i]}}]}]}
                for m, i in ROWS
            ],
            id="Label Studio",
        ),
        pytest.param(
            {str(n): {"text": m, "label": [i]} for n, (m, i) in enumerate(ROWS)}, id="pandas, index"
        ),
        pytest.param(
            {"rows": [{"row_idx": 0, "row": {"text": m, "label": i}} for m, i in ROWS]}, id="nested"
        ),
    ],
)
def test_every_form_of_records_gives_the_same_rows(tmp_path: Path, document: object) -> None:
    loaded = read(tmp_path / "export.json", json.dumps(document))
    assert pairs(loaded) == ROWS
    assert not loaded.problems


def test_a_column_of_which_the_last_word_is_usual_is_named_and_an_agents_is_not_taken(tmp_path: Path) -> None:
    loaded = read(
        tmp_path / "a.csv", "Customer Query,Agent Message,Label\nlate,we are sorry,late\nhi,oh,hi\n"
    )
    assert pairs(loaded) == [("late", "late"), ("hi", "hi")]
    assert "'Customer Query' is read as the message, for its last word" in said(loaded)
    with pytest.raises(CorpusError, match="no intent column"):
        read(tmp_path / "c.csv", "one more question, another topic\nwhy is it late,late\n")
    with pytest.raises(CorpusError, match="columns 'First Query' and 'Second Query' fit: choose one"):
        read(tmp_path / "b.csv", "First Query,Second Query,Label\nlate,so,late\n")


LARGE = pa.schema({"text": pa.large_binary(), "label": pa.large_binary()})


def test_text_that_parquet_holds_as_bytes_is_read_and_a_date_beyond_pythons_names_its_column(
    tmp_path: Path,
) -> None:
    columns = {"text": [m.encode() for m, _ in ROWS], "label": [i.encode() for _, i in ROWS]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert pairs(read_corpus(tmp_path / "a.parquet")) == ROWS
    pq.write_table(pa.table(columns).cast(LARGE), tmp_path / "large.parquet")
    assert pairs(read_corpus(tmp_path / "large.parquet")) == ROWS
    late = pa.array([2**62] * len(ROWS), pa.timestamp("us"))
    pq.write_table(pa.table(columns | {"when": late}), tmp_path / "b.parquet")
    with pytest.raises(
        CorpusError, match="column 'when' cannot be read: date value out of range; leave it out"
    ):
        read_corpus(tmp_path / "b.parquet")


def test_a_cell_with_a_list_in_an_object_holds_several_labels(tmp_path: Path) -> None:
    loaded = read(tmp_path / "a.csv", TABLE + 'both,"{""choices"":[""late"",""fine""]}"\n')
    assert pairs(loaded) == ROWS
    assert "several labels in one cell" in said(loaded)


@pytest.mark.parametrize("encoding", ["undefined", "punycode", "a\0b"])
def test_what_is_no_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.csv").write_text(TABLE)
    with pytest.raises(CorpusError, match="unknown encoding"):
        read_corpus(tmp_path / "a.csv", Columns(encoding=encoding))
    with pytest.raises(CorpusError, match="File name too long"):
        read_corpus(tmp_path / ("a" * 300))


def test_a_joined_label_with_an_empty_part_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,a,b\nlate,bus,late\nwhy,bus,\n")
    loaded = read_corpus(tmp_path / "a.csv", Columns(intent="a+b"))
    assert pairs(loaded) == [("late", "bus_late")]
    assert "a.csv:3: the intent is empty" in said(loaded)


def test_a_comma_within_quotes_behind_a_space_stays_in_its_message(tmp_path: Path) -> None:
    loaded = read(
        tmp_path / "corpus.csv", '"message", "intent"\n"late, again", "late"\n"a fine, why", "fine"\n'
    )
    assert pairs(loaded) == [("late, again", "late"), ("a fine, why", "fine")]


def test_lines_of_fasttext_with_several_labels_or_none_are_problems(tmp_path: Path) -> None:
    loaded = read(
        tmp_path / "train.txt", "__label__late late, why\n__label__late __label__fine both\nneither\n"
    )
    assert pairs(loaded) == [("late, why", "late")]
    assert "several labels: '__label__late __label__fine'" in said(loaded)
    assert "train.txt:3: no __label__ at the beginning" in said(loaded)


def test_a_table_beside_the_yaml_files_of_a_folder_is_not_lost_silently(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Licence: ours\n")
    read(tmp_path / "late.yaml", "intent: late\nmessages: |\n  my bus was late\n")
    read(tmp_path / "more.csv", TABLE)
    loaded = read_corpus(tmp_path)
    assert len(loaded.table) == 1
    assert "more.csv: not taken: 3 rows; the folder's YAML files are the corpus" in said(loaded)
    assert "notes.txt" not in said(loaded)


def test_a_folder_of_tables_names_files_that_hold_rows_in_formats_that_are_not_read(tmp_path: Path) -> None:
    read(tmp_path / "one.csv", TABLE)
    for name in ("two.xls", "three.ods", "four.csv.zst", "readme.pdf"):
        (tmp_path / name).write_bytes(b"\0")
    loaded = read_corpus(tmp_path)
    assert len(loaded.table) == 3
    assert [Path(n.file).name for n in loaded.notices] == ["four.csv.zst", "three.ods", "two.xls"]
    assert all("not taken: " in notice.reason for notice in loaded.notices)


def test_a_table_named_txt_is_part_of_a_folder_of_tables(tmp_path: Path) -> None:
    read(tmp_path / "one.csv", TABLE)
    read(tmp_path / "two.txt", "message\tintent\nanother late bus\tlate\n")
    (tmp_path / "LICENSE.txt").write_text("You may, or may not, copy this.\n")
    loaded = read_corpus(tmp_path)
    assert len(loaded.table) == 4
    assert "one.csv (3), two.txt (1)" in said(loaded)
    assert "LICENSE" not in said(loaded)


def test_sheets_with_the_same_columns_are_one_corpus_and_others_are_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "January"
    for title, rows in (
        ("January", ROWS[:2]),
        ("February", [*ROWS[2:], ("no intent here", None)]),
        ("Prices", []),
    ):
        sheet = book[title] if title in book.sheetnames else book.create_sheet(title)
        for row in [("Message", "Intent") if rows else ("ticket", 2.4), *rows]:
            sheet.append(row)
    book.save(tmp_path / "year.xlsx")
    loaded = read_corpus(tmp_path / "year.xlsx")
    assert pairs(loaded) == ROWS
    assert loaded.table["source"].tolist()[-1] == "year.xlsx/February:2"
    assert "2 sheets have the same columns and are one corpus: 'January', 'February'" in said(loaded)
    assert "not taken: 'Prices' (1 rows)" in said(loaded)
    assert "year.xlsx/February:3: the intent is empty" in said(loaded)


def test_labels_written_once_above_their_rows_are_told_to_be_filled_down(tmp_path: Path) -> None:
    loaded = read(
        tmp_path / "corpus.csv", "intent,message\nlate,one bus\n,two buses\n,three buses\n,four buses\n"
    )
    assert "most messages have no intent: where it is written once above several rows" in said(loaded)
    few = read(tmp_path / "few.csv", TABLE + "".join(f"unlabelled {n},\n" for n in range(2)))
    assert "most messages" not in said(few)


def test_what_annotators_rejected_is_not_taught(tmp_path: Path) -> None:
    """Prodigy: a label with the answer `reject` is wrong; with choices, the label is in `accept`."""
    answers = ("accept", "reject", "ignore")
    lines = [
        json.dumps({"text": m, "label": i, "answer": a}) for (m, i), a in zip(ROWS, answers, strict=True)
    ]
    loaded = read(tmp_path / "binary.jsonl", "\n".join(lines))
    assert pairs(loaded) == ROWS[:1]
    assert "rows that annotators did not accept are left out: 2 (column 'answer')" in said(loaded)
    lines = [
        json.dumps({"text": m, "accept": [i], "options": [{"id": i}], "answer": "accept"}) for m, i in ROWS
    ]
    assert pairs(read(tmp_path / "choices.jsonl", "\n".join(lines))) == ROWS


def test_the_skills_of_a_watson_assistant_are_read_from_one_document(tmp_path: Path) -> None:
    def skill(intent: str, text: str) -> dict[str, object]:
        node = {"conditions": f"#{intent}", "output": {"text": f"About {intent}."}}
        return {
            "workspace": {
                "intents": [{"intent": intent, "examples": [{"text": text}]}],
                "dialog_nodes": [node],
            }
        }

    document = {"assistant_skills": [skill("late", "my bus was late"), skill("fine", "i contest my fine")]}
    loaded = read(tmp_path / "skills.json", json.dumps(document))
    assert pairs(loaded) == [ROWS[0], ROWS[2]]
    assert loaded.replies == {"late": "About late.", "fine": "About fine."}


def test_a_header_in_which_a_name_is_missing_is_not_taken_for_a_title(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"corpus\.csv:1: no message column .*the columns are: '', 'intent', ''"
    ):
        read(tmp_path / "corpus.csv", ",intent,\n" + "".join(f"{m},{i},\n" for m, i in ROWS))


def test_a_name_without_a_format_is_told_what_to_end_with(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"the name must end with the format, such as export\.csv"):
        read(tmp_path / "corpus", TABLE)


def test_a_row_with_two_faults_is_one_dropped_row(tmp_path: Path) -> None:
    (tmp_path / "corpus.csv").write_text(TABLE + '"b\0us","la\0te"\n', encoding="utf-8")
    result = CliRunner().invoke(convert, [str(tmp_path / "corpus.csv"), "--out", str(tmp_path / "out")])
    assert "1 row was dropped" in result.output.replace("\n", " ")


def test_rows_beside_those_that_are_read_are_read_too_or_counted(tmp_path: Path) -> None:
    rows = [{"text": m, "label": i, **({"id": n} if n else {})} for n, (m, i) in enumerate(ROWS)]
    users = [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}]
    document = {"data": rows[:1], "validation": rows[1:], "users": users, "version": [1, 2]}
    loaded = read(tmp_path / "export.json", json.dumps(document))
    assert pairs(loaded) == ROWS
    assert "not taken: 2 elements of 'users', which are other objects" in said(loaded)
    assert "version" not in said(loaded)
