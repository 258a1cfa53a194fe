"""Every pattern of the shipped rules is needed by a message: one that is broken or removed is noticed."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from chatbot.dialog.message import clean, plain
from tests.support.rules import shipped_rules

PHRASES = [Path(__file__).parent / name for name in ("rule_phrases.yaml", "rule_pattern_phrases.yaml")]


def test_every_pattern_of_a_rule_matches_a_message_of_that_rule() -> None:
    said = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in PHRASES]
    unused = []
    for rule in shipped_rules():
        messages = [*rule.match, *(message for of in said for message in of.get(rule.name, ()))]
        texts = [plain(clean(message)).lower() for message in messages]
        for pattern in rule.patterns:
            alone = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)
            if not any(map(alone.search, texts)):
                unused.append(f"{rule.name}: {pattern}")
    assert unused == [], "add a message that this pattern matches to rule_pattern_phrases.yaml"


def test_every_message_of_a_pattern_is_caught_by_its_rule() -> None:
    rules = shipped_rules()
    said = yaml.safe_load(PHRASES[1].read_text(encoding="utf-8"))
    found = {message: rules.match(clean(message)) for of in said.values() for message in of}
    wrong = [m for name, of in said.items() for m in of if (rule := found[m]) is None or rule.name != name]
    assert wrong == []
