"""The label check names planted errors with evidence, for any input, and prints what people wrote literally."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from chatbot.model.encoder import Encoded
from data.checks import FEW_MESSAGES
from data.columns import Columns
from data.decisions import COLUMNS, read_decisions
from data.errors import CorpusError
from data.messages import row_hash
from tests.support.requirements import cases
from training import check
from training.check import main as app
from training.labels.confident import NONE, confident_joint, confident_labels, label_quality, thresholds
from training.labels.examine import examine
from training.labels.findings import LabelFindings
from training.labels.report.render import CSV_FILE, PAGE_FILE, write_findings

HOSTILE = "[/b] <script>alert(1)</script> {{ 7 * 7 }} :smile: [red]"


def found(
    rows: Sequence[tuple[str, str]], probabilities: Sequence[Sequence[float]], groups: Sequence[int] = ()
) -> LabelFindings:
    """Examine rows of message and intent; the vector of each is its probabilities."""
    shares = np.asarray(probabilities, dtype=np.float64)
    labels = sorted({intent for _, intent in rows})
    return examine(
        [(m, i, row_hash(m, i), f"my.csv:{n}") for n, (m, i) in enumerate(rows, start=2)],
        list(groups or range(len(rows))),
        (shares / np.linalg.norm(shares, axis=1, keepdims=True)).astype(np.float32),
        np.arange(len(rows)),
        shares,
        labels,
    )


def corpus(wrong: int = 2) -> tuple[list[tuple[str, str]], list[list[float]]]:
    """Ten messages each of `a` and `b`, of which some of `a`'s are really of `b`."""
    rows = [(f"{intent} message {word}", intent) for intent in "ab" for word in "zyxwvutsrq"]
    shares = [[0.9, 0.1]] * 10 + [[0.1, 0.9]] * 10
    for row in range(wrong):
        shares[row] = [0.05 + 0.01 * row, 0.95 - 0.01 * row]
    return rows, shares


def test_a_threshold_is_the_usual_confidence_of_an_intent_and_groups_count_once() -> None:
    shares = np.array([[0.8, 0.2], [0.6, 0.4], [0.6, 0.4], [0.3, 0.7]])
    given, weight = np.array([0, 0, 0, 1]), np.array([1, 0.5, 0.5, 1])
    assert thresholds(shares, given, weight) == pytest.approx([0.7, 0.7])
    confident = confident_labels(shares, given, weight)
    assert confident.tolist() == [0, NONE, NONE, 1]
    assert confident_joint(confident, given, weight, 2).tolist() == [[1, 0], [0, 1]]


def test_an_intent_of_which_the_model_is_never_sure_is_not_taken_for_mislabelled() -> None:
    shares = np.array([[0.4, 0.6], [0.4, 0.6], [0.05, 0.95], [0.05, 0.95]])
    given = np.array([0, 0, 1, 1])
    assert confident_labels(shares, given, np.ones(4)).tolist() == [0, 0, 1, 1]
    assert label_quality(shares, given) == pytest.approx([0.4, 0.4, 0.95, 0.95])


def test_suspects_come_worst_first_with_the_better_label_and_two_neighbours_that_do_not_repeat_each_other() -> (
    None
):
    rows, shares = corpus()
    findings = found(rows, shares, [*range(18), 18, 18])
    assert [s.message for s in findings.suspects] == ["a message z", "a message y"]
    worst = findings.suspects[0]
    assert (worst.label, worst.better, worst.source) == ("a", "b", "my.csv:2")
    assert worst.row_hash == row_hash("a message z", "a")
    assert worst.quality == pytest.approx(0.05)
    assert len(worst.neighbours) == 2
    assert worst.message not in [n.message for n in worst.neighbours]
    alone = found(
        [("one", "a"), ("two", "b"), ("three", "b")], [[0.1, 0.9], [0.4, 0.6], [0.4, 0.6]], [0, 1, 1]
    )
    assert [len(suspect.neighbours) for suspect in alone.suspects] == [1]


