"""Check the changes between two versions: lost and new intents, bundle size, messages handled differently."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.gate.evidence import PairedOutcomes, TableRow, percent
from training.gate.params import GateParams
from training.gate.verdict import GateCheck
from training.labels.findings import SuspectLabel
from training.model.evaluation.metrics import upper_bound

MEGABYTE = 1_000_000
EMPTIED_FROM = 5
"""An intent that the champion predicted correctly for so many distinct messages, and the challenger never, is lost."""
_CHANGED_SHOWN = 200


def check_lost(outcomes: PairedOutcomes, silent: frozenset[str], params: GateParams) -> GateCheck:
    """Refuse if the challenger lacks or never predicts an intent of the champion; `silent` are never predicted."""
    lost = outcomes.champion_intents - outcomes.challenger_intents - frozenset(params.retired)
    emptied = set(outcomes.shared & silent) - set(params.retired)
    if outcomes.champion is not None:
        right = outcomes.in_scope & (outcomes.champion.likeliest == outcomes.truth)
        now = frozenset(outcomes.challenger.likeliest.tolist())
        for name in outcomes.shared - now - frozenset(params.retired):
            if len(np.unique(outcomes.groups_of(right & (outcomes.truth == name)))) >= EMPTIED_FROM:
                emptied.add(name)
    rows: list[TableRow] = [{"intent": name, "what": "is missing"} for name in sorted(lost)]
    rows += [{"intent": name, "what": "is never predicted"} for name in sorted(emptied)]
    sentence = "Every intent of the champion is still predicted."
    if rows:
        named = ", ".join(str(row["intent"]) for row in rows)
        sentence = f"{len(rows)} of {len(outcomes.champion_intents)} intents are lost: {named}."
    return GateCheck(
        "lost_intents",
        "Lost intents",
        "unjudged" if outcomes.champion is None else "refused" if rows else "passed",
        sentence if outcomes.champion is not None else "There is no champion to compare with.",
        "refused if an intent of the champion is missing or is never predicted, unless `retired` names it",
        {"known": len(outcomes.champion_intents), "lost": len(lost), "emptied": len(emptied)},
        rows,
    )


def check_new(outcomes: PairedOutcomes, params: GateParams) -> GateCheck:
    """Check the accuracy of new intents on their own test rows."""
    minimum = params.new_intent_accuracy
    rows: list[TableRow] = []
    for name in sorted(outcomes.new_intents):
        mask = outcomes.truth == name
        total, right = int(mask.sum()), int((outcomes.challenger.likeliest[mask] == name).sum())
        weight = outcomes.weights_of(mask)
        distinct = float(weight.sum())
        distinct_right = float(weight[outcomes.challenger.likeliest == name].sum())
        upper = float(upper_bound(distinct_right, distinct, 0.95))
        significant = bool(total) and upper < minimum
        accuracy = distinct_right / distinct if total else None
        doubtful = accuracy is None or accuracy < minimum
        rows.append(
            {
                "intent": name,
                "messages": total,
                "right": right,
                "accuracy": accuracy,
                "at_best": upper if total else None,
                "verdict": "refused" if significant else "warned" if doubtful else "passed",
            }
        )
    verdicts = {row["verdict"] for row in rows}
    bad = [str(row["intent"]) for row in rows if row["verdict"] != "passed"]
    named = ", ".join(str(row["intent"]) for row in rows)
    sentence = f"{len(rows)} new: {named}." if rows else "No intent is new."
    if bad:
        sentence += f" Accuracy not shown to be sufficient: {', '.join(bad)}."
    return GateCheck(
        "new_intents",
        "New intents",
        "refused" if "refused" in verdicts else "warned" if "warned" in verdicts else "passed",
        sentence,
        f"refused if the 95 % upper bound of the accuracy is below {percent(minimum)}, warned if only the accuracy is, "
        "or if there are no test rows: below it, the intent would be the weakest of the bot",
        {"new": len(rows), "minimum": minimum},
        rows,
    )


def check_size(challenger: int, champion: int | None, params: GateParams) -> GateCheck:
    """Check that the bundle (size in bytes) is not too large for replicas to fetch and hold in memory."""
    growth = challenger / champion if champion else None
    large = challenger > params.max_megabytes * MEGABYTE
    grown = growth is not None and growth > params.max_growth
    sentence = f"{challenger / MEGABYTE:.1f} MB" + (
        f", {growth:.2f} times the champion's {champion / MEGABYTE:.1f} MB." if champion and growth else "."
    )
    return GateCheck(
        "size",
        "Size",
        "refused" if large or grown else "passed",
        sentence,
        f"refused above {params.max_megabytes:g} MB, or {params.max_growth:g} times the champion",
        {"bytes": challenger, "champion": champion, "growth": growth},
    )


def check_learned(rows: int) -> GateCheck:
    """Warn that a first version is judged on the rows that taught it: none has an out-of-fold prediction."""
    return GateCheck(
        "learned",
        "Rows that taught the model",
        "warned",
        f"All {rows:,} rows taught the model that predicts them, so every figure below is too good: the messages of "
        "each intent are near-duplicates of each other. Write messages that say the same in other words.",
        "warned for a first version whose intents have one group of near-duplicates each",
        {"rows": rows},
    )


def check_suspects(suspects: Sequence[SuspectLabel], arrived: int, params: GateParams) -> GateCheck:
    """Check that most labels of the rows that came with the challenger are right; list the suspect ones, worst first.

    Args:
        suspects: those rows whose label confident learning doubts, and nobody has confirmed: they teach wrong answers.
        arrived: number of rows that the champion's corpus lacks.
    """
    rows: list[TableRow] = [
        {"message": s.message, "label": s.label, "better": s.better, "quality": s.quality, "source": s.source}
        for s in suspects[:_CHANGED_SHOWN]
    ]
    count = len(suspects)
    most = count >= params.min_suspects and count > params.max_suspect_share * arrived
    sentence = (
        f"{count:,} of the {arrived:,} rows that came with the challenger fit another intent better than their label."
        if suspects
        else "No label that came with the challenger is suspect."
    )
    if most:
        sentence += " Correct or confirm them on the staff page Labels, then retrain."
    return GateCheck(
        "suspect_labels",
        "Suspect labels",
        "refused" if most else "warned" if suspects else "passed",
        sentence,
        "warned if confident learning doubts the label of a row that the champion's corpus lacks, refused if it doubts "
        f"more than {percent(params.max_suspect_share)} of these rows and at least {params.min_suspects}",
        {"suspects": count, "arrived": arrived},
        rows,
    )


def check_known(outcomes: PairedOutcomes, proofs: Sequence[TableRow]) -> GateCheck:
    """List messages that the challenger handles differently: the champion's known messages, and test messages.

    `proofs` has `message`, `before` and `now` of the known messages whose top prediction changed.
    """
    proof: TableRow = {"kind": "proof", "change": "regression"}
    rows: list[TableRow] = [{**row, **proof, "truth": row["before"]} for row in proofs]
    changed = 0
    if outcomes.champion is not None:
        before, now, truth = outcomes.champion.routed, outcomes.challenger.routed, outcomes.truth
        places = np.flatnonzero(~outcomes.new & (before != now))
        changed = len(places)
        kinds = np.where(before == truth, "regression", np.where(now == truth, "fix", "other"))
        order = sorted(places.tolist(), key=lambda place: ("regression", "other", "fix").index(kinds[place]))
        rows += [
            {
                "message": outcomes.messages[place],
                "before": str(before[place]),
                "now": str(now[place]),
                "kind": "test",
                "truth": str(truth[place]),
                "change": str(kinds[place]),
            }
            for place in order[:_CHANGED_SHOWN]
        ]
    sentence = f"{changed} of {int((~outcomes.new).sum())} compared messages are handled differently"
    sentence += f", and so are {len(proofs)} of the champion's known messages." if proofs else "."
    return GateCheck(
        "known_messages",
        "Known messages",
        "unjudged" if outcomes.champion is None else "warned" if proofs else "passed",
        sentence if outcomes.champion is not None else "There is no champion to compare with.",
        "never refuses; warned if a known message (one the champion was most confident of) gets another intent",
        {"changed": changed, "proofs": len(proofs), "shown": len(rows)},
        rows,
    )
