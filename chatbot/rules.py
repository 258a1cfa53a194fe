"""Business-critical keywords that never reach the model: a YAML file of patterns, checked in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from chatbot.errors import BundleError
from chatbot.message import clean, plain


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
    """All rules of a bundle, compiled: `match` costs a few microseconds a message."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self._compiled = [
            (
                rule,
                re.compile(rf"(?<!\w)(?:{'|'.join(f'(?:{p})' for p in rule.patterns)})(?!\w)", re.IGNORECASE),
            )
            for rule in rules
        ]

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
        for rule, pattern in self._compiled:
            if pattern.search(text):
                return rule
        return None

    def check(self) -> None:
        """Hold every rule to its own examples.

        Raises:
            BundleError: a rule misses one of its `match` messages or catches one of its `no_match` messages.
        """
        wrong = []
        for rule, pattern in self._compiled:
            wrong += [f"{rule.name} misses {m!r}" for m in rule.match if not pattern.search(plain(clean(m)))]
            wrong += [f"{rule.name} catches {m!r}" for m in rule.no_match if pattern.search(plain(clean(m)))]
        if wrong:
            raise BundleError("rules fail their own examples: " + "; ".join(wrong), wrong)
