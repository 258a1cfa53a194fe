"""A rule that answers an intent's messages in its place is named."""

from __future__ import annotations

from chatbot.dialog.rules import Rule, Rules
from training.model.notices import rule_notices

GREETING = Rules((Rule(name="greeting", action="reply", intent="greeting", patterns=("hello|hi|hey",)),))


def test_an_intent_whose_messages_a_rule_decides_is_named_with_the_rule() -> None:
    messages = [
        "hello",
        "hi",
        "hey",
        "hi",
        "good evening",
        "hi, my parcel is late",
        "where is it",
        "it is late",
    ]
    labels = ["greet"] * 5 + ["late"] * 3
    notices = rule_notices(GREETING, messages, labels)
    assert [notice.file for notice in notices] == ["greet"]
    assert "rule 'greeting' decides 3 of its 4 messages, such as 'hi'" in notices[0].reason


def test_a_rule_of_the_intent_itself_is_as_intended() -> None:
    assert rule_notices(GREETING, ["hello", "hi", "hey"], ["greeting"] * 3) == []