def test_intents_that_fit_each_other_are_a_pair_with_examples_and_others_are_not() -> None:
    rows, shares = corpus(wrong=4)
    (pair,) = found(rows, shares).pairs
    assert (pair.first, pair.second, pair.messages) == ("a", "b", 4)
    assert pair.share == pytest.approx(0.4)
    assert pair.first_examples[0] == "a message z"
    assert pair.second_examples == ()
    assert found(*corpus(wrong=2)).pairs == ()


def test_copies_are_one_message_for_pairs_and_for_too_few() -> None:
    rows, shares = corpus(wrong=4)
    findings = found(rows, shares, [0, 0, 0, 0, *range(4, 20)])
    assert findings.pairs == ()
    assert findings.few == (("a", 7),)
    assert findings.few[0][1] < FEW_MESSAGES
    assert (findings.rows, findings.distinct) == (20, 17)


def test_copies_of_a_row_are_one_suspect_with_their_number() -> None:
    rows, shares = corpus(wrong=3)
    rows[1] = rows[0]
    findings = found(rows, shares, [0, 0, *range(2, 20)])
    assert [(suspect.message, suspect.copies) for suspect in findings.suspects] == [
        ("a message z", 2),
        ("a message x", 1),
    ]


def test_near_duplicates_with_different_labels_are_listed_and_the_rest_of_a_chain_is_not() -> None:
    rows = [
        ("please cancel my order now", "cancel"),
        ("please cancel my order now!", "refund"),
        ("please cancel my order now", "cancel"),
        ("an entirely different sentence", "track"),
    ]
    even = [[1 / 3] * 3] * 4
    (contradiction,) = found(rows, even, [0, 0, 0, 0]).contradictions
    assert {(row.label, count) for row, count in contradiction.rows} == {("cancel", 2), ("refund", 1)}
    assert found(rows, even, [0, 1, 0, 2]).contradictions == ()


def test_personal_data_is_redacted_and_hostile_text_stays_text(tmp_path: Path) -> None:
    rows, shares = corpus()
    rows[0], rows[1] = (f"{HOSTILE} a", "a"), ("write to jane.roe@example.com please", "a")
    rows[2] = ("=HYPERLINK(1)", "a")
    shares[2] = [0.01, 0.99]
    findings = found(rows, shares)
    write_findings(findings, tmp_path, HOSTILE)
    page, table = ((tmp_path / name).read_text(encoding="utf-8") for name in (PAGE_FILE, CSV_FILE))
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7 * 7 }}" in page
    for text in (page, table):
        assert "jane.roe@example.com" not in text
        assert "&lt;EMAIL&gt;" in text or "<EMAIL>" in text
    assert "'=HYPERLINK" in table
    assert tuple(next(csv.reader(table.splitlines()))) == COLUMNS


def test_decisions_entered_into_the_table_outlive_the_next_check(tmp_path: Path) -> None:
    findings = found(*corpus())
    write_findings(findings, tmp_path, "my.csv")
    file = tmp_path / CSV_FILE
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([lines[0], f"keep{lines[1]}", f"b{lines[2]}"]) + "\n")
    write_findings(findings, tmp_path, "my.csv")
    assert [(d.action.value, d.intent) for d in read_decisions(file)] == [("keep", ""), ("move", "b")]
    file.write_text("not,what,was,written\n")
    write_findings(findings, tmp_path, "my.csv")
    assert (tmp_path / "suspects.old.csv").read_text(encoding="utf-8") == "not,what,was,written\n"


@dataclass(frozen=True)
class Letters:
    """An encoder for tests: a message's vector counts its letters."""

    def load(self) -> Letters:
        return self

    def encode(self, messages: Sequence[str]) -> Encoded:
        counts = np.ones((len(messages), 32), dtype=np.float32) / 10
        for row, message in enumerate(messages):
            np.add.at(counts[row], [ord(c) % 32 for c in message], 1)
        unit = counts / np.linalg.norm(counts, axis=1, keepdims=True)
        return Encoded(unit, unit, unit, [np.arange(3, dtype=np.int32)] * len(messages))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """The command with an encoder that needs no model."""
    monkeypatch.setattr(check, "export", lambda *_: Letters())
    monkeypatch.chdir(tmp_path)
    return CliRunner(env={"COLUMNS": "200"})


