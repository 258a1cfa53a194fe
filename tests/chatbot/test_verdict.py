"""The drift verdict as a file, and whether it is reason enough for a retrain."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from chatbot.loop.drift_verdict import MOST_REMEMBERED, Check, DriftVerdict, RetrainMemory, Window

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
STATE = ("v7@abc", "corpus-1", "accepted-1")


def check(name: str, *, red: bool = True, alarms: bool = True) -> Check:
    return Check(
        name=name,
        against="baseline" if alarms else "reference",
        statistic=0.2,
        effect=0.2,
        threshold=0.1,
        red=red,
        alarms=alarms,
        sentence="More than before.",
    )


def verdict(*checks: Check, colour: str = "red") -> DriftVerdict:
    window = Window(since=NOW - DAY, until=NOW, records=1000)
    return DriftVerdict(
        verdict=colour, made=NOW, model_version="v7", bundle_digest="abc", window=window, checks=checks
    )


def test_a_verdict_survives_being_a_file() -> None:
    made = verdict(check("scope.low"), check("words", red=False))
    assert DriftVerdict.model_validate_json(made.model_dump_json()) == made


def test_a_verdict_of_another_format_is_refused_and_a_new_field_is_not() -> None:
    content = json.loads(verdict(check("words")).model_dump_json())
    assert DriftVerdict.model_validate(content | {"mood": "grim"}).red_checks == ("words",)
    with pytest.raises(ValidationError):
        DriftVerdict.model_validate(content | {"format": 2})


def test_only_red_checks_that_alarm_say_which_drift_it_is() -> None:
    made = verdict(check("words"), check("scope.low", alarms=False), check("chars", red=False), check("a"))
    assert made.red_checks == ("a", "words")


@pytest.mark.parametrize("colour", ["green", "silent"])
def test_without_drift_nothing_is_retrained(colour: str) -> None:
    decision = RetrainMemory().decide(verdict(colour=colour), *STATE, NOW, DAY)
    assert not decision.run
    assert colour in decision.why


def test_drift_retrains_once() -> None:
    red = verdict(check("scope.low"), check("words"))
    first = RetrainMemory().decide(red, *STATE, NOW, DAY)
    assert first.run
    assert "scope.low, words" in first.why
    memory = RetrainMemory().remember(red, *STATE, NOW, "needs_review")
    again = memory.decide(red, *STATE, NOW + 30 * DAY, DAY)
    assert not again.run
    assert "needs_review" in again.why


def test_a_part_of_the_same_drift_is_no_new_drift_and_one_red_check_more_is() -> None:
    memory = RetrainMemory().remember(verdict(check("words"), check("scope.low")), *STATE, NOW)
    assert not memory.decide(verdict(check("words")), *STATE, NOW + 2 * DAY, DAY).run
    assert memory.decide(verdict(check("words"), check("chars")), *STATE, NOW + 2 * DAY, DAY).run


@pytest.mark.parametrize("place", [0, 1, 2])
def test_another_champion_corpus_or_accepted_row_is_reason_to_try_again(place: int) -> None:
    red = verdict(check("words"))
    memory = RetrainMemory().remember(red, *STATE, NOW)
    state = [*STATE]
    state[place] += "-new"
    assert memory.decide(red, *state, NOW + 2 * DAY, DAY).run


def test_the_cool_down_holds_for_any_drift_and_then_ends() -> None:
    memory = RetrainMemory().remember(verdict(check("words")), *STATE, NOW)
    other = verdict(check("chars"))
    early = memory.decide(other, *STATE, NOW + 0.9 * DAY, DAY)
    assert not early.run
    assert "2026-11-24 12:00" in early.why
    assert memory.decide(other, *STATE, NOW + DAY, DAY).run


def test_a_clock_that_was_once_wrong_does_not_stop_retraining() -> None:
    memory = RetrainMemory().remember(verdict(check("chars")), *STATE, NOW + 365 * DAY)
    assert memory.decide(verdict(check("words")), *STATE, NOW, DAY).run


@pytest.mark.parametrize("outcome", ["begun", "failed", "busy"])
def test_a_retrain_that_came_to_nothing_is_tried_again_after_the_cool_down(outcome: str) -> None:
    red = verdict(check("words"))
    memory = RetrainMemory().remember(red, *STATE, NOW, outcome)
    assert not memory.decide(red, *STATE, NOW + 0.5 * DAY, DAY).run
    assert memory.decide(red, *STATE, NOW + DAY, DAY).run


def test_the_outcome_takes_the_place_of_what_had_begun() -> None:
    red = verdict(check("words"))
    memory = RetrainMemory().remember(red, *STATE, NOW, "begun").remember(red, *STATE, NOW, "accepted")
    assert [asked.outcome for asked in memory.asked] == ["accepted"]


def test_the_memory_is_a_file_of_bounded_size() -> None:
    memory = RetrainMemory()
    for hour in range(MOST_REMEMBERED + 5):
        memory = memory.remember(verdict(check("words")), *STATE, NOW + timedelta(hours=hour))
    assert len(memory.asked) == MOST_REMEMBERED
    assert memory.asked[-1].when == NOW + timedelta(hours=MOST_REMEMBERED + 4)
    assert RetrainMemory.model_validate_json(memory.model_dump_json()) == memory
