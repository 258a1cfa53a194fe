"""Find notices on a corpus: a language that its encoder does not understand, intents that a rule answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from chatbot.dialog.language import MIN_SHARE, NAMES, language_of
from chatbot.dialog.rules import Rules
from data.errors import Problem
from training.model.encoder.export import DEFAULT_ENCODER

ENGLISH = "en"
"""The only language that DEFAULT_ENCODER understands."""
_LEAST, _LEAST_SHARE = 3, 0.2
_LATIN = 0x24F
"""The last letter of the Latin script's usual blocks."""


def language_notices(encoder: str, messages: Sequence[str]) -> list[Problem]:
    """Return a notice if the shipped encoder does not understand the language of some messages."""
    reason = foreign_messages(encoder, messages)
    return [Problem("", None, reason)] if reason else []


def foreign_messages(encoder: str, messages: Sequence[str]) -> str:
    """Describe the messages in languages that the shipped encoder does not understand, and what to do; empty: few are.

    A language is named from `MIN_SHARE` of the messages on that it was identified in; terse messages are in none.
    """
    if encoder != DEFAULT_ENCODER:
        return ""
    found = Counter(_language(message) for message in messages)
    known = found.total() - found[""]
    named = [
        (count, name)
        for name, count in found.most_common()
        if name not in ("", NAMES[ENGLISH]) and count >= max(1, MIN_SHARE * known)
    ]
    # Where few messages have a language, a word that two languages share decides nothing.
    if not named or 2 * known < len(messages):
        return ""
    count = sum(count for count, _ in named)
    return (
        f"{count:,} of {len(messages):,} messages ({count / len(messages):.0%}) are in "
        f"{', '.join(name for _, name in named)}, and the encoder {encoder} understands English only: expect few and "
        "uncertain answers to them. Train with a multilingual one, such as --encoder "
        "paraphrase-multilingual-MiniLM-L12-v2 (docs/corpus.md, Languages), or with the English messages alone"
    )


def _language(message: str) -> str:
    """Return the name of a message's language, or of its script; empty: unknown."""
    letters = sum(character.isalpha() for character in message)
    if letters and 2 * sum(c.isalpha() and ord(c) > _LATIN for c in message) > letters:
        return "a language with another script"
    return NAMES.get(language_of(message) or "", "")


def rule_notices(rules: Rules, messages: Sequence[str], labels: Sequence[str]) -> list[Problem]:
    """Return a notice for each rule that matches three distinct messages, and a fifth, of an intent of another name."""
    sizes: Counter[str] = Counter()
    matched: dict[tuple[str, str], list[str]] = defaultdict(list)
    for message, label in sorted(set(zip(messages, labels, strict=True))):
        sizes[label] += 1
        rule = rules.match(message)
        if rule is not None and rule.intent != label:
            matched[rule.name, label].append(message)
    return [
        Problem(
            label,
            None,
            f"rule {name!r} decides {len(found):,} of its {sizes[label]:,} messages, such as {min(found, key=len)!r}, "
            "before the model sees them: for the intent to answer, pass rules without it with --rules "
            "(`make run`: TRAIN='--rules my_rules.yaml', a copy of data/corpus/rules.yaml)",
            kind=f"intents are decided by rule {name!r}",
        )
        for (name, label), found in matched.items()
        if len(found) >= max(_LEAST, _LEAST_SHARE * sizes[label])
    ]
