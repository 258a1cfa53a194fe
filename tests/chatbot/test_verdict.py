"""The drift verdict as a file, and whether it is reason enough for a retrain."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from chatbot.loop.drift_verdict import Check, DriftVerdict, Window
from chatbot.loop.retrain_decision import decide
from chatbot.loop.retrain_history import MAX_REQUESTS, RetrainHistory, RetrainInputs

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
    decision = decide(RetrainHistory(), verdict(colour=colour), RetrainInputs(*STATE), NOW, DAY)
    assert not decision.run
    assert colour in decision.why


def test_drift_retrains_once() -> None:
    red = verdict(check("scope.low"), check("words"))
    first = decide(RetrainHistory(), red, RetrainInputs(*STATE), NOW, DAY)
    assert first.run
    assert "scope.low, words" in first.why
    memory = RetrainHistory().add(RetrainInputs(*STATE), red.red_checks, NOW, "needs_review")
    again = decide(memory, red, RetrainInputs(*STATE), NOW + 30 * DAY, DAY)
    assert not again.run
    assert "needs_review" in again.why


def test_a_subset_of_the_same_drift_is_not_new_drift_but_one_more_red_check_is() -> None:
    memory = RetrainHistory().add(
        RetrainInputs(*STATE), verdict(check("words"), check("scope.low")).red_checks, NOW
    )
    assert not decide(memory, verdict(check("words")), RetrainInputs(*STATE), NOW + 2 * DAY, DAY).run
    assert decide(
        memory, verdict(check("words"), check("chars")), RetrainInputs(*STATE), NOW + 2 * DAY, DAY
    ).run


@pytest.mark.parametrize("place", [0, 1, 2])
def test_another_champion_corpus_or_accepted_row_is_reason_to_try_again(place: int) -> None:
    red = verdict(check("words"))
    memory = RetrainHistory().add(RetrainInputs(*STATE), red.red_checks, NOW)
    state = [*STATE]
    state[place] += "-new"
    assert decide(memory, red, RetrainInputs(*state), NOW + 2 * DAY, DAY).run


def test_the_cool_down_holds_for_any_drift_and_then_ends() -> None:
    memory = RetrainHistory().add(RetrainInputs(*STATE), verdict(check("words")).red_checks, NOW)
    other = verdict(check("chars"))
    early = decide(memory, other, RetrainInputs(*STATE), NOW + 0.9 * DAY, DAY)
    assert not early.run
    assert "2026-11-24 12:00" in early.why
    assert decide(memory, other, RetrainInputs(*STATE), NOW + DAY, DAY).run


def test_a_clock_that_was_once_wrong_does_not_stop_retraining() -> None:
    memory = RetrainHistory().add(RetrainInputs(*STATE), verdict(check("chars")).red_checks, NOW + 365 * DAY)
    assert decide(memory, verdict(check("words")), RetrainInputs(*STATE), NOW, DAY).run


@pytest.mark.parametrize("outcome", ["begun", "failed", "busy"])
def test_a_retrain_that_came_to_nothing_is_tried_again_after_the_cool_down(outcome: str) -> None:
    red = verdict(check("words"))
    memory = RetrainHistory().add(RetrainInputs(*STATE), red.red_checks, NOW, outcome)
    assert not decide(memory, red, RetrainInputs(*STATE), NOW + 0.5 * DAY, DAY).run
    assert decide(memory, red, RetrainInputs(*STATE), NOW + DAY, DAY).run


def test_the_outcome_replaces_the_begun_entry() -> None:
    red = verdict(check("words"))
    memory = (
        RetrainHistory()
        .add(RetrainInputs(*STATE), red.red_checks, NOW, "begun")
        .add(RetrainInputs(*STATE), red.red_checks, NOW, "accepted")
    )
    assert [asked.outcome for asked in memory.asked] == ["accepted"]


def test_the_memory_is_a_file_of_bounded_size() -> None:
    memory = RetrainHistory()
    for hour in range(MAX_REQUESTS + 5):
        memory = memory.add(
            RetrainInputs(*STATE), verdict(check("words")).red_checks, NOW + timedelta(hours=hour)
        )
    assert len(memory.asked) == MAX_REQUESTS
    assert memory.asked[-1].when == NOW + timedelta(hours=MAX_REQUESTS + 4)
    assert RetrainHistory.model_validate_json(memory.model_dump_json()) == memory
