"""What the drift check says (drift.json), and what was already asked for because of it (memory/retrain.json).

Pure: nothing here reads a file, a store or the clock.
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
"""Outcomes of a retrain that changed nothing: the same drift may be asked for again."""


class _Model(BaseModel):
    # A reader of today reads what tomorrow's writer adds.
    model_config = ConfigDict(extra="ignore", frozen=True)


class Window(_Model):
    """The records that were looked at.

    Attributes:
        records: of the serving version, compared.
        others: of other versions, in the same time, left out of the comparison: by version.
        skipped: rows of the log that are no record (torn lines, damaged parts).
        ahead: records whose time lies in the future: a replica's clock is wrong.
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
        name: e.g. `scope.low`; with `against` it is unique in a verdict.
        statistic: what was measured in the window, in the unit of `measure`.
        measure: what the statistic is, in the field's terms.
        effect: how far that is from the baseline or the reference, 0 = not at all.
        threshold: red beyond it: the least effect that matters, plus what chance does at this many records.
        red: whether the effect is beyond the threshold.
        alarms: whether red here makes the verdict red; the rest is reported only.
        sentence: for a support lead, with the numbers and without the words of statistics.
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
    """An intent whose share of the traffic moved; shares are 0 to 1."""

    intent: str
    before: float
    now: float


class ExampleMessage(_Model):
    """A message that moved the checks, redacted already; `weight` 0 to 1: how much of its kind is more than before."""

    message: str
    intent: str
    confidence: float
    scope: float | None = None
    weight: float
    prediction_id: str = ""


class Contributors(_Model):
    """What moved it: the largest shift and the heaviest message first."""

    intents: tuple[IntentShift, ...] = ()
    messages: tuple[ExampleMessage, ...] = ()


class DriftVerdict(_Model):
    """drift.json.

    Attributes:
        verdict: red if a check that alarms is red; silent under too few records.
        bundle_digest: of the bundle whose records were compared.
        sentence: the whole in one sentence.
        report: where drift.html lies: a path, or a key of the store.
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
        """The names of the checks that made the verdict red, sorted: which drift it is."""
        return tuple(sorted({check.name for check in self.checks if check.red and check.alarms}))


class Decision(NamedTuple):
    """Whether to retrain, and why or why not, in a sentence."""

    run: bool
    why: str


class Asked(_Model):
    """A retrain that was asked for: because of which drift, and what came of it.

    Attributes:
        champion: `<version>@<bundle digest>`.
        accepted_digest: of the rows that people had accepted by then.
        outcome: `asked` (a Job was made), `begun`, `failed`, or what retrain said: accepted, refused,
            needs_review, busy.
    """

    when: datetime
    champion: str
    corpus_digest: str
    accepted_digest: str
    red_checks: tuple[str, ...]
    outcome: str = "asked"


class RetrainMemory(_Model):
    """memory/retrain.json: what was asked for, the latest last."""

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
        """Whether this verdict is reason enough for a retrain.

        Not for the same drift twice: same champion, same corpus and accepted rows, and no check red that was
        not red then. The same rows would give the same weights. A retrain that failed or was killed does not
        count as done, but the cool-down holds after it too.

        Args:
            champion: `<version>@<bundle digest>`.
            corpus_digest: of the corpus that the champion was trained on.
            accepted_digest: of the rows that people have accepted.
            now: with a time zone.
            cooldown: the least time between two retrains.
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
            # A clock that was wrong once must not stop retraining for a year.
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
        """The memory with one retrain more; an entry of the same drift that had only begun is replaced."""
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
