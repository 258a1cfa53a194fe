"""The checks that compare what champion and challenger made of the same test messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chatbot.message import OUT_OF_SCOPE
from training.evaluation import Outcome, macro_f1
from training.gate_params import GateParams
from training.gate_verdict import Cell, Check
from training.metrics import ece, upper_bound
from training.paired import Paired, ece_if_calibrated, holm, macro_f1_difference

Mask = NDArray[np.bool_]
Row = dict[str, Cell]

MEGABYTE = 1_000_000
# A challenger that never names an intent which the champion named rightly so often has emptied it.
EMPTIED_FROM = 5
_CHANGED_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of n test messages; every array and mask has shape (n,).

    Attributes:
        champion: None where there is none.
        known: the intents of the champion; taught: those of the challenger.
        new: rows whose labels came with the challenger.
        slices: `training.slices.slices_of`.
    """

    messages: Sequence[str]
    champion: Outcome | None
    challenger: Outcome
    known: frozenset[str]
    taught: frozenset[str]
    new: Mask
    slices: Mapping[str, Mask]

    @property
    def truth(self) -> NDArray[np.str_]:
        """The label of each message."""
        return self.challenger.truth

    @property
    def shared(self) -> frozenset[str]:
        """The intents that both know; of a first version, its own."""
        return self.taught if self.champion is None else self.known & self.taught

    @property
    def inside(self) -> Mask:
        """Frozen rows of intents that both know: what the two are compared on."""
        return ~self.new & np.isin(self.truth, sorted(self.shared))

    @property
    def outside(self) -> Mask:
        """Frozen rows that belong to no intent."""
        return np.asarray(~self.new & (self.truth == OUT_OF_SCOPE))

    def paired(self, mask: Mask) -> Paired:
        """Who routed the messages rightly, among some of them; a first version is compared with itself."""
        before = self.champion or self.challenger
        return Paired.of((before.routed == self.truth)[mask], (self.challenger.routed == self.truth)[mask])


def check_macro_f1(asked: Asked, params: GateParams) -> Check:
    """Macro F1 of what the router did, by the paired bootstrap."""
    mask = asked.inside | asked.outside
    title, rule = (
        "Macro F1",
        "refused where the 95 % interval of the difference (paired bootstrap) lies wholly below zero",
    )
    now = macro_f1(asked.truth[mask], asked.challenger.routed[mask])
    numbers: Row = {"messages": int(mask.sum()), "challenger": now}
    if asked.champion is None:
        return Check("macro_f1", title, "unjudged", f"It reaches {_percent(now)}.", rule, numbers)
    found = macro_f1_difference(
        asked.truth[mask],
        asked.champion.routed[mask],
        asked.challenger.routed[mask],
        params.draws,
        params.seed,
    )
    numbers |= {
        "champion": now - found.value,
        "difference": found.value,
        "low": found.low,
        "high": found.high,
    }
    sentence = (
        f"{_percent(now)} now, {_percent(now - found.value)} before: {_points(found.value)}, and between "
        f"{_points(found.low)} and {_points(found.high)} by chance alone."
    )
    return Check("macro_f1", title, "refused" if found.high < 0 else "passed", sentence, rule, numbers)


def check_parts(asked: Asked, params: GateParams) -> tuple[Check, Check]:
    """Every intent, and every slice: exact McNemar, Holm-corrected over all of them together."""
    intents = {
        intent: asked.inside & (asked.truth == intent)
        for intent in sorted(asked.shared)
        if (asked.inside & (asked.truth == intent)).any()
    }
    slices = {name: asked.inside & mask for name, mask in asked.slices.items() if (asked.inside & mask).any()}
    found = [asked.paired(mask) for mask in [*intents.values(), *slices.values()]]
    adjusted = holm([paired.p for paired in found])
    rows = [
        _paired_row(name, paired, float(p), params.level)
        for name, paired, p in zip([*intents, *slices], found, adjusted, strict=True)
    ]
    rule = (
        f"refused where more messages broke than were mended and that is no chance: exact McNemar below "
        f"{_percent(params.level)}, Holm-corrected over all {len(rows)} intents and slices"
    )
    judged = asked.champion is not None
    return (
        _parts("intents", "Intents", "intent", rows[: len(intents)], rule, judged),
        _parts("slices", "Kinds of message", "kind", rows[len(intents) :], rule, judged),
    )


