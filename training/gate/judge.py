"""Compare a challenger with the champion before a rollout: named checks and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np
import pandas as pd

from chatbot.dialog.message import clean
from chatbot.dialog.router import Prediction
from chatbot.errors import ChatbotError
from chatbot.model import bundle as bundles
from chatbot.model.bundle import Bundle
from chatbot.model.encoder import Encoded, Encoder
from data.declarations import NOTHING, Declared
from training.gate.behaviour import check_behaviour
from training.gate.behaviour_tests import Group, expand, messages_of, read_behaviours, run
from training.gate.changes import (
    check_known,
    check_learned,
    check_lost,
    check_new,
    check_size,
    check_suspects,
)
from training.gate.compared import (
    check_answers,
    check_calibration,
    check_macro_f1,
    check_out_of_scope,
    check_parts,
)
from training.gate.declared import champion_intents, renamed, with_promise
from training.gate.evidence import PairedOutcomes, TableRow
from training.gate.params import GateParams
from training.gate.rows import CHALLENGER_ROW, CHAMPION_ROW, Kept, compared_rows
from training.gate.verdict import GateCheck, GateVerdict, Side
from training.labels.findings import SuspectLabel
from training.model.encoder.batch import encode
from training.model.evaluation.outcome import Outcome, route, scores
from training.model.evaluation.slices import slices_of, whole_words
from training.model.head import NEVER
from training.model.held_out import read_held_out

Encode = Callable[[Encoder, Sequence[str]], Encoded]


class NothingToCompare(ChatbotError):
    """The two bundles cannot be compared on these messages."""

    type = "gate"


class JudgeOptions(TypedDict, total=False):
    """Optional arguments of `judge` that its callers with folders pass on."""

    params: GateParams
    behaviours: Sequence[Group]
    declared: Declared
    suspects: Sequence[SuspectLabel]
    arrived: int


def judge(
    champion: Bundle | None,
    challenger: Bundle,
    test: pd.DataFrame,
    *,
    params: GateParams | None = None,
    behaviours: Sequence[Group] | None = None,
    sizes: tuple[int, int | None] | None = None,
    declared: Declared = NOTHING,
    suspects: Sequence[SuspectLabel] = (),
    arrived: int = 0,
    through: Encode = encode,
    kept: tuple[Kept, Kept] = ({}, {}),
) -> GateVerdict:
    """Evaluate both bundles on the same messages and decide whether the challenger may replace the champion.

    Args:
        champion: the bundle that serves now; None for a first version, whose refusals become warnings.
        test: rows that no bundle predicts from having learned them (`training.gate.rows.compared_rows`), with the
            columns `message`, `intent` (or `out_of_scope`) and `category`. An optional column `new` (bool) marks
            rows that the champion's corpus lacks (`mark_new`). The labels of these rows came with the challenger,
            so known intents are not compared on them; new intents are judged on theirs. Messages that share the
            optional column `group` are one piece of evidence.
        sizes: of the bundles of challenger and champion, in bytes.
        declared: declared changes of intents; the test rows have the names after them.
        suspects, arrived: see `check_suspects`.
        through: the function that encodes messages; a benchmark passes one with a cache.
        kept: out-of-fold predictions of champion and challenger by row hash. The columns CHAMPION_ROW and
            CHALLENGER_ROW of `test` name those that are used; the bundle predicts all other rows now.

    Raises: NothingToCompare: no test row has an intent on which both bundles can be compared.
    """
    params = params or GateParams()
    if test.empty:
        raise NothingToCompare(
            "no rows to compare: a bundle has no out-of-fold predictions of them; train it again "
            "(python -m training.train)"
        )
    params = params.model_copy(update={"retired": (*params.retired, *declared.retired)})
    outcomes = _evaluate_both(champion, challenger, test, declared, through, kept)
    if not outcomes.in_scope.any():
        raise NothingToCompare(
            f"none of the {len(test):,} test rows has an intent that "
            f"{'both bundles have' if champion else 'the bundle has'}: pass the corpus that they were trained on"
        )
    promise, before = challenger.manifest.target, champion.manifest.target if champion else {}
    answers = check_answers(outcomes, promise.get("target"), params, promise.get("share"))
    checks = [
        check_macro_f1(outcomes, params),
        *check_parts(outcomes, params),
        check_calibration(outcomes, params),
        check_out_of_scope(outcomes, params),
        with_promise(answers, declared, before, promise),
        check_lost(outcomes, _silent(challenger), params),
        check_new(outcomes, params),
        _behaviour(champion, challenger, behaviours, declared, params, through),
        check_suspects(suspects, arrived, params),
        check_known(outcomes, _changed_proofs(champion, challenger, declared, through)),
    ]
    if sizes is not None:
        checks.insert(-1, check_size(*sizes, params))
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
    kept: tuple[Kept, Kept] = ({}, {}),
    **options: Unpack[JudgeOptions],
) -> GateVerdict:
    """Load two bundles from their folders and run `judge`, including the size check."""
    return judge(
        None if champion is None else bundles.load(champion),
        bundles.load(challenger),
        test,
        sizes=(_bytes(challenger), None if champion is None else _bytes(champion)),
        kept=kept,
        **options,
    )


def judge_corpora(
    champion: Path | None,
    challenger: Path,
    before: pd.DataFrame | None,
    now: pd.DataFrame,
    **options: Unpack[JudgeOptions],
) -> GateVerdict:
    """Load two bundles from their folders and run `judge` on the rows of their processed corpora (`compared_rows`)."""
    declared = options.get("declared", NOTHING)
    kept = {} if champion is None else read_held_out(champion), read_held_out(challenger)
    intents = frozenset() if champion is None else champion_intents(bundles.read_manifest(champion), declared)
    rows = compared_rows(before, now, None if champion is None else kept[0], kept[1], intents, declared)
    if champion is not None or not rows.empty:
        return judge_folders(champion, challenger, rows, kept, **options)
    # The messages of each intent are near-duplicates. A first version is served all the same, with a warning.
    rows = mark_new(now.drop_duplicates("row_hash"), None)
    verdict = judge_folders(None, challenger, rows, **options)
    return replace(verdict, checks=(check_learned(len(rows)), *verdict.checks))


def mark_new(test: pd.DataFrame, earlier: pd.DataFrame | None) -> pd.DataFrame:
    """Add a column `new`: True if `earlier` (the champion's corpus, all parts) lacks the row's `row_hash`."""
    if earlier is None:
        return test.assign(new=False)
    return test.assign(new=~test["row_hash"].isin(earlier["row_hash"]))


def _evaluate_both(
    champion: Bundle | None,
    challenger: Bundle,
    test: pd.DataFrame,
    declared: Declared,
    through: Encode,
    kept: tuple[Kept, Kept],
) -> PairedOutcomes:
    messages = [clean(message) for message in test["message"]]
    labels = test["intent"].tolist()
    known = champion_intents(champion.manifest, declared) if champion else frozenset()

    def outcome(bundle: Bundle, column: str, predictions: Kept) -> Outcome:
        places = test[column].tolist() if column in test else [""] * len(test)
        found: list[Prediction | None] = [predictions.get(place) for place in places]
        asked = [row for row, prediction in enumerate(found) if prediction is None]
        texts = [messages[row] for row in asked]
        made = bundle.classify(through(bundle.encoder, texts)) if asked else []
        for row, prediction in zip(asked, made, strict=True):
            found[row] = prediction
        return route(bundle, messages, labels, [prediction for prediction in found if prediction is not None])

    before = outcome(champion, CHAMPION_ROW, kept[0]) if champion else None
    return PairedOutcomes(
        messages=messages,
        champion=None if before is None else renamed(before, declared.successors),
        challenger=outcome(challenger, CHALLENGER_ROW, kept[1]),
        champion_intents=known,
        challenger_intents=frozenset(challenger.manifest.labels),
        new=np.asarray(test["new"] if "new" in test else np.zeros(len(test)), dtype=bool),
        slices=slices_of(messages, test["category"].tolist(), whole_words(challenger.encoder.vocabulary())),
        groups=test["group"].to_numpy(dtype=np.str_) if "group" in test else None,
    )


def _of(outcome: Outcome | None, outcomes: PairedOutcomes) -> Outcome:
    """Select the rows on which both are compared, for the scores that the report shows side by side."""
    mask = outcomes.in_scope | outcomes.out_of_scope
    return replace(outcome or outcomes.challenger, weight=outcomes.weights_of(mask)).part(mask)


def _silent(bundle: Bundle) -> frozenset[str]:
    """Return the intents that the head can never predict: listed for training, but without a message."""
    never = bundle.classifier.head.bias <= NEVER
    return frozenset(np.asarray(bundle.manifest.labels)[never].tolist())


def _behaviour(
    champion: Bundle | None,
    challenger: Bundle,
    behaviours: Sequence[Group] | None,
    declared: Declared,
    params: GateParams,
    through: Encode,
) -> GateCheck:
    groups = read_behaviours() if behaviours is None else behaviours
    successors = declared.successors
    every = expand(groups, successors)
    sides = [bundle for bundle in (challenger, champion) if bundle is not None]
    known = [champion_intents(side.manifest, declared) for side in sides]
    tests = [test for test in every if all(test.intents <= intents for intents in known)]
    messages = messages_of(tests)
    results = [run(side, tests, through(side.encoder, messages), successors) for side in sides]
    return check_behaviour(
        groups, tests, results[0], results[1] if champion else None, params, len(every) - len(tests)
    )


def _changed_proofs(
    champion: Bundle | None, challenger: Bundle, declared: Declared, through: Encode
) -> list[TableRow]:
    """Return the champion's known messages for which the challenger's top prediction differs."""
    known = [
        k.model_copy(update={"intent": now})
        for k in (champion.manifest.known if champion else ())
        if (now := declared.now(k.intent)) is not None
    ]
    if not known:
        return []
    predictions = challenger.classify(through(challenger.encoder, [clean(k.message) for k in known]))
    return [
        {"message": k.message, "before": k.intent, "now": prediction.alternatives[0].intent}
        for k, prediction in zip(known, predictions, strict=True)
        if prediction.alternatives[0].intent != k.intent
    ]


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
