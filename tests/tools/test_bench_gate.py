"""The gate's trial: poison is what it says it is, trials are kept and not made twice, the table counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from typer.testing import CliRunner

from chatbot.model.encoder import Encoded
from tools.bench.gate import __main__ as command
from tools.bench.gate import cases
from tools.bench.gate.__main__ import Trial
from tools.bench.gate.cases import KINDS, GateCase, Workshop, default_replies, empty, flip, move
from tools.bench.quality.vectors import Vectors

LABELS = np.repeat(["a", "b", "c"], 100)
ROWS = np.arange(300)


def draw() -> np.random.Generator:
    return np.random.default_rng(0)


def test_flipped_labels_are_as_many_as_said_and_each_is_another() -> None:
    rows, labels = flip(ROWS, LABELS, draw())
    assert (rows == ROWS).all()
    assert (labels != LABELS).sum() == 30
    assert len(set(labels[labels != LABELS])) == 3


def test_one_intents_messages_move_into_one_other() -> None:
    _, labels = move(ROWS, LABELS, draw())
    changed = labels != LABELS
    assert changed.sum() == 100
    assert len(set(LABELS[changed])) == len(set(labels[changed])) == 1


def test_an_emptied_intent_has_no_row() -> None:
    rows, labels = empty(ROWS, LABELS, draw())
    assert len(rows) == len(labels) == 200
    assert (LABELS[rows] == labels).all()
    assert len(set(labels)) == 2


def test_a_challenger_is_taught_all_that_the_champion_was() -> None:
    groups = np.array([str(row // 2) for row in ROWS])
    workshop = Workshop.__new__(Workshop)
    workshop.case = GateCase("x", [], LABELS, groups, groups, [], 0.6, 0.8)
    fewer, more = (set(workshop.rows(3, share).tolist()) for share in (0.6, 0.8))
    assert fewer < more
    assert (len(fewer), len(more)) == (180, 240)
    assert all((row ^ 1) in more for row in more), "near-duplicates stay together"


class StandInVectors:
    """An encoder's place: each message gets a vector of its own."""

    def encode(self, messages: Sequence[str]) -> Encoded:
        vectors = np.eye(len(messages), 8, dtype=np.float32)
        return Encoded(vectors, vectors, vectors, [np.zeros(1, np.int32)] * len(messages))


def test_a_version_is_taught_with_names_and_out_of_scope_rows_as_the_product_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taught: dict[str, Any] = {}

    def stop(*_rows: object, **given: object) -> None:
        taught.update(given)
        raise InterruptedError

    outside, groups = (
        ["who won the match", "who won the match?", "a joke please"],
        np.array(["1", "2", "3", "4"]),
    )
    messages, intents = (
        ["pay me back", "stop my order", "my money", "cancel it"],
        np.array(["pay", "stop"] * 2),
    )
    case = GateCase("x", messages, intents, groups, groups, outside, 1, 1)
    monkeypatch.setattr(cases, "fit", stop)
    with pytest.raises(InterruptedError):
        Workshop(case, cast(Vectors, StandInVectors())).champion(0)
    assert taught["titles"][1] == ["pay", "stop"]
    assert len(taught["outside"].encoded) == 3
    assert taught["outside"].groups[0] == taught["outside"].groups[1] != taught["outside"].groups[2]


def test_a_version_has_a_reply_for_each_intent_without_rows_that_name_one() -> None:
    replies = default_replies(["refund", "invoice"])
    assert set(replies.texts) == {"refund", "invoice"}


def trial(kind: str, seed: int, refused: tuple[str, ...] = ()) -> Trial:
    numbers = {
        "difference": 0.01,
        "ece": 0.02,
        "answers": 0.5,
        "taught_before": 6,
        "taught": 8,
        "test_rows": 6,
    }
    return Trial("shipped", kind, seed, refused, numbers)


def test_a_trial_whose_line_was_cut_is_made_again(tmp_path: Path) -> None:
    file = tmp_path / "gate.jsonl"
    lines = [json.dumps(asdict(trial("more", seed))) for seed in (0, 2)]
    file.write_text(f"{lines[0]}\n{lines[1][:40]}")
    assert set(command.read_trials(file)) == {("shipped", "more", 0)}
    assert command.read_trials(tmp_path / "none") == {}


def test_the_table_counts_correct_verdicts_by_check() -> None:
    found = [trial("more", seed) for seed in range(19)] + [trial("more", 19, ("calibration",))]
    found += [trial("flipped", seed, ("calibration", "answers")) for seed in range(18)]
    found += [trial("flipped", 18, ("calibration",)), trial("flipped", 19)]
    (honest_ok, honest), (flipped_ok, flipped), *_ = command.table_lines(found)
    assert honest[2] == "19 of 20 accepted"
    assert flipped[2] == "19 of 20 refused"
    assert flipped[3] == "calibration 19, answers 18"
    assert flipped[4] == "18"
    assert honest_ok
    assert flipped_ok
    _, (ok, _), *_ = command.table_lines([*found[20:38], trial("flipped", 18), trial("flipped", 19)])
    assert not ok, "18 of 20 are too few"


def test_issue_fives_kinds_are_all_there() -> None:
    assert set(KINDS) == {"more", "flipped", "moved", "emptied"}


def test_kept_trials_alone_make_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [
        replace(trial(kind, seed, () if kind == "more" else ("answers",)), case=case)
        for case in command.CASES
        for kind in KINDS
        for seed in range(command.SEEDS)
    ]
    monkeypatch.setattr(command, "commit", lambda: "abc1234")
    monkeypatch.setattr(command, "CACHE", tmp_path)
    monkeypatch.setattr(command, "PAGE", tmp_path / "gate.md")
    (tmp_path / f"gate-{command.code()}.jsonl").write_text(
        "".join(json.dumps(asdict(one)) + "\n" for one in kept)
    )
    assert CliRunner().invoke(command.main).exit_code == 0
    page = command.PAGE.read_text()
    assert "`python -m tools.bench.gate` (20 seeds each" in page
    assert page.count("20 of 20 refused") == 3 * len(command.CASES)
    assert "Every row that was measured is met." in page
