"""Check behavioural tests: compare each group of tests with its own bound and with the champion.

A single regression does not refuse a challenger: near the decision boundary between two intents, every
training flips some tests in both directions. A group refuses in two cases:

- The challenger exceeds the group's bound, the champion keeps it, and the net regressions exceed the noise of
  training (`behaviour_turns`). If the champion exceeds the bound too, its corpus is not the one the bound was
  set for, and the bound does not apply.
- The group is significantly worse than the champion (exact McNemar test, Holm-adjusted over the groups, which
  controls the family-wise error rate), whatever its bound.

A failed test marked `must` refuses on its own if a rule of the champion passed it: training does not change
rules, so the failure is not noise. If no rule decides the test, the model does, and the test counts in its
group only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.gate.behaviour_tests import Group, Result, Test
from training.gate.paired import Paired, holm
from training.gate.params import GateParams
from training.gate.verdict import Cell, Check, CheckVerdict

Row = dict[str, Cell]

RULE = (
    "refused where a group fails more often than its bound, which the champion keeps, and by more tests than training "
    "turns by chance; where it is surely worse than the champion (exact McNemar, Holm-corrected over the groups); or "
    "where a test fails that must never and that a rule decided before"
)


def check_behaviour(
    groups: Sequence[Group],
    tests: Sequence[Test],
    challenger: Sequence[Result],
    champion: Sequence[Result] | None,
    params: GateParams,
    left_out: int = 0,
) -> Check:
    """Judge the results of behavioural tests.

    Args:
        groups: the groups of the tests, with their bounds.
        tests: n tests of these groups.
        challenger: n results of the challenger.
        champion: n results of the champion; None if there is no champion.
        params: the bounds of the gate.
        left_out: number of tests not run, because they name intents that the bundles lack.
    """
    now = np.array([result.passed for result in challenger], dtype=bool)
    before = now if champion is None else np.array([result.passed for result in champion], dtype=bool)
    names = np.array([test.group for test in tests], dtype=np.str_)
    asked = [group for group in groups if (names == group.group).any()]
    paired = [Paired.of(before[names == group.group], now[names == group.group]) for group in asked]
    adjusted = holm([pair.p for pair in paired])
    rows = [
        _group_row(group, pair, float(p), champion is None, params)
        for group, pair, p in zip(asked, paired, adjusted, strict=True)
    ]
    failed = [_test_row(tests[place], challenger, champion, place) for place in np.flatnonzero(~now).tolist()]
    failed.sort(key=lambda row: (not row["must"], row["before"] == "failed", str(row["group"])))
    musts = [row for row in failed if row["must"]]
    bad = [row for row in rows if row["refused"]]
    verdict: CheckVerdict = "refused" if bad or musts else "passed"
    sentence = f"{int(now.sum())} of {len(tests)} tests hold"
    sentence += "." if champion is None else f", {int(before.sum())} did before."
    if bad:
        sentence += f" Too many fail in: {', '.join(str(row['name']) for row in bad)}."
    if musts:
        sentence += f" {len(musts)} fail that must never."
    numbers: Row = {
        "tests": len(tests),
        "failed": len(failed),
        "must_failed": len(musts),
        "newly_failed": int((before & ~now).sum()),
        "left_out": left_out,
    }
    if not tests:
        return Check("behaviour", "Behaviour", "unjudged", "No test fits these intents.", RULE, numbers)
    return Check("behaviour", "Behaviour", verdict, sentence, RULE, numbers, [*rows, *failed])


def _group_row(group: Group, pair: Paired, adjusted: float, first: bool, params: GateParams) -> Row:
    failing = (pair.messages - pair.challenger) / pair.messages
    kept = (pair.messages - pair.champion) / pair.messages <= group.at_most
    crossed = first or (kept and pair.broken - pair.mended > params.behaviour_turns)
    beyond = failing > group.at_most and crossed
    return {
        "kind": "group",
        "name": group.group,
        "title": group.title,
        "why": group.why,
        "messages": pair.messages,
        "champion": pair.champion / pair.messages,
        "challenger": pair.challenger / pair.messages,
        "broken": pair.broken,
        "mended": pair.mended,
        "at_most": group.at_most,
        "adjusted": adjusted,
        "refused": beyond or (pair.worse and adjusted < params.level),
    }


def _test_row(test: Test, challenger: Sequence[Result], champion: Sequence[Result] | None, place: int) -> Row:
    before = "" if champion is None else "held" if champion[place].passed else "failed"
    # Without a rule, the champion's model decided the test, and training may flip it by chance.
    ruled = champion is None or (champion[place].passed and champion[place].by_rule)
    return {
        "kind": "test",
        "group": test.group,
        "message": test.message,
        "expected": test.expected,
        "now": challenger[place].did,
        "before": before,
        "must": test.behaviour.must and ruled,
    }
