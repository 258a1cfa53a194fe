"""What a visit remembers: the messages, what became of each, what is still to be sent. Knows no Streamlit.

A conversation is changed only by its own methods, and none of them gives way to another run of the page: a
click or a second message while an answer is awaited finds a conversation that is whole.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from ui.client import Answer, ApiError, Intent, Kind

log = logging.getLogger(__name__)

HUMAN_INTENT = "contact_human_agent"
"""Chosen in a clarification it must reach a person, which a reply text alone does not do."""
MAX_TRIES = 5
MAX_WAIT_SECONDS = 60.0


class Api(Protocol):
    """What a conversation needs of the API."""

    def chat(self, message: str, session_id: str) -> Answer: ...

    def feedback(
        self, prediction_id: str, helpful: bool, intent: str | None = None, comment: str | None = None
    ) -> None: ...

    def intents(self) -> tuple[Intent, ...]: ...


class State(StrEnum):
    """Where a message is."""

    WAITING = "waiting"
    """To be sent in this run."""
    AWAY = "away"
    """To be sent when the API is back."""
    BUSY = "busy"
    """To be sent when its time has come."""
    FAILED = "failed"
    """To be sent when the customer says so."""
    ANSWERED = "answered"


class Opinion(StrEnum):
    """What the customer said of an answer."""

    NONE = "none"
    ASKED = "asked"
    """Not helpful; may say more."""
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class Choice:
    """A click on one of the choices of a clarification.

    Attributes:
        intent: what was chosen.
        guess: what the model held likeliest.
        prediction_id: of the clarification.
    """

    intent: str
    guess: str
    prediction_id: str


@dataclass(slots=True)
class Turn:
    """One message and what became of it.

    Attributes:
        message: as the customer sees it.
        request: as it is sent; a button may read differently from what the assistant's rules understand.
    """

    number: int
    message: str
    request: str
    state: State = State.WAITING
    choice: Choice | None = None
    answer: Answer | None = None
    problem: Kind | None = None
    tries: int = 0
    due: float = 0.0
    opinion: Opinion = Opinion.NONE
    opinion_failed: bool = False
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Returned:
    """A message that the API refuses, given back to the customer."""

    message: str
    kind: Kind
    limit: int | None


@dataclass(slots=True)
class Conversation:
    """One visit.

    Attributes:
        session_id: opaque and random: says nothing of the visitor.
        away: the API could not be reached when last asked.
        said: how many messages there were, the ones given back included.
        asked: when it was last asked, by `time.monotonic`.
        returned: the message that goes back into the field, until the next one is sent.
        taken: whether it is in the field again.
        moves: how often the focus was to move; grows with each change that takes away what had it.
        focus: what should have the focus: `message`, or the form under a turn.
    """

    session_id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    turns: list[Turn] = field(default_factory=list)
    said: int = 0
    away: bool = False
    asked: float = 0.0
    returned: Returned | None = None
    taken: bool = False
    moves: int = 0
    focus: str = "message"

    def say(self, message: str, request: str = "") -> None:
        """The customer sends a message, or presses a button that sends `request`."""
        if message.strip():
            self._add(message, request or message)

    def choose(self, turn: Turn, intent: str, title: str, person_message: str) -> None:
        """The customer picks a choice of a clarification: its intent's reply is shown, and noted as feedback.

        The API has no route from an intent to its reply, and sending the title as a new message would ask the
        model again what the customer has just told: so the reply comes from `/intents`, and `/feedback`
        learns that this intent was the right one for the clarified message. The one choice that asks for a
        person is sent as `person_message`, since only the API can hand over.
        """
        if turn.answer is None or turn.chosen:
            return
        turn.chosen = True
        if intent == HUMAN_INTENT:
            self._add(title, person_message)
        else:
            self._add(title, title, Choice(intent, turn.answer.intent, turn.answer.prediction_id))

    def decline(self, turn: Turn, message: str, person_message: str) -> None:
        """None of the choices is right: the customer asks for a person."""
        if not turn.chosen:
            turn.chosen = True
            self.say(message, person_message)

    def retry(self, turn: Turn) -> None:
        """Send a message again that was not answered."""
        if turn.state is not State.ANSWERED:
            turn.state, turn.tries = State.WAITING, 0

    def is_back(self) -> None:
        """The API answers again: what it never got is sent."""
        self.away = False
        for turn in self.turns:
            if turn.state is State.AWAY:
                turn.state = State.WAITING if turn.tries < MAX_TRIES else State.FAILED

    def time_to_ask(self, seconds: float) -> bool:
        """Whether the API, away, was last asked `seconds` ago; then it counts as asked now."""
        now = time.monotonic()
        if now - self.asked < seconds:
            return False
        self.asked = now
        return True

    def take_back(self) -> str:
        """The message to put into the field again; once, so that the customer can change it."""
        if self.returned is None or self.taken:
            return ""
        self.taken = True
        return self.returned.message

    def is_due(self, turn: Turn) -> bool:
        """Whether a busy API said to come back by now; the message is then to be sent."""
        if turn.state is State.BUSY and time.monotonic() >= turn.due:
            turn.state = State.WAITING
        return turn.state is State.WAITING

    @property
    def waiting(self) -> bool:
        """Whether there is something to send now."""
        return any(turn.state is State.WAITING for turn in self.turns)

    @property
    def news(self) -> int:
        """Grows with each message and each answer: then the end of the conversation is to be seen."""
        return self.said + sum(turn.state is not State.WAITING for turn in self.turns)

    def deliver(self, api: Api) -> None:
        """Send what waits, in order; what comes back is noted at each message."""
        self.away = False
        for turn in [turn for turn in self.turns if turn.state is State.WAITING]:
            if self.away:
                turn.state, turn.problem = State.AWAY, Kind.AWAY
                continue
            try:
                turn.answer = self._ask(turn, api)
            except ApiError as problem:
                log.warning("message not answered: %s", problem)
                self._note(turn, problem)
            else:
                turn.state, turn.problem = State.ANSWERED, None
        self._move("message")

    def rate(self, turn: Turn, helpful: bool, api: Api) -> None:
        """Thumbs up or down; after a thumb down the customer may say more."""
        if turn.opinion is not Opinion.NONE:
            return
        turn.opinion = Opinion.GIVEN if helpful else Opinion.ASKED
        if not self._tell(turn, api, helpful) and helpful:
            turn.opinion = Opinion.NONE
        self._move("message" if helpful else f"feedback-{turn.number}")

    def explain(self, turn: Turn, api: Api, intent: str | None, comment: str) -> None:
        """What was right instead, and what was wrong; kept in the form where it could not be sent."""
        if self._tell(turn, api, False, intent, comment.strip() or None):
            turn.opinion = Opinion.GIVEN
            self._move("message")

    def skip(self, turn: Turn) -> None:
        """The thumb down is all the customer wants to say."""
        turn.opinion, turn.opinion_failed = Opinion.GIVEN, False
        self._move("message")

    def _add(self, message: str, request: str, choice: Choice | None = None) -> None:
        self.returned = None
        self.said += 1
        self.turns.append(Turn(self.said, message, request, choice=choice))

    def _ask(self, turn: Turn, api: Api) -> Answer:
        turn.tries += 1
        choice = turn.choice
        if choice is None:
            return api.chat(turn.request, self.session_id)
        intent = next((known for known in api.intents() if known.name == choice.intent), None)
        if intent is None:
            return api.chat(turn.request, self.session_id)
        try:
            api.feedback(choice.prediction_id, choice.intent == choice.guess, choice.intent)
        except ApiError as problem:
            log.warning("choice not noted as feedback: %s", problem)
        return Answer(
            intent=intent.name,
            response=intent.reply,
            confidence=1.0,
            source="choice",
            prediction_id=choice.prediction_id,
        )

    def _note(self, turn: Turn, problem: ApiError) -> None:
        turn.problem = problem.kind
        match problem.kind:
            case Kind.AWAY:
                turn.state, self.away, self.asked = State.AWAY, True, time.monotonic()
            case Kind.BUSY if turn.tries < MAX_TRIES and problem.retry_after <= MAX_WAIT_SECONDS:
                turn.state, turn.due = State.BUSY, time.monotonic() + problem.retry_after
            case Kind.TOO_LONG | Kind.UNREADABLE:
                self.turns.remove(turn)
                self.returned, self.taken = Returned(turn.request, problem.kind, problem.limit), False
            case _:
                turn.state = State.FAILED

    def _tell(
        self, turn: Turn, api: Api, helpful: bool, intent: str | None = None, comment: str | None = None
    ) -> bool:
        if turn.answer is None:
            return False
        # The API keeps the last word on a prediction: what was chosen must not be lost by it.
        intent = intent or (turn.choice.intent if turn.choice and turn.answer.source == "choice" else None)
        try:
            api.feedback(turn.answer.prediction_id, helpful, intent, comment)
        except ApiError as problem:
            log.warning("feedback not sent: %s", problem)
            turn.opinion_failed = True
            return False
        turn.opinion_failed = False
        return True

    def _move(self, focus: str) -> None:
        self.focus, self.moves = focus, self.moves + 1
