"""Find notices on a corpus: a language that its encoder does not understand, intents that a rule answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from chatbot.dialog.language import NAMES, spoken_languages
from chatbot.dialog.rules import Rules
from data.errors import Problem
from training.model.encoder.export import DEFAULT_ENCODER

ENGLISH = "en"
"""The only language that DEFAULT_ENCODER understands."""
_LEAST, _LEAST_SHARE = 3, 0.2


def language_notices(encoder: str, messages: Sequence[str]) -> list[Problem]:
    """Return a notice if the shipped encoder does not understand the language of many messages."""
    if encoder != DEFAULT_ENCODER:
        return []
    languages = [NAMES[code] for code in spoken_languages(messages) if code != ENGLISH]
    # Without a known language the messages may be terse English; those in another script are not.
    other_script = sum(sum(c.isalpha() and ord(c) > 0x24F for c in m) * 2 > len(m) for m in messages)
    if not languages and 2 * other_script > len(messages):
        languages = ["a language with another script"]
    if not languages:
        return []
    reason = (
        f"messages are in {', '.join(languages)}, and the encoder {encoder} understands English only: expect few and "
        "uncertain answers. Train with a multilingual one, such as --encoder paraphrase-multilingual-MiniLM-L12-v2 "
        "(docs/corpus.md, Languages)"
    )
    return [Problem("", None, reason)]


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
