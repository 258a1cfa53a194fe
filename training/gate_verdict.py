"""What the gate says: one verdict of named checks, with their numbers and sentences a support lead understands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from chatbot.bundle import Bundle

FORMAT = 1

CheckVerdict = Literal["passed", "warned", "refused", "unjudged"]
"""`warned`: a person should look, nothing is stopped; `unjudged`: there was nothing to judge by."""

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the gate.

    Attributes:
        name: what programs call it (`macro_f1`); title: what people call it.
        verdict: of this check alone.
        sentence: what was found, for a support lead.
        numbers: what it was decided by; shares are from 0 to 1.
        rows: what it looked at one by one (intents, slices, tests, messages), the worst first.
        rule: when it refuses.
    """

    name: str
    title: str
    verdict: CheckVerdict
    sentence: str
    rule: str
    numbers: Mapping[str, Cell] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Cell]] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "title": self.title,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "rule": self.rule,
            "numbers": dict(self.numbers),
            "rows": [dict(row) for row in self.rows],
        }


@dataclass(frozen=True, slots=True)
class Side:
    """A bundle as the verdict names it, and its scores (`training.evaluation.scores`) on the test part."""

    version: str
    digest: str
    corpus_digest: str
    created: str
    intents: int
    scores: Mapping[str, float | None]

    @classmethod
    def of(cls, bundle: Bundle, scores: Mapping[str, float | None]) -> Side:
        """The side of a bundle."""
        manifest = bundle.manifest
        return cls(
            bundle.version,
            bundle.digest,
            manifest.corpus_digest,
            manifest.created.isoformat(timespec="seconds") if manifest.created else "",
            len(manifest.labels),
            dict(scores),
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """What the gate says of a challenger.

    Attributes:
        made: when, ISO 8601 in UTC.
        champion: None for a first version, which is warned of and never refused.
        test_rows: messages that both were asked.
        params: the bounds it was judged by.
    """

    made: str
    champion: Side | None
    challenger: Side
    test_rows: int
    checks: tuple[Check, ...]
    params: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        """Whether the challenger may take over."""
        return not self.refused_by

    @property
    def warned(self) -> bool:
        """Whether a person should look."""
        return any(check.verdict == "warned" for check in self.checks)

    @property
    def refused_by(self) -> tuple[str, ...]:
        """The names of the checks that refused."""
        return tuple(check.name for check in self.checks if check.verdict == "refused")

    def check(self, name: str) -> Check:
        """The check of that name. Raises: KeyError: there is none."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    @property
    def sentence(self) -> str:
        """The whole in one sentence."""
        titles = {check.name: check.title for check in self.checks}
        if self.refused_by:
            return f"Refused by: {', '.join(titles[name] for name in self.refused_by)}."
        warnings = [check.title for check in self.checks if check.verdict == "warned"]
        first = "First version: nothing to compare with. " if self.champion is None else ""
        looked = f" A person should look at: {', '.join(warnings)}." if warnings else ""
        return f"{first}Accepted.{looked}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON: what gate.json holds."""
        return {
            "format": FORMAT,
            "verdict": "accepted" if self.passed else "refused",
            "passed": self.passed,
            "warned": self.warned,
            "refused_by": list(self.refused_by),
            "sentence": self.sentence,
            "made": self.made,
            "champion": None if self.champion is None else self.champion.as_dict(),
            "challenger": self.challenger.as_dict(),
            "test_rows": self.test_rows,
            "params": dict(self.params),
            "checks": [check.as_dict() for check in self.checks],
        }
