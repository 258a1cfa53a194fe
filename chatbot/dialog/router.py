"""Routing by selective prediction: rules first, then the model's thresholds; answer, clarify, or abstain (handoff)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from chatbot.dialog import language
from chatbot.dialog.denial import Denials
from chatbot.dialog.follow_up import FollowUps
from chatbot.dialog.language_texts import TEXTS
from chatbot.dialog.message import DENIED, FOLLOW_UP, OUT_OF_SCOPE, has_words
from chatbot.dialog.replies import Replies, fill
from chatbot.dialog.rules import Rule, Rules
from chatbot.errors import SettingError
from chatbot.privacy import redact, warm_up
from chatbot.settings import RouterSettings

Source = Literal["rule", "model", "clarify", "human"]

MAX_CHOICES = 3
HUMAN_INTENT = "contact_human_agent"
"""Intent of those who ask for a person."""
HUMAN = (
    "I'd rather have a colleague look at this, so I have passed your message on to our team, available "
    "{support_hours}. To get an answer, write to {support_email}."
)
CLARIFY = "I want to be sure I understand you. Which of these do you mean?"
UNCLEAR = "Could you tell me in a few words what you need help with? You can ask me about: {topics}."
"""System texts in English; `chatbot.dialog.language_texts` has those of other languages."""


class Thresholds(BaseModel):
    """Thresholds of selective prediction: maximize coverage at a target risk; learned, stored in the bundle."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: float = Field(ge=0, le=1)
    """Minimum confidence of an automatic answer."""
    clarify: float = Field(ge=0, le=1)
    """Minimum sum of the confidences of a clarification's choices."""
    scope: float
    """Minimum out-of-distribution score (scope) of an automatic answer or a clarification."""

    def overridden(self, settings: RouterSettings) -> Thresholds:
        """Return a copy in which thresholds from the settings replace the learned ones."""
        return Thresholds(
            answer=self.answer if settings.answer_threshold is None else settings.answer_threshold,
            clarify=self.clarify if settings.clarify_threshold is None else settings.clarify_threshold,
            scope=self.scope if settings.scope_threshold is None else settings.scope_threshold,
        )


@dataclass(frozen=True, slots=True)
class Alternative:
    """A candidate intent with its calibrated confidence; `title` is its label in a clarification."""

    intent: str
    confidence: float
    title: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Model output for one message.

    Attributes:
        alternatives: the most likely intents with calibrated confidence, the most likely first; at least one.
        scope: out-of-distribution score, higher is more in scope.
        summary: low-dimensional projection of the embedding, for the drift check.
    """

    alternatives: Sequence[Alternative]
    scope: float
    summary: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """Routing decision for one message.

    Attributes:
        intent: the reported intent.
        response: text for the customer.
        confidence: calibrated confidence of the likeliest intent, also where `intent` is `out_of_scope`; 1 for a
            rule, 0 for a message without words.
        source: what decided: a rule, the model, a clarification, or abstention (`human`).
        alternatives: choices of a clarification; otherwise the most likely intents. Empty for a rule.
        handoff: whether a human takes over.
        summary: text for the agent who takes over, PII redacted; empty unless `handoff`.
        rule: name of the rule that decided, DENIED or FOLLOW_UP; empty: none.
        prediction: model output; None if the model was not called.
        redacted: the message after PII redaction, where the summary needed it; None: not redacted yet.
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
    redacted: str | None = field(default=None, repr=False)


