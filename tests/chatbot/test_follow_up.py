"""A message that only refers to an earlier one is asked what it is about: the bot keeps no state of a conversation."""

from __future__ import annotations

import pytest

from chatbot.dialog.follow_up import FollowUps, is_follow_up
from chatbot.dialog.message import FOLLOW_UP, OUT_OF_SCOPE, clean
from chatbot.dialog.replies import Replies, ReplyText
from chatbot.dialog.router import Alternative, Prediction, Reply, Router, Thresholds
from chatbot.dialog.rules import Rules
from chatbot.settings import SlotSettings
from data.folder import read_intents
from tests.support.requirements import ROOT
from tests.support.rules import shipped_rules

REPLIES = Replies(
    {
        "delivery_period": ReplyText(response="Three days.", examples=("how long is delivery",)),
        "repeat": ReplyText(response="Again.", examples=("repeat that", "say it again")),
    }
)


def decided(
    message: str,
    intent: str = "delivery_period",
    share: float = 0.99,
    scope: float = 0.0,
    languages: tuple[str, ...] = (),
) -> Reply:
    limits = Thresholds(answer=0.8, clarify=0.9, scope=-1)
    router = Router(Rules(()), REPLIES, limits, SlotSettings().values(), languages=languages)
    prediction = Prediction([Alternative(intent, share), Alternative("repeat", 1 - share)], scope)
    return router.after_model(clean(message), prediction)


@pytest.mark.parametrize(
    "message",
    [
        "how long does that take?",
        "no, the other order",
        "can you do it for me",
        "the first one",
        "and the second one?",
        "what about this one",
        "is it possible to change that",
        "And when?",
        "why's that",
        "It didn’t work.",
        "no I meant the other parcel",
        "Can you tell me more about that?",
        "wie lange dauert das?",
        "nein, die andere Bestellung",
        "combien de temps ça prend ?",
        "¿y cuánto tiempo tarda eso?",
    ],
)
@pytest.mark.parametrize(("share", "scope"), [(0.99, 0.0), (0.6, 0.0), (0.99, -2.0)])
def test_a_follow_up_is_asked_what_it_is_about(message: str, share: float, scope: float) -> None:
    reply = decided(message, share=share, scope=scope)
    assert (reply.source, reply.intent, reply.rule) == ("clarify", OUT_OF_SCOPE, FOLLOW_UP)
    assert (reply.handoff, list(reply.alternatives)) == (False, [])
    assert "delivery period" in reply.response


@pytest.mark.parametrize(
    "message",
    [
        "how long does delivery take",
        "can I cancel it",
        "when will it arrive",
        "where is the other order",
        "I want to change the other order",
        "this is not what I ordered",
        "what about the refund",
        "it is broken",
        "How long does that take? I want a refund",
        "who are you",
        "that is order 12345",
        "退款",
    ],
)
def test_a_message_with_a_topic_of_its_own_is_answered(message: str) -> None:
    assert decided(message).source == "model"


def test_an_intent_whose_examples_are_follow_ups_is_answered_by_their_words_alone() -> None:
    assert decided("can you repeat that please", "repeat").source == "model"
    assert decided("can you do that please", "repeat").rule == FOLLOW_UP
    assert decided("can you repeat that please").rule == FOLLOW_UP


def test_the_question_is_in_the_language_of_the_message() -> None:
    assert decided("wie lange dauert das?", languages=("de",)).response.startswith("Worum geht es?")
    assert decided("how long does that take?", languages=("en",)).response.startswith("Could you tell me")


def test_one_in_scope_row_of_the_shipped_corpus_changes_its_decision() -> None:
    intents = read_intents(ROOT / "data/corpus")
    rules = shipped_rules()
    shown = {
        one.intent: ReplyText(
            response="x", examples=tuple(sorted((said for _, said in one.messages), key=len)[:5])
        )
        for one in intents
    }
    follow_ups = FollowUps(Replies(shown))
    changed = {
        said
        for one in intents
        for _, said in one.messages
        if one.intent != OUT_OF_SCOPE
        and follow_ups.refers_back(clean(said), one.intent)
        and rules.match(clean(said)) is None
    }
    assert changed == {"HOW LONG WILL IT TAKE"}


@pytest.mark.parametrize("text", ["it ", "the other ", "it's "])
def test_a_long_message_is_none(text: str) -> None:
    assert is_follow_up(text * 5)
    assert not is_follow_up(text * 10_000)
