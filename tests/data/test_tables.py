"""Spreadsheets and other tables load in the encodings, separators and shapes in which people save them."""

from __future__ import annotations

import datetime
import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data import text
from data.code_pages import alphabet_page
from data.columns import Columns, language_of
from data.errors import CorpusError
from data.formats import xlsx
from data.loading import load_corpus, read_corpus

ROWS = [
    ("Wo ist mein Päckchen?", "lieferung"),
    ("Ich möchte zurücktreten, bitte", "storno"),
    ("where is it; really", "lieferung"),
]


def text_of(mark: str = ",", header: str = "text{mark}label", end: str = "\n") -> str:
    rows = [mark.join(f'"{cell}"' for cell in row) for row in ROWS]
    return end.join([header.format(mark=mark), *rows]) + end


def pairs(path: Path, columns: Columns | None = None) -> list[tuple[str, str]]:
    loaded = read_corpus(path, columns)
    assert not loaded.problems, loaded.problems
    return list(zip(loaded.table["message"], loaded.table["intent"], strict=True))


def notices(path: Path, columns: Columns | None = None) -> str:
    return "\n".join(str(notice) for notice in read_corpus(path, columns).notices)


def refusal(path: Path, columns: Columns | None = None) -> str:
    try:
        loaded = read_corpus(path, columns)
    except CorpusError as error:
        return str(error)
    assert loaded.problems
    return str(CorpusError(loaded.problems))


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("page", ["cp1252", "gb18030"])
def test_of_a_file_in_one_line_a_part_is_enough_to_tell_its_code_page(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking at a byte takes 120 bytes of memory and 4 microseconds: a JSON file of 100 MB would end the process."""
    message = {"cp1252": "Ich möchte mein Geld zurück", "gb18030": "我想退货，请问订单什么时候到"}[page]
    looked_at: list[int] = []

    def counted(lines: list[bytes]) -> str | None:
        looked_at.append(sum(map(len, lines)))
        return alphabet_page(lines)

    monkeypatch.setattr(text, "alphabet_page", counted)
    content = "[" + ", ".join(f'{{"text": "{message} {n}"}}' for n in range(10_000)) + "]"
    assert text.decode(content.encode(page), "x.json")[0] == content
    assert max(looked_at) <= 1 << 16


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_every_encoding_and_separator_gives_the_same_rows(tmp_path: Path, encoding: str, mark: str) -> None:
    file = tmp_path / "corpus.csv"
    file.write_bytes(text_of(mark, end="\r\n").encode(encoding))
    assert pairs(file) == ROWS
    assert ("read as Windows-1252: " in notices(file)) == (encoding == "cp1252")


FOREIGN = {
    "cp1251": [("где моя посылка", "доставка"), ("верните деньги за заказ", "возврат")],
    "koi8_r": [("где моя посылка", "доставка"), ("верните деньги за заказ", "возврат")],
    "gbk": [("我的包裹在哪里", "物流"), ("请退款给我", "退款")],
    "big5": [("我的包裹在哪裡", "物流"), ("請退款給我", "退款")],
    "shift_jis": [("荷物はどこですか", "配送"), ("返金してください", "返金")],
    "euc_kr": [("제 택배 어디에 있나요", "배송"), ("환불해 주세요", "환불")],
    "cp1250": [("zapłaciłem dwa razy", "płatność"), ("chcę odzyskać pieniądze", "zwrot")],
    "cp1253": [("πού είναι το δέμα μου", "αποστολή"), ("θέλω επιστροφή χρημάτων", "επιστροφή")],
    "cp1256": [("أين طردي", "توصيل"), ("أريد استرداد أموالي", "استرداد")],
    "mac_roman": [("où est mon colis ?", "livraison"), ("je veux être remboursé", "remboursement")],
    "utf-16-le": [("我的包裹在哪里", "物流"), ("где моя посылка", "доставка")],
    "utf-16-be": [("我的包裹在哪里", "物流"), ("где моя посылка", "доставка")],
    "utf-32-le": [("我的包裹在哪里", "物流"), ("где моя посылка", "доставка")],
}


@pytest.mark.parametrize("encoding", FOREIGN)
def test_a_code_page_is_detected_and_its_name_is_told(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "corpus.csv"
    text = "text,label\n" + "".join(f"{message},{label}\n" for message, label in FOREIGN[encoding])
    file.write_bytes(text.encode(encoding))
    assert pairs(file) == FOREIGN[encoding]
    assert ("name the right one with --encoding" in notices(file)) != encoding.startswith("utf")
    assert pairs(file, Columns(encoding=encoding)) == FOREIGN[encoding]


CUSTOMERS = {
    ("cp1254", "Turkish"): [
        "siparişim nerede, kargom hâlâ gelmedi",
        "şifremi unuttum",
        "müşteri hizmetleri lütfen",
    ],
    ("cp1254", "two rows"): ["siparişim nerede", "şifremi unuttum"],
    ("cp1250", "Czech"): [
        "kde je moje zásilka",
        "zapomněl jsem heslo",
        "nemůžu se přihlásit",
        "chci vrátit zboží",
    ],
    ("cp1250", "Polish"): ["gdzie jest moja paczka", "chcę zwrócić towar", "zapomniałem hasła", "płatność"],
    ("cp1250", "Hungarian"): [
        "vissza szeretném küldeni",
        "mennyibe kerül a szállítás",
        "őszintén szólva, fűtő",
    ],
    ("cp1250", "Romanian"): [
        "vreau să returnez produsul",
        "am uitat parola şi nu mă pot conecta",
        "cât costă",
    ],
    ("cp1251", "Russian"): ["где моя посылка", "ЗАБЫЛ ПАРОЛЬ", "верните мне деньги"],
    ("cp1251", "Ukrainian"): ["де моя посилка", "хочу повернути товар", "не можу увійти"],
    ("koi8_r", "Russian"): [
        "где моя посылка",
        "хочу вернуть товар",
        "верните мне деньги",
        "сколько стоит доставка",
    ],
    ("cp1253", "Greek"): ["πού είναι το δέμα μου", "ξέχασα τον κωδικό μου", "πόσο κοστίζει η αποστολή"],
    ("cp1255", "Hebrew"): ["איפה החבילה שלי", "אני רוצה להחזיר את המוצר", "שכחתי סיסמה"],
    ("cp1257", "Lithuanian"): ["kur yra mano siunta", "noriu grąžinti prekę", "pamiršau slaptažodį"],
    ("cp932", "Japanese"): ["荷物はどこですか", "商品を返品したいです", "ログインできません"],
    ("gbk", "Chinese"): ["我的包裹在哪里", "我想退货", "忘记密码了", "请退款给我"],
    ("cp1252", "German and French"): [
        "wo ist mein Päckchen",
        "où est mon colis",
        "je veux être remboursé",
        "möchte",
    ],
    ("cp1252", "Swedish"): ["var är mitt paket", "jag vill ångra köpet", "jag har glömt mitt lösenord"],
    ("cp1252", "English"): [
        "where is my order",
        "café machine broken",
        "the jalapeño sauce leaked",
        "£20 too much",
    ],
}


@pytest.mark.parametrize(("encoding", "language"), CUSTOMERS)
def test_messages_of_customers_are_read_with_their_own_letters(
    tmp_path: Path, encoding: str, language: str
) -> None:
    file = tmp_path / "corpus.csv"
    rows = [(message, f"intent{place % 2}") for place, message in enumerate(CUSTOMERS[encoding, language])]
    rows = [(message.replace(",", ""), label) for message, label in rows]
    file.write_bytes(("text,label\n" + "".join(f"{m},{label}\n" for m, label in rows)).encode(encoding))
    assert pairs(file) == rows


def test_the_notice_shows_three_words_and_the_option_by_which_a_wrong_guess_is_overridden(
    tmp_path: Path,
) -> None:
    file = tmp_path / "corpus.csv"
    file.write_bytes("text,label\nsiparişim nerede,a\nşifremi unuttum,b\nmüşteri,b\n".encode("cp1254"))
    assert (
        "read as Windows-1254: 'siparişim nerede,a', with words such as siparişim, şifremi, müşteri"
        in notices(file)
    )
    assert "name the right one with --encoding" in notices(file)


def test_a_nul_byte_does_not_make_a_text_utf_16(tmp_path: Path) -> None:
    (tmp_path / "corpus.csv").write_bytes(b"text,label\nwhere is\0 it,track\nmoney ba\0ck,refund\n")
    assert "NUL" in refusal(tmp_path / "corpus.csv")


def test_an_encoding_that_is_not_the_files_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "corpus.csv"
    file.write_bytes("text,label\nrückgabe,storno\n".encode("cp1252"))
    assert "corpus.csv:2: it is not utf-8 (--encoding)" in refusal(file, Columns(encoding="utf-8"))
    assert "unknown encoding 'ansi'" in refusal(file, Columns(encoding="ansi"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Größe in München", "'GrÃ¶ÃŸe' seems to hold 'ö'"),
        ("where’s my order", "'whereâ€™s' seems to hold '’'"),
        ("SÃO PAULO, NÃO", ""),
        ("Âge ou â tout âge", ""),
    ],
)
def test_text_that_was_decoded_wrongly_before_it_was_saved_is_named(
    tmp_path: Path, text: str, says: str
) -> None:
    written = text.encode().decode("cp1252") if says else text
    (tmp_path / "corpus.csv").write_text(f'text,label\nhi,a\n"{written}",b\nyo,a\n', encoding="utf-8")
    notices = read_corpus(tmp_path / "corpus.csv").notices
    assert [(notice.line, says in notice.reason) for notice in notices] == [(3, True)] * bool(says)


def test_a_mixture_of_encodings_is_refused_not_garbled(tmp_path: Path) -> None:
    file = tmp_path / "corpus.csv"
    file.write_bytes(text_of().encode() + "schöne Grüße,storno\n".encode("cp1252"))
    assert refusal(file).startswith(f"{file}:5: not UTF-8")
    assert "--encoding" in refusal(file)


@pytest.mark.parametrize("hint", ["sep=;", '"sep=;"', "SEP=;", "sep=;;"])
def test_a_separator_hint_is_followed_and_is_not_a_row(tmp_path: Path, hint: str) -> None:
    file = written(tmp_path / "corpus.csv", f"{hint}\r\n" + text_of(";", end="\r\n"))
    assert pairs(file) == ROWS
    assert load_corpus(file)["source"].iloc[0] == "corpus.csv:3"


@pytest.mark.parametrize(
    "above",
    [
        "Export of conversations,,\n\n",
        "Report\n",
        "Exported,2026-01-01\n,,\n",
        "\ufeffChats of May\n\n\n",
        '"A title,\nin two lines"\n',
    ],
)
def test_title_rows_above_the_header_are_skipped_with_a_notice(tmp_path: Path, above: str) -> None:
    file = written(tmp_path / "corpus.csv", above + text_of(header="text{mark}label{mark}note"))
    assert pairs(file) == ROWS
    line = above.count("\n") + 1
    assert f"the header is in line {line}; rows above it are skipped: 1" in notices(file)


def test_rows_above_the_header_that_may_be_data_are_not_dropped(tmp_path: Path) -> None:
    file = written(tmp_path / "corpus.csv", "I want it back,refund\ntext,label\nwhere is it,delivery\n")
    assert refusal(file) == f"{file}:1: line 2 looks like the header: delete the lines above it"


@pytest.mark.parametrize(
    "first",
    [
        "I want my money back,refund\n",
        "back please,refund\n",
        "refund,give it back to me\n",
        "0,take it back,refund\n",
    ],
)
def test_a_missing_header_is_recognised_and_no_row_is_lost(tmp_path: Path, first: str) -> None:
    columns = first.count(",") + 1
    rows = ["where is it,delivery", "it never came,delivery", "my money please,refund", "pay me back,refund"]
    rows = [",".join(reversed(row.split(","))) if first.startswith("refund") else row for row in rows]
    rows = [f"{number},{row}" if columns == 3 else row for number, row in enumerate(rows, 1)]
    file = written(tmp_path / "corpus.csv", first + "\n".join(rows) + "\n")
    said = refusal(file)
    assert "there seems to be no header" in said
    assert "--no-header" in said
    asked = Columns("2", "3", header=False) if columns == 3 else Columns(header=False)
    assert len(pairs(file, asked)) == 5
    assert {intent for _, intent in pairs(file, asked)} == {"refund", "delivery"}
    # Whoever names data as columns would lose the first row too.
    named = (
        Columns(*reversed(first.strip().split(","))) if columns == 2 and first.startswith("refund") else None
    )
    if named:
        assert "there seems to be no header" in refusal(file, named)


def test_a_table_without_header_and_with_many_columns_needs_two_by_position(tmp_path: Path) -> None:
    file = written(tmp_path / "corpus.csv", "1,a,b,where is it\n2,a,c,pay me\n")
    assert "--message-column 1 --intent-column 2" in refusal(file, Columns(header=False))
    assert pairs(file, Columns("4", "3", header=False)) == [("where is it", "b"), ("pay me", "c")]


def test_empty_rows_are_skipped_and_counted_wherever_they_are(tmp_path: Path) -> None:
    file = written(tmp_path / "corpus.csv", "text,label,,\n,,,\nhello,greet,,\n , ,\t,\nbye,leave,,\n,,,\n")
    assert pairs(file) == [("hello", "greet"), ("bye", "leave")]
    assert "empty rows are skipped: 3" in notices(file)


def test_a_header_that_is_repeated_among_the_rows_is_not_taught(tmp_path: Path) -> None:
    file = written(tmp_path / "corpus.csv", "text,label\nhello,greet\ntext,label\nbye,leave\n")
    assert pairs(file) == [("hello", "greet"), ("bye", "leave")]
    assert "the header is repeated among the rows: 1 skipped" in notices(file)


@pytest.mark.parametrize(
    "text",
    [
        "text,label\nhello,greet\nHello, where is it,delivery\n",
        "text,label,,\nhello,greet,,\nHello, where is it,delivery,\n",
        "text,label,note\nhello,greet,\nHello, where is it,delivery,,\n",
        "id,text,label\n1,hello,greet\n2,Hello, where is it,delivery\n",
    ],
)
def test_a_comma_without_quotes_is_named_and_teaches_no_label(tmp_path: Path, text: str) -> None:
    file = written(tmp_path / "corpus.csv", text)
    said = refusal(file)
    assert said.startswith(f"{file}:3: ")
    assert "are quotes missing?" in said


def test_each_problem_is_named_once_with_a_count_and_five_places(tmp_path: Path) -> None:
    lines = ["text,label", *[f"Hello {n}, really,greet" for n in range(40)], *[",greet"] * 7]
    said = refusal(written(tmp_path / "corpus.csv", "\n".join(lines)))
    assert said.count("the message is empty") == 1
    assert "the message is empty (7 times: " in said
    assert "rows do not have the 2 fields of the header: are quotes missing around a comma? (40):" in said
    assert said.count("It begins 'Hello ") == 5
    assert "... and 35 more" in said
    assert "42, 43, 44, 45, 46".replace("42", f"{tmp_path / 'corpus.csv'}:42") in said


@pytest.mark.parametrize("number", ["0", "1.0", 3, 4.0])
def test_a_column_of_numbers_gives_way_to_the_names_beside_it(
    tmp_path: Path, number: str | int | float
) -> None:
    other = {"0": "7", "1.0": "2.0", 3: 5, 4.0: 6.0}[number]
    records: list[dict[str, Any]] = [
        {"text": "pay me back", "label": number, "meaning": "refund", "split": "train"},
        {"text": "where is it", "label": other, "meaning": "delivery", "split": "train"},
        {"text": "it is late", "label": other, "meaning": "delivery", "split": "train"},
    ]
    file = written(tmp_path / "corpus.jsonl", "\n".join(map(json.dumps, records)))
    assert [intent for _, intent in pairs(file)] == ["refund", "delivery", "delivery"]
    assert "the names in 'meaning' are the intents" in notices(file)
    records[2]["meaning"] = "something else"
    file.write_text("\n".join(map(json.dumps, records)))
    assert len({intent for _, intent in pairs(file)}) == 2
    assert "the labels are numbers" in notices(file)


def test_class_labels_of_hugging_face_have_names_in_files_and_folders(tmp_path: Path) -> None:
    feature = {"names": ["refund", "no"], "_type": "ClassLabel"}
    features = {"info": {"features": {"text": {"dtype": "string", "_type": "Value"}, "label": feature}}}
    columns = {"text": ["pay me", "where", "gone"], "label": pa.array([0, 1, -1])}
    table = pa.table(columns).replace_schema_metadata({b"huggingface": json.dumps(features).encode()})
    pq.write_table(table, tmp_path / "corpus.parquet")
    loaded = read_corpus(tmp_path / "corpus.parquet")
    assert loaded.table["intent"].tolist() == ["refund", "no"]
    assert [(p.line, p.reason) for p in loaded.problems] == [(3, "the intent is empty")]
    for part in ("train", "test"):
        folder = tmp_path / "saved" / part
        folder.mkdir(parents=True)
        (folder / "state.json").write_text("{}")
        with pa.ipc.new_stream(str(folder / "data-00000-of-00001.arrow"), table.schema) as stream:
            stream.write_table(table.slice(0, 2))
    (tmp_path / "saved" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert load_corpus(tmp_path / "saved" / "train")["intent"].tolist() == ["refund", "no"]
    assert len(pairs(tmp_path / "saved")) == 4
    assert "all parts are read as one corpus and split again: test, train" in notices(tmp_path / "saved")


def test_a_workbook_is_read_from_the_sheet_that_has_the_columns(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Cover"
    book.active.append(["Chats of May"])
    sheet = book.create_sheet("Chats")
    for row in (
        ["Export", None],
        ["Text", "Label"],
        ["my order 5512", 1],
        [5512, "track"],
        [None, None],
        ["yes", True],
    ):
        sheet.append(row)
    book.save(tmp_path / "corpus.xlsx")
    assert pairs(tmp_path / "corpus.xlsx") == [("my order 5512", "1"), ("5512", "track"), ("yes", "TRUE")]
    said = notices(tmp_path / "corpus.xlsx")
    assert "sheet 'Chats' is read; not taken: 'Cover' (1 rows)" in said
    assert "empty rows are skipped: 1" in said


def test_a_merged_label_counts_for_all_its_rows_and_a_merged_title_for_none(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["Chats", None],
        ["text", "label", "note"],
        ["it broke", "repair"],
        ["mend it", None],
        ["open?", "hours"],
        ["on Sunday?", None],
    ):
        book.active.append(row)
    book.active.merge_cells("A1:B1")
    book.active.merge_cells("B3:B4")
    book.active.merge_cells("B5:C6")
    book.save(tmp_path / "corpus.xlsx")
    assert pairs(tmp_path / "corpus.xlsx") == [
        ("it broke", "repair"),
        ("mend it", "repair"),
        ("open?", "hours"),
        ("on Sunday?", "hours"),
    ]


@pytest.mark.parametrize(
    ("cell", "area"),
    [
        ("XFD1048576", ""),
        ("C1048576", ""),
        ("B3", "A9:XFD1048576"),
        ("C1048576", "XFD1:XFD1048576"),
    ],
)
def test_a_cell_or_a_merged_area_at_the_end_of_a_sheet_does_not_fill_the_memory(
    tmp_path: Path, cell: str, area: str
) -> None:
    book = openpyxl.Workbook()
    for row in (["text", "label"], ["it broke", "repair"], ["open?", "hours"]):
        book.active.append(row)
    book.active[cell] = "hours"
    book.save(tmp_path / "plain.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "plain.xlsx") as plain,
        zipfile.ZipFile(tmp_path / "corpus.xlsx", "w") as made,
    ):
        for name in plain.namelist():
            merged = f'</sheetData><mergeCells count="1"><mergeCell ref="{area}"/></mergeCells>'.encode()
            made.writestr(
                name, plain.read(name).replace(b"</sheetData>", merged) if area else plain.read(name)
            )
    if area.startswith("XFD"):
        assert "more than 20,000,000 cells" in refusal(tmp_path / "corpus.xlsx")
    else:
        assert read_corpus(tmp_path / "corpus.xlsx").table["intent"].tolist() == ["repair", "hours"]


def test_a_workbook_of_too_many_cells_or_bytes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = openpyxl.Workbook()
    for row in (["text", "label"], ["it broke", "repair"], ["mend it", None], ["", ""]):
        book.active.append(row)
    book.active.merge_cells("B2:B4")
    book.save(tmp_path / "corpus.xlsx")
    monkeypatch.setattr(xlsx, "MAX_CELLS", 5)
    assert "cells; save the sheet as CSV" in refusal(tmp_path / "corpus.xlsx")
    monkeypatch.setattr(xlsx, "MAX_BYTES", 1000)
    assert "more than 1,000 bytes unpacked; save the sheet as CSV" in refusal(tmp_path / "corpus.xlsx")


def test_formulas_without_results_errors_and_dates_in_a_workbook_are_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["text", "label"],
        ["it broke", '="re"&"pair"'],
        ["mend it", "#N/A"],
        ["open?", datetime.datetime(2026, 5, 1)],
    ):
        book.active.append(row)
    book.save(tmp_path / "corpus.xlsx")
    loaded = read_corpus(tmp_path / "corpus.xlsx")
    assert loaded.table["intent"].tolist() == ["2026-05-01"]
    said = " ".join(problem.reason for problem in loaded.problems)
    assert "1 cells hold formulas whose result is not stored, such as B2: open the workbook" in said
    assert "the intent is the error #N/A of a formula: correct it in the spreadsheet" in said
    assert "labels are dates (2026-05-01): a spreadsheet makes a date of a name" in notices(
        tmp_path / "corpus.xlsx"
    )


def test_archives_are_read_as_what_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "corpus.csv.gz").write_bytes(gzip.compress(text_of().encode()))
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.writestr("folder/corpus.tsv", text_of("\t"))
        archive.writestr("__MACOSX/._corpus.tsv", b"\0\1")
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        archive.writestr("a/first.csv", text_of())
        archive.writestr("b/second.jsonl", '{"text": "hello", "intent": "greet"}\n')
        archive.writestr("README.md", "nothing")
    assert pairs(tmp_path / "corpus.csv.gz") == pairs(tmp_path / "one.zip") == ROWS
    assert pairs(tmp_path / "many.zip") == [*ROWS, ("hello", "greet")]
    assert "many.zip/b/second.jsonl:1" in load_corpus(tmp_path / "many.zip")["source"].tolist()
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../../escaped.csv", text_of())
        archive.writestr("corpus.csv", "text,label\n,greet\nhello,greet\n")
    assert refusal(tmp_path / "bad.zip") == f"{tmp_path}/bad.zip:2: the message is empty"
    assert not (tmp_path.parent / "escaped.csv").exists()
    (tmp_path / "broken.gz").write_bytes(gzip.compress(text_of().encode())[:40])
    assert "cannot be unpacked" in refusal(tmp_path / "broken.gz")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("old.xls", b"\xd0\xcf\x11\xe0" + bytes(600), "former Excel format"),
        ("corpus.csv", b"\xd0\xcf\x11\xe0" + bytes(600), "former Excel format"),
        ("corpus.csv", b"\x1f\x8b" + bytes(20), "is compressed: name it .gz"),
        ("corpus.csv", b"PAR1" + bytes(20), "name it .parquet"),
        ("corpus.csv", b'{"text": "a", "intent": "b"}\n', "is JSON: name it .json"),
        ("corpus.json", b"<!DOCTYPE html><p>log in", "a web page"),
        ("corpus.json", b'{"text": ', "corpus.json:1: not JSON"),
        ("corpus.json", b'{"model": {"layers": 5}}', "unknown JSON ('model'): exports of Rasa, "),
        ("corpus.json", b"5", "unknown JSON"),
        ("corpus.parquet", b"PAR1 nonsense PAR1", "not a Parquet file"),
        ("corpus.arrow", b"nonsense", "not an Arrow file"),
        ("corpus.zip", b"PK\x03\x04 nonsense", "cannot be unpacked"),
        ("nlu.md", b"## intent:greet\n- hello\n", "rasa data convert nlu"),
        ("app.lu", b"# greet\n- hello\n", "bf luis:convert"),
        ("book.xlsx", b"\xd0\xcf\x11\xe0" + bytes(600), "is protected by a password"),
        ("corpus.csv", b"<table><tr><th>text</th><th>label</th></tr></table>", "is a web page"),
        ("table.md", b"| text | label |\n", "A table: name it .txt"),
        ("corpus.ods", b"PK\x03\x04", "save the sheet as .xlsx or CSV"),
        ("corpus.pkl", b"\x80\x04.", "pickles run code and are never read"),
        ("corpus.yaml", b"a: [", "not YAML"),
        ("corpus.yaml", b"", "no messages: an intent has"),
        ("corpus.csv", b"\xff\xfea", "damaged"),
    ],
)
def test_what_is_not_read_is_refused_with_the_way_out(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert says in refusal(tmp_path / name)


def test_two_label_columns_are_mentioned_and_can_be_joined(tmp_path: Path) -> None:
    file = written(
        tmp_path / "corpus.csv",
        "text,intent,topic\nwhere is it,track,order\nrefund it,pay,order\npay it,pay,bill\n",
    )
    assert [intent for _, intent in pairs(file)] == ["track", "pay", "pay"]
    assert "--intent-column 'intent+topic' joins them" in notices(file)
    joined = [intent for _, intent in pairs(file, Columns(intent="topic+intent"))]
    assert joined == ["order_track", "order_pay", "bill_pay"]
    file.write_text("text,a,b\nx one,p_q,r\ny two,p,q_r\n")
    assert "the joined label 'p_q_r' has several meanings" in refusal(file, Columns(intent="a+b"))
    file.write_text("text,a+b\nhello,greet\n")
    assert pairs(file, Columns(intent="a+b")) == [("hello", "greet")]


@pytest.mark.parametrize(
    ("header", "other"),
    [
        ("text,category,subcategory", "subcategory"),
        ("text,category,Sub-Category", "Sub-Category"),
        ("text,intent,sub_intent", "sub_intent"),
        ("text,intent,Level 2", "Level 2"),
        ("text,label,fine_label", "fine_label"),
        ("text,intent,intent_2", "intent_2"),
        ("text,kategorie,Unterkategorie", "Unterkategorie"),
    ],
)
def test_a_finer_label_column_is_mentioned(tmp_path: Path, header: str, other: str) -> None:
    file = written(
        tmp_path / "corpus.csv", f"{header}\nwhere is it,order,track\nrefund it,order,pay\nhi,talk,\n"
    )
    assert [intent for _, intent in pairs(file)] == ["order", "order", "talk"]
    assert f"--intent-column {other!r} chooses the other" in notices(file)


@pytest.mark.parametrize("name", ["level", "confidence", "sub_total", "intent_id", "language"])
def test_a_column_about_something_else_is_not_mentioned(tmp_path: Path, name: str) -> None:
    file = written(tmp_path / "corpus.csv", f"text,intent,{name}\nwhere is it,track,b\nrefund it,pay,c\n")
    assert "hold labels" not in notices(file)


@pytest.mark.parametrize(
    "name",
    ["corrected_intent", "true_label", "Gold Label", "ground_truth", "label_corrected", "final intent"],
)
def test_of_a_label_and_its_correction_one_must_be_chosen(tmp_path: Path, name: str) -> None:
    file = written(tmp_path / "corpus.csv", f"text,intent,{name}\nwhere is it,guess,track\nrefund it,pay,\n")
    assert f"column {name!r} seems to correct 'intent'" in refusal(file)
    assert f"--intent-column {name!r}" in refusal(file)
    assert [intent for _, intent in pairs(file, Columns(intent="intent"))] == ["guess", "pay"]


@pytest.mark.parametrize("values", [("track", "pay"), ("yes", "no"), ("", "")])
def test_a_correction_that_corrects_nothing_or_says_only_whether_is_no_second_label(
    tmp_path: Path, values: tuple[str, str]
) -> None:
    one, other = values
    file = written(
        tmp_path / "corpus.csv", f"text,intent,true_label\nwhere is it,track,{one}\nrefund it,pay,{other}\n"
    )
    assert [intent for _, intent in pairs(file)] == ["track", "pay"]


def test_a_reply_column_gives_the_replies_where_an_intent_has_one(tmp_path: Path) -> None:
    file = written(
        tmp_path / "corpus.csv", "text,intent,response\na1,a,Yes.\na2,a,Yes.\nb1,b,One.\nb2,b,Two.\n"
    )
    assert read_corpus(file).replies == {"a": "Yes."}
    assert "column 'response' has several replies for 1 intents, such as 'b'" in notices(file)


def test_decisions_of_annotators_are_no_replies(tmp_path: Path) -> None:
    file = written(tmp_path / "corpus.csv", "text,label,answer\na1,a,accept\na2,a,accept\nb1,b,reject\n")
    assert read_corpus(file).replies == {}
    assert "column 'answer' holds decisions of annotators (accept), not replies" in notices(file)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"text,label\n", b",\n,\n", b"\xef\xbb\xbf", b"sep=;\n", b"\0" * 50, b'"', b"[", b"{}"],
)
@pytest.mark.parametrize(
    "suffix", ["csv", "tsv", "txt", "json", "jsonl", "parquet", "arrow", "xlsx", "yaml", "gz", "zip"]
)
def test_a_file_without_content_is_refused_whatever_its_name(
    tmp_path: Path, content: bytes, suffix: str
) -> None:
    (tmp_path / f"corpus.{suffix}").write_bytes(content)
    assert refusal(tmp_path / f"corpus.{suffix}")


def test_the_error_about_a_workbook_is_about_its_largest_sheet(tmp_path: Path) -> None:
    """A note on the first sheet said that commas are missing."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["Exported by Kim, do not share"])
    tickets = book.create_sheet("Tickets")
    tickets.append(["No", "Customer wrote", "Sorted as"])
    for number in range(3):
        tickets.append([number, f"where is it {number}", "track"])
    file = tmp_path / "tickets.xlsx"
    book.save(file)
    with pytest.raises(CorpusError) as refused:
        load_corpus(file)
    assert "sheet 'Tickets'" in str(refused.value)
    assert "Customer wrote" in str(refused.value)


def test_a_markdown_table_in_a_text_file_is_read_without_its_rule(tmp_path: Path) -> None:
    file = written(tmp_path / "table.txt", "| text | label |\n|:---|---:|\n| where is it | track |\n")
    assert [(m.strip(), i) for m, i in pairs(file)] == [("where is it", "track")]


def test_fields_within_a_record_of_json_lines_are_columns(tmp_path: Path) -> None:
    records = [
        {"data": {"text": message}, "annotations": [{"result": [{"value": {"mine": [label]}}]}]}
        for message, label in ROWS
    ]
    file = written(tmp_path / "tasks.jsonl", "\n".join(map(json.dumps, records)))
    assert "the columns are: 'data.text', 'annotations.result.value.mine'" in refusal(file)
    assert pairs(file, Columns("data.text", "annotations.result.value.mine")) == ROWS


def test_a_column_without_a_name_in_a_workbook_is_not_blamed_on_quotes(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for cells in (["text", "label"], ["where is it", "track", "x"]):
        book.active.append(cells)
    book.save(tmp_path / "corpus.xlsx")
    assert "does a column lack its name?" in refusal(tmp_path / "corpus.xlsx")


def test_utterances_of_wit_ai_are_read_from_its_archive(tmp_path: Path) -> None:
    utterances = [{"text": message, "intent": label, "entities": []} for message, label in ROWS]
    utterances.append({"text": "hm", "entities": []})
    with zipfile.ZipFile(tmp_path / "wit.zip", "w") as archive:
        archive.writestr("app/app.json", '{"name": "shop", "lang": "en"}')
        archive.writestr("app/utterances/utterances-1.json", json.dumps({"utterances": utterances}))
    assert pairs(tmp_path / "wit.zip") == ROWS
    assert "not taken: 1 utterances without an intent" in notices(tmp_path / "wit.zip")


@pytest.mark.parametrize("name", ["one.csv", "one.txt", "one.jsonl", "one.parquet"])
def test_a_lone_column_is_told_to_need_labels_and_how_many(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    if name.endswith(".parquet"):
        pd.DataFrame({"message": ["where is it", "money back"]}).to_parquet(file)
    elif name.endswith(".jsonl"):
        file.write_text('{"text": "where is it"}\n{"text": "money back"}\n')
    else:
        file.write_text("message\nwhere is it\nmoney back\n")
    with pytest.raises(CorpusError, match="a second column, `intent`; ten to twenty messages of each intent"):
        read_corpus(file)


@pytest.mark.parametrize(
    ("header", "language"),
    [("Question (EN)", "en"), ("text_de", "de"), ("Frage Deutsch", "de"), ("text[fr]", "fr"), ("garden", "")],
)
def test_the_language_that_a_columns_name_ends_with_is_known(header: str, language: str) -> None:
    assert language_of(header) == language


@pytest.mark.parametrize(
    "header",
    [
        ("Thema", "Anfrage"),
        ("Sujet", "Demande"),
        ("Tema", "Pregunta"),
        ("Argomento", "Domanda"),
        ("Assunto", "Pergunta"),
        ("Onderwerp", "Vraag"),
        ("Thema / Topic", "Frage / Question"),
        ("label_en", "text_en"),
    ],
)
def test_headers_in_the_languages_of_the_users_are_found(tmp_path: Path, header: tuple[str, str]) -> None:
    file = written(tmp_path / "x.csv", f"{','.join(header)}\na,where is it\nb,money back\n")
    assert pairs(file) == [("where is it", "a"), ("money back", "b")]


def test_of_two_languages_side_by_side_the_english_one_is_read_with_its_replies(tmp_path: Path) -> None:
    file = written(
        tmp_path / "x.csv",
        "Thema,Frage (DE),Question (EN),Antwort (DE),Answer (EN)\n"
        "pets,Darf der Hund mit?,May the dog come?,Ja.,Yes.\npark,Wo parken?,Where to park?,Hier.,Here.\n",
    )
    assert pairs(file) == [("May the dog come?", "pets"), ("Where to park?", "park")]
    assert read_corpus(file).replies == {"pets": "Yes.", "park": "Here."}
    assert "'Question (EN)' is read; not taken: 'Frage (DE)'" in notices(file)
    german = Columns(message="Frage (DE)")
    assert pairs(file, german) == [("Darf der Hund mit?", "pets"), ("Wo parken?", "park")]
    assert read_corpus(file, german).replies == {"pets": "Ja.", "park": "Hier."}


def test_of_two_columns_in_languages_that_are_not_english_one_must_be_chosen(tmp_path: Path) -> None:
    file = written(tmp_path / "x.csv", "label,text_de,text_fr\na,Hallo,Salut\nb,Tag,Jour\n")
    assert "columns 'text_de' and 'text_fr' fit: choose one with --message-column" in refusal(file)


def test_a_form_whose_headers_are_questions_is_told_to_name_two_and_a_number_will_do(tmp_path: Path) -> None:
    file = written(
        tmp_path / "form.csv",
        "Timestamp,What is your question about?,Please write your question here\n"
        "2026/03/01 8:10:00,Fees,why do I have a fine\n2026/03/01 8:20:00,Hours,are you open on sunday\n",
    )
    assert "choose two, by name or number, without --no-header" in refusal(file)
    chosen = Columns(message="3", intent="2")
    assert pairs(file, chosen) == [("why do I have a fine", "Fees"), ("are you open on sunday", "Hours")]


def test_a_sheet_with_the_replies_is_named_with_the_option_that_takes_them(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Thema", "Anfrage"], ["a", "where is it"], ["b", "money back"]):
        book.active.append(row)
    for title, header in (("Antworten", ["Thema", "Antwort"]), ("Notes", ["x", "y"])):
        sheet = book.create_sheet(title)
        sheet.append(header)
        sheet.append(["a", "Here."])
    book.save(tmp_path / "corpus.xlsx")
    said = notices(tmp_path / "corpus.xlsx")
    assert (
        "not taken: 'Antworten' (2 rows), 'Notes' (2 rows); 'Antworten' seems to hold replies: `--replies corpus.xlsx`"
        in said
    )
