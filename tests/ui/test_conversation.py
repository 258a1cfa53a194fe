"""What becomes of a message: answered, kept, sent again, given back; and of the customer's opinion."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from tests.ui.fake_api import INTENTS, answer
from ui.chat.client import Answer, ApiError, FailureKind, Intent
from ui.chat.conversation import (
    MAX_CHARACTERS,
    MAX_TRIES,
    MAX_TURNS,
    Conversation,
    DeliveryState,
    FeedbackState,
)

Outcome = ApiError | dict[str, object]


class ScriptedApi:
    """Answers what it is told, in order; then a refund with 0.9."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.chats: list[tuple[str, str]] = []
        self.opinions: list[tuple[str, bool, str | None, str | None]] = []
        self.feedback_error: ApiError | None = None

    def chat(self, message: str, session_id: str) -> Answer:
        self.chats.append((message, session_id))
        outcome = self.outcomes.pop(0) if self.outcomes else answer("get_refund", 0.9)
        if isinstance(outcome, ApiError):
            raise outcome
        return Answer.model_validate(outcome)

    def feedback(
        self, prediction_id: str, helpful: bool, intent: str | None = None, comment: str | None = None
    ) -> None:
        self.opinions.append((prediction_id, helpful, intent, comment))
        if self.feedback_error:
            raise self.feedback_error

    def intents(self) -> tuple[Intent, ...]:
        return tuple(Intent.model_validate(entry) for entry in INTENTS)


def clarification() -> dict[str, object]:
    alternatives = [
        {"intent": name, "confidence": 0.4, "title": ""} for name in ("get_refund", "track_refund")
    ]
    return answer("get_refund", 0.4, "clarify", alternatives=alternatives, prediction_id="p")


def after(api: ScriptedApi, message: str = "hello") -> Conversation:
    conversation = Conversation()
    conversation.say(message)
    conversation.deliver(api)
    return conversation


def test_a_button_that_is_clicked_twice_sends_once() -> None:
    """A double click on "Talk to a person" handed over twice."""
    api, conversation = ScriptedApi(), Conversation()
    for _ in range(2):
        conversation.say("Talk to a person", "I want to talk to a human")
        conversation.deliver(api)
    assert len(api.chats) == len(conversation.turns) == 1
    for _ in range(2):
        conversation.say("typed twice")
    assert len(conversation.turns) == 3


def test_a_button_sends_again_what_failed() -> None:
    api, conversation = ScriptedApi(ApiError(FailureKind.REFUSED)), Conversation()
    for _ in range(2):
        conversation.say("Talk to a person", "I want to talk to a human")
        conversation.deliver(api)
    assert conversation.turns[-1].state is DeliveryState.ANSWERED


def states(conversation: Conversation) -> list[DeliveryState]:
    return [turn.state for turn in conversation.turns]


def test_each_visit_has_an_opaque_id_of_its_own_that_goes_with_every_message() -> None:
    api = ScriptedApi()
    first = after(api, "one")
    first.say("two")
    first.deliver(api)
    other = after(api, "three")
    assert [session for _, session in api.chats] == [first.session_id, first.session_id, other.session_id]
    assert first.session_id != other.session_id
    # What the API takes as a session id.
    assert re.fullmatch(r"[A-Za-z0-9._:-]{16,128}", first.session_id)


def test_an_empty_message_is_not_sent() -> None:
    api = ScriptedApi()
    assert after(api, " \n ").turns == []
    assert api.chats == []


def test_a_visit_keeps_its_latest_messages_and_none_of_giant_length() -> None:
    api = ScriptedApi(*(ApiError(FailureKind.AWAY) for _ in range(10)))
    conversation = after(api, "x" * (MAX_CHARACTERS + 1))
    assert (conversation.turns, api.chats) == ([], [])
    assert conversation.returned is not None
    assert conversation.returned.kind is FailureKind.TOO_LONG
    assert len(conversation.take_back()) == MAX_CHARACTERS
    for number in range(1, MAX_TURNS + 6):
        conversation.say(f"message {number}")
        conversation.deliver(api)
    assert [turn.number for turn in conversation.turns] == list(range(6, MAX_TURNS + 6))