def check_calibration(asked: Asked, params: GateParams) -> Check:
    """Does the confidence keep its word: ECE against that of a perfectly calibrated model on the same rows."""
    mask = asked.inside
    confidence = asked.challenger.confidence[mask]
    right = (asked.challenger.likeliest == asked.truth)[mask]
    found = ece(confidence, right)
    chance = float(ece_if_calibrated(confidence, params.ece_draws, params.seed).mean())
    bound = chance + params.ece_margin
    said, held = float(confidence.mean()), float(right.mean())
    numbers: Row = {
        "messages": int(mask.sum()),
        "ece": found,
        "if_calibrated": chance,
        "bound": bound,
        "confidence": said,
        "accuracy": held,
    }
    if asked.champion is not None:
        before = asked.champion
        numbers["champion"] = ece(before.confidence[mask], (before.likeliest == asked.truth)[mask])
    sentence = (
        f"It is off by {_percent(found)}, a perfect one would be by {_percent(chance)}: on average it says "
        f"{_percent(said)} sure and is right in {_percent(held)}."
    )
    return Check(
        "calibration",
        "Calibration",
        "refused" if found > bound else "passed",
        sentence,
        f"refused where the calibration error (ECE) lies more than {_points(params.ece_margin)} above what a "
        f"perfectly calibrated model shows on as many rows (mean of {params.ece_draws:,} draws)",
        numbers,
    )


def check_out_of_scope(asked: Asked, params: GateParams) -> Check:
    """Are messages that belong to no intent still kept from an answer."""
    mask = asked.outside
    title = "Out of scope"
    rule = (
        f"refused where fewer are caught and that is no chance: exact McNemar below {_percent(params.level)}"
    )
    if not mask.any():
        sentence = "The test part has no message that belongs to no intent."
        return Check("out_of_scope", title, "unjudged", sentence, rule, {"messages": 0})
    paired = asked.paired(mask)
    numbers = _paired_row("out_of_scope", paired, paired.p, params.level)
    refused = numbers.pop("refused")
    now = f"{paired.challenger} of {paired.messages} foreign messages are kept from an answer"
    if asked.champion is None:
        return Check("out_of_scope", title, "unjudged", f"{now}.", rule, numbers)
    sentence = f"{now}, {paired.champion} before: {paired.broken} got through, {paired.mended} no longer do."
    return Check("out_of_scope", title, "refused" if refused else "passed", sentence, rule, numbers)


def check_lost(asked: Asked, silent: frozenset[str], params: GateParams) -> Check:
    """Has an intent gone that the champion has.

    Args:
        silent: intents that the challenger's head can never claim.
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
    """Are new intents recognised, on their own part of the test rows."""
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
        f"refused where accuracy surely lies below {_percent(least)} (its 95 % upper bound does), warned where it "
        "does by the few rows there are, or there is none: below it would be the weakest intent of the bot, and "
        "its answers are not worth asking for",
        {"new": len(rows), "least": least},
        rows,
    )


def check_size(challenger: int, champion: int | None, params: GateParams) -> Check:
    """Can replicas go on fetching and holding it.

    Args:
        challenger, champion: bytes of the bundles' folders.
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
    """Which messages are answered differently now: the champion's own proof messages, and test messages.

    Args:
        proofs: rows with `message`, `before`, `now` of proof messages whose first choice changed.
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


def _parts(name: str, title: str, one: str, rows: list[Row], rule: str, judged: bool) -> Check:
    rows = sorted(rows, key=lambda row: (row["adjusted"], row["challenger"] - row["champion"], row["name"]))  # type: ignore[operator]
    bad = [row for row in rows if row["refused"]]
    if not judged:
        verdict, sentence = "unjudged", f"{len(rows)} of them; there is nothing to compare with."
    elif bad:
        verdict = "refused"
        worst = "; ".join(
            f"{row['name']} {_percent(row['champion'])} to {_percent(row['challenger'])}" for row in bad[:5]
        )
        sentence = f"{len(bad)} of {len(rows)} are worse, and that is no chance: {worst}."
    else:
        verdict, sentence = "passed", f"None of {len(rows)} is worse by more than chance."
    return Check(name, title, verdict, sentence, rule, {one + "s": len(rows), "worse": len(bad)}, rows)  # type: ignore[arg-type]


def _paired_row(name: str, paired: Paired, adjusted: float, level: float) -> Row:
    return {
        "name": name,
        "messages": paired.messages,
        "champion": paired.champion / paired.messages,
        "challenger": paired.challenger / paired.messages,
        "broken": paired.broken,
        "mended": paired.mended,
        "p": paired.p,
        "adjusted": adjusted,
        "refused": paired.worse and adjusted < level,
    }


def _percent(share: object) -> str:
    return f"{100 * share:.1f} %" if isinstance(share, int | float) else "-"


def _points(share: float) -> str:
    return f"{100 * share:+.1f} points"
