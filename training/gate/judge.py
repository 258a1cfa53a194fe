"""Compare a challenger with the champion before a rollout: named checks and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from chatbot.dialog.message import clean
from chatbot.errors import ChatbotError
from chatbot.model import bundle as bundles
from chatbot.model.bundle import Bundle
from chatbot.model.encoder import Encoded, Encoder
from data.declarations import NOTHING, Declared
from training.gate.behaviour import check_behaviour
from training.gate.behaviour_tests import Group, expand, messages_of, read_behaviours, run
from training.gate.changes import check_known, check_lost, check_new, check_size, check_suspects
from training.gate.compared import (
    check_answers,
    check_calibration,
    check_macro_f1,
    check_out_of_scope,
    check_parts,
)
from training.gate.declared import renamed, with_target
from training.gate.evidence import PairedOutcomes, Row
from training.gate.params import GateParams
from training.gate.verdict import GateCheck, GateVerdict, Side
from training.labels.findings import SuspectLabel
from training.model.encoder.batch import encode
from training.model.evaluation.outcome import Outcome, evaluate, scores
from training.model.evaluation.slices import slices_of, whole_words
from training.model.head import NEVER

Encode = Callable[[Encoder, Sequence[str]], Encoded]


class GateError(ChatbotError):
    """The two bundles cannot be compared on these messages."""

    type = "gate"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the bundles in bytes; `champion` is None if there is no champion."""

    challenger: int
    champion: int | None = None


def judge(
    champion: Bundle | None,
    challenger: Bundle,
    test: pd.DataFrame,
    *,
    params: GateParams | None = None,
    behaviours: Sequence[Group] | None = None,
    sizes: Sizes | None = None,
    declared: Declared = NOTHING,
    suspects: Sequence[SuspectLabel] = (),
    through: Encode = encode,
) -> GateVerdict:
    """Evaluate both bundles on the same messages and decide whether the challenger may replace the champion.

    Args:
        champion: the bundle that serves now; None for a first version, whose refusals become warnings.
        challenger: the candidate bundle.
        test: the frozen test part with the columns `message`, `intent` (or `out_of_scope`) and `category`. An
            optional column `new` (bool) marks rows that the champion's corpus lacks (`mark_new`). The labels
            of these rows came with the challenger, so known intents are not compared on them; new intents are
            judged on theirs.
        params: the bounds; None: the defaults.
        behaviours: groups of behavioural tests; None: the shipped ones.
        sizes: sizes of the bundle folders; None: omit the size check.
        declared: declared changes of intents; the test rows have the names after them.
        suspects: rows that came with the challenger and whose label is suspect.
        through: the function that encodes messages; a benchmark passes one with a cache.

    Returns:
        The verdict with one entry per check.

    Raises:
        GateError: no test row has an intent on which both bundles can be compared.
    """
    params = params or GateParams()
    params = params.model_copy(update={"retired": (*params.retired, *declared.retired)})
    outcomes = _evaluate_both(champion, challenger, test, declared, through)
    if not outcomes.in_scope.any():
        raise GateError(
            f"none of the {len(test):,} test rows has an intent that "
            f"{'both bundles have' if champion else 'the bundle has'}: pass the test part of their corpus"
        )
    checks = [
        check_macro_f1(outcomes, params),
        *check_parts(outcomes, params),
        check_calibration(outcomes, params),
        check_out_of_scope(outcomes, params),
        check_answers(
            outcomes,
            challenger.manifest.target.get("target"),
            params,
            challenger.manifest.target.get("share"),
        ),
        check_lost(outcomes, _silent(challenger), params),
        check_new(outcomes, params),
        _behaviour(champion, challenger, behaviours, params, through),
        check_suspects(suspects),
        check_known(outcomes, _changed_proofs(champion, challenger, declared, through)),
    ]
    if sizes is not None:
        checks.insert(-1, check_size(sizes.challenger, sizes.champion, params))
    before = champion.manifest.target.get("target") if champion else None
    now = challenger.manifest.target.get("target")
    checks = [with_target(c, declared, before, now) if c.name == "answers" else c for c in checks]
    if champion is None:
        checks = [replace(c, verdict="warned") if c.verdict == "refused" else c for c in checks]
    return GateVerdict(
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        champion=None if champion is None else Side.of(champion, scores(_of(outcomes.champion, outcomes))),
        challenger=Side.of(challenger, scores(_of(outcomes.challenger, outcomes))),
        test_rows=len(test),
        checks=tuple(checks),
        params=params.model_dump(),
    )


