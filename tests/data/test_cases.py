"""Every row of ../shared/cases: an input that people really have loads, or says what is wrong and what to do."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chatbot.dialog.replies import Replies, ReplyText
from chatbot.dialog.router import Router, Thresholds
from chatbot.dialog.rules import Rules
from chatbot.errors import SettingError
from chatbot.settings import SlotSettings
from data.convert import main as convert
from data.process import main as process
from data.processing import ProcessParams, read_processed
from tests.support.requirements import cases
from training.corpus.reading import read, replies_for


@dataclass(frozen=True)
class Loads:
    """The corpus is processed."""

    rows: int = 72
    intents: int = 6
    says: str = ""
    """What the output says, a pattern; empty: no warning."""


@dataclass(frozen=True)
class Refused:
    """Nothing is written, and the output has the pattern."""

    says: str
    problems: int = 1


OUTCOMES: dict[str, Loads | Refused] = {
    "00-base.csv": Loads(),
    "01-watson-noheader.csv": Refused(r":1: there seems to be no header.*--no-header"),
    "02-bom.csv": Loads(),
    "03-utf16-excel-unicode-text.txt.csv": Loads(),
    "04-semicolon-crlf-bom.csv": Loads(),
    "05-cp1252.csv": Loads(73, says=r"csv:2: not UTF-8, read as Windows-1252: 'Ich möchte mein Geld zurück"),
    "06-sep-hint.csv": Loads(),
    "07-title-row.csv": Loads(says=r"the header is in line 3"),
    "08-gsheets-trailing-commas.csv": Loads(says=r"empty rows are skipped: 2"),
    "09-embedded-newlines.csv": Loads(74),
    "10-cr-only.csv": Loads(),
    "11-dup-header.csv": Refused(r"csv:1: column 'label' occurs 2 times: rename all but one"),
    "12-backslash-quotes.csv": Refused(r"csv:2: not CSV: .*a quote is written twice"),
    "13-tsv-stray-quote.tsv": Refused(r"tsv:2: a quote is opened here and never closed"),
    "14-blank-last-lines.csv": Loads(says=r"empty rows are skipped: 1"),
    "15-nul.csv": Refused(r"csv:2: the message holds a NUL \(U\+0000\) at character 9: remove it"),
    "16-unquoted-comma.csv": Refused(r"csv:2: 3 fields where the header has 2: are quotes missing\?"),
    "17-index-column.csv": Loads(),
    "20-setfit-label_text.jsonl": Loads(
        says=r"'label' holds numbers: the names in 'label_text' are the intents"
    ),
    "20c-hf-classlabel.parquet": Loads(),
    "21-massive.jsonl": Loads(),
    "22-bitext.csv": Loads(),
    "25-utterance-Intent-caps.csv": Loads(),
    "26-user_message.csv": Loads(),
    "27-float-labels.csv": Loads(says=r"the labels are numbers \(0, 1, 2, 3, 4, \.\.\.\).*--intent-column"),
    "31-rasa-yaml": Loads(),
    "32-rasa.json": Loads(),
    "33-luis.json": Loads(),
    "38-array.json": Refused(r"json:1: a JSON array has no line.*python -m data\.convert"),
    "38b-array-named.jsonl": Refused(r"jsonl:1: a JSON array has no line.*python -m data\.convert"),
    "40-yaml-folder": Loads(),
    "41-yaml-yml-mixed": Loads(),
    "42-yaml-all-yml": Loads(),
    "46-yaml-list-colon": Refused(
        r"refund\.yaml:3: a message must be text: one with `: ` in it needs quotes", 2
    ),
    "50-label-case.csv": Loads(says=r"'refund' \(6 rows\), 'Refund' \(6 rows\) are one intent, 'refund'"),
    "51-label-space-underscore.csv": Loads(
        says=r"'track_order' \(6 rows\), 'track order' \(6 rows\) are one intent"
    ),
    "56-label-oos-names.csv": Loads(84, says=r"'oos' \(12 rows\) is read as out_of_scope"),
    "57-label-yes-no.csv": Loads(says=r"label 'nan' is trained as an intent"),
    "57-replies.yaml": Refused(r"no messages: .*replies go to --replies"),
    "59-banking77-question-mark.csv": Loads(),
    "60-long-3000.csv": Loads(73),
    "60b-long-12000.csv": Refused(r"csv:2: the message has 12,000 characters, the most is 10,000"),
    "61-html.csv": Loads(74, says=r"61-html\.csv: HTML is taught as written; .* --clean-mail.* \(2\)"),
    "63-caps.csv": Loads(),
    "64-emoji-only.csv": Loads(74),
    "66-braces-json.csv": Loads(74),
    "68-nan-null-text.csv": Loads(77, says=r"csv:6: 'NaN' is labelled cancel here, delivery at"),
    "69-missing-cells.csv": Refused(
        r"csv:2: the message is empty(?s:.)*csv:3: the intent is empty(?s:.)*csv:4: 1 fields", 3
    ),
    "70-rich-markup.csv": Loads(74),
    "70b-rich-markup-bad.csv": Refused(r"csv:2: 3 fields where .*It begins '\[/INST\] hi'"),
    "80-tiny-2x2.csv": Loads(
        4, 2, says=r"intents have under 10 messages, too few to be judged: add messages \(2\)"
    ),
    "81-one-message-intent.csv": Loads(73, 7, says=r"csv:74: intent 'gift_card' has 1 message"),
    "84-empty.csv": Refused(r"the file is empty: a header and a row are needed"),
    "88-duplicated-x8.csv": Loads(576),
    "92-suffixes/X.CSV": Loads(),
    "92-suffixes/x.csv.gz": Loads(),
    "92-suffixes/x.csv.txt": Loads(),
    "92-suffixes/x.txt": Loads(),
    "92-suffixes/x.html.csv": Refused(r"csv:1: the content is a web page"),
    "92-suffixes/x.xlsx": Refused(r"not an Excel workbook"),
    "92-suffixes/xls.csv": Refused(r"csv:1: the content is a zip archive or an Excel workbook: name it"),
    "93-rules-reply-without-text.yaml": Refused(r"no messages: .*rules to --rules"),
}


def case(name: str) -> Path:
    """A case's path; the test is skipped where the cases are missing."""
    return cases() / name


