"""Define the drift verdict: content of drift.json. Data only: no file, store or clock access."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal

from chatbot.documents import Document

FORMAT: Literal[1] = 1

BASELINE = "baseline"
REFERENCE = "reference"


class Window(Document):
    """Window: the records under test.

    Attributes:
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


class Check(Document):
    """One comparison of the window with the baseline or the reference.

    Attributes:
        name: e.g. `scope.low`; unique in a verdict together with `against`.
        against: what the window is compared with.
        statistic: value measured in the window, in the unit of `measure`.
        measure: standard name of the statistic.
        effect: distance from the baseline or the reference; 0: no difference.
        threshold: the check is red above it: minimum relevant effect plus sampling error at this sample size.
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


class IntentShift(Document):
    """Change of an intent's share of the traffic; shares are 0 to 1."""

    intent: str
    before: float
    now: float


class ExampleMessage(Document):
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


class Contributors(Document):
    """Contributors to the drift: largest shift and highest weight first."""

    intents: tuple[IntentShift, ...] = ()
    messages: tuple[ExampleMessage, ...] = ()


class OutOfScopeShare(Document):
    """Estimated share of the messages that belong to no intent; shares are 0 to 1.

    Attributes:
        at_least: lower confidence bound of the share.
        learned_for: the share that the thresholds of the serving bundle were learned for.
        sentence: explanation for a support lead, with a recommendation where the thresholds do not fit.
    """

    share: float
    at_least: float
    learned_for: float
    sentence: str

    @property
    def exceeds(self) -> bool:
        """Whether more messages are out of scope than the thresholds were learned for."""
        return self.at_least > self.learned_for


class DriftVerdict(Document):
    """Drift verdict: content of drift.json.

    Attributes:
        verdict: red if a check with `alarms` is red; silent if there are too few records.
        out_of_scope: None if the bundle does not say how to estimate the share, or the verdict is silent.
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
    out_of_scope: OutOfScopeShare | None = None
    sentence: str = ""
    report: str = ""

    def without(self, erased: Collection[str]) -> DriftVerdict:
        """Return the verdict without the example messages of erased predictions."""
        kept = tuple(one for one in self.contributors.messages if one.prediction_id not in erased)
        left = self.contributors.model_copy(update={"messages": kept})
        return self.model_copy(update={"contributors": left})

    @property
    def red_checks(self) -> tuple[str, ...]:
        """Return the sorted names of the checks that made the verdict red; they identify the drift."""
        return tuple(sorted({check.name for check in self.checks if check.red and check.alarms}))