def test_several_waiting_messages_are_sent_in_their_order() -> None:
    api, conversation = ScriptedApi(), Conversation()
    for message in ("one", "two", "three"):
        conversation.say(message)
    conversation.deliver(api)
    assert [message for message, _ in api.chats] == ["one", "two", "three"]
    assert states(conversation) == [DeliveryState.ANSWERED] * 3


def test_an_answered_message_is_not_sent_again() -> None:
    api = ScriptedApi()
    conversation = after(api)
    conversation.deliver(api)
    conversation.retry(conversation.turns[0])
    assert not conversation.waiting
    assert len(api.chats) == 1


def test_a_message_that_did_not_arrive_goes_out_when_the_api_is_back() -> None:
    api = ScriptedApi(ApiError(FailureKind.AWAY))
    conversation = after(api)
    assert (states(conversation), conversation.away) == ([DeliveryState.AWAY], True)
    conversation.is_back()
    conversation.deliver(api)
    assert (states(conversation), conversation.away) == ([DeliveryState.ANSWERED], False)


def test_the_other_messages_do_not_wait_for_an_unavailable_api() -> None:
    api, conversation = ScriptedApi(ApiError(FailureKind.AWAY)), Conversation()
    conversation.say("one")
    conversation.say("two")
    conversation.deliver(api)
    assert states(conversation) == [DeliveryState.AWAY, DeliveryState.AWAY]
    assert len(api.chats) == 1


def test_a_message_that_did_not_arrive_goes_out_before_the_next_one() -> None:
    """The poller, which only an unavailable API has, was gone with the answer to the next message."""
    api = ScriptedApi(ApiError(FailureKind.AWAY))
    conversation = after(api, "one")
    conversation.say("two")
    conversation.deliver(api)
    assert states(conversation) == [DeliveryState.ANSWERED, DeliveryState.ANSWERED]
    assert [message for message, _ in api.chats] == ["one", "one", "two"]


def test_an_api_that_says_it_is_back_and_is_not_is_not_asked_for_ever() -> None:
    api = ScriptedApi(*[ApiError(FailureKind.AWAY)] * 50)
    conversation = after(api)
    for _ in range(20):
        conversation.is_back()
        conversation.deliver(api)
    assert states(conversation) == [DeliveryState.FAILED]
    assert len(api.chats) == MAX_TRIES


@pytest.mark.parametrize("kind", [FailureKind.LOST, FailureKind.REFUSED])
def test_a_message_that_may_have_arrived_waits_for_the_customer(kind: FailureKind) -> None:
    api = ScriptedApi(ApiError(kind))
    conversation = after(api)
    conversation.is_back()
    conversation.deliver(api)
    assert (states(conversation), len(api.chats)) == ([DeliveryState.FAILED], 1)
    conversation.retry(conversation.turns[0])
    conversation.deliver(api)
    assert states(conversation) == [DeliveryState.ANSWERED]


def test_a_busy_api_is_asked_again_when_it_said_and_no_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    api = ScriptedApi(ApiError(FailureKind.BUSY, retry_after=7))
    conversation = after(api)
    turn = conversation.turns[0]
    now = time.monotonic()
    assert not conversation.is_due(turn)
    monkeypatch.setattr(time, "monotonic", lambda: now + 6.5)
    assert not conversation.is_due(turn)
    monkeypatch.setattr(time, "monotonic", lambda: now + 7.5)
    assert conversation.is_due(turn)
    conversation.deliver(api)
    assert states(conversation) == [DeliveryState.ANSWERED]


def test_an_api_that_stays_busy_is_left_to_the_customer() -> None:
    api = ScriptedApi(*[ApiError(FailureKind.BUSY, retry_after=0)] * 50)
    conversation = after(api)
    for _ in range(20):
        conversation.is_due(conversation.turns[0])
        conversation.deliver(api)
    assert states(conversation) == [DeliveryState.FAILED]
    assert len(api.chats) == MAX_TRIES


def test_the_wait_for_a_busy_api_is_bounded() -> None:
    assert states(after(ScriptedApi(ApiError(FailureKind.BUSY, retry_after=3600)))) == [DeliveryState.FAILED]


