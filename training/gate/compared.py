"""Compare the outcomes of champion and challenger on the same test messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.gate.evidence import Mask, PairedOutcomes, TableRow, paired_row, percent, points
from training.gate.paired import Paired, ece_if_calibrated, holm, macro_f1_difference
from training.gate.params import GateParams
from training.gate.verdict import CheckVerdict, GateCheck
from training.model.evaluation.metrics import ece, upper_bound
from training.model.evaluation.outcome import Outcome, macro_f1

_CONFIDENCE = 0.95


def check_macro_f1(outcomes: PairedOutcomes, params: GateParams) -> GateCheck:
    """Check macro F1 of the top predictions with a paired bootstrap."""
    mask = outcomes.in_scope
    title = "Macro F1 of the top predictions"
    limit = -params.macro_f1_margin
    rule = (
        f"refused if the 95 % interval of the difference (paired bootstrap) is wholly below {points(limit)}"
    )
    weight = outcomes.weights_of(mask)[mask]
    now = macro_f1(outcomes.truth[mask], outcomes.challenger.likeliest[mask], weight)
    numbers: TableRow = {"messages": int(mask.sum()), "challenger": now}
    if outcomes.champion is None:
        return GateCheck("macro_f1", title, "unjudged", f"It reaches {percent(now)}.", rule, numbers)
    champion, challenger = outcomes.champion.likeliest[mask], outcomes.challenger.likeliest[mask]
    found = macro_f1_difference(
        outcomes.truth[mask], champion, challenger, params.draws, params.seed, outcomes.groups_of(mask)
    )
    before = now - found.value
    numbers |= {"champion": before, "difference": found.value, "low": found.low, "high": found.high}
    sentence = (
        f"{percent(now)} now, {percent(before)} before: {points(found.value)}, 95 % confidence interval "
        f"{points(found.low)} to {points(found.high)}."
    )
    return GateCheck(
        "macro_f1", title, "refused" if found.high < limit else "passed", sentence, rule, numbers
    )


def check_parts(outcomes: PairedOutcomes, params: GateParams) -> tuple[GateCheck, GateCheck]:
    """Check every intent and every slice for significantly more regressions than fixes.

    The test is exact McNemar, Holm-adjusted over all intents and slices together (family-wise error rate).
    """

    def with_rows(masks: Iterable[tuple[str, Mask]]) -> dict[str, Mask]:
        return {name: found for name, mask in masks if (found := outcomes.in_scope & mask).any()}

    intents = with_rows((intent, outcomes.truth == intent) for intent in sorted(outcomes.shared))
    slices = with_rows(outcomes.slices.items())
    found = [outcomes.top_predictions(mask) for mask in [*intents.values(), *slices.values()]]
    adjusted = holm([paired.p for paired in found])
    rows = [
        paired_row(name, paired, float(p)) | {"refused": paired.worse and float(p) < params.level}
        for name, paired, p in zip([*intents, *slices], found, adjusted, strict=True)
    ]
    count = len(intents)
    rule = (
        f"refused if regressions significantly outnumber fixes: exact McNemar p-value below {percent(params.level)}, "
        f"Holm-adjusted over all {len(rows)} intents and slices"
    )
    judged = outcomes.champion is not None
    return (
        _parts("intents", "Intents", _worst_first(found[:count], rows[:count]), rule, judged),
        _parts("slices", "Kinds of message", _worst_first(found[count:], rows[count:]), rule, judged),
    )


def check_calibration(outcomes: PairedOutcomes, params: GateParams) -> GateCheck:
    """Check calibration: compare the ECE with that of a perfectly calibrated model on the same rows."""
    mask = outcomes.in_scope
    weight, groups = outcomes.weights_of(mask)[mask], outcomes.groups_of(mask)
    confidence = outcomes.challenger.confidence[mask]
    right = (outcomes.challenger.likeliest == outcomes.truth)[mask]
    found = ece(confidence, right, weight=weight)
    chance = float(ece_if_calibrated(confidence, params.ece_draws, params.seed, groups).mean())
    bound = chance + params.ece_margin
    mean_confidence, accuracy = (float(np.average(values, weights=weight)) for values in (confidence, right))
    numbers: TableRow = {
        "messages": int(mask.sum()),
        "ece": found,
        "if_calibrated": chance,
        "bound": bound,
        "confidence": mean_confidence,
        "accuracy": accuracy,
    }
    if outcomes.champion is not None:
        before = outcomes.champion
        right_before = (before.likeliest == outcomes.truth)[mask]
        numbers["champion"] = ece(before.confidence[mask], right_before, weight=weight)
    sentence = (
        f"The calibration error is {percent(found)}; a perfectly calibrated model would show {percent(chance)} by "
        f"chance. Mean confidence {percent(mean_confidence)}, accuracy {percent(accuracy)}."
    )
    return GateCheck(
        "calibration",
        "Calibration",
        "refused" if found > bound else "passed",
        sentence,
        f"refused if the calibration error (ECE) is more than {points(params.ece_margin)} above that of a "
        f"perfectly calibrated model on as many rows (mean of {params.ece_draws:,} draws)",
        numbers,
    )


def check_out_of_scope(outcomes: PairedOutcomes, params: GateParams) -> GateCheck:
    """Check out-of-scope recall, both bundles at the same acceptance rate of in-scope messages."""
    title = "Out of scope"
    rule = (
        f"refused if significantly fewer are recognised (exact McNemar p-value below {percent(params.level)}), each "
        f"version at the scope score that accepts {percent(params.acceptance)} of the in-scope messages; without "
        "messages whose likeliest intent is new"
    )
    paired = outcomes.out_of_scope_detected(params.acceptance)
    if not paired.messages:
        sentence = (
            "The compared rows have no out-of-scope messages whose likeliest intent both versions have."
        )
        return GateCheck("out_of_scope", title, "unjudged", sentence, rule, {"messages": 0})
    numbers = paired_row("out_of_scope", paired, paired.p)
    refused = paired.worse and paired.p < params.level
    now = f"{paired.challenger} of {paired.messages} out-of-scope messages are recognised"
    if outcomes.champion is None:
        return GateCheck("out_of_scope", title, "unjudged", f"{now}.", rule, numbers)
    sentence = f"{now}, {paired.champion} before: {paired.regressions} regressions, {paired.fixes} fixes."
    return GateCheck("out_of_scope", title, "refused" if refused else "passed", sentence, rule, numbers)


def check_answers(
    outcomes: PairedOutcomes,
    target: float | None,
    params: GateParams,
    out_of_scope_share: float | None = None,
) -> GateCheck:
    """Check selective prediction: the share answered in scope against the champion's, risk against the target.

    The other checks cannot detect a challenger whose thresholds answer nothing (full abstention): it makes no errors.

    Args:
        target: the risk for which the challenger's thresholds were learned; None: the bundle does not state it.
        out_of_scope_share: the share of out-of-scope messages that the target is stated for: the compared
            out-of-scope messages are weighted to it. None: the bundle does not state it, each counts one.
    """
    inside, mask = outcomes.in_scope, outcomes.in_scope | outcomes.out_of_scope
    each, weights = mask.astype(np.float64), _weights(outcomes, out_of_scope_share)
    side, distinct = outcomes.challenger, outcomes.weights_of(inside)
    share = float(np.average(side.answered, weights=distinct))
    answered, wrong = _wrong(side, outcomes.truth, each)
    at_share, wrong_at_share = _wrong(side, outcomes.truth, weights)
    # The one-sided lower bound of a rate is one minus the upper bound of its complement.
    risk_bound = 1 - float(upper_bound(at_share - wrong_at_share, at_share, _CONFIDENCE)) if at_share else 0.0
    numbers: TableRow = {
        "messages": int(mask.sum()),
        "challenger": share,
        "answered": int(answered),
        "wrong": int(wrong),
        "risk": wrong / answered if answered else None,
        "risk_lower_bound": risk_bound,
        "target": target,
    }
    risky = target is not None and risk_bound > target
    fewer = False
    sentence = f"It answers {percent(share)} of the in-scope messages automatically"
    if outcomes.champion is not None:
        before = float(np.average(outcomes.champion.answered, weights=distinct))
        champion_answered, champion_wrong = _wrong(outcomes.champion, outcomes.truth, each)
        champion_at_share, champion_wrong_at_share = _wrong(outcomes.champion, outcomes.truth, weights)
        fewer = share < params.min_coverage_ratio * before
        # Labels are wrong in places, where both versions disagree with them: the target allows for that, the count not.
        risky = risky and risk_bound > champion_wrong_at_share / max(champion_at_share, 1e-9)
        numbers |= {"champion": before, "champion_risk": champion_wrong / max(champion_answered, 1)}
        sentence += f", {percent(before)} before"
    sentence += f"; {wrong:.0f} of {answered:.0f} answers are wrong."
    return GateCheck(
        "answers",
        "Automatic answers",
        "refused" if fewer or risky else "passed",
        sentence,
        f"refused if it answers less than {percent(params.min_coverage_ratio)} of what the champion answers, or if its "
        "risk is significantly (95 %) above both the target of its thresholds and the champion's risk",
        numbers,
    )


def _weights(outcomes: PairedOutcomes, share: float | None) -> NDArray[np.float64]:
    """Return the weight of each message, a group's at most one, at which the out-of-scope ones have this share."""
    inside, outside = outcomes.weights_of(outcomes.in_scope), outcomes.weights_of(outcomes.out_of_scope)
    if share is None or not outside.any():
        return inside + outside
    ratio = float(share * inside.sum() / ((1 - share) * outside.sum()))
    return np.asarray((inside + ratio * outside) / max(1.0, ratio), dtype=np.float64)


