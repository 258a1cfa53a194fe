"""What makes the rules fast finds what a plain search finds, in texts of any kind."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest

from chatbot.dialog import rules as module
from chatbot.dialog.message import clean, plain
from chatbot.dialog.rules import Rule, Rules
from chatbot.prefilter import LiteralIndex, beginnings, required
from tests.support.rules import shipped_rules

SEPARATORS = (" ", " ", " ", "", ", ", ".", "_", "-", "'", "\u0301")


@pytest.fixture(scope="module")
def rules() -> Rules:
    return shipped_rules()


def texts(rules: Rules, count: int, seed: int) -> Iterator[str]:
    """Texts of the rules' examples and literals, whole and cut, with any separators, as `Rules.match` searches them."""
    draw = random.Random(seed)
    examples = [example for rule in rules for example in (*rule.match, *rule.no_match)]
    literals = sorted({word for rule in rules for pattern in rule.patterns for word in required(pattern)})
    for _ in range(count):
        text, length = "", draw.choice((20, 200, 600, 2_000))
        while len(text) < length:
            piece = draw.choice(draw.choice((examples, literals, ["zq", "the order", "i"])))
            begin = draw.randrange(len(piece)) if draw.random() < 0.2 else 0
            text += piece[begin:] + draw.choice(SEPARATORS)
        yield plain(clean(text)).lower()


def test_the_literals_of_a_text_are_found_where_they_are(rules: Rules) -> None:
    literals = sorted({word for rule in rules for pattern in rule.patterns for word in required(pattern)})
    index = LiteralIndex(([literal] for literal in literals), 100)
    for text in texts(rules, 20, seed=1):
        located = index.located(text)
        for literal in literals:
            # `finditer` with a lookahead: overlapping places too.
            expected = [found.start() for found in re.finditer(f"(?={re.escape(literal)})", text)]
            assert sorted(set(located.get(literal, []))) == expected, (literal, text)


def test_without_literals_nothing_is_found_and_a_pattern_without_any_may_match_all() -> None:
    index = LiteralIndex([None, []], 100)
    assert index.places(index.located("any text")) == [1]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("refund", {"ref"}),
        ("a(?:b|c)d", {"abd", "acd"}),
        ("(?:a|ab)c", {"ac", "abc"}),
        ("[ab]?cd", {"acd", "bcd", "cd"}),
        ("a{1,3}b", {"a"}),
        (r"i\w+", {"i"}),
        (r"(?:i\b|is) x", {"i x", "is "}),
        (r"(?<!was )(?!xx)talk", {"tal"}),
        (r"\w+ refund", set()),
        ("(?:x)?", set()),
        ("[^a]b", set()),
        ("(?:no|.)x", set()),
    ],
)
def test_the_beginnings_of_a_pattern_are_those_of_its_matches(pattern: str, expected: set[str]) -> None:
    assert beginnings(pattern) == expected


def test_a_pattern_matches_at_the_words_that_begin_like_it_exactly_where_a_search_finds_it(
    rules: Rules,
) -> None:
    compared = found = 0
    for text in texts(rules, 40, seed=2):
        words = module.words_of(text)
        for _, pattern in rules.patterns:
            if pattern.beginnings:
                expected = pattern.occurs(text, 0, len(text))
                assert pattern.occurs_at(text, words) == expected, (pattern.beginnings, text)
                compared += 1
                found += expected
    assert compared > 10_000
    assert found > 100


def test_a_long_text_matches_the_rule_that_a_plain_search_of_every_pattern_finds(rules: Rules) -> None:
    decided = set()
    for text in texts(rules, 80, seed=3):
        searched = module.LONG_WORD.sub(r"\1", text) if len(text) > module.SHORT_TEXT else text
        expected: Rule | None = next(
            (
                rule
                for rule, pattern in rules.patterns
                if len(searched) <= pattern.longest and pattern.occurs(searched, 0, len(searched))
            ),
            None,
        )
        assert rules.match(text) is expected, text
        decided.add(expected.name if expected else None)
    assert len(decided) > 5
