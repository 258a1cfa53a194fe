"""Behavioural tests: what is expected is what is asked, and a group is judged by its bound and by the champion."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.dialog.rules import Rules
from chatbot.errors import BundleError
from chatbot.model.bundle import Bundle
from data.folder import read_intents
from data.messages import normalise
from training.gate.behaviour import check_behaviour
from training.gate.behaviour_tests import (
    Behaviour,
    BehaviourResult,
    Group,
    expand,
    messages_of,
    read_behaviours,
    run,
)
from training.gate.params import GateParams
from training.gate.verdict import GateCheck
from training.model.encoder.batch import encode

ROOT = Path(__file__).resolve().parents[2]


def group(name: str = "plain", at_most: float = 0.2, count: int = 10, must: bool = False) -> Group:
    tests = tuple(
        Behaviour(message=f"{name} {number}", intent="cancel_order", must=must) for number in range(count)
    )
    return Group(group=name, title=name, why="so", at_most=at_most, tests=tests)


def judged(groups: list[Group], now: list[int], before: list[int] | None, by_rule: bool = False) -> GateCheck:
    """So many of each group's tests fail, the first ones; rules or the model decide all of them."""

    def results(failed: list[int]) -> list[BehaviourResult]:
        return [
            BehaviourResult(number >= count, "did so", by_rule)
            for one, count in zip(groups, failed, strict=True)
            for number in range(len(one.tests))
        ]

    champion = None if before is None else results(before)
    return check_behaviour(groups, expand(groups), results(now), champion, GateParams())


def test_a_group_beyond_its_bound_is_refused_where_more_turned_than_chance_turns() -> None:
    assert judged([group()], [4], [1]).verdict == "refused"
    assert judged([group()], [4], [2]).verdict == "passed", "two turned: that happens"
    assert judged([group()], [4], [4]).verdict == "passed", "what serves now fails them too"
    assert judged([group(at_most=0.5)], [4], [1]).verdict == "passed", "within its bound"
    assert judged([group(at_most=0.3)], [3], [0]).verdict == "passed", "as many as the bound allows"


def test_a_bound_that_the_champion_does_not_keep_judges_no_challenger() -> None:
    assert judged([group()], [6], [3]).verdict == "passed", "three turned, and that may be chance"
    assert judged([group()], [6], [2]).verdict == "refused", "the challenger crossed it"
    large = group(count=40)
    assert judged([large], [17], [9]).verdict == "refused", "surely worse: that needs no bound"


def test_a_group_that_is_surely_worse_is_refused_within_its_bound() -> None:
    large = group(at_most=0.9, count=40)
    assert judged([large], [8], [0]).verdict == "refused"
    assert judged([large], [5], [0]).verdict == "passed"


def test_one_failure_of_a_mandatory_behavioural_test_that_passed_before_refuses() -> None:
    rules = group(at_most=1.0, must=True)
    assert judged([rules], [1], [0], by_rule=True).verdict == "refused"
    assert judged([rules], [1], [1], by_rule=True).verdict == "passed"


def test_a_test_that_must_never_fail_is_one_of_its_group_where_the_model_decided_it() -> None:
    at_once = group(at_most=0.0, must=True)
    assert judged([at_once], [1], [0]).verdict == "passed", "one turned: that happens to what is learned"
    assert judged([at_once], [3], [0]).verdict == "refused"


def test_failed_tests_are_listed_with_what_was_before() -> None:
    check = judged([group("a"), group("b")], [2, 0], [1, 0])
    failed = [row for row in check.rows if row["kind"] == "test"]
    assert [(row["message"], row["before"]) for row in failed] == [("a 1", "passed"), ("a 0", "failed")]
    assert check.numbers["newly_failed"] == 1
    assert check.sentence.startswith("18 of 20 tests pass, 19 did before")


def test_a_first_version_beyond_a_bound_is_reported() -> None:
    assert judged([group()], [3], None).verdict == "refused"
    assert judged([group()], [2], None).verdict == "passed"


def test_no_test_that_fits_is_unjudged() -> None:
    assert check_behaviour([group()], [], [], None, GateParams(), left_out=10).verdict == "unjudged"