def test_the_command_names_a_planted_error_and_says_where_the_results_are(
    run: CliRunner, tmp_path: Path
) -> None:
    words = ("aaaa", "aaab", "aaba", "abaa", "baaa", "aabb", "abab", "abba")
    rows = [f"{word} {word[::-1]} {n},first" for n, word in enumerate(words)]
    rows += [f"{word.replace('a', 'y').replace('b', 'z')} yzzy {n},second" for n, word in enumerate(words)]
    rows.append(
        f'"{HOSTILE.replace(chr(34), "")} zyzyzyzyzyzyzyzy zzzzyyyyzzzzyyyy yyyyzzzzyyyy zyzyzyzy",first'
    )
    (tmp_path / "my.csv").write_text("\n".join(["message,intent", *rows]) + "\n")
    result = run.invoke(app, ["my.csv", "--out", "found"])
    assert result.exit_code == 0, result.output
    assert HOSTILE in result.output
    assert "found/labels.html" in result.output
    assert "second" in (tmp_path / "found" / CSV_FILE).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("message,intent\nhello,\n", "the intent is empty"),
        ("message,intent\nhello,one\nhi,one\n", "a bot needs at least two intents"),
        ("nothing to see", "one column"),
    ],
)
def test_an_input_that_cannot_be_checked_is_an_error_and_no_traceback(
    run: CliRunner, tmp_path: Path, content: str, says: str
) -> None:
    (tmp_path / "my.csv").write_text(content)
    result = run.invoke(app, ["my.csv"])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert says in result.output


def test_unusable_rows_are_errors_and_the_others_are_checked(run: CliRunner, tmp_path: Path) -> None:
    rows = [f"{c * 5} {n},{c}" for c in "ab" for n in range(6)]
    (tmp_path / "my.csv").write_text("\n".join(["message,intent", *rows, "no intent,"]) + "\n")
    result = run.invoke(app, ["my.csv"])
    assert result.exit_code == 1
    assert "the intent is empty" in result.output
    assert "12 rows" in result.output
    assert (tmp_path / "models/label-check" / PAGE_FILE).is_file()


def test_a_corpus_of_which_nothing_can_be_held_out_has_no_suspects(run: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text("message,intent\nhello there,one\nhello there,two\n")
    result = run.invoke(app, ["my.csv"])
    assert result.exit_code == 0, result.output
    assert "1 message with different labels" in result.output
    assert "2 intents with too few messages" in result.output
    page = (tmp_path / "models/label-check" / PAGE_FILE).read_text(encoding="utf-8")
    assert "0 of the rows" in page


def test_every_kind_of_input_is_read_or_refused(tmp_path: Path) -> None:
    read = 0
    for case in sorted(cases().iterdir()):
        if case.name == "README.md" or "replies" in case.name or "rules" in case.name:
            continue
        try:
            loaded, *_ = check.read_usable(case, Columns())
        except CorpusError:
            continue
        read += 1
        assert len(loaded.table)
    assert read > 30


def test_messages_in_a_language_that_the_encoder_does_not_understand_are_counted(
    run: CliRunner, tmp_path: Path
) -> None:
    rows = ["where is my parcel,parcel", "has my parcel been shipped,parcel", "I want my money back,refund"]
    rows += ["Ich möchte mein Geld zurück,refund", "Wo ist denn mein Paket geblieben,parcel"]
    (tmp_path / "my.csv").write_text("\n".join(["message,intent", *rows]) + "\n", encoding="utf-8")
    result = run.invoke(app, ["my.csv"])
    assert "2 of 5 messages (40%) are in German" in result.output
    assert "German" not in run.invoke(app, ["my.csv", "--encoder", "multilingual"]).output
