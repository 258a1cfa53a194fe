"""Keep the state of one visit: messages, their delivery, feedback. Independent of Streamlit.

Only its own methods change a conversation, and none of them yields to another run of the page: a click or a second
message during a pending request finds a consistent conversation.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass, field
from enum import StrEnum

from ui.chat.client import Answer, ApiError, ChatClient, FailureKind

log = logging.getLogger(__name__)

HUMAN_INTENT = "contact_human_agent"
"""Intent that requires a handoff if it is chosen in a clarification; its reply text alone does not cause one."""
MAX_TRIES = 5
MAX_WAIT_SECONDS = 60.0
MAX_TURNS = 100
"""The latest messages of a visit are kept and shown: each costs memory, and time in every run of the page."""
MAX_CHARACTERS = 20_000
"""A longer message is returned without being sent: those that wait for an unavailable API are kept."""


class DeliveryState(StrEnum):
    """Delivery state of a message."""

    WAITING = "waiting"
    """To be sent in this run."""
    AWAY = "away"
    """To be sent when the API is back."""
    BUSY = "busy"
    """To be sent at `Exchange.due`, because the API is overloaded (429)."""
    FAILED = "failed"
    """To be sent when the customer asks for a retry."""
    ANSWERED = "answered"


class FeedbackState(StrEnum):
    """State of the customer's feedback on an answer."""

    NONE = "none"
    ASKED = "asked"
    """Rated not helpful; the form for an explanation is open."""
    GIVEN = "given"


class ContactState(StrEnum):
    """State of the contact data that the page asks for after a handoff."""

    ASKED = "asked"
    UNREADABLE = "unreadable"
    """The input holds no complete address or number."""
    FAILED = "failed"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class ChosenIntent:
    """The customer's choice in a clarification."""

    intent: str
    guess: str
    prediction_id: str


@dataclass(slots=True)
class Exchange:
    """One message, its delivery state and its answer.

    Attributes:
        request: text sent to the API; a button's label may differ from a text that the bot's rules match.
        due: when to retry a BUSY message, by `time.monotonic`.
        rated: whether the API has the customer's rating.
    """

    number: int
    message: str
    request: str
    state: DeliveryState = DeliveryState.WAITING
    choice: ChosenIntent | None = None
    answer: Answer | None = None
    problem: FailureKind | None = None
    tries: int = 0
    due: float = 0.0
    feedback: FeedbackState = FeedbackState.NONE
    feedback_failed: bool = False
    rated: bool = False
    chosen: bool = False
    contact: ContactState = ContactState.ASKED


@dataclass(frozen=True, slots=True)
class Returned:
    """A message that the API refused, returned to the customer for editing."""

    message: str
    kind: FailureKind
    limit: int | None