def _wrong(side: Outcome, truth: NDArray[np.str_], weights: NDArray[np.float64]) -> tuple[float, float]:
    """Return the weighted numbers of automatic answers and of wrong ones, out-of-scope messages included."""
    answered = weights * side.answered
    return float(answered.sum()), float((answered * (side.routed != truth)).sum())


def _parts(name: str, title: str, rows: Sequence[TableRow], rule: str, judged: bool) -> GateCheck:
    bad = [row for row in rows if row["refused"]]
    verdict: CheckVerdict = "refused" if bad else "passed"
    sentence = f"None of {len(rows)} is significantly worse."
    if bad:
        shown = (f"{r['name']} {percent(r['champion'])} to {percent(r['challenger'])}" for r in bad[:5])
        sentence = f"{len(bad)} of {len(rows)} are significantly worse: {'; '.join(shown)}."
    if not judged:
        verdict, sentence = "unjudged", f"{len(rows)} evaluated; there is no champion to compare with."
    return GateCheck(name, title, verdict, sentence, rule, {"judged": len(rows), "worse": len(bad)}, rows)


def _worst_first(found: Sequence[Paired], rows: Sequence[TableRow]) -> list[TableRow]:
    order = sorted(zip(found, rows, strict=True), key=lambda pair: pair[0].fixes - pair[0].regressions)
    return [row for _, row in order]
