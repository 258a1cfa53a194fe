"""Measure what the bundle does with natural messages: written from the intents' descriptions, not from the corpus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.dialog.router import Prediction, Reply
from chatbot.model.bundle import REFERENCE, Bundle
from chatbot.settings import RouterSettings, SlotSettings
from monitoring.drift.columns import NUMBERS, SUMMARY_AXES, RecordColumns, of_table
from monitoring.drift.histograms import Grid, Tally
from monitoring.drift.out_of_scope import out_of_scope_share
from tools.bench.figures import BUNDLE
from tools.bench.quality.taught import Values
from tools.processes import ROOT

FILE = ROOT / "data" / "evaluation" / "natural.txt"
ANSWERS = ("model", "rule")
MIXTURES = (0.0, 0.05, 0.1, 0.2, 0.5, 0.7)
"""Out-of-scope shares that the drift check's estimate is compared with."""
_MIXED = 2_000


@dataclass(frozen=True, slots=True)
class NaturalCase:
    """A message with its intent, or `out_of_scope`, and what the bundle did with it."""

    message: str
    intent: str
    reply: Reply
    first: str
    scope: float

    @property
    def is_answered(self) -> bool:
        """Whether the bot answered by itself; a handoff by a rule counts only for who asked for a person."""
        return self.reply.source in ANSWERS and (not self.reply.handoff or self.reply.intent == self.intent)

    @property
    def is_small_talk(self) -> bool:
        """Whether a rule replied in kind to a greeting, thanks or the like: the reply of no intent."""
        return self.is_answered and self.reply.source == "rule" and not self.reply.handoff

    @property
    def is_wrong(self) -> bool:
        """Whether the bot answered another intent."""
        return self.is_answered and self.reply.intent != self.intent


def read_natural() -> list[tuple[str, str]]:
    """Return messages with their intents: a line `## intent` precedes its messages."""
    found: list[tuple[str, str]] = []
    intent = ""
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            intent = line.removeprefix("## ")
        elif line.strip():
            found.append((clean(line), intent))
    return found


def route(bundle: Bundle, messages: list[tuple[str, str]]) -> list[NaturalCase]:
    """Route the messages as the service does."""
    router = bundle.router(RouterSettings(), SlotSettings())
    predictions: list[Prediction] = bundle.predict([message for message, _ in messages])
    return [
        NaturalCase(
            message,
            intent,
            router.before_model(message) or router.after_model(message, prediction),
            prediction.alternatives[0].intent,
            prediction.scope,
        )
        for (message, intent), prediction in zip(messages, predictions, strict=True)
    ]


def natural(bundle: Bundle) -> Values:
    """Return the percentages: answered, wrong and right first choices in scope; out of scope, replies of an intent.

    Small talk is out of scope in the file, as it is in the corpus. A rule's reply to it ("You're welcome") is not the
    answer of an intent: it is counted apart.
    """
    cases = route(bundle, read_natural())
    inside = [case for case in cases if case.intent != OUT_OF_SCOPE]
    outside = [case for case in cases if case.intent == OUT_OF_SCOPE]
    note = f"bundle {bundle.version}, {len(inside)} messages in scope, {len(outside)} out of scope"
    counts = {
        "answered": (sum(case.is_answered for case in inside), len(inside)),
        "wrong": (sum(case.is_wrong for case in inside), len(inside)),
        "asked": (sum(case.reply.source == "clarify" for case in inside), len(inside)),
        "first": (sum(case.first == case.intent for case in inside), len(inside)),
        "foreign": (sum(case.is_answered and not case.is_small_talk for case in outside), len(outside)),
        "small_talk": (sum(case.is_small_talk for case in outside), len(outside)),
    }
    values = {name: (100 * part / max(1, whole), note) for name, (part, whole) in counts.items()}
    scopes = (np.array([case.scope for case in side]) for side in (inside, outside))
    return values | {"share": (100 * share_error(bundle, *scopes), note)}


def share_error(bundle: Bundle, inside: NDArray[np.float64], outside: NDArray[np.float64]) -> float:
    """Return the largest error of the drift check's estimate of the out-of-scope share, over `MIXTURES`.

    Shapes: scope scores of the messages in scope (n,) and out of it (m,); they are drawn with replacement.
    """
    reference = of_table(pq.read_table(BUNDLE / REFERENCE))
    grid, draw = Grid.of(reference), np.random.default_rng(0)
    errors = []
    for share in MIXTURES:
        strange = round(share * _MIXED)
        scopes = np.concatenate([draw.choice(inside, _MIXED - strange), draw.choice(outside, strange)])
        numbers = {name: scopes if name == "scope" else np.full(_MIXED, np.nan) for name in NUMBERS}
        summary = np.full((_MIXED, SUMMARY_AXES), np.nan, np.float32)
        window = RecordColumns(numbers, summary, np.full(_MIXED, "", dtype=object))
        found = out_of_scope_share(bundle.manifest.target, Tally.of(grid, reference), Tally.of(grid, window))
        errors.append(abs(found.share - share) if found else 1.0)
    return max(errors)
