"""The evaluation set of natural messages: its size, its labels, and that it is in no training."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.dialog.router import Reply
from data.folder import read_intents
from data.messages import normalise
from tools.bench.quality.natural import NaturalCase, read_natural

ROOT = Path(__file__).resolve().parents[2]


def test_it_has_messages_for_every_intent_and_of_none() -> None:
    counts = Counter(intent for _, intent in read_natural())
    shipped = {file.intent for file in read_intents(ROOT / "data" / "corpus")}
    assert set(counts) == shipped
    assert counts.pop(OUT_OF_SCOPE) >= 150
    assert counts.total() >= 300
    assert min(counts.values()) >= 10


def test_no_message_is_twice_in_it() -> None:
    messages = [normalise(message) for message, _ in read_natural()]
    assert len(set(messages)) == len(messages)


def test_it_is_not_in_the_corpus_beyond_what_everybody_writes() -> None:
    """Written without the corpus: only stock phrases such as "delete my account" can stand in both."""
    taught = {normalise(text) for file in read_intents(ROOT / "data" / "corpus") for _, text in file.messages}
    shared = [message for message, _ in read_natural() if normalise(message) in taught]
    assert len(shared) <= 0.1 * len(read_natural())
    assert [message for message in shared if len(message.split()) > 6] == []


@pytest.mark.parametrize(
    ("intent", "reply", "is_answered", "is_small_talk"),
    [
        ("get_refund", Reply("get_refund", "Here.", 0.9, "model"), True, False),
        ("get_refund", Reply("get_refund", "Which?", 0.5, "clarify"), False, False),
        ("complaint", Reply("legal_threat", "A colleague ...", 1.0, "rule", handoff=True), False, False),
        (
            "contact_human_agent",
            Reply("contact_human_agent", "A colleague ...", 1.0, "rule", handoff=True),
            True,
            False,
        ),
        (OUT_OF_SCOPE, Reply("bereavement", "I'm sorry.", 1.0, "rule", handoff=True), False, False),
        (OUT_OF_SCOPE, Reply("thanks", "You're welcome.", 1.0, "rule"), True, True),
        (OUT_OF_SCOPE, Reply("get_refund", "Here.", 0.9, "model"), True, False),
    ],
)
def test_a_handoff_by_a_rule_is_no_answer_and_small_talk_no_intents_reply(
    intent: str, reply: Reply, is_answered: bool, is_small_talk: bool
) -> None:
    case = NaturalCase("a message", intent, reply, reply.intent, 0.9)
    assert (case.is_answered, case.is_small_talk) == (is_answered, is_small_talk)
