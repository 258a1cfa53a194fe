"""Each check of the gate, seen to pass and to refuse on outcomes made for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chatbot.dialog.message import OUT_OF_SCOPE
from training.gate.changes import MEGABYTE, check_known, check_lost, check_new, check_size
from training.gate.compared import (
    check_answers,
    check_calibration,
    check_macro_f1,
    check_out_of_scope,
    check_parts,
)
from training.gate.evidence import PairedOutcomes
from training.gate.params import GateParams
from training.model.evaluation.outcome import Outcome

PARAMS = GateParams(draws=1_000)
INTENTS = ("cancel", "refund", "track")
EACH, FOREIGN = 40, 30


def side(
    wrong: dict[str, int] | None = None, caught: int = 28, answered: float = 0.8, sure: float = 0.95
) -> Outcome:
    """What a bundle made of 40 messages an intent and 30 foreign ones.

    Args:
        wrong: of an intent, how many of its messages it takes for another; the first ones.
        caught: of the foreign messages, how many get no answer. answered: the share of the others that is answered.
        sure: its confidence in everything.
    """
    truth = np.array([*np.repeat(INTENTS, EACH), *[OUT_OF_SCOPE] * FOREIGN])
    likeliest = np.where(truth == OUT_OF_SCOPE, "refund", truth)
    for intent, count in (wrong or {}).items():
        others = [name for name in INTENTS if name != intent]
        likeliest[np.flatnonzero(truth == intent)[:count]] = others[0]
    inside = truth != OUT_OF_SCOPE
    place = np.concatenate([np.tile(np.arange(EACH), len(INTENTS)), np.arange(FOREIGN)])
    open_ = np.where(inside, place >= EACH * (1 - answered), place >= caught)
    routed = np.where(~inside & (place < caught), OUT_OF_SCOPE, likeliest)
    # Usual messages score between 1 and 2; foreign ones that are caught lie below all of them, the others among them.
    scope = np.where(inside, 1 + place / EACH, np.where(place < caught, 0.5, 1.5))
    return Outcome(truth, likeliest, np.full(len(truth), sure), scope, routed, open_)


def paired(champion: Outcome | None, challenger: Outcome, **changes: object) -> PairedOutcomes:
    rows = len(challenger.truth)
    made = PairedOutcomes(
        messages=[f"message {row}" for row in range(rows)],
        champion=champion,
        challenger=challenger,
        champion_intents=frozenset() if champion is None else frozenset(INTENTS),
        challenger_intents=frozenset(INTENTS),
        new=np.zeros(rows, dtype=bool),
        slices={"short": np.arange(rows) % 2 == 0},
    )
    return replace(made, **changes)


def test_macro_f1_refuses_what_is_surely_worse_and_no_more() -> None:
    worse = check_macro_f1(paired(side(), side({"cancel": 6, "refund": 6})), PARAMS)
    assert worse.verdict == "refused"
    assert worse.numbers["high"] < -PARAMS.macro_f1_margin  # type: ignore[operator]
    assert worse.numbers["challenger"] < worse.numbers["champion"]  # type: ignore[operator]
    near = check_macro_f1(paired(side({"refund": 1}), side({"cancel": 2})), PARAMS)
    assert near.verdict == "passed"
    assert near.numbers["low"] < 0 < near.numbers["high"]  # type: ignore[operator]
    assert check_macro_f1(paired(side({"cancel": 9}), side()), PARAMS).verdict == "passed"


def test_a_significant_loss_of_macro_f1_within_the_margin_passes() -> None:
    compared = paired(side(), side({"cancel": 6, "refund": 6}))
    lost = -float(check_macro_f1(compared, PARAMS).numbers["high"])  # type: ignore[arg-type]
    within, beyond = (
        PARAMS.model_copy(update={"macro_f1_margin": margin}) for margin in (1.1 * lost, 0.9 * lost)
    )
    assert check_macro_f1(compared, within).verdict == "passed"
    assert check_macro_f1(compared, beyond).verdict == "refused"


def test_one_intent_that_broke_is_refused_by_name_and_the_others_are_not() -> None:
    # 12 regressions, none fixes: p = 2 / 2^12, times the four parts there are.
    intents, slices = check_parts(paired(side(), side({"track": 12})), PARAMS)
    assert intents.verdict == "refused"
    first = intents.rows[0]
    assert (first["name"], first["regressions"], first["fixes"]) == ("track", 12, 0)
    assert first["p"] == pytest.approx(2 / 2**12)
    assert first["adjusted"] == pytest.approx(4 * 2 / 2**12)
    assert [row["refused"] for row in intents.rows] == [True, False, False]
    assert slices.rows[0]["name"] == "short"
    assert "track" in intents.sentence


def test_intents_and_slices_are_corrected_together() -> None:
    """Six regressions are below 5 % alone (3.1 %), and not among four parts."""
    intents, _ = check_parts(paired(side(), side({"track": 6})), PARAMS)
    assert intents.rows[0]["p"] == pytest.approx(2 / 2**6)
    assert intents.verdict == "passed"


def test_an_improved_intent_is_not_a_reason_to_refuse() -> None:
    assert [c.verdict for c in check_parts(paired(side({"track": 30}), side()), PARAMS)] == [
        "passed",
        "passed",
    ]


def test_a_slice_that_broke_is_refused_although_no_intent_surely_did() -> None:
    challenger = side(dict.fromkeys(INTENTS, 5))
    mask = np.zeros(len(challenger.truth), dtype=bool)
    mask[np.concatenate([np.flatnonzero(challenger.truth == name)[:5] for name in INTENTS])] = True
    intents, slices = check_parts(paired(side(), challenger, slices={"typos": mask}), PARAMS)
    assert (intents.verdict, slices.verdict) == ("passed", "refused")
    assert slices.rows[0]["name"] == "typos"


@pytest.mark.parametrize(
    ("claimed", "verdict"), [(0.0, "passed"), (0.01, "passed"), (0.04, "refused"), (-0.05, "refused")]
)
def test_calibration_refuses_too_sure_and_too_unsure_alike(claimed: float, verdict: str) -> None:
    """A calibrated model, and what is claimed beyond it."""
    draw = np.random.default_rng(0)
    honest = draw.uniform(0.6, 0.95, 6_000)
    truth = np.full(6_000, "cancel")
    likeliest = np.where(draw.random(6_000) < honest, "cancel", "refund")
    challenger = Outcome(truth, likeliest, honest + claimed, honest, likeliest, honest > 0)
    check = check_calibration(
        paired(None, challenger, slices={}, new=np.zeros(6_000, dtype=bool)),
        PARAMS,
    )
    assert check.verdict == verdict
    assert check.numbers["bound"] == pytest.approx(check.numbers["if_calibrated"] + 0.015)  # type: ignore[operator]
    assert check.numbers["accuracy"] == pytest.approx(float((likeliest == truth).mean()))


def test_significantly_fewer_recognised_out_of_scope_messages_are_refused() -> None:
    bad = check_out_of_scope(paired(side(caught=28), side(caught=20)), PARAMS)
    assert bad.verdict == "refused"
    assert (bad.numbers["regressions"], bad.numbers["fixes"]) == (8, 0)
    assert bad.numbers["p"] == pytest.approx(2 / 2**8)
    assert check_out_of_scope(paired(side(caught=28), side(caught=25)), PARAMS).verdict == "passed"
    assert check_out_of_scope(paired(side(caught=20), side(caught=30)), PARAMS).verdict == "passed"


def test_scope_is_compared_where_both_let_as_many_usual_messages_pass() -> None:
    """Another scale of the score, or other thresholds, change nothing."""
    other = side(caught=28)
    scaled = replace(other, scope=0.1 * other.scope - 3, routed=other.likeliest)
    check = check_out_of_scope(paired(side(caught=28), scaled), PARAMS)
    assert (check.verdict, check.numbers["regressions"], check.numbers["fixes"]) == ("passed", 0, 0)
    strict = GateParams(acceptance=0.3)
    assert check_out_of_scope(paired(side(caught=20), side(caught=20)), strict).numbers["challenger"] == 1


def test_out_of_scope_messages_near_a_new_intent_are_left_to_the_answers() -> None:
    """A champion without an intent recognises what is near to it easily."""
    near = side(caught=20)
    near.likeliest[-10:] = "track"
    changes = {"champion_intents": frozenset({"cancel", "refund"})}
    check = check_out_of_scope(paired(side(caught=28), near, **changes), PARAMS)
    assert (check.verdict, check.numbers["messages"]) == ("passed", 20)
    assert check_out_of_scope(paired(side(caught=28), near), PARAMS).verdict == "refused"
    near.likeliest[-30:] = "track"
    assert check_out_of_scope(paired(side(caught=28), near, **changes), PARAMS).verdict == "unjudged"
    assert check_answers(paired(side(caught=30), near, **changes), 0.02, PARAMS).verdict == "refused"


def test_without_out_of_scope_messages_scope_is_reported_as_unjudged() -> None:
    inside = np.arange(3 * EACH)
    check = check_out_of_scope(
        paired(side().part(inside), side().part(inside), slices={}, new=np.zeros(3 * EACH, dtype=bool)),
        PARAMS,
    )
    assert check.verdict == "unjudged"


def test_a_bot_that_answers_far_less_by_itself_is_refused() -> None:
    less = check_answers(paired(side(answered=0.8), side(answered=0.55)), 0.02, PARAMS)
    assert less.verdict == "refused"
    assert less.numbers["challenger"] == pytest.approx(0.55)
    assert check_answers(
        paired(side(answered=0.8, caught=30), side(answered=0.65, caught=30)), 0.02, PARAMS
    ).verdict == ("passed")


def test_answers_that_are_surely_more_often_wrong_than_learned_for_are_refused() -> None:
    # Ten foreign messages among 106 answers: surely above 2 %, and more than the champion's none.
    risky = paired(side(caught=30), side(caught=20))
    assert check_answers(risky, 0.02, PARAMS).verdict == "refused"
    assert check_answers(risky, 0.02, PARAMS).numbers["wrong"] == 10
    assert check_answers(risky, 0.2, PARAMS).verdict == "passed"
    assert check_answers(risky, None, PARAMS).verdict == "passed"
    as_before = paired(side(caught=20), side(caught=20))
    assert check_answers(as_before, 0.02, PARAMS).verdict == "passed"
    # One more than the champion's ten, which label errors explain as well.
    assert check_answers(paired(side(caught=20), side(caught=19)), 0.02, PARAMS).verdict == "passed"
    assert check_answers(paired(side(caught=20), side(caught=1)), 0.02, PARAMS).verdict == "refused"


def test_the_risk_is_judged_at_the_out_of_scope_share_that_the_thresholds_were_learned_for() -> None:
    """Thirty of 150 test messages are foreign; at 1 % of the traffic, answers to ten of them stay below the target."""
    risky = paired(side(caught=30), side(caught=20))
    assert check_answers(risky, 0.02, PARAMS, 0.01).verdict == "passed"
    assert check_answers(risky, 0.02, PARAMS, 0.2).verdict == "refused"
    assert check_answers(risky, 0.02, PARAMS, 0.5).verdict == "refused"
    assert check_answers(risky, 0.02, PARAMS, 0.01).numbers["wrong"] == 10, "the page counts messages"


def test_an_intent_that_went_is_refused_unless_people_retired_it() -> None:
    gone = paired(side(), side(), challenger_intents=frozenset({"cancel", "refund"}))
    check = check_lost(gone, frozenset(), PARAMS)
    assert check.verdict == "refused"
    assert [row["intent"] for row in check.rows] == ["track"]
    retired = PARAMS.model_copy(update={"retired": ("track",)})
    assert check_lost(gone, frozenset(), retired).verdict == "passed"
    assert check_lost(paired(side(), side()), frozenset(), PARAMS).verdict == "passed"


def test_an_intent_that_is_there_and_never_recognised_is_refused() -> None:
    by_test = check_lost(paired(side(), side({"track": EACH})), frozenset(), PARAMS)
    by_head = check_lost(paired(side(), side()), frozenset({"track"}), PARAMS)
    for check in (by_test, by_head):
        assert check.verdict == "refused"
        assert [row["intent"] for row in check.rows] == ["track"]
    assert check_lost(paired(side(), side({"track": EACH - 1})), frozenset(), PARAMS).verdict == "passed"


@pytest.mark.parametrize(("wrong", "verdict"), [(0, "passed"), (14, "warned"), (30, "refused")])
def test_a_new_intent_is_judged_on_its_own_rows(wrong: int, verdict: str) -> None:
    """14 of 40 wrong may be chance for one that is right in 70 %; 30 of 40 are not."""
    rows = np.array([name == "track" for name in side().truth])
    check = check_new(
        paired(side(), side({"track": wrong}), champion_intents=frozenset({"cancel", "refund"}), new=rows),
        PARAMS,
    )
    assert check.verdict == verdict
    assert check.rows[0]["right"] == EACH - wrong


def test_a_new_intent_without_test_rows_is_warned_of() -> None:
    check = check_new(paired(side(), side(), challenger_intents=frozenset({*INTENTS, "bicycles"})), PARAMS)
    assert check.verdict == "warned"
    assert "bicycles" in check.sentence


def test_rows_whose_labels_came_with_the_challenger_are_not_what_it_is_compared_on() -> None:
    new = np.array([name == "track" for name in side().truth])
    found = paired(side(), side({"track": EACH}), new=new)
    assert check_macro_f1(found, PARAMS).verdict == "passed"
    assert check_parts(found, PARAMS)[0].verdict == "passed"


def test_a_bundle_that_grew_too_much_or_is_too_large_is_refused() -> None:
    assert check_size(64 * MEGABYTE, 63 * MEGABYTE, PARAMS).verdict == "passed"
    assert check_size(90 * MEGABYTE, 63 * MEGABYTE, PARAMS).verdict == "refused"
    assert check_size(151 * MEGABYTE, 150 * MEGABYTE, PARAMS).verdict == "refused"
    assert check_size(64 * MEGABYTE, None, PARAMS).verdict == "passed"


def test_messages_that_are_treated_differently_are_listed_the_broken_ones_first() -> None:
    proofs = [{"message": "cancel it", "before": "cancel", "now": "refund"}]
    check = check_known(paired(side({"track": 2}), side({"cancel": 3})), proofs)
    assert check.verdict == "warned"
    assert check.numbers["changed"] == 5
    assert [row["change"] for row in check.rows] == ["regression"] * 4 + ["fix"] * 2
    assert [row["kind"] for row in check.rows] == ["proof"] + ["test"] * 5
    assert check_known(paired(side(), side()), []).verdict == "passed"


def with_template(rows: int, wrong: bool) -> Outcome:
    """What a bundle made of each intent's messages and of so many copies of one more of `track`."""
    name = "cancel" if wrong else "track"
    more = Outcome(
        np.repeat("track", rows),
        np.repeat(name, rows),
        *np.full((2, rows), 0.95),
        np.repeat(name, rows),
        np.ones(rows, bool),
    )
    fields = ("truth", "likeliest", "confidence", "scope", "routed", "answered")
    first = side()
    return Outcome(*(np.concatenate([getattr(first, field), getattr(more, field)]) for field in fields))