@dataclass(slots=True)
class Conversation:
    """One visit.

    Attributes:
        session_id: random and opaque; contains nothing about the visitor.
        said: number of messages so far, returned ones included.
        away: whether the API was unreachable at the last request.
        asked: when the unavailable API was last checked, by `time.monotonic`.
        returned: the refused message to put back into the input field, until the next one is sent.
        taken: whether it has been put back.
        moves: number of focus changes; grows when the focused element is removed.
        focus: element that gets the focus: `message`, or the form under a turn.
    """

    session_id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    turns: list[Exchange] = field(default_factory=list)
    said: int = 0
    away: bool = False
    asked: float = 0.0
    returned: Returned | None = None
    taken: bool = False
    moves: int = 0
    focus: str = "message"

    def say(self, message: str, request: str = "") -> None:
        """Queue a message; a button may send `request` in its place, and sends it once however often it is clicked."""
        last = self.turns[-1] if self.turns else None
        if request and last and last.request == request and last.state is not DeliveryState.FAILED:
            return
        if message.strip():
            self._add(message, request or message)

    def choose(self, turn: Exchange, intent: str, title: str, person_message: str) -> None:
        """Queue the customer's choice in a clarification: the intent's reply is shown, and sent as feedback.

        The API has no route from an intent to its reply, and sending the title as a new message would classify
        again what the customer has just decided. Therefore the reply comes from `/intents`, and `/feedback`
        receives the chosen intent as the right one for the clarified message. The choice that asks for a person
        is sent as `person_message`, because only the API can cause a handoff.
        """
        if turn.answer is None or turn.chosen:
            return
        turn.chosen = True
        if intent == HUMAN_INTENT:
            self._add(title, person_message)
        else:
            self._add(title, title, ChosenIntent(intent, turn.answer.intent, turn.answer.prediction_id))

    def decline(self, turn: Exchange, message: str, person_message: str) -> None:
        """Reject all choices of a clarification and ask for a person."""
        if not turn.chosen:
            turn.chosen = True
            self.say(message, person_message)

    def retry(self, turn: Exchange) -> None:
        """Queue an unanswered message again."""
        if turn.state is not DeliveryState.ANSWERED:
            turn.state, turn.tries = DeliveryState.WAITING, 0

    @property
    def unsent(self) -> list[Exchange]:
        """Messages that an unavailable API did not get."""
        return [turn for turn in self.turns if turn.problem is FailureKind.AWAY and turn.answer is None]

    def retry_unsent(self) -> None:
        """Queue all messages again that an unavailable API did not get."""
        for turn in self.unsent:
            self.retry(turn)

    def is_back(self) -> None:
        """Queue the messages that did not reach the API, now that it answers again."""
        self.away = False
        for turn in self.turns:
            if turn.state is DeliveryState.AWAY:
                turn.state = DeliveryState.WAITING if turn.tries < MAX_TRIES else DeliveryState.FAILED

    def time_to_ask(self, seconds: float) -> bool:
        """Whether the last check of the unavailable API was at least `seconds` ago; if so, note a check now."""
        now = time.monotonic()
        if now - self.asked < seconds:
            return False
        self.asked = now
        return True

    def take_back(self) -> str:
        """Return the message to put back into the input field; only once, so that edits are kept."""
        if self.returned is None or self.taken:
            return ""
        self.taken = True
        return self.returned.message

    def is_due(self, turn: Exchange) -> bool:
        """Whether the message is to be sent now; queue it once the Retry-After of an overloaded API has passed."""
        if turn.state is DeliveryState.BUSY and time.monotonic() >= turn.due:
            turn.state = DeliveryState.WAITING
        return turn.state is DeliveryState.WAITING

    @property
    def waiting(self) -> bool:
        """Whether a message is to be sent now."""
        return any(turn.state is DeliveryState.WAITING for turn in self.turns)

    @property
    def news(self) -> int:
        """Counter that grows with each message and answer; the page then scrolls to the end."""
        return self.said + sum(turn.state is not DeliveryState.WAITING for turn in self.turns)

    def deliver(self, api: ChatClient) -> None:
        """Send the waiting messages in order, also those that did not reach the API; record what came of each."""
        self.is_back()
        for turn in [turn for turn in self.turns if turn.state is DeliveryState.WAITING]:
            if self.away:
                turn.state, turn.problem = DeliveryState.AWAY, FailureKind.AWAY
                continue
            try:
                turn.answer = self._ask(turn, api)
            except ApiError as problem:
                log.warning("message not answered: %s", problem)
                self._note(turn, problem)
            else:
                turn.state, turn.problem = DeliveryState.ANSWERED, None
        self._move("message")

    def rate(self, turn: Exchange, helpful: bool, api: ChatClient) -> None:
        """Send thumbs up or down; after thumbs down, open the form for an explanation."""
        if turn.feedback is not FeedbackState.NONE:
            return
        turn.feedback = FeedbackState.GIVEN if helpful else FeedbackState.ASKED
        if not self._tell(turn, api, helpful) and helpful:
            turn.feedback = FeedbackState.NONE
        self._move("message" if helpful else f"feedback-{turn.number}")

    def explain(self, turn: Exchange, api: ChatClient, intent: str | None, comment: str) -> None:
        """Send the right intent and a comment; on failure the form stays open with its content."""
        if self._tell(turn, api, False, intent, comment.strip() or None):
            turn.feedback = FeedbackState.GIVEN
            self._move("message")

    def leave_contact(self, turn: Exchange, api: ChatClient, contact: str) -> None:
        """Send contact data for the handoff of a turn; on failure the field keeps what was written."""
        if turn.answer is None or not contact.strip():
            return
        try:
            api.contact(turn.answer.prediction_id, turn.answer.contact_token, contact.strip())
        except ApiError as problem:
            log.warning("contact data not sent: %s", problem.kind)
            wrong = problem.kind in (FailureKind.UNREADABLE, FailureKind.TOO_LONG)
            turn.contact = ContactState.UNREADABLE if wrong else ContactState.FAILED
        else:
            turn.contact = ContactState.GIVEN
            self._move("message")

    def skip(self, turn: Exchange) -> None:
        """Close the form without an explanation; if the rating was not sent either, it can be given again."""
        turn.feedback = FeedbackState.GIVEN if turn.rated else FeedbackState.NONE
        turn.feedback_failed = False
        self._move("message")

    def _add(self, message: str, request: str, choice: ChosenIntent | None = None) -> None:
        self.returned = None
        if len(message) > MAX_CHARACTERS:
            self.returned, self.taken = Returned(message[:MAX_CHARACTERS], FailureKind.TOO_LONG, None), False
            return
        self.said += 1
        del self.turns[: 1 - MAX_TURNS]
        self.turns.append(Exchange(self.said, message, request, choice=choice))

    def _ask(self, turn: Exchange, api: ChatClient) -> Answer:
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
            log.warning("choice not recorded as feedback: %s", problem)
            if problem.kind is FailureKind.AWAY:
                self._go_away()
        return Answer(
            intent=intent.name,
            response=intent.reply,
            confidence=1.0,
            source="choice",
            prediction_id=choice.prediction_id,
        )

    def _note(self, turn: Exchange, problem: ApiError) -> None:
        turn.problem = problem.kind
        match problem.kind:
            case FailureKind.AWAY:
                turn.state = DeliveryState.AWAY
                self._go_away()
            case FailureKind.BUSY if turn.tries < MAX_TRIES and problem.retry_after <= MAX_WAIT_SECONDS:
                turn.state, turn.due = DeliveryState.BUSY, time.monotonic() + problem.retry_after
            case FailureKind.TOO_LONG | FailureKind.UNREADABLE:
                self.turns.remove(turn)
                self.returned, self.taken = Returned(turn.request, problem.kind, problem.limit), False
            case _:
                turn.state = DeliveryState.FAILED

    def _go_away(self) -> None:
        self.away, self.asked = True, time.monotonic()

    def _tell(
        self,
        turn: Exchange,
        api: ChatClient,
        helpful: bool,
        intent: str | None = None,
        comment: str | None = None,
    ) -> bool:
        if turn.answer is None:
            return False
        # The API keeps the latest feedback per prediction: repeat the chosen intent, so that it is not lost.
        intent = intent or (turn.choice.intent if turn.choice and turn.answer.source == "choice" else None)
        try:
            api.feedback(turn.answer.prediction_id, helpful, intent, comment)
        except ApiError as problem:
            log.warning("feedback not sent: %s", problem)
            turn.feedback_failed = True
            return False
        turn.feedback_failed, turn.rated = False, True
        return True

    def _move(self, focus: str) -> None:
        self.focus, self.moves = focus, self.moves + 1