@pytest.mark.parametrize(
    ("expected", "holds"),
    [
        ({"intent": "cancel_order"}, True),
        ({"intent": "get_refund"}, False),
        ({"never": ("cancel_order",)}, False),
        ({"never": ("get_refund",)}, True),
        ({"expect": "no_answer"}, False),
        ({"expect": "handoff"}, False),
        ({"variants": ("CANCEL MY ORDER PLEASE!",)}, True),
        ({"variants": ("please send me the newsletter",)}, False),
    ],
)
def test_what_a_real_bundle_does_with_a_message_it_answers(
    bundle: Bundle, expected: dict[str, object], holds: bool
) -> None:
    assert outcome(bundle, Behaviour.model_validate({"message": "please cancel my order", **expected})) == [
        holds
    ]


@pytest.mark.parametrize(
    ("message", "expected", "holds"),
    [
        ("I will see you in court", {"expect": "handoff"}, True),
        ("hello", {"expect": "handoff"}, False),
        ("hello", {"expect": "no_answer"}, True),
        ("qwzx brrr florp", {"expect": "no_answer"}, True),
        ("I want to talk to a human", {"intent": "contact_human_agent"}, True),
    ],
)
def test_what_a_real_bundle_does_with_what_it_does_not_answer(
    bundle: Bundle, message: str, expected: dict[str, object], holds: bool
) -> None:
    assert outcome(bundle, Behaviour.model_validate({"message": message, **expected})) == [holds]


def test_a_result_says_whether_a_rule_decided(bundle: Bundle) -> None:
    told = {"I will see you in court": True, "please cancel my order": False, "qwzx brrr florp": False}
    behaviours = tuple(Behaviour(message=message, expect="handoff") for message in told)
    tests = expand([Group(group="one", title="", why="", at_most=0, tests=behaviours)])
    results = run(bundle, tests, encode(bundle.encoder, messages_of(tests)))
    assert [result.by_rule for result in results] == list(told.values())


def outcome(bundle: Bundle, behaviour: Behaviour) -> list[bool]:
    tests = expand([Group(group="one", title="", why="", at_most=0, tests=(behaviour,))])
    return [result.passed for result in run(bundle, tests, encode(bundle.encoder, messages_of(tests)))]


def test_the_shipped_behavioural_tests_are_many_and_none_is_in_the_corpus() -> None:
    tests = expand(read_behaviours())
    taught = {
        normalise(text) for intent in read_intents(ROOT / "data" / "corpus") for _, text in intent.messages
    }
    assert len(tests) >= 100
    small_talk = {"hello", "thank you so much"}  # what everybody writes: rules decide it
    found = {test.message for test in tests if normalise(test.message) in taught} - small_talk
    assert not found


def test_what_must_never_fail_is_decided_by_a_rule_that_ships() -> None:
    rules = Rules.load(ROOT / "data" / "corpus" / "rules.yaml")
    musts = [test.message for test in expand(read_behaviours()) if test.behaviour.must]
    assert len(musts) >= 8
    assert [message for message in musts if rules.match(message) is None] == []


def test_the_shipped_tests_name_intents_that_there_are() -> None:
    intents = {intent.intent for intent in read_intents(ROOT / "data" / "corpus")}
    assert {name for test in expand(read_behaviours()) for name in test.intents} <= intents


def test_the_shipped_bundle_keeps_every_bound(bundle: Bundle) -> None:
    groups = read_behaviours()
    tests = expand(groups)
    results = run(bundle, tests, encode(bundle.encoder, messages_of(tests)))
    check = check_behaviour(groups, tests, results, None, GateParams())
    assert [row["name"] for row in check.rows if row["kind"] == "group" and row["refused"]] == []
    assert check.numbers["must_failed"] == 0


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("- {group: a, title: t, why: w, at_most: 0.1, tests: [{message: hi}]}", "expects nothing"),
        ("- {group: a, title: t, why: w, at_most: 2, tests: [{message: hi, intent: x}]}", "at_most"),
        ("- {group: a, title: t, why: w, at_most: 0.1, tests: [{message: hi, intend: x}]}", "intend"),
        ("nothing", "not a file of behavioural tests"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_the_reason(tmp_path: Path, content: str, named: str) -> None:
    file = tmp_path / "behaviours.yaml"
    file.write_text(content)
    with pytest.raises(BundleError, match=named) as error:
        read_behaviours(file)
    assert str(file) in str(error.value)


def test_a_group_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "behaviours.yaml"
    file.write_text("- {group: a, title: t, why: w, at_most: 0, tests: [{message: hi, intent: x}]}\n" * 2)
    with pytest.raises(BundleError, match="two groups have the same name: a"):
        read_behaviours(file)
