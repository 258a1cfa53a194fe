"""Learn an operating point for each target and out-of-scope share: the table that a training ends with."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chatbot.dialog.router import Thresholds
from chatbot.model.classifier import Scores
from training.labels.advice import advice
from training.labels.findings import LabelFindings
from training.model.evaluation.metrics import risk
from training.model.params import KNOWN_TRAFFIC_SHARE, TrainParams
from training.model.thresholds import EVIDENCE, Judged, Learned, learn

TARGETS = (0.01, 0.02, 0.03, 0.05, 0.1)
SHARES = (0.0, 0.05, 0.1, 0.2, 0.5, 0.7)
# Below this coverage the report says why.
LOW_COVERAGE = 0.6
_CURVE_POINTS = 50
CUT_QUANTILE = 13 / 256
"""Of `ScopeCut`: about a twentieth of the in-scope messages, and an edge of the drift check's histograms."""


@dataclass(frozen=True, slots=True)
class OutOfScope:
    """Out-of-scope messages of a training: the corpus's own, and the generic pool's without what the corpus covers."""

    own: int
    generic: int = 0
    covered: int = 0
    unknown: int | None = None
    """Messages of left-out intents, used in place of the pool; None: the corpus is in the pool's language."""

    @property
    def sentence(self) -> str:
        """Describe in a sentence where the messages come from."""
        if self.unknown is not None:
            stand_ins = (
                f"{self.unknown:,} messages of intents that were left out" if self.unknown else "no others"
            )
            return (
                f"The corpus has {self.own:,} distinct out-of-scope messages of its own, and the shipped generic pool "
                f"is not used, as it is in English: {stand_ins} are used instead. "
                "Add messages that customers really send and the bot must not answer, labelled out_of_scope."
            )
        if not self.generic:
            return f"{self.own:,} out-of-scope messages of the corpus."
        return (
            f"The corpus has {self.own:,} distinct out-of-scope messages of its own: {self.generic:,} messages of the "
            f"shipped generic pool are used ({self.covered:,} were left out, as the corpus covers them). Add messages "
            "that customers really send and the bot must not answer, labelled out_of_scope."
        )


