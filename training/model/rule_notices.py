"""Find intents whose messages a rule answers before the model sees them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from chatbot.dialog.rules import Rules
from data.errors import Problem

_LEAST, _LEAST_SHARE = 3, 0.2


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