@pytest.mark.parametrize("kind", [FailureKind.TOO_LONG, FailureKind.UNREADABLE])
def test_a_message_that_the_api_refuses_comes_back_into_the_field_once(kind: FailureKind) -> None:
    conversation = after(ScriptedApi(ApiError(kind, limit=4000)), "a long story")
    assert conversation.turns == []
    assert conversation.take_back() == "a long story"
    assert conversation.take_back() == ""
    assert conversation.returned is not None
    conversation.say("a short one")
    assert conversation.returned is None


def test_messages_keep_their_numbers_when_one_is_given_back() -> None:
    api, conversation = ScriptedApi(answer("a", 0.9), ApiError(FailureKind.TOO_LONG)), Conversation()
    for message in ("one", "two", "three"):
        conversation.say(message)
    conversation.deliver(api)
    conversation.say("four")
    assert len({turn.number for turn in conversation.turns}) == 3


@pytest.mark.parametrize(("chosen", "guessed_right"), [("get_refund", True), ("track_refund", False)])
def test_a_choice_shows_its_reply_and_is_noted_as_the_right_intent(chosen: str, guessed_right: bool) -> None:
    api = ScriptedApi(clarification())
    conversation = after(api, "refund")
    conversation.choose(conversation.turns[0], chosen, "A title", "I want a human")
    conversation.deliver(api)
    turn = conversation.turns[1]
    assert turn.answer is not None
    assert turn.message == "A title"
    assert turn.answer.response == next(entry["reply"] for entry in INTENTS if entry["name"] == chosen)
    assert api.opinions == [("p", guessed_right, chosen, None)]
    assert len(api.chats) == 1


def test_a_choice_is_answered_although_its_feedback_is_lost() -> None:
    api = ScriptedApi(clarification())
    api.feedback_error = ApiError(FailureKind.LOST)
    conversation = after(api)
    conversation.choose(conversation.turns[0], "track_refund", "Track refund", "I want a human")
    conversation.deliver(api)
    assert states(conversation) == [DeliveryState.ANSWERED, DeliveryState.ANSWERED]


def test_a_choice_from_memory_does_not_hide_that_the_api_is_unavailable() -> None:
    api = ScriptedApi(clarification())
    api.feedback_error = ApiError(FailureKind.AWAY)
    conversation = after(api)
    conversation.choose(conversation.turns[0], "track_refund", "Track refund", "I want a human")
    conversation.say("and my parcel")
    conversation.deliver(api)
    assert states(conversation) == [DeliveryState.ANSWERED, DeliveryState.ANSWERED, DeliveryState.AWAY]
    assert (conversation.away, len(api.chats)) == (True, 1)


def test_thumbs_under_a_chosen_reply_do_not_wipe_out_the_choice() -> None:
    api = ScriptedApi(clarification())
    conversation = after(api)
    conversation.choose(conversation.turns[0], "track_refund", "Track refund", "I want a human")
    conversation.deliver(api)
    conversation.rate(conversation.turns[1], True, api)
    assert api.opinions[-1] == ("p", True, "track_refund", None)


def test_a_choice_that_asks_for_a_person_reaches_one() -> None:
    api = ScriptedApi(clarification())
    conversation = after(api)
    conversation.choose(conversation.turns[0], "contact_human_agent", "Talk to a person", "I want a human")
    conversation.deliver(api)
    assert api.chats[1][0] == "I want a human"
    assert conversation.turns[1].message == "Talk to a person"


def test_a_choice_that_a_new_model_no_longer_knows_is_asked_as_a_message() -> None:
    api = ScriptedApi(clarification())
    conversation = after(api)
    conversation.choose(conversation.turns[0], "gone", "Something gone", "I want a human")
    conversation.deliver(api)
    assert api.chats[1][0] == "Something gone"


@pytest.mark.parametrize("second", ["choose", "decline"])
def test_a_clarification_is_decided_once(second: str) -> None:
    api = ScriptedApi(clarification())
    conversation = after(api)
    turn = conversation.turns[0]
    conversation.choose(turn, "track_refund", "Track refund", "human")
    if second == "choose":
        conversation.choose(turn, "get_refund", "Get refund", "human")
    else:
        conversation.decline(turn, "A person", "human")
    assert len(conversation.turns) == 2


