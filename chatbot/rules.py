"""Business-critical keywords that never reach the model: a YAML file of patterns, checked in order."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from chatbot.errors import BundleError
from chatbot.literals import required
from chatbot.message import clean, plain

_BEGINNING = 3


class Rule(BaseModel):
    """One entry of rules.yaml: the first rule with a pattern in the message decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """What the rule is called in metrics and records."""
    action: Literal["human", "reply"]
    """`human` hands over; `reply` answers with `reply`, or with the intent's own reply."""
    intent: str
    """The intent that is reported."""
    reply: str | None = None
    """What the customer reads, slots allowed."""
    patterns: tuple[str, ...] = Field(min_length=1)
    """Regular expressions, matched between word boundaries, whatever the case."""
    match: tuple[str, ...] = ()
    """Messages this rule must catch: checked whenever the file is read for training."""
    no_match: tuple[str, ...] = ()
    """Messages this rule must let pass."""

    @field_validator("patterns")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"pattern {pattern!r}: {error}") from error
        return patterns


class Rules:
    """All rules of a bundle, compiled: `match` costs some ten microseconds a message."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self._patterns = [(rule, _compiled(pattern)) for rule in rules for pattern in rule.patterns]
        # Most messages hold no word of most patterns. A word is looked for where the message holds its beginning.
        places: dict[str, set[int]] = defaultdict(set)
        for place, pattern in enumerate(pattern for rule in rules for pattern in rule.patterns):
            for word in required(pattern) or {""}:
                places[word].add(place)
        self._words: dict[str, list[tuple[str, set[int]]]] = defaultdict(list)
        for word, found in places.items():
            self._words[word[:_BEGINNING]].append((word, found))
        self._beginnings = self._words.keys()
        self._lengths = sorted(set(map(len, self._beginnings)))

    @classmethod
    def load(cls, file: Path) -> Rules:
        """Raises: BundleError: the file is missing, is not YAML, or holds a rule that cannot work (named)."""
        try:
            entries = yaml.safe_load(file.read_text(encoding="utf-8")) or []
            return cls(tuple(Rule.model_validate(entry) for entry in entries))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError, TypeError) as error:
            raise BundleError(f"{file} holds no usable rules: {error}") from error

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def match(self, message: str) -> Rule | None:
        """The first rule that a cleaned message meets."""
        text = plain(message)
        folded = text.casefold()
        beginnings = {folded[at : at + length] for length in self._lengths for at in range(len(folded))}
        words = [word for beginning in beginnings & self._beginnings for word in self._words[beginning]]
        tried = set().union(*[places for word, places in words if word in folded])
        for place in sorted(tried):
            rule, pattern = self._patterns[place]
            if pattern.search(text):
                return rule
        return None

    def check(self) -> None:
        """Hold every rule to its own examples.

        Raises:
            BundleError: a rule misses one of its `match` messages or catches one of its `no_match` messages.
        """
        wrong = []
        for rule in self._rules:
            wrong += [f"{rule.name} misses {m!r}" for m in rule.match if not self._meets(rule, m)]
            wrong += [f"{rule.name} catches {m!r}" for m in rule.no_match if self._meets(rule, m)]
        if wrong:
            raise BundleError("rules fail their own examples: " + "; ".join(wrong), wrong)

    def _meets(self, rule: Rule, message: str) -> bool:
        text = plain(clean(message))
        return any(pattern.search(text) for owner, pattern in self._patterns if owner is rule)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)
