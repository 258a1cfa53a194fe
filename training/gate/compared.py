"""Compare the outcomes of champion and challenger on the same test messages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.gate.evidence import Asked, Row, percent, points
from training.gate.paired import Paired, ece_if_calibrated, holm, macro_f1_difference
from training.gate.params import GateParams
from training.gate.verdict import Check, CheckVerdict
from training.model.evaluation.metrics import ece, upper_bound
from training.model.evaluation.outcome import Outcome, macro_f1

_SURE = 0.95


def check_macro_f1(asked: Asked, params: GateParams) -> Check:
    """Check macro F1 of the top predictions with a paired bootstrap."""
    mask = asked.inside
    title, rule = (
        "Macro F1",
        "refused where the 95 % interval of the difference (paired bootstrap) lies wholly below zero",
    )
    now = macro_f1(asked.truth[mask], asked.challenger.likeliest[mask])
    numbers: Row = {"messages": int(mask.sum()), "challenger": now}
    if asked.champion is None:
        return Check("macro_f1", title, "unjudged", f"It reaches {percent(now)}.", rule, numbers)
    found = macro_f1_difference(
        asked.truth[mask],
        asked.champion.likeliest[mask],
        asked.challenger.likeliest[mask],
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
        f"{percent(now)} now, {percent(now - found.value)} before: {points(found.value)}, surely (95 %) between "
        f"{points(found.low)} and {points(found.high)}."
    )
    return Check("macro_f1", title, "refused" if found.high < 0 else "passed", sentence, rule, numbers)


def check_parts(asked: Asked, params: GateParams) -> tuple[Check, Check]:
    """Check every intent and every slice for significantly more regressions than fixes.

    The test is exact McNemar, Holm-adjusted over all intents and slices together (family-wise error rate).
    """
    intents = {
        intent: asked.inside & (asked.truth == intent)
        for intent in sorted(asked.shared)
        if (asked.inside & (asked.truth == intent)).any()
    }
    slices = {name: asked.inside & mask for name, mask in asked.slices.items() if (asked.inside & mask).any()}
    found = [asked.recognised(mask) for mask in [*intents.values(), *slices.values()]]
    adjusted = holm([paired.p for paired in found])
    rows = [
        _paired_row(name, paired, float(p), params.level)
        for name, paired, p in zip([*intents, *slices], found, adjusted, strict=True)
    ]
    first, rest = (
        _worst_first(found[: len(intents)], rows),
        _worst_first(found[len(intents) :], rows[len(intents) :]),
    )
    rule = (
        f"refused where more messages broke than were mended and that is no chance: exact McNemar below "
        f"{percent(params.level)}, Holm-corrected over all {len(rows)} intents and slices"
    )
    judged = asked.champion is not None
    return (
        _parts("intents", "Intents", first, rule, judged),
        _parts("slices", "Kinds of message", rest, rule, judged),
    )


def check_calibration(asked: Asked, params: GateParams) -> Check:
    """Check calibration: compare the ECE with that of a perfectly calibrated model on the same rows."""
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
        f"It is off by {percent(found)}, a perfect one would be by {percent(chance)}: on average it says "
        f"{percent(said)} sure and is right in {percent(held)}."
    )
    return Check(
        "calibration",
        "Calibration",
        "refused" if found > bound else "passed",
        sentence,
        f"refused where the calibration error (ECE) lies more than {points(params.ece_margin)} above what a "
        f"perfectly calibrated model shows on as many rows (mean of {params.ece_draws:,} draws)",
        numbers,
    )


def check_out_of_scope(asked: Asked, params: GateParams) -> Check:
    """Check out-of-scope recall, both bundles at the same acceptance rate of in-scope messages."""
    title = "Out of scope"
    rule = (
        f"refused where fewer are recognised, each version at the scope score that lets {percent(params.acceptance)} "
        f"of the usual messages pass, and that is no chance: exact McNemar below {percent(params.level)}"
    )
    if not asked.outside.any():
        sentence = "The test part has no message that belongs to no intent."
        return Check("out_of_scope", title, "unjudged", sentence, rule, {"messages": 0})
    paired = asked.foreign(params.acceptance)
    numbers = _paired_row("out_of_scope", paired, paired.p, params.level)
    refused = numbers.pop("refused")
    now = f"{paired.challenger} of {paired.messages} foreign messages are recognised as foreign"
    if asked.champion is None:
        return Check("out_of_scope", title, "unjudged", f"{now}.", rule, numbers)
    sentence = f"{now}, {paired.champion} before: {paired.broken} no longer are, {paired.mended} now are."
    return Check("out_of_scope", title, "refused" if refused else "passed", sentence, rule, numbers)


def check_answers(
    asked: Asked, target: float | None, params: GateParams, out_of_scope_share: float | None = None
) -> Check:
    """Check selective prediction: coverage against the champion's, risk against the target.

    The other checks cannot detect a challenger whose thresholds answer nothing (full abstention): it makes no
    errors.

    Args:
        asked: the paired outcomes.
        target: the risk for which the challenger's thresholds were learned; None: the bundle does not state
            it.
        params: the bounds.
        out_of_scope_share: the share of out-of-scope messages that the target is stated for: the test part's
            out-of-scope messages are weighted to it. None: the bundle does not state it, each counts one.
    """
    inside, mask = asked.inside, asked.inside | asked.outside
    each, weights = _weights(asked, None), _weights(asked, out_of_scope_share)
    side = asked.challenger
    share = float(side.answered[inside].mean())
    answered, wrong = _wrong(side, asked.truth, each)
    at_share, wrong_at_share = _wrong(side, asked.truth, weights)
    # The one-sided lower bound of a rate is one minus the upper bound of its complement.
    surely = 1 - float(upper_bound(at_share - wrong_at_share, at_share, _SURE)) if at_share else 0.0
    numbers: Row = {
        "messages": int(mask.sum()),
        "challenger": share,
        "answered": int(answered),
        "wrong": int(wrong),
        "risk": wrong / answered if answered else None,
        "risk_surely": surely,
        "target": target,
    }
    risky = target is not None and surely > target
    fewer = False
    sentence = f"It answers {percent(share)} of the messages by itself"
    if asked.champion is not None:
        before = float(asked.champion.answered[inside].mean())
        champion_answered, champion_wrong = _wrong(asked.champion, asked.truth, each)
        champion_at_share, champion_wrong_at_share = _wrong(asked.champion, asked.truth, weights)
        fewer = share < params.least_answers * before
        risky = risky and wrong_at_share * champion_at_share > champion_wrong_at_share * at_share
        numbers |= {"champion": before, "champion_risk": champion_wrong / max(champion_answered, 1)}
        sentence += f", {percent(before)} before"
    sentence += f"; {wrong:.0f} of {answered:.0f} answers are wrong."
    return Check(
        "answers",
        "Automatic answers",
        "refused" if fewer or risky else "passed",
        sentence,
        f"refused where it answers less than {percent(params.least_answers)} of what the champion answers, or surely "
        "(95 %) more of the answers are wrong than its thresholds were learned for, and more than the champion's",
        numbers,
    )


def _weights(asked: Asked, share: float | None) -> NDArray[np.float64]:
    """Return the weight of each message, at most one, at which the out-of-scope ones have this share of all."""
    inside, outside = asked.inside.astype(np.float64), asked.outside.astype(np.float64)
    if share is None or not outside.any():
        return inside + outside
    ratio = float(share * inside.sum() / ((1 - share) * outside.sum()))
    return np.asarray((inside + ratio * outside) / max(1.0, ratio), dtype=np.float64)


def _wrong(side: Outcome, truth: NDArray[np.str_], weights: NDArray[np.float64]) -> tuple[float, float]:
    """Return the weighted numbers of automatic answers and of wrong ones, out-of-scope messages included."""
    answered = weights * side.answered
    return float(answered.sum()), float((answered * (side.routed != truth)).sum())


def _parts(name: str, title: str, rows: Sequence[Row], rule: str, judged: bool) -> Check:
    bad = [row for row in rows if row["refused"]]
    verdict: CheckVerdict = "refused" if bad else "passed"
    sentence = f"None of {len(rows)} is worse by more than chance."
    if bad:
        shown = [
            f"{row['name']} {percent(row['champion'])} to {percent(row['challenger'])}" for row in bad[:5]
        ]
        sentence = f"{len(bad)} of {len(rows)} are worse, and that is no chance: {'; '.join(shown)}."
    if not judged:
        verdict, sentence = "unjudged", f"{len(rows)} of them; there is nothing to compare with."
    return Check(name, title, verdict, sentence, rule, {"judged": len(rows), "worse": len(bad)}, rows)


def _worst_first(found: Sequence[Paired], rows: Sequence[Row]) -> list[Row]:
    order = sorted(range(len(found)), key=lambda place: (found[place].mended - found[place].broken, place))
    return [rows[place] for place in order]


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