class Router:
    """Routes messages. Stateless and thread-safe."""

    def __init__(
        self,
        rules: Rules,
        replies: Replies,
        thresholds: Thresholds,
        slots: dict[str, str],
        languages: Collection[str] = (),
    ) -> None:
        """Fill all texts.

        Args:
            languages: codes of the languages that the model understands; a message in another one of
                `chatbot.dialog.language.LANGUAGES` is handed over. Empty: any.

        Raises:
            SettingError: a slot of a text has no value.
        """
        warm_up()
        language.warm_up()
        self.thresholds = thresholds
        self._rules = rules
        slots = replies.with_topics(slots)
        self._replies = replies.filled(slots)
        self._denials = Denials(replies)
        self._follow_ups = FollowUps(replies)
        self._human = fill(HUMAN, slots, "the handoff text")
        self._clarify = fill(CLARIFY, slots, "the clarification text")
        self._unclear = fill(UNCLEAR, slots, "the text for an unclear message")
        self._languages = frozenset(languages)
        self._foreign, self._small_talk_in, self._human_in, self._clarify_in, self._unclear_in = (
            {code: fill(getattr(of, name), slots, f"the {name} text in {code}") for code, of in TEXTS.items()}
            for name in ("foreign", "small_talk", "human", "clarify", "unclear")
        )
        self._rule_texts = {rule.name: self._text_of(rule, slots) for rule in rules}

    def before_model(self, message: str) -> Reply | None:
        """Decide without the model: match a rule, or ask for clarification of a message without words.

        Args:
            message: cleaned (`chatbot.dialog.message.clean`).

        Returns:
            The reply; None: the model must classify the message.
        """
        if not has_words(message):
            return Reply(OUT_OF_SCOPE, self._unclear, 0.0, "clarify")
        rule = self._rules.match(message)
        if rule is None:
            return None
        handoff = rule.action == "human"
        foreign = self._foreign_language(message)
        # "Merci" is a rule's, but its reply would seem to promise that the bot understands French.
        if not handoff and (text := self._small_talk_in.get(foreign)):
            return Reply(OUT_OF_SCOPE, text, 0.0, "clarify", rule=rule.name)
        redacted = redact(message) if handoff else None
        summary = f"Rule {rule.name}. The customer wrote: {redacted}" if handoff else ""
        text = self._rule_texts[rule.name]
        if handoff:
            theirs = self._foreign.get(foreign) if foreign else self._in_language(message, self._human_in, "")
            # The rule's own text follows: for an emergency it says what to do at once.
            text = "\n\n".join(filter(None, (theirs, text)))
        return Reply(
            rule.intent,
            text,
            1.0,
            "rule",
            handoff=handoff,
            summary=summary,
            rule=rule.name,
            redacted=redacted,
        )

    def after_model(self, message: str, prediction: Prediction, redacted: str | None = None) -> Reply:
        """Apply the thresholds to a prediction: answer, clarify, or abstain and hand over to a human.

        Args:
            message: cleaned message for which `before_model` returned None.
            prediction: model output for the message.
            redacted: the message after PII redaction; None: redacted here if the reply needs it.
        """
        likeliest = prediction.alternatives[0]
        named = tuple(
            Alternative(a.intent, a.confidence, self._title(a.intent))
            for a in prediction.alternatives[:MAX_CHOICES]
        )
        if foreign := self._foreign_language(message):
            why = f"The message seems to be in {language.NAMES[foreign]}, which the bot does not understand"
            text = self._foreign.get(foreign, self._human)
            return self._handoff(redacted or redact(message), OUT_OF_SCOPE, named, prediction, why, text)
        if self._follow_ups.refers_back(message, likeliest.intent):
            return self._ask_for_topic(message, prediction, redacted, FOLLOW_UP)
        if prediction.scope < self.thresholds.scope:
            why = "The message was unlike every training message"
            text = self._in_language(message, self._human_in, self._human)
            return self._handoff(redacted or redact(message), OUT_OF_SCOPE, named, prediction, why, text)
        sure = likeliest.confidence >= self.thresholds.answer
        if sure and self._denials.denies(message, likeliest.intent):
            if likeliest.intent == HUMAN_INTENT:
                return self._ask_for_topic(message, prediction, redacted, DENIED)
            # Not a clarification: its first choice would be what the customer has just denied, and "I never asked for
            # that" or "do not cancel it" is for staff to check.
            why = "The message seems to deny this request"
            text = self._in_language(message, self._human_in, self._human)
            known = redacted or redact(message)
            return self._handoff(known, likeliest.intent, named, prediction, why, text, DENIED)
        if sure:
            response = self._replies[likeliest.intent].response
            return Reply(
                likeliest.intent,
                response,
                likeliest.confidence,
                "model",
                named,
                prediction=prediction,
                redacted=redacted,
            )
        if len(named) > 1 and sum(a.confidence for a in named) >= self.thresholds.clarify:
            choices = _choices(named, self.thresholds.clarify)
            return Reply(
                likeliest.intent,
                self._in_language(message, self._clarify_in, self._clarify),
                likeliest.confidence,
                "clarify",
                choices,
                prediction=prediction,
                redacted=redacted,
            )
        why = "The bot was not sure enough"
        text = self._in_language(message, self._human_in, self._human)
        return self._handoff(redacted or redact(message), likeliest.intent, named, prediction, why, text)

    def _foreign_language(self, message: str) -> str:
        """Return the code of the message's language, if the bot does not understand it; else an empty text."""
        return language.foreign_language(message, self._languages) or "" if self._languages else ""

    def _in_language(self, message: str, texts: Mapping[str, str], default: str) -> str:
        """Return the text in the message's language, if the bot understands more than English."""
        if self._languages == {"en"}:
            return default
        return texts.get(language.foreign_language(message, ("en",)) or "", default)

    def _ask_for_topic(self, message: str, prediction: Prediction, redacted: str | None, rule: str) -> Reply:
        return Reply(
            OUT_OF_SCOPE,
            self._in_language(message, self._unclear_in, self._unclear),
            prediction.alternatives[0].confidence,
            "clarify",
            rule=rule,
            prediction=prediction,
            redacted=redacted,
        )

    def _handoff(
        self,
        redacted: str,
        intent: str,
        named: Sequence[Alternative],
        prediction: Prediction,
        why: str,
        text: str,
        rule: str = "",
    ) -> Reply:
        guesses = ", ".join(f"{a.intent} {a.confidence:.0%}" for a in named)
        summary = f"{why} (likeliest: {guesses}). The customer wrote: {redacted}"
        confidence = prediction.alternatives[0].confidence
        return Reply(
            intent,
            text,
            confidence,
            "human",
            named,
            True,
            summary,
            rule,
            prediction=prediction,
            redacted=redacted,
        )

    def _title(self, intent: str) -> str:
        return self._replies[intent].title or intent.replace("_", " ").capitalize()

    def _text_of(self, rule: Rule, slots: dict[str, str]) -> str:
        if rule.reply:
            return fill(rule.reply, slots, f"the reply of rule {rule.name}")
        if rule.action == "human":
            return self._human
        if rule.intent not in self._replies.texts:
            raise SettingError(
                f"rule {rule.name!r} has no reply, and neither has its intent {rule.intent!r}: add `reply:` to the rule"
            )
        return self._replies[rule.intent].response


def _choices(named: Sequence[Alternative], enough: float) -> Sequence[Alternative]:
    """Return the shortest prefix of the ranked intents, at least two, whose confidences sum to the threshold."""
    for count in range(2, len(named)):
        if sum(a.confidence for a in named[:count]) >= enough:
            return named[:count]
    return named
