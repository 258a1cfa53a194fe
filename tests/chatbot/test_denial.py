"""A message that denies its likeliest intent goes to a person; a negation that is part of the problem is answered."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from chatbot.dialog.denial import Denials
from chatbot.dialog.message import DENIED, OUT_OF_SCOPE, clean
from chatbot.dialog.replies import Replies, ReplyText
from chatbot.dialog.router import Alternative, Prediction, Router, Thresholds
from chatbot.dialog.rules import Rules
from chatbot.settings import SlotSettings
from data.folder import IntentFile, read_intents
from tests.support.requirements import ROOT

FOLDER = Path(__file__).parent / "denials"
SHIPPED = read_intents(ROOT / "data/corpus")
MISSED = {"I don't want to subscribe", "I don't need to speak to an agent"}
"""The first denies one half of an intent that also unsubscribes; the second is answered with how to reach a person."""


def replies() -> Replies:
    """Return the shipped intents, and others, with as many examples as a bundle has."""
    others = yaml.safe_load((FOLDER / "intents.yaml").read_text(encoding="utf-8"))
    texts = {intent.intent: shown(intent, others.pop(intent.intent, ())) for intent in SHIPPED}
    return Replies(texts | {name: ReplyText(response=name, examples=e) for name, e in others.items()})


def shown(intent: IntentFile, more: tuple[str, ...]) -> ReplyText:
    examples = (*sorted((said for _, said in intent.messages), key=len)[:5], *more)
    return ReplyText(response=intent.intent, description=intent.description, examples=examples)


def found(name: str, part: str, denials: Denials) -> tuple[set[str], set[str]]:
    """Return the messages of a part that deny their intent, and all of them."""
    of = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))[part]
    said = {message: intent for intent, messages in of.items() for message in messages}
    return {message for message, intent in said.items() if denials.denies(clean(message), intent)}, set(said)


@pytest.fixture(scope="module")
def denials() -> Denials:
    return Denials(replies())


@pytest.mark.parametrize("name", ["design.yaml", "held_out.yaml", "contrasts.yaml"])
def test_denied_requests_are_recognized(name: str, denials: Denials) -> None:
    denied, every = found(name, "denied", denials)
    assert every - denied <= MISSED
    assert len(every) > 40


@pytest.mark.parametrize(
    ("name", "least"), [("design.yaml", 100), ("held_out.yaml", 100), ("contrasts.yaml", 40)]
)
def test_a_negation_that_is_part_of_the_problem_denies_nothing(
    name: str, least: int, denials: Denials
) -> None:
    denied, every = found(name, "kept", denials)
    assert denied == set()
    assert len(every) > least


def test_no_message_of_the_shipped_corpus_denies_its_own_intent(denials: Denials) -> None:
    rows = [(m, i.intent) for i in SHIPPED if i.intent != OUT_OF_SCOPE for _, m in i.messages]
    assert [row for row in rows if denials.denies(clean(row[0]), row[1])] == []


def test_an_intent_whose_own_examples_deny_something_is_answered() -> None:
    said = "don't renew my contract"
    assert Denials(Replies({"renewal": ReplyText(response="", title="Renew")})).denies(said, "renewal")
    own = ReplyText(response="", title="Renew", examples=("please don't renew it", "no renewal please"))
    assert not Denials(Replies({"renewal": own})).denies(said, "renewal")


@pytest.mark.parametrize(
    ("message", "intent", "denied"),
    [
        ("I don't want a refund", "refund", True),
        ("pas besoin de refund", "refund", True),
        ("what if I don't want a refund", "refund", False),
        ("do I not need an account", "account", False),
        ("I don't want an account", "account", True),
        ("I don't want an account any more", "account", False),
        ("I don't want an account", "delete_account", False),
        ("do not delete my account", "delete_account", True),
        ("I don't want any newsletter", "newsletter", True),
        ("I don't want any newsletters", "newsletter", False),
        ("I don't want a refund just my order", "order", False),
        ("I don't want a refund", "unknown", False),
    ],
)
def test_what_the_negation_is_tied_to_decides(message: str, intent: str, denied: bool) -> None:
    named = Replies(
        {
            name: ReplyText(response="")
            for name in ("refund", "account", "delete_account", "newsletter", "order")
        }
    )
    assert Denials(named).denies(message, intent) is denied


def test_a_sure_prediction_of_a_denied_request_goes_to_a_person_who_reads_why() -> None:
    router = Router(
        Rules(()), replies(), Thresholds(answer=0.8, clarify=0.7, scope=-1.0), SlotSettings().values()
    )
    sure = Prediction([Alternative("get_refund", 0.96), Alternative("track_refund", 0.02)], 0.0)
    reply = router.after_model("I don't want a refund", sure)
    assert (reply.source, reply.intent, reply.handoff, reply.rule) == ("human", "get_refund", True, DENIED)
    assert reply.summary.startswith("The message seems to deny this request (likeliest: get_refund 96%")
    assert router.after_model("I want a refund", sure).source == "model"


def test_who_needs_no_person_is_not_passed_on_to_one() -> None:
    router = Router(
        Rules(()), replies(), Thresholds(answer=0.8, clarify=0.7, scope=-1.0), SlotSettings().values()
    )
    sure = Prediction([Alternative("contact_human_agent", 0.99)], 0.0)
    reply = router.after_model("I don't need an agent, just the tracking link", sure)
    assert (reply.source, reply.intent, reply.handoff, reply.rule) == ("clarify", OUT_OF_SCOPE, False, DENIED)
    assert reply.response.startswith("Could you tell me")