def test_declining_all_choices_asks_for_a_person() -> None:
    api = ScriptedApi(clarification())
    conversation = after(api)
    conversation.decline(conversation.turns[0], "Talk to a person", "I want a human")
    conversation.deliver(api)
    assert api.chats[1][0] == "I want a human"


def test_a_thumb_up_is_sent_once() -> None:
    api = ScriptedApi()
    conversation = after(api)
    for _ in range(2):
        conversation.rate(conversation.turns[0], True, api)
    assert [helpful for _, helpful, _, _ in api.opinions] == [True]
    assert conversation.turns[0].feedback is FeedbackState.GIVEN


def test_a_thumb_down_counts_at_once_and_what_follows_completes_it() -> None:
    api = ScriptedApi(answer("get_refund", 0.9, prediction_id="p"))
    conversation = after(api)
    turn = conversation.turns[0]
    conversation.rate(turn, False, api)
    assert api.opinions == [("p", False, None, None)]
    assert turn.feedback is FeedbackState.ASKED
    conversation.explain(turn, api, "track_refund", "  it is paid already ")
    assert api.opinions[-1] == ("p", False, "track_refund", "it is paid already")
    assert turn.feedback is FeedbackState.GIVEN


def feedback_steps() -> list[Callable[[Conversation, ScriptedApi], None]]:
    return [
        lambda conversation, api: conversation.rate(conversation.turns[0], True, api),
        lambda conversation, api: conversation.rate(conversation.turns[0], False, api),
        lambda conversation, api: conversation.explain(conversation.turns[0], api, None, "why"),
    ]


@pytest.mark.parametrize("step", feedback_steps(), ids=["up", "down", "explained"])
def test_feedback_that_was_not_sent_says_so_and_can_be_sent_again(
    step: Callable[[Conversation, ScriptedApi], None],
) -> None:
    api = ScriptedApi()
    conversation = after(api)
    turn = conversation.turns[0]
    api.feedback_error = ApiError(FailureKind.AWAY)
    step(conversation, api)
    assert turn.feedback_failed
    assert turn.feedback is not FeedbackState.GIVEN
    api.feedback_error = None
    if turn.feedback is FeedbackState.NONE:
        conversation.rate(turn, True, api)
    else:
        conversation.explain(turn, api, None, "why")
    assert not turn.feedback_failed
    assert turn.feedback is FeedbackState.GIVEN


def test_a_rating_that_was_not_sent_can_be_given_again_after_the_form_is_closed() -> None:
    """The page thanked for feedback that nobody had received."""
    api = ScriptedApi()
    conversation = after(api)
    turn = conversation.turns[0]
    api.feedback_error = ApiError(FailureKind.AWAY)
    conversation.rate(turn, False, api)
    conversation.skip(turn)
    assert turn.feedback is FeedbackState.NONE
    api.feedback_error = None
    conversation.rate(turn, False, api)
    conversation.explain(turn, api, None, "")
    assert turn.feedback is FeedbackState.GIVEN


def test_a_rating_that_was_sent_stays_given_although_its_explanation_was_not() -> None:
    api = ScriptedApi()
    conversation = after(api)
    turn = conversation.turns[0]
    conversation.rate(turn, False, api)
    api.feedback_error = ApiError(FailureKind.AWAY)
    conversation.explain(turn, api, None, "why")
    conversation.skip(turn)
    assert turn.feedback is FeedbackState.GIVEN


def test_the_focus_goes_where_the_customer_writes_next() -> None:
    api = ScriptedApi()
    conversation = after(api)
    assert conversation.focus == "message"
    moves = conversation.moves
    conversation.rate(conversation.turns[0], False, api)
    assert conversation.focus == "feedback-1"
    conversation.skip(conversation.turns[0])
    assert (conversation.focus, conversation.moves) == ("message", moves + 2)


def test_a_page_asks_whether_the_api_is_back_no_more_often_than_it_should(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    conversation = after(ScriptedApi(ApiError(FailureKind.AWAY)))
    assert not conversation.time_to_ask(3)
    later = time.monotonic() + 4
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert conversation.time_to_ask(3)
    assert not conversation.time_to_ask(3)
