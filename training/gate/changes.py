"""Check the changes between two versions: lost and new intents, bundle size, messages handled differently."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.gate.evidence import Asked, Row, percent
from training.gate.params import GateParams
from training.gate.verdict import Check
from training.model.evaluation.metrics import upper_bound

MEGABYTE = 1_000_000
EMPTIED_FROM = 5
"""An intent that the champion predicted correctly at least this often, and the challenger never, counts as lost."""
_CHANGED_SHOWN = 200


def check_lost(asked: Asked, silent: frozenset[str], params: GateParams) -> Check:
    """Refuse if the challenger lacks, or never predicts, an intent of the champion.

    Args:
        asked: the paired outcomes.
        silent: intents that the challenger's head can never predict.
        params: the bounds; `retired` names intents that were removed on purpose.
    """
    lost = asked.known - asked.taught - frozenset(params.retired)
    emptied = set(asked.shared & silent) - set(params.retired)
    if asked.champion is not None:
        before = asked.champion.likeliest[asked.inside]
        truth = asked.truth[asked.inside]
        now = frozenset(asked.challenger.likeliest.tolist())
        for name in asked.shared - now - frozenset(params.retired):
            if int(((before == truth) & (truth == name)).sum()) >= EMPTIED_FROM:
                emptied.add(name)
    rows: list[Row] = [{"intent": name, "what": "is not there any more"} for name in sorted(lost)]
    rows += [{"intent": name, "what": "is there and is never recognised"} for name in sorted(emptied)]
    sentence = (
        f"{len(rows)} of {len(asked.known)} intents gone: {', '.join(str(row['intent']) for row in rows)}."
        if rows
        else "Every intent of before is still recognised."
    )
    return Check(
        "lost_intents",
        "Lost intents",
        "unjudged" if asked.champion is None else "refused" if rows else "passed",
        sentence if asked.champion is not None else "Nothing was there before.",
        "refused where an intent of the champion is missing or is never recognised; what people retire on purpose "
        "is named in `retired`",
        {"known": len(asked.known), "lost": len(lost), "emptied": len(emptied)},
        rows,
    )


def check_new(asked: Asked, params: GateParams) -> Check:
    """Check the accuracy of new intents on their own test rows."""
    least = params.new_intent_accuracy
    rows: list[Row] = []
    for name in sorted(asked.taught - asked.known) if asked.champion is not None else ():
        mask = asked.truth == name
        total, right = int(mask.sum()), int((asked.challenger.likeliest[mask] == name).sum())
        most = float(upper_bound(right, total, 0.95))
        surely = bool(total) and most < least
        doubtful = not total or right / total < least
        rows.append(
            {
                "intent": name,
                "messages": total,
                "right": right,
                "accuracy": right / total if total else None,
                "at_best": most if total else None,
                "verdict": "refused" if surely else "warned" if doubtful else "passed",
            }
        )
    verdicts = {row["verdict"] for row in rows}
    bad = [str(row["intent"]) for row in rows if row["verdict"] != "passed"]
    sentence = (
        f"{len(rows)} new: {', '.join(str(row['intent']) for row in rows)}." if rows else "None is new."
    )
    if bad:
        sentence += f" Not shown to be recognised well enough: {', '.join(bad)}."
    return Check(
        "new_intents",
        "New intents",
        "refused" if "refused" in verdicts else "warned" if "warned" in verdicts else "passed",
        sentence,
        f"refused where accuracy surely lies below {percent(least)} (its 95 % upper bound does), warned where it "
        "does by the few rows there are, or there is none: below it would be the weakest intent of the bot, and "
        "its answers are not worth asking for",
        {"new": len(rows), "least": least},
        rows,
    )


def check_size(challenger: int, champion: int | None, params: GateParams) -> Check:
    """Check that the bundle is not too large for replicas to fetch and hold in memory.

    Args:
        challenger: size of the challenger's folder in bytes.
        champion: size of the champion's folder in bytes; None if there is no champion.
        params: the bounds.
    """
    growth = challenger / champion if champion else None
    large = challenger > params.max_megabytes * MEGABYTE
    grown = growth is not None and growth > params.max_growth
    sentence = f"{challenger / MEGABYTE:.1f} MB" + (
        f", {growth:.2f} times the champion's {champion / MEGABYTE:.1f} MB." if champion and growth else "."
    )
    return Check(
        "size",
        "Size",
        "refused" if large or grown else "passed",
        sentence,
        f"refused above {params.max_megabytes:g} MB, or {params.max_growth:g} times the champion",
        {"bytes": challenger, "champion": champion, "growth": growth},
    )


def check_known(asked: Asked, proofs: Sequence[Row]) -> Check:
    """List messages that the challenger handles differently: the champion's known messages, and test messages.

    Args:
        asked: the paired outcomes.
        proofs: rows with `message`, `before` and `now`: the champion's known messages whose top prediction
            changed.
    """
    rows: list[Row] = [{**row, "kind": "proof", "truth": row["before"], "change": "broken"} for row in proofs]
    changed = 0
    if asked.champion is not None:
        before, now, truth = asked.champion.routed, asked.challenger.routed, asked.truth
        places = np.flatnonzero(~asked.new & (before != now))
        changed = len(places)
        kinds = {
            int(place): "broken"
            if before[place] == truth[place]
            else "mended"
            if now[place] == truth[place]
            else "other"
            for place in places
        }
        order = sorted(kinds, key=lambda place: ("broken", "other", "mended").index(kinds[place]))
        rows += [
            {
                "message": asked.messages[place],
                "before": str(before[place]),
                "now": str(now[place]),
                "kind": "test",
                "truth": str(truth[place]),
                "change": kinds[place],
            }
            for place in order[:_CHANGED_SHOWN]
        ]
    sentence = f"{changed} of {int((~asked.new).sum())} test messages are treated differently now"
    sentence += f", and {len(proofs)} of those that the champion was surest of." if proofs else "."
    return Check(
        "known_messages",
        "Known messages",
        "unjudged" if asked.champion is None else "warned" if proofs else "passed",
        sentence if asked.champion is not None else "Nothing was known before.",
        "never refuses: warned where a message that the champion was surest of is understood differently",
        {"changed": changed, "proofs": len(proofs), "shown": len(rows)},
        rows,
    )
