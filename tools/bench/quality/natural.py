"""Measure what the bundle does with natural messages: written from the intents' descriptions, not from the corpus."""

from __future__ import annotations

from dataclasses import dataclass

from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.dialog.router import Prediction, Reply
from chatbot.model.bundle import Bundle
from chatbot.settings import RouterSettings, SlotSettings
from tools.bench.quality.taught import Values
from tools.processes import ROOT

FILE = ROOT / "data" / "evaluation" / "natural.txt"
ANSWERS = ("model", "rule")


@dataclass(frozen=True, slots=True)
class NaturalCase:
    """A message with its intent, or `out_of_scope`, and what the bundle did with it."""

    message: str
    intent: str
    reply: Reply
    first: str

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
    return {name: (100 * part / max(1, whole), note) for name, (part, whole) in counts.items()}
