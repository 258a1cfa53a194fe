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

from training.gate.behaviour_tests import BehaviourResult, Group, Test
from training.gate.evidence import TableRow, paired_row
from training.gate.paired import Paired, holm
from training.gate.params import GateParams
from training.gate.verdict import CheckVerdict, GateCheck

RULE = (
    "refused if a group exceeds its bound, which the champion keeps, by more tests than training flips by chance; "
    "if it is significantly worse than the champion (exact McNemar, Holm-adjusted over the groups); or if a test "
    "fails that must never fail and that a rule of the champion passed"
)


def check_behaviour(
    groups: Sequence[Group],
    tests: Sequence[Test],
    challenger: Sequence[BehaviourResult],
    champion: Sequence[BehaviourResult] | None,
    params: GateParams,
    left_out: int = 0,
) -> GateCheck:
    """Judge the results of n behavioural tests of these groups; the champion's are missing for a first version.

    `left_out` is the number of tests not run, because they name intents that the bundles lack.
    """
    now = np.array([result.passed for result in challenger], dtype=bool)
    before = now if champion is None else np.array([result.passed for result in champion], dtype=bool)
    names = np.array([test.group for test in tests], dtype=np.str_)
    tested = [group for group in groups if (names == group.group).any()]
    paired = [Paired.of(before[names == group.group], now[names == group.group]) for group in tested]
    adjusted = holm([pair.p for pair in paired])
    rows = [
        _group_row(group, pair, float(p), champion is None, params)
        for group, pair, p in zip(tested, paired, adjusted, strict=True)
    ]
    failed = [_test_row(tests[place], challenger, champion, place) for place in np.flatnonzero(~now).tolist()]
    failed.sort(key=lambda row: (not row["must"], row["before"] == "failed", str(row["group"])))
    musts = [row for row in failed if row["must"]]
    bad = [row for row in rows if row["refused"]]
    verdict: CheckVerdict = "refused" if bad or musts else "passed"
    sentence = f"{int(now.sum())} of {len(tests)} tests pass"
    sentence += "." if champion is None else f", {int(before.sum())} did before."
    if bad:
        sentence += f" Too many fail in: {', '.join(str(row['name']) for row in bad)}."
    if musts:
        sentence += f" {len(musts)} fail that must never fail."
    numbers: TableRow = {
        "tests": len(tests),
        "failed": len(failed),
        "must_failed": len(musts),
        "newly_failed": int((before & ~now).sum()),
        "left_out": left_out,
    }
    if not tests:
        return GateCheck("behaviour", "Behaviour", "unjudged", "No test fits these intents.", RULE, numbers)
    return GateCheck("behaviour", "Behaviour", verdict, sentence, RULE, numbers, [*rows, *failed])


def _group_row(group: Group, pair: Paired, adjusted: float, first: bool, params: GateParams) -> TableRow:
    failing = (pair.messages - pair.challenger) / pair.messages
    kept = (pair.messages - pair.champion) / pair.messages <= group.at_most
    crossed = first or (kept and pair.regressions - pair.fixes > params.behaviour_turns)
    beyond = failing > group.at_most and crossed
    return {
        **paired_row(group.group, pair, adjusted),
        "kind": "group",
        "title": group.title,
        "why": group.why,
        "at_most": group.at_most,
        "refused": beyond or (pair.worse and adjusted < params.level),
    }


def _test_row(
    test: Test, challenger: Sequence[BehaviourResult], champion: Sequence[BehaviourResult] | None, place: int
) -> TableRow:
    before = "" if champion is None else "passed" if champion[place].passed else "failed"
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