@dataclass(frozen=True, slots=True)
class ScopeCut:
    """A scope score that few in-scope messages are below, and most out-of-scope ones.

    Attributes:
        cut: quantile `CUT_QUANTILE` of the out-of-fold scores of in-scope messages.
        below: share of the out-of-scope messages whose score is below it.
    """

    cut: float
    below: float

    @classmethod
    def of(cls, inside: NDArray[np.floating], outside: NDArray[np.floating]) -> ScopeCut | None:
        """Return the cut of scores of in-scope and out-of-scope messages, shape (n,) and (m,); None if one has none."""
        if not len(inside) or not len(outside):
            return None
        cut = float(np.quantile(inside, CUT_QUANTILE, method="higher"))
        return cls(cut, float((outside < cut).mean()))


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """Thresholds in force, and those of other targets and shares.

    Attributes:
        in_force: the thresholds of the bundle.
        targets: at the share in force, one per target. shares: at the target in force, one per share.
        findings: about the labels of the training messages.
        messages: number of training messages, copies included.
        share_declared: whether the share in force was declared; if not, it is assumed (`TrainParams.share`).
        foreign: describes the messages in languages that the encoder does not understand; empty: few are.
        cut: with it, the drift check estimates the live out-of-scope share; None: no message was out of scope.
    """

    in_force: Learned
    targets: tuple[Learned, ...]
    shares: tuple[Learned, ...]
    findings: LabelFindings
    out_of_scope: OutOfScope
    messages: int
    share_declared: bool = True
    foreign: str = ""
    cut: ScopeCut | None = None

    @property
    def sentence(self) -> str:
        """Describe in sentences what the thresholds in force guarantee, and for which messages they do not."""
        force = self.in_force
        if not force.share or force.unknown_risk is None or force.unknown_risk <= force.target:
            return force.sentence
        return (
            f"{force.sentence} Not promised for topics of your own domain that no intent covers: if the out-of-scope "
            f"messages are about these, {force.unknown_risk:.1%} of the answers are wrong."
        )

    @property
    def is_low(self) -> bool:
        """Whether the coverage in force is so low that the report says why."""
        return self.in_force.coverage < LOW_COVERAGE

    @property
    def advice(self) -> list[str]:
        """Return why little is answered and what to do about it, in sentences without any message."""
        force = self.in_force
        found = [f"Language: {self.foreign}."] if self.foreign else []
        # Without out-of-scope messages, as where the pool is in another language, there is one row, of no share.
        usual = next((one for one in self.shares if one.share == KNOWN_TRAFFIC_SHARE), None)
        if usual is None or self.share_declared or force.share <= usual.share or not self.is_low:
            return [*found, *advice(self.findings)]
        return [
            *found,
            f"No share of out-of-scope messages is declared, so {force.share:.0%} is assumed. At {usual.share:.0%}, "
            f"{usual.coverage:.0%} would be answered. Count a day's messages and declare the share: "
            f'--out-of-scope-share {usual.share} (`make run`: TRAIN="--out-of-scope-share {usual.share}").',
            *advice(self.findings),
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the content of `target` in model.json."""
        curve = self.in_force.curve
        points = np.unique(np.linspace(0, len(curve.coverage) - 1, _CURVE_POINTS).round().astype(int))
        return self.in_force.as_dict() | {
            "sentence": self.sentence,
            "messages": self.messages,
            "targets": [_row(one) for one in self.targets],
            "shares": [_row(one) for one in self.shares],
            "curve": [[round(float(x[p]), 4) for x in (curve.coverage, curve.risk)] for p in points],
            "out_of_scope": {
                "own": self.out_of_scope.own,
                "generic": self.out_of_scope.generic,
                "covered": self.out_of_scope.covered,
                "sentence": self.out_of_scope.sentence,
            }
            | ({} if self.cut is None else asdict(self.cut)),
            "advice": self.advice,
        }


def learn_points(
    inside: Judged,
    outside: Scores,
    unknown: Scores,
    params: TrainParams,
    findings: LabelFindings,
    out_of_scope: OutOfScope,
    messages: int,
    foreign: str = "",
) -> OperatingPoints:
    """Learn the thresholds in force, and those of every other target and share.

    `outside` are scores of the out-of-scope messages that the thresholds are learned with; `unknown` are those of
    unknown intents (`training.model.fit.score_unknown`), which are only reported. `foreign` is as in the result.
    """
    confidence = outside.probabilities.max(axis=1)

    @cache
    def at(target: float, share: float) -> Learned:
        found = learn(inside, confidence, outside.scope, target, share, params.require_proof)
        return replace(found, unknown_risk=_unknown_risk(inside, unknown, share, found.thresholds))

    target, share = params.target, params.share(out_of_scope.own)
    return OperatingPoints(
        at(target, share),
        tuple(at(one, share) for one in sorted({*TARGETS, target})),
        tuple(at(target, one) for one in sorted({*SHARES, share})),
        findings,
        out_of_scope,
        messages,
        params.out_of_scope_share is not None,
        foreign,
        ScopeCut.of(inside.scope, outside.scope),
    )


def _unknown_risk(inside: Judged, unknown: Scores, share: float, at: Thresholds) -> float | None:
    if not len(unknown.scope):
        return None
    passed = (unknown.probabilities.max(axis=1) >= at.answer) & (unknown.scope >= at.scope)
    answered = (inside.confidence >= at.answer) & (inside.scope >= at.scope)
    weights = inside.weights
    doubt = np.asarray(np.average(answered * inside.doubts, weights=weights))
    coverage = np.asarray(np.average(answered, weights=weights))
    return float(risk(doubt, coverage, np.asarray(passed.mean()), share))


def _row(learned: Learned) -> dict[str, Any]:
    row: dict[str, Any] = {"thresholds": learned.thresholds.model_dump()}
    for name in (*EVIDENCE, "unknown_risk"):
        value = getattr(learned, name)
        row[name] = round(value, 4) if isinstance(value, float) else value
    return row