def judge_folders(
    champion: Path | None,
    challenger: Path,
    test: pd.DataFrame,
    *,
    params: GateParams | None = None,
    behaviours: Sequence[Group] | None = None,
    declared: Declared = NOTHING,
    suspects: Sequence[SuspectLabel] = (),
) -> GateVerdict:
    """Load two bundles from their folders and run `judge`, including the size check.

    Raises:
        BundleError: a folder is not a complete bundle.
        GateError: see `judge`.
    """
    return judge(
        None if champion is None else bundles.load(champion),
        bundles.load(challenger),
        test,
        params=params,
        behaviours=behaviours,
        sizes=Sizes(_bytes(challenger), None if champion is None else _bytes(champion)),
        declared=declared,
        suspects=suspects,
    )


def mark_new(test: pd.DataFrame, earlier: pd.DataFrame | None) -> pd.DataFrame:
    """Add a column `new`: True if `earlier` (the champion's corpus, all parts) lacks the row's `row_hash`."""
    if earlier is None:
        return test.assign(new=False)
    return test.assign(new=~test["row_hash"].isin(earlier["row_hash"]))


def _evaluate_both(
    champion: Bundle | None, challenger: Bundle, test: pd.DataFrame, declared: Declared, through: Encode
) -> PairedOutcomes:
    messages = [clean(message) for message in test["message"]]
    labels = test["intent"].tolist()
    known = (
        frozenset(declared.now(name) or name for name in champion.manifest.labels)
        if champion
        else frozenset()
    )
    encoded = {id(b): through(b.encoder, messages) for b in (champion, challenger) if b is not None}

    def outcome(bundle: Bundle) -> Outcome:
        return evaluate(bundle, messages, labels, encoded[id(bundle)])

    return PairedOutcomes(
        messages=messages,
        champion=None if champion is None else renamed(outcome(champion), declared.successors),
        challenger=outcome(challenger),
        champion_intents=known,
        challenger_intents=frozenset(challenger.manifest.labels),
        new=np.asarray(test["new"] if "new" in test else np.zeros(len(test)), dtype=bool),
        slices=slices_of(messages, test["category"].tolist(), whole_words(challenger.encoder.vocabulary())),
    )


def _of(outcome: Outcome | None, outcomes: PairedOutcomes) -> Outcome:
    """Select the rows on which both are compared, for the scores that the report shows side by side."""
    return (outcome or outcomes.challenger).part(outcomes.in_scope | outcomes.out_of_scope)


def _silent(bundle: Bundle) -> frozenset[str]:
    """Return the intents that the head can never predict: listed for training, but without a message."""
    never = bundle.classifier.head.bias <= NEVER
    return frozenset(np.asarray(bundle.manifest.labels)[never].tolist())


def _behaviour(
    champion: Bundle | None,
    challenger: Bundle,
    behaviours: Sequence[Group] | None,
    params: GateParams,
    through: Encode,
) -> GateCheck:
    groups = read_behaviours() if behaviours is None else behaviours
    every = expand(groups)
    sides = [bundle for bundle in (challenger, champion) if bundle is not None]
    tests = [test for test in every if all(test.intents <= set(side.manifest.labels) for side in sides)]
    messages = messages_of(tests)
    results = [run(side, tests, through(side.encoder, messages)) for side in sides]
    return check_behaviour(
        groups, tests, results[0], results[1] if champion else None, params, len(every) - len(tests)
    )


def _changed_proofs(
    champion: Bundle | None, challenger: Bundle, declared: Declared, through: Encode
) -> list[Row]:
    """Return the champion's known messages for which the challenger's top prediction differs."""
    known = [
        k.model_copy(update={"intent": now})
        for k in (champion.manifest.known if champion else ())
        if (now := declared.now(k.intent)) is not None
    ]
    if not known:
        return []
    predictions = challenger.judge(through(challenger.encoder, [clean(k.message) for k in known]))
    return [
        {"message": k.message, "before": k.intent, "now": prediction.alternatives[0].intent}
        for k, prediction in zip(known, predictions, strict=True)
        if prediction.alternatives[0].intent != k.intent
    ]


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
