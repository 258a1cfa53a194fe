"""The person who takes over reads what was said before, and that memory is bounded."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bento.chat import conversations
from bento.chat.conversations import Conversations
from chatbot.settings import HandoffSettings

NOW = datetime.now(UTC)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_said_is_remembered_in_order_and_by_session() -> None:
    talk = Conversations(HandoffSettings())
    talk.add("a", NOW, "hello", "Hi.")
    talk.add("b", NOW, "something else", "Well.")
    talk.add("a", NOW, "where is it", "Here.")
    said = [(turn.speaker, turn.text) for turn in talk.before("a")]
    assert said == [
        ("customer", "hello"),
        ("assistant", "Hi."),
        ("customer", "where is it"),
        ("assistant", "Here."),
    ]
    assert talk.before("c") == ()


def test_a_message_without_a_session_is_not_remembered() -> None:
    talk = Conversations(HandoffSettings())
    talk.add("", NOW, "hello", "Hi.")
    assert len(talk) == 0


def test_turns_sessions_and_time_are_bounded() -> None:
    clock = Clock()
    talk = Conversations(HandoffSettings(turns=2, sessions=3, session_minutes=1), clock)
    for number in range(5):
        talk.add("a", NOW, f"message {number}", "Yes.")
    assert [t.text for t in talk.before("a") if t.speaker == "customer"] == ["message 3", "message 4"]
    for name in "bcd":
        talk.add(name, NOW, "hello", "Hi.")
    assert len(talk) == 3
    assert talk.before("a") == ()
    clock.now = 61
    assert talk.before("d") == ()
    assert len(talk) == 0


def test_long_messages_of_many_sessions_stay_within_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "MAX_CHARS", 20_000)
    talk = Conversations(HandoffSettings())
    for number in range(100):
        talk.add(f"session {number}", NOW, "x" * 4_000, "Yes.")
    assert len(talk) == 19
    assert len(talk.before("session 99")[0].text) == conversations.MAX_TURN_CHARS
