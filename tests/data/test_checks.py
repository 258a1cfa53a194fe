"""A corpus is checked before training, and every problem is named."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from data.checks import Report, check
from data.errors import CorpusError
from data.loading import load_corpus
from data.processing import process


def load(tmp_path: Path, rows: list[tuple[str, str]]) -> pd.DataFrame:
    file = tmp_path / "corpus.csv"
    file.write_text("message,intent\n" + "".join(f"{message},{intent}\n" for message, intent in rows))
    return load_corpus(file)


def many(intent: str, count: int) -> list[tuple[str, str]]:
    return [(f"{intent} message number {number}", intent) for number in range(count)]


def printed(report: Report) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(report)
    return capture.get()


def test_an_intent_with_under_ten_messages_is_a_warning_and_ten_are_none(tmp_path: Path) -> None:
    report = check(load(tmp_path, many("many", 10) + many("few", 9) + many("one", 1)))
    assert report.ok
    assert [(w.line, w.reason.split(":")[0]) for w in report.warnings] == [
        (12, "intent 'few' has 9 messages"),
        (21, "intent 'one' has 1 message"),
    ]
    assert report.warnings[0].file == "corpus.csv"


def test_few_out_of_scope_messages_are_not_reported_as_a_small_intent(tmp_path: Path) -> None:
    report = check(load(tmp_path, many("a", 10) + many("b", 10) + many("out_of_scope", 2)))
    assert not report.warnings
    assert (report.intents, report.out_of_scope, report.rows) == (2, 2, 22)


def test_the_same_message_under_two_labels_is_a_warning_and_with_strict_an_error(tmp_path: Path) -> None:
    rows = [
        *many("a", 10),
        *many("b", 10),
        ("Stop it", "a"),
        ("stop  IT", "b"),
        ("stop it", "c"),
        ("STOP it", "c"),
    ]
    corpus = load(tmp_path, rows)
    report = check(corpus)
    assert report.ok
    told = [(w.line, w.reason) for w in report.warnings if "labelled" in w.reason]
    assert told == [
        (23, "'stop  IT' is labelled b here, a at corpus.csv:22: which is it?"),
        (24, "'stop it' is labelled c here, a at corpus.csv:22 and b at corpus.csv:23: which is it?"),
    ]
    strict = check(corpus, strict=True)
    assert [e.line for e in strict.errors] == [23, 24]
    with pytest.raises(CorpusError, match=r"corpus\.csv:23: 'stop  IT' is labelled b"):
        strict.raise_errors()


def test_exact_duplicates_are_counted_and_kept(tmp_path: Path) -> None:
    corpus = load(tmp_path, [*many("a", 10), *many("b", 10), ("Hello", "a"), ("hello ", "a"), ("HELLO", "a")])
    report = check(corpus)
    assert (report.duplicates, report.rows, report.warnings) == (2, 23, [])
    assert len(process(corpus)) == 23


def test_a_corpus_with_one_intent_is_refused(tmp_path: Path) -> None:
    report = check(load(tmp_path, many("a", 10) + many("out_of_scope", 10)))
    assert [e.reason for e in report.errors] == ["a bot needs at least two intents; this corpus has: a"]


def test_a_row_is_named_even_after_corpora_were_put_together(tmp_path: Path) -> None:
    corpus = load(tmp_path, many("a", 10) + many("b", 10))
    both = pd.concat([corpus, corpus.assign(source=corpus["source"].str.replace("corpus", "accepted"))])
    both.iloc[5, 0] = " "
    both.iloc[26, 1] = ""
    assert [(p.file, p.line, p.reason) for p in check(both).errors] == [
        ("corpus.csv", 7, "the message is only white space"),
        ("accepted.csv", 8, "the intent is empty"),
    ]


def test_a_report_prints_file_line_and_reason_and_is_json(tmp_path: Path) -> None:
    report = check(load(tmp_path, [*many("a", 10), *many("[b]", 9), ("a message number 1", "[b]")]))
    text = printed(report)
    assert "warning" in text
    assert "corpus.csv:21: 'a message number 1' is labelled [b] here, a at corpus.csv:3: which is it?" in text
    assert json.loads(json.dumps(report.as_dict()))["warnings"][0]["line"] == 21
    assert printed(check(load(tmp_path, many("a", 10) + many("b", 10)))) == ""


def test_a_kind_of_problem_is_printed_once_with_its_count_and_five_places(tmp_path: Path) -> None:
    report = check(load(tmp_path, [row for number in range(25) for row in many(f"intent_{number}", 1)]))
    text = printed(report)
    assert text.count("intents have under 10 messages") == 1
    assert "(25)" in text
    assert text.count("corpus.csv:") == 5
    assert "... and 20 more" in text
    assert len(report.as_dict()["warnings"]) == 25