def test_a_sentence_that_occurs_thirty_times_is_one_piece_of_evidence() -> None:
    champion, challenger = with_template(30, wrong=False), with_template(30, wrong=True)
    rows = len(challenger.truth)
    groups = np.asarray([*map(str, range(rows - 30)), *["template"] * 30])
    alone = paired(champion, challenger)
    assert check_macro_f1(alone, PARAMS).verdict == check_parts(alone, PARAMS)[0].verdict == "refused"
    together = replace(alone, groups=groups)
    assert check_macro_f1(together, PARAMS).verdict == "passed"
    intents, slices = check_parts(together, PARAMS)
    assert (intents.verdict, slices.verdict) == ("passed", "passed")
    assert intents.rows[0]["regressions"] == 1
    once = paired(with_template(1, wrong=False), with_template(1, wrong=True))
    assert check_macro_f1(together, PARAMS).numbers["high"] == pytest.approx(
        check_macro_f1(once, PARAMS).numbers["high"]
    )
    for name in ("ece", "accuracy", "if_calibrated"):
        found, expected = (check_calibration(one, PARAMS).numbers[name] for one in (together, once))
        assert found == pytest.approx(expected, abs=0.003), name
    answers, expected = (check_answers(one, 0.02, PARAMS, 0.1) for one in (together, once))
    assert answers.numbers["challenger"] == pytest.approx(expected.numbers["challenger"])
    assert answers.numbers["risk_lower_bound"] == pytest.approx(expected.numbers["risk_lower_bound"])
    assert answers.numbers["wrong"] == 32, "the page counts messages"


