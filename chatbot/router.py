"""The only place that decides: rules, then the model, then thresholds; answer, clarify or human."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from chatbot.message import OUT_OF_SCOPE, has_words
from chatbot.privacy import redact
from chatbot.replies import Replies, fill
from chatbot.rules import Rule, Rules
from chatbot.settings import RouterSettings

Source = Literal["rule", "model", "clarify", "human"]

MAX_CHOICES = 3


class Thresholds(BaseModel):
    """Where answering begins, learned for a stated target and stored in the bundle."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: float = Field(ge=0, le=1)
    """The least confidence of an automatic answer."""
    clarify: float = Field(ge=0, le=1)
    """The least joint confidence of the choices of a clarification."""
    scope: float
    """The least scope score of an automatic answer or a clarification."""

    def overridden(self, settings: RouterSettings) -> Thresholds:
        """These thresholds with what the settings name in place of what was learned."""
        return Thresholds(
            answer=self.answer if settings.answer_confidence is None else settings.answer_confidence,
            clarify=self.clarify if settings.clarify_confidence is None else settings.clarify_confidence,
            scope=self.scope if settings.scope is None else settings.scope,
        )


@dataclass(frozen=True, slots=True)
class Alternative:
    """An intent the message may have, and how sure that is."""

    intent: str
    confidence: float
    title: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the runner says of one message.

    Attributes:
        alternatives: the likeliest intents with calibrated confidence, the likeliest first; at least one.
        scope: higher means more like what the bot was taught.
        summary: a few numbers that stand for the embedding in the drift check.
    """

    alternatives: Sequence[Alternative]
    scope: float
    summary: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the bot does with one message.

    Attributes:
        response: the text for the customer.
        alternatives: the choices of a clarification, or the likeliest intents beside an answer.
        summary: for the agent who takes over; empty unless `handoff`. Holds no personal data.
        prediction: what the model said; None when a rule decided.
    """

    intent: str
    response: str
    confidence: float
    source: Source
    alternatives: Sequence[Alternative] = ()
    handoff: bool = False
    summary: str = ""
    rule: str = ""
    prediction: Prediction | None = field(default=None, repr=False)


class SystemTexts(BaseModel):
    """What the bot says when it does not answer by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    human: str = (
        "I'd rather have a colleague look at this. I have passed your message on, and a person from {company} "
        "will answer you here. Our team is available {support_hours}."
    )
    clarify: str = "I want to be sure I understand you. Which of these do you mean?"
    unclear: str = "Could you tell me in a few words what you need help with?"


class Router:
    """Decides on messages: holds no state, may be called from any thread."""

    def __init__(
        self,
        rules: Rules,
        replies: Replies,
        thresholds: Thresholds,
        slots: dict[str, str],
        texts: SystemTexts | None = None,
    ) -> None:
        """Raises: SettingError: a reply needs a slot that has no value."""
        self.thresholds = thresholds
        self._rules = rules
        self._replies = replies.filled(slots)
        texts = texts or SystemTexts()
        self._human = fill(texts.human, slots, "the handoff text")
        self._clarify = fill(texts.clarify, slots, "the clarification text")
        self._unclear = fill(texts.unclear, slots, "the text for an unclear message")
        self._rule_texts = {rule.name: self._text_of(rule, slots) for rule in rules}

    def before_model(self, message: str) -> Reply | None:
        """What is decided without the model: a rule, or a message that says nothing. None: ask the model.

        Args:
            message: cleaned (`chatbot.message.clean`).
        """
        if not has_words(message):
            return Reply(OUT_OF_SCOPE, self._unclear, 0.0, "clarify")
        rule = self._rules.match(message)
        if rule is None:
            return None
        handoff = rule.action == "human"
        summary = f"Rule {rule.name}. The customer wrote: {redact(message)}" if handoff else ""
        return Reply(
            rule.intent,
            self._rule_texts[rule.name],
            1.0,
            "rule",
            handoff=handoff,
            summary=summary,
            rule=rule.name,
        )

    def after_model(self, message: str, prediction: Prediction) -> Reply:
        """Answer, clarify or human, by the thresholds.

        Args:
            message: cleaned, one that `before_model` left undecided.
        """
        likeliest = prediction.alternatives[0]
        named = tuple(
            Alternative(a.intent, a.confidence, self._title(a.intent))
            for a in prediction.alternatives[:MAX_CHOICES]
        )
        if prediction.scope < self.thresholds.scope:
            return self._handoff(message, OUT_OF_SCOPE, named, prediction, "unlike anything it was taught")
        if likeliest.confidence >= self.thresholds.answer:
            response = self._replies[likeliest.intent].response
            return Reply(
                likeliest.intent, response, likeliest.confidence, "model", named, prediction=prediction
            )
        if len(named) > 1 and sum(a.confidence for a in named) >= self.thresholds.clarify:
            choices = _choices(named, self.thresholds.clarify)
            return Reply(
                likeliest.intent,
                self._clarify,
                likeliest.confidence,
                "clarify",
                choices,
                prediction=prediction,
            )
        return self._handoff(message, likeliest.intent, named, prediction, "not sure enough")

    def _handoff(
        self, message: str, intent: str, named: Sequence[Alternative], prediction: Prediction, why: str
    ) -> Reply:
        guesses = ", ".join(f"{a.intent} {a.confidence:.0%}" for a in named)
        summary = f"The bot was {why} (likeliest: {guesses}). The customer wrote: {redact(message)}"
        confidence = prediction.alternatives[0].confidence
        return Reply(intent, self._human, confidence, "human", named, True, summary, prediction=prediction)

    def _title(self, intent: str) -> str:
        return self._replies[intent].title or intent.replace("_", " ").capitalize()

    def _text_of(self, rule: Rule, slots: dict[str, str]) -> str:
        if rule.reply:
            return fill(rule.reply, slots, f"the reply of rule {rule.name}")
        return self._human if rule.action == "human" else self._replies[rule.intent].response


def _choices(named: Sequence[Alternative], enough: float) -> Sequence[Alternative]:
    """The fewest of the likeliest intents, two at least, that together reach the threshold."""
    for count in range(2, len(named)):
        if sum(a.confidence for a in named[:count]) >= enough:
            return named[:count]
    return named