def test_every_case_has_an_outcome_here() -> None:
    found = {path.name for path in case("").iterdir()} - {"README.md", "92-suffixes"}
    found |= {f"92-suffixes/{path.name}" for path in case("92-suffixes").iterdir()}
    assert found == set(OUTCOMES)


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_case_has_the_right_outcome(tmp_path: Path, name: str) -> None:
    outcome, source = OUTCOMES[name], case(name)
    result = CliRunner(env={"COLUMNS": "1000"}).invoke(process, [str(source), "--out", str(tmp_path / "out")])
    assert "Traceback" not in result.output
    if isinstance(outcome, Refused):
        assert result.exit_code == 1, result.output
        assert re.search(outcome.says, result.output), result.output
        assert f"{outcome.problems} error{'s' if outcome.problems > 1 else ''} in " in result.output
        assert not (tmp_path / "out").exists()
        return
    assert result.exit_code == 0, result.output
    corpus = read_processed(tmp_path / "out")
    assert len(corpus) == outcome.rows
    assert corpus.loc[corpus["intent"] != "out_of_scope", "intent"].nunique() == outcome.intents
    if outcome.says:
        assert re.search(outcome.says, result.output), result.output
    else:
        assert " warning " not in result.output


def test_labels_are_names_and_stay_text(tmp_path: Path) -> None:
    names = {"refund", "delivery", "password", "invoice", "cancel", "address"}
    for name in ("20-setfit-label_text.jsonl", "20c-hf-classlabel.parquet", "32-rasa.json", "33-luis.json"):
        assert set(read(case(name), ProcessParams()).rows["intent"]) == names
    counts = Counter(read(case("57-label-yes-no.csv"), ProcessParams()).rows["intent"])
    assert counts == dict.fromkeys(("yes", "no", "on", "null", "nan", "1"), 12)