def test_a_group_is_lost_once_and_a_new_intent_is_judged_by_its_distinct_messages() -> None:
    rows = np.array([name == "track" for name in side().truth])
    groups = np.where(rows, "template", np.arange(len(rows)).astype(str))
    lost = paired(side(), side({"track": EACH}), groups=groups)
    assert check_lost(lost, frozenset(), PARAMS).verdict == "passed"
    new = replace(lost, champion_intents=frozenset({"cancel", "refund"}), new=rows)
    assert check_new(new, PARAMS).verdict == "warned"


def test_groups_of_one_message_each_change_no_number() -> None:
    alone = paired(side({"refund": 3}), side({"cancel": 5, "track": 1}, caught=25))
    grouped = replace(alone, groups=np.array([f"g{row % 7}-{row}" for row in range(len(alone.truth))]))
    for check in (check_macro_f1, check_parts, check_calibration, check_out_of_scope, check_new):
        assert check(grouped, PARAMS) == check(alone, PARAMS)
    assert check_answers(grouped, 0.02, PARAMS, 0.1) == check_answers(alone, 0.02, PARAMS, 0.1)


def test_a_first_version_is_compared_with_nothing() -> None:
    first = paired(None, side({"track": EACH}))
    assert check_macro_f1(first, PARAMS).verdict == "unjudged"
    assert {check.verdict for check in check_parts(first, PARAMS)} == {"unjudged"}
    assert check_lost(first, frozenset(), PARAMS).verdict == "unjudged"
    assert check_new(first, PARAMS).verdict == "passed"
    assert check_known(first, []).verdict == "unjudged"
