"""Drift verdict (drift.json) and history of the retrain requests it caused (memory/retrain.json).

Pure functions and data: no file, store or clock access.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

FORMAT: Literal[1] = 1
MEMORY_FORMAT: Literal[1] = 1
MOST_REMEMBERED = 200

BASELINE = "baseline"
REFERENCE = "reference"
BEGUN, FAILED, BUSY = "begun", "failed", "busy"
"""Outcomes of a retrain without a result: the same drift may trigger another request."""


class _Model(BaseModel):
    # Forward compatible: ignore fields of newer writers.
    model_config = ConfigDict(extra="ignore", frozen=True)


class Window(_Model):
    """Window: the records under test.

    Attributes:
        since: start of the window.
        until: end of the window.
        records: number of records of the serving version; these are compared.
        others: number of records of other versions in the same period, by version; not compared.
        skipped: rows of the log that are not valid records (torn lines, damaged parts).
        ahead: records with a timestamp in the future: a replica's clock is wrong.
    """

    since: datetime
    until: datetime
    records: int
    others: Mapping[str, int] = {}
    skipped: int = 0
    ahead: int = 0


class Check(_Model):
    """One comparison of the window with the baseline or the reference.

    Attributes:
        name: e.g. `scope.low`; unique in a verdict together with `against`.
        against: what the window is compared with.
        statistic: value measured in the window, in the unit of `measure`.
        measure: standard name of the statistic.
        effect: distance from the baseline or the reference; 0: no difference.
        threshold: the check is red above it: minimum relevant effect plus sampling error at this sample size.
        red: whether the effect exceeds the threshold.
        alarms: whether a red check makes the verdict red; otherwise it is only reported.
        sentence: explanation for a support lead, with numbers and without statistical terms.
    """

    name: str
    against: Literal["baseline", "reference"]
    statistic: float
    measure: str = ""
    effect: float
    threshold: float
    red: bool
    alarms: bool
    sentence: str


class IntentShift(_Model):
    """Change of an intent's share of the traffic; shares are 0 to 1."""

    intent: str
    before: float
    now: float


class ExampleMessage(_Model):
    """An example message that contributes to the drift, PII redacted.

    Attributes:
        weight: contribution to the drift, 0 to 1: excess of similar messages over before.
    """

    message: str
    intent: str
    confidence: float
    scope: float | None = None
    weight: float
    prediction_id: str = ""


class Contributors(_Model):
    """Contributors to the drift: largest shift and highest weight first."""

    intents: tuple[IntentShift, ...] = ()
    messages: tuple[ExampleMessage, ...] = ()


class DriftVerdict(_Model):
    """Drift verdict: content of drift.json.

    Attributes:
        verdict: red if a check with `alarms` is red; silent if there are too few records.
        bundle_digest: digest of the bundle whose records were compared.
        sentence: summary in one sentence.
        report: location of drift.html: a path, or a key of the store.
    """

    format: Literal[1] = FORMAT
    verdict: Literal["green", "red", "silent"]
    made: datetime
    model_version: str
    bundle_digest: str
    window: Window
    checks: tuple[Check, ...] = ()
    contributors: Contributors = Contributors()
    sentence: str = ""
    report: str = ""

    @property
    def red_checks(self) -> tuple[str, ...]:
        """Return the sorted names of the checks that made the verdict red; they identify the drift."""
        return tuple(sorted({check.name for check in self.checks if check.red and check.alarms}))


class Decision(NamedTuple):
    """Whether to retrain, with the reason in one sentence."""

    run: bool
    why: str


class Asked(_Model):
    """A retrain request: its inputs, the drift that caused it, and its outcome.

    Attributes:
        when: time of the request.
        champion: `<version>@<bundle digest>`.
        corpus_digest: digest of the corpus that the champion was trained on.
        accepted_digest: digest of the rows that reviewers had accepted at that time.
        red_checks: names of the red checks of the drift verdict.
        outcome: `asked` (a Job was created), `begun`, `failed`, or the result of the retrain: accepted, refused,
            needs_review, busy.
    """

    when: datetime
    champion: str
    corpus_digest: str
    accepted_digest: str
    red_checks: tuple[str, ...]
    outcome: str = "asked"


class RetrainMemory(_Model):
    """Content of memory/retrain.json: history of retrain requests, the latest last."""

    format: Literal[1] = MEMORY_FORMAT
    asked: tuple[Asked, ...] = Field(default=(), max_length=MOST_REMEMBERED)

    def decide(
        self,
        verdict: DriftVerdict,
        champion: str,
        corpus_digest: str,
        accepted_digest: str,
        now: datetime,
        cooldown: timedelta,
    ) -> Decision:
        """Decide whether a drift verdict triggers a retrain.

        The same drift does not trigger twice: same champion, corpus and accepted rows (which would give the same
        weights), and no newly red check. A retrain that failed or was killed does not count as done, but its
        cool-down applies.

        Args:
            verdict: the latest drift verdict.
            champion: `<version>@<bundle digest>`.
            corpus_digest: digest of the corpus that the champion was trained on.
            accepted_digest: digest of the rows that reviewers accepted.
            now: current time, with time zone.
            cooldown: minimum time between two retrains.
        """
        if verdict.verdict != "red":
            return Decision(False, f"the drift verdict is {verdict.verdict}: nothing to do")
        red = verdict.red_checks
        for earlier in reversed(self.asked):
            known = (earlier.champion, earlier.corpus_digest, earlier.accepted_digest)
            if (
                known == (champion, corpus_digest, accepted_digest)
                and set(red) <= set(earlier.red_checks)
                and earlier.outcome not in (BEGUN, FAILED, BUSY)
            ):
                return Decision(
                    False,
                    f"the same drift ({', '.join(red)}) was answered on {earlier.when:%Y-%m-%d %H:%M} UTC with "
                    f"the same champion, corpus and accepted rows (outcome: {earlier.outcome}). New rows change "
                    "that: python -m training.review",
                )
        if self.asked:
            last = max(asked.when for asked in self.asked)
            # abs: a timestamp from a wrong clock, far in the future, must not block retraining.
            if abs(now - last) < cooldown:
                return Decision(
                    False,
                    f"the last retrain was asked for on {last:%Y-%m-%d %H:%M} UTC: the cool-down lasts until "
                    f"{last + cooldown:%Y-%m-%d %H:%M} UTC",
                )
        return Decision(True, f"drift: {', '.join(red)}")

    def remember(
        self,
        verdict: DriftVerdict,
        champion: str,
        corpus_digest: str,
        accepted_digest: str,
        now: datetime,
        outcome: str = "asked",
    ) -> RetrainMemory:
        """Return the history with one more request; replaces a `begun` entry of the same drift and inputs."""
        entry = Asked(
            when=now,
            champion=champion,
            corpus_digest=corpus_digest,
            accepted_digest=accepted_digest,
            red_checks=verdict.red_checks,
            outcome=outcome,
        )
        same = {"when", "outcome"}
        kept = [
            old
            for old in self.asked
            if old.outcome != BEGUN or old.model_dump(exclude=same) != entry.model_dump(exclude=same)
        ]
        return RetrainMemory(asked=tuple([*kept, entry][-MOST_REMEMBERED:]))