def test_the_text_is_taught_as_written() -> None:
    taught = set(read(case("66-braces-json.csv"), ProcessParams()).rows["message"])
    assert 'error {"code": 500, "msg": "no"} at checkout' in taught
    assert any(re.fullmatch(r"hi [A-Z]\w+ [A-Z]\w+, where is (ORD-|#)?\d+", message) for message in taught)
    assert "[red]urgent[/red] refund me" in set(
        read(case("70-rich-markup.csv"), ProcessParams()).rows["message"]
    )
    assert {"null", "None", "N/A", "nan", "NaN"} < set(
        read(case("68-nan-null-text.csv"), ProcessParams()).rows["message"]
    )


def test_a_first_row_without_a_header_is_not_lost(tmp_path: Path) -> None:
    source = case("01-watson-noheader.csv")
    result = CliRunner().invoke(process, [str(source), "--out", str(tmp_path), "--no-header"])
    assert result.exit_code == 0, result.output
    corpus = read_processed(tmp_path)
    assert len(corpus) == 72
    assert (corpus["message"][0], corpus["intent"][0]) == ("I want my money back", "refund")


@pytest.mark.parametrize("name", ["40-yaml-folder", "41-yaml-yml-mixed", "42-yaml-all-yml"])
def test_a_folders_own_replies_are_used(name: str) -> None:
    corpus = read(case(name), ProcessParams())
    replies, missing, _ = replies_for(sorted(set(corpus.rows["intent"])), None, corpus.train, corpus.replies)
    assert not missing
    assert {i: text.response for i, text in replies.texts.items()} == {
        i: f"Own words about {i}." for i in ("address", "cancel", "delivery", "invoice", "password", "refund")
    }


def test_replies_of_intents_named_yes_and_null_are_found_and_the_others_named() -> None:
    corpus = read(case("57-label-yes-no.csv"), ProcessParams())
    replies, missing, _ = replies_for(
        sorted(set(corpus.rows["intent"])), case("57-replies.yaml"), corpus.train
    )
    assert not missing
    assert (
        replies["yes"].response,
        replies["no"].response,
        replies["null"].response,
        replies["1"].response,
    ) == (
        "Yes it is.",
        "No it is not.",
        "Nothing.",
        "One.",
    )


def test_copies_are_counted_and_make_one_group() -> None:
    corpus = read(case("88-duplicated-x8.csv"), ProcessParams())
    assert corpus.report is not None
    assert corpus.report.duplicates == 504
    assert corpus.rows["group"].nunique() == 72


def test_a_rule_without_a_text_is_named() -> None:
    rules = Rules.load(case("93-rules-reply-without-text.yaml"))
    with pytest.raises(
        SettingError, match="rule 'closing' has no reply, and neither has its intent 'opening_hours'"
    ):
        Router(
            rules,
            Replies({"refund": ReplyText(response="Here.")}),
            Thresholds(answer=0.8, clarify=0.7, scope=0),
            SlotSettings().values(),
        )


@pytest.mark.parametrize(
    "name", ["38-array.json", "38b-array-named.jsonl", "31-rasa-yaml", "33-luis.json", "69-missing-cells.csv"]
)
def test_a_case_is_converted_to_a_folder_that_gives_the_same_corpus(tmp_path: Path, name: str) -> None:
    result = CliRunner().invoke(convert, [str(case(name)), "--out", str(tmp_path / "mine")])
    assert result.exit_code == 0, result.output
    base = read(case("00-base.csv"), ProcessParams()).rows
    rows = read(tmp_path / "mine", ProcessParams()).rows
    assert sorted(zip(rows["message"], rows["intent"], strict=True)) == sorted(
        zip(base["message"], base["intent"], strict=True)
    )
