"""The gate judges renamed intents under their new names, and names suspect labels that came with a challenger."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from chatbot.dialog.replies import Replies
from data.declarations import Declared
from data.processing import read_processed
from tests.support.requirements import ROOT
from training.gate.behaviour_tests import Behaviour, Group, expand
from training.gate.changes import check_suspects
from training.gate.declared import renamed, with_promise
from training.gate.judge import judge
from training.gate.params import GateParams
from training.gate.report.render import page
from training.gate.verdict import GateCheck, GateVerdict
from training.labels.findings import SuspectLabel
from training.model.evaluation.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from chatbot.model.bundle import Bundle

OLD, NEW = "get_refund", "money_back"
HOSTILE = "<b>refund</b> [/red]"
SUSPECT = SuspectLabel(
    row_hash="0" * 32,
    message=HOSTILE,
    label="cancel_order",
    better=OLD,
    quality=0.1,
    source="review:1",
    neighbours=(),
)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    corpus = read_processed(ROOT / "data" / "processed" / "corpus.parquet")
    some = corpus[corpus["intent"].isin([OLD, "cancel_order", "track_order"])].groupby("intent").head(20)
    return some.assign(intent=some["intent"].replace(OLD, NEW)).reset_index(drop=True)


@pytest.fixture(scope="module")
def successor(bundle: Bundle) -> Bundle:
    """The bundle after an intent was renamed."""
    labels = tuple(NEW if label == OLD else label for label in bundle.manifest.labels)
    known = tuple(
        k.model_copy(update={"intent": NEW if k.intent == OLD else k.intent}) for k in bundle.manifest.known
    )
    return replace(
        bundle,
        manifest=bundle.manifest.model_copy(update={"labels": labels, "known": known}),
        classifier=replace(bundle.classifier, labels=labels),
        replies=Replies({NEW if name == OLD else name: text for name, text in bundle.replies.texts.items()}),
    )


def judged(
    bundle: Bundle,
    successor: Bundle,
    rows: pd.DataFrame,
    declared: Declared,
    behaviours: Sequence[Behaviour] = (),
) -> GateVerdict:
    params = GateParams(draws=100, ece_draws=100)
    return judge(
        bundle,
        successor,
        rows,
        params=params,
        behaviours=[Group(group="g", title="", why="", at_most=0, tests=tuple(behaviours))]
        if behaviours
        else (),
        declared=declared,
        suspects=[SUSPECT],
        arrived=1,
    )


def test_an_intent_that_was_renamed_without_a_word_is_lost_and_a_declared_one_is_compared(
    bundle: Bundle, successor: Bundle, rows: pd.DataFrame
) -> None:
    silent = judged(bundle, successor, rows, Declared())
    assert "lost_intents" in silent.refused_by
    declared = judged(bundle, successor, rows, Declared(renamed={OLD: NEW}))
    assert declared.passed, declared.sentence
    assert declared.check("lost_intents").verdict == "passed"
    assert NEW in [row["name"] for row in declared.check("intents").rows]
    assert declared.check("new_intents").numbers["new"] == 0
    assert declared.check("known_messages").numbers["changed"] == 0
    assert not declared.check("known_messages").rows


def test_a_removed_intent_is_not_lost_if_it_was_declared(
    bundle: Bundle, successor: Bundle, rows: pd.DataFrame
) -> None:
    """The successor lacks the old name altogether, as a bundle from which it was removed."""
    others = rows[rows["intent"] != NEW].reset_index(drop=True)
    verdict = judged(bundle, successor, others, Declared(removed=(OLD,)))
    assert verdict.check("lost_intents").verdict == "passed"
    assert OLD not in [row["message"] for row in verdict.check("known_messages").rows]


def test_a_behavioural_test_of_a_renamed_intent_judges_the_renaming(
    bundle: Bundle, successor: Bundle, rows: pd.DataFrame
) -> None:
    behaviours = [
        Behaviour(
            message="I would like my money back, a refund", intent=OLD, variants=("I want a refund!!",)
        ),
        Behaviour(message="please give me a refund of the money I paid", never=(OLD,)),
    ]
    check = judged(bundle, successor, rows, Declared(renamed={OLD: NEW}), behaviours).check("behaviour")
    assert (check.numbers["tests"], check.numbers["left_out"]) == (3, 0)
    (group,) = [row for row in check.rows if row["kind"] == "group"]
    assert group["champion"] == group["challenger"] == pytest.approx(2 / 3)
    (failed,) = [row for row in check.rows if row["kind"] == "test"]
    assert failed["expected"] == f"not answered as {NEW}"
    assert judged(bundle, successor, rows, Declared(), behaviours).check("behaviour").verdict == "unjudged"


def test_an_intent_that_was_merged_into_the_expected_one_may_be_answered() -> None:
    tests = [Behaviour(message="my money back", intent="a", never=("b", "c"))]
    group = Group(group="g", title="", why="", at_most=0, tests=tuple(tests))
    (test,) = expand([group], Declared(merged={"both": ("a", "b")}).successors)
    assert (test.behaviour.intent, test.behaviour.never) == ("both", ("c",))


def test_merged_intents_count_as_the_one_that_is_kept() -> None:
    names = np.array(["a", "b", "c"])
    outcome = Outcome(names, names, np.ones(3), np.ones(3), names, np.ones(3, dtype=bool))
    merged = renamed(outcome, Declared(merged={"kept": ("a", "b")}).successors)
    assert merged.likeliest.tolist() == merged.routed.tolist() == ["kept", "kept", "c"]
    assert merged.truth.tolist() == names.tolist()


def test_fewer_answers_at_a_target_that_was_changed_on_purpose_are_to_be_looked_at_and_not_refused() -> None:
    numbers = {"risk_lower_bound": 0.0, "target": 0.01}
    check = GateCheck("answers", "Automatic answers", "refused", "It answers 40 %, 90 % before.", "", numbers)
    changed = with_promise(check, Declared(target=0.01), {"target": 0.05}, {"target": 0.01})
    assert changed.verdict == "warned"
    assert "on purpose, from 5.0% to 1.0%" in changed.sentence
    share = with_promise(
        check,
        Declared(out_of_scope_share=0.3),
        {"target": 0.05, "share": 0.1},
        {"target": 0.05, "share": 0.3},
    )
    assert share.verdict == "warned"
    assert "The out-of-scope share was changed on purpose, from 10.0% to 30.0%." in share.sentence
    assert with_promise(check, Declared(out_of_scope_share=0.3), {"share": 0.1}, {"share": 0.1}) is check
    assert with_promise(check, Declared(out_of_scope_share=0.3), {}, {"share": 0.3}) is check
    assert with_promise(check, Declared(), {"target": 0.05}, {"target": 0.01}) is check
    assert with_promise(check, Declared(target=0.01), {"target": 0.01}, {"target": 0.01}) is check
    risky = replace(check, numbers=numbers | {"risk_lower_bound": 0.02})
    assert with_promise(risky, Declared(target=0.01), {"target": 0.05}, {"target": 0.01}).verdict == "refused"


def test_suspect_labels_that_came_with_a_challenger_are_named_and_warn(
    bundle: Bundle, successor: Bundle, rows: pd.DataFrame
) -> None:
    verdict = judged(bundle, successor, rows, Declared(renamed={OLD: NEW}))
    check = verdict.check("suspect_labels")
    assert check.verdict == "warned"
    assert check.rows[0]["message"] == HOSTILE
    shown = page(verdict)
    assert "&lt;b&gt;refund&lt;/b&gt;" in shown
    assert HOSTILE not in shown
    assert check_suspects([], 7, GateParams()).verdict == "passed"


def test_a_challenger_most_of_whose_new_labels_are_suspect_is_refused() -> None:
    params = GateParams()
    poisoned = check_suspects([SUSPECT] * 20, 20, params)
    assert poisoned.verdict == "refused"
    assert "staff page Labels" in poisoned.sentence
    assert check_suspects([SUSPECT] * 20, 40, params).verdict == "warned"
    assert check_suspects([SUSPECT] * 4, 4, params).verdict == "warned", "a share of four rows says little"
