"""Define the data model of the gate's verdict: named checks with their numbers, and sentences for a support lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from chatbot.model.bundle import Bundle

FORMAT = 1

CheckVerdict = Literal["passed", "warned", "refused", "unjudged"]
"""`warned`: a person should review it, the rollout may proceed; `unjudged`: there was no data to judge."""

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class GateCheck:
    """Result of one check of the gate.

    Attributes:
        name: identifier for programs (`macro_f1`).
        sentence: the finding, for a support lead.
        rule: the condition under which the check refuses.
        numbers: the values behind the verdict; shares are from 0 to 1.
        rows: the items that were checked (intents, slices, tests, messages), worst first.
    """

    name: str
    title: str
    verdict: CheckVerdict
    sentence: str
    rule: str
    numbers: Mapping[str, Cell] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Cell]] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """Identity and scores of one compared bundle.

    Attributes:
        scores: its scores on its own rows, out-of-fold: as in MLflow and `training.versions`.
        compared: the same scores (`training.model.evaluation.outcome.scores`) on the messages that both bundles
            are compared on.
    """

    version: str
    digest: str
    corpus_digest: str
    created: str
    intents: int
    scores: Mapping[str, float]
    compared: Mapping[str, float | None]

    @classmethod
    def of(cls, bundle: Bundle, compared: Mapping[str, float | None]) -> Side:
        """Describe a bundle with its scores on the compared messages."""
        manifest = bundle.manifest
        return cls(
            bundle.version,
            bundle.digest,
            manifest.corpus_digest,
            manifest.created.isoformat(timespec="seconds") if manifest.created else "",
            len(manifest.labels),
            dict(manifest.scores),
            dict(compared),
        )


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """The gate's verdict on a challenger.

    Attributes:
        champion: the compared champion; None for a first version, which is warned about and never refused.
        test_rows: number of messages that the bundles are compared on.
    """

    made: str
    champion: Side | None
    challenger: Side
    test_rows: int
    checks: tuple[GateCheck, ...]
    params: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        """Whether the challenger may replace the champion."""
        return not self.refused_by

    @property
    def warned(self) -> bool:
        """Whether a person should review the verdict."""
        return any(check.verdict == "warned" for check in self.checks)

    @property
    def word(self) -> str:
        """Return the verdict in one word, the value of a version's tag `gate`: `passed`, `warned` or `refused`."""
        return "refused" if not self.passed else "warned" if self.warned else "passed"

    @property
    def refused_by(self) -> tuple[str, ...]:
        """Names of the checks that refused."""
        return tuple(check.name for check in self.checks if check.verdict == "refused")

    def check(self, name: str) -> GateCheck:
        """Return the check with this name."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    @property
    def sentence(self) -> str:
        """Return the verdict in one sentence."""
        titles = {check.name: check.title for check in self.checks}
        if self.refused_by:
            return f"Refused by: {', '.join(titles[name] for name in self.refused_by)}."
        warnings = [check.title for check in self.checks if check.verdict == "warned"]
        first = "First version: nothing to compare with. " if self.champion is None else ""
        looked = f" A person should review: {', '.join(warnings)}." if warnings else ""
        return f"{first}Accepted.{looked}"

    def as_dict(self) -> dict[str, Any]:
        """Return the content of gate.json."""
        return {
            "format": FORMAT,
            "verdict": "accepted" if self.passed else "refused",
            "passed": self.passed,
            "warned": self.warned,
            "refused_by": list(self.refused_by),
            "sentence": self.sentence,
            **asdict(self),
        }
