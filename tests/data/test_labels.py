"""Spellings of a label are one intent, names for out of scope are out of scope, several labels are an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.columns import Columns
from data.labels import label_key, normalise_labels, without_several_labels
from data.loading import read_corpus
from data.rows import Row


def rows(*labels: str) -> list[Row]:
    return [Row(number, f"message {number}", label) for number, label in enumerate(labels, start=2)]


def normal(*labels: str) -> list[str]:
    return [row.intent for row in normalise_labels(rows(*labels), "corpus.csv")[0]]


def told(*labels: str) -> list[str]:
    return [notice.reason for notice in normalise_labels(rows(*labels), "corpus.csv")[1]]


@pytest.mark.parametrize(
    ("usual", "other"),
    [
        ("refund", "Refund"),
        ("track_order", "track order"),
        ("track_order", "Track-Order"),
        ("track_order", "track  order"),
        ("café", "cafe\u0301"),
        ("refund", "re\u200bfund"),
        ("refund", "\ufeffrefund"),
        ("refund", "refund\u00a0"),
        ("straße", "STRASSE"),
        ("ﬁnance", "finance"),
        ("возврат", "Возврат"),
    ],
)
def test_two_spellings_are_one_intent_with_a_notice(usual: str, other: str) -> None:
    assert normal(usual, usual, other) == [usual] * 3
    [notice] = told(usual, usual, other)
    assert f"{usual!r} (2 rows), {other!r} (1 rows) are one intent" in notice
    assert "--labels-as-written" in notice


def test_labels_that_differ_in_more_stay_apart() -> None:
    labels = ["refund", "refunds", "track_order", "trackorder", "c", "c++", "c#", "退款", "no", "not"]
    assert normal(*labels) == labels
    assert not told(*labels)


@pytest.mark.parametrize(
    "name",
    ["oos", "OOS", "None", "none", "NONE", "fallback", "out of scope", "Out-Of-Scope", "out_of_domain", "nlu_fallback",
     "Default Fallback Intent", "AMAZON.FallbackIntent", "NoIntent", "irrelevant", "OutOfScope",
     "out_of_scope/other", "out_of_scope/non_english", "out.of.scope", "Out of scope (OOS)", "chitchat/out_of_scope",
     "[OOS] pizza", "small talk > off-topic", "OOS: weather", "Out of scope - weather", "no match", "NoMatch",
     "none of these", "not_an_intent", "hors sujet", "unbekannt", "Kein Intent", "fuera de alcance"],
)  # fmt: skip
def test_what_others_call_out_of_scope_is_recognised_with_a_notice(name: str) -> None:
    assert normal("refund", name) == ["refund", "out_of_scope"]
    [notice] = told("refund", name)
    assert f"{name!r} (1 rows) is read as out_of_scope" in notice


@pytest.mark.parametrize(
    "name",
    ["no_match_found_order", "other_question_about_refund", "unknown_charge", "no_match_made", "out_of_stock",
     "billing/refund", "support.fallback_line.order", "scope", "nan_bread", "set_alarm"],
)  # fmt: skip
def test_an_intent_whose_name_only_holds_such_a_word_stays_one(name: str) -> None:
    assert normal("refund", name) == ["refund", name]
    assert not told("refund", name)


@pytest.mark.parametrize(
    "name", ["order/unknown", "payment: unsupported", "delivery (none)", "spam", "unclear", "nan"]
)
def test_a_name_with_a_part_that_may_mean_out_of_scope_is_mentioned(name: str) -> None:
    assert normal("refund", name) == ["refund", name]
    assert told("refund", name) == [
        f"label {name!r} is trained as an intent: if it means out of scope, call it out_of_scope"
    ]


@pytest.mark.parametrize(
    "label",
    [
        "N/A",
        "n.a.",
        "-",
        "--",
        "?",
        "unlabeled",
        "not applicable",
        "no label",
        "[]",
        "{}",
        "()",
        "set()",
        "['']",
    ],
)
def test_a_label_that_says_that_it_is_missing_is_an_empty_intent(tmp_path: Path, label: str) -> None:
    file = tmp_path / "corpus.csv"
    file.write_text(f"text,label\na b,refund\nc d,{label}\ne f,track\n")
    loaded = read_corpus(file)
    assert loaded.table["intent"].tolist() == ["refund", "track"]
    [problem] = loaded.problems
    assert (problem.line, problem.reason) == (3, f"the intent is empty: {label!r} is no name")
    assert label in read_corpus(file, Columns(labels_as_written=True)).table["intent"].tolist()


@pytest.mark.parametrize("label", ["🙂", "null", "no", "c++", "退款", "0"])
def test_a_short_name_is_a_name(tmp_path: Path, label: str) -> None:
    file = tmp_path / "corpus.csv"
    file.write_text(f"text,label\na b,refund\nc d,{label}\n")
    assert read_corpus(file).table["intent"].tolist() == ["refund", label]


def test_minus_one_is_not_one() -> None:
    assert normal("-1", "1", "0") == ["-1", "1", "0"]


def test_out_of_scope_itself_needs_no_notice_and_a_doubtful_name_is_only_mentioned() -> None:
    assert not told("refund", "out_of_scope")
    assert normal("refund", "other") == ["refund", "other"]
    assert told("refund", "other") == [
        "label 'other' is trained as an intent: if it means out of scope, call it out_of_scope"
    ]


def test_a_flag_keeps_labels_as_written(tmp_path: Path) -> None:
    file = tmp_path / "corpus.csv"
    file.write_text('text,label\na,Refund\nb,refund\nc,oos\nd,"Refund, oos"\n')
    loaded = read_corpus(file, Columns(labels_as_written=True))
    assert loaded.table["intent"].tolist() == ["Refund", "refund", "oos", "Refund, oos"]
    assert not loaded.notices


@pytest.mark.parametrize(
    "cell",
    [
        "refund, delivery",
        "delivery;refund",
        "refund|delivery",
        "Refund / Delivery",
        "refund+delivery",
        "['refund', 'delivery']",
    ],
)
def test_several_labels_in_one_cell_are_an_error(cell: str) -> None:
    kept, [problem] = without_several_labels(rows("refund", "delivery", cell, "delivery"), "corpus.csv")
    assert [row.intent for row in kept] == ["refund", "delivery", "delivery"]
    assert (problem.file, problem.line) == ("corpus.csv", 4)
    assert problem.reason.startswith(f"several labels in one cell: {cell!r}")


def test_an_invalid_combination_of_valid_options_is_an_error() -> None:
    _, problems = without_several_labels(
        rows("refund,delivery", "refund,invoice", "delivery,invoice"), "corpus.csv"
    )
    assert [problem.line for problem in problems] == [2, 3, 4]


@pytest.mark.parametrize(
    "labels",
    [
        ("Refund, return or exchange", "Delivery, tracking"),
        ("billing/refund", "billing/invoice", "order/refund"),
        ("a/b test", "c++"),
        ("refund", "refund (partial, late)"),
    ],
)
def test_a_name_with_a_separator_is_a_name(labels: tuple[str, ...]) -> None:
    assert not without_several_labels(rows(*labels), "corpus.csv")[1]


def test_a_list_of_labels_in_json_is_an_error_and_a_list_of_one_is_a_label(tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    labels = (["refund"], ["refund", "delivery"], "delivery")
    file.write_text(
        "\n".join(json.dumps({"text": f"m{n}", "label": label}) for n, label in enumerate(labels))
    )
    loaded = read_corpus(file)
    assert loaded.table["intent"].tolist() == ["refund", "delivery"]
    [problem] = loaded.problems
    assert problem.line == 2
    assert "several labels in one cell: ['refund', 'delivery']" in problem.reason


def test_float_labels_are_whole_numbers_and_text_that_looks_like_them_stays() -> None:
    assert normal("0.0", "1.0", "1.0") == ["0", "1", "1"]
    assert normal("1.0", "1.5", "2.0") == ["1.0", "1.5", "2.0"]


def test_a_key_is_never_empty() -> None:
    assert label_key("___") == "_"
    assert label_key("🙂") == "🙂"
