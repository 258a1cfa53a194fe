"""Match keyword rules, which bypass the model for business-critical messages: regex patterns from YAML, in order."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from chatbot.dialog.message import clean, plain
from chatbot.documents import read_yaml
from chatbot.errors import BundleError
from chatbot.prefilter import BEGINNING, LiteralIndex, beginnings, begins_text, required, whole, width

_CACHED_WORDS = 16_384
SHORT_TEXT = 500
"""Characters up to which a pattern searches the whole text; in longer texts, only around its literals."""
_MANY = 32
"""Patterns to try from which on it pays to list a long text's words, and to try a pattern only where one begins so."""
LONG_WORD = re.compile(r"\b(\w{200})\w+")
"""A word whose rest is cut: no pattern is as long, but it may hold hundreds of literals."""
_WORD = re.compile(r"\w+")
_CAPITAL, _ESCAPE = re.compile("[A-Z]"), re.compile(r"\\.")
_MARGIN = 48
"""Characters after a match that a pattern may look ahead to."""


class Rule(BaseModel):
    """Entry of rules.yaml; the first rule with a matching pattern decides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Name of the rule in metrics and records."""
    action: Literal["human", "reply"]
    """`human`: hand over. `reply`: answer with `reply`, or with the intent's reply."""
    intent: str
    """Reported intent."""
    reply: str | None = None
    """Text for the customer; may contain slots."""
    patterns: tuple[str, ...] = Field(min_length=1)
    """Regular expressions, matched case-insensitively between word boundaries."""
    match: tuple[str, ...] = ()
    """Messages that the rule must match; checked whenever the file is loaded for training."""
    no_match: tuple[str, ...] = ()
    """Messages that the rule must not match."""

    @field_validator("patterns")
    @classmethod
    def _check(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                compiled(pattern)
            except re.error as error:
                raise ValueError(f"pattern {pattern!r}: {error}") from error
            except RecursionError:
                raise ValueError(f"pattern {pattern[:60]!r}...: groups are nested too deeply") from None
        return patterns


class Rules:
    """Compiled rules of a bundle; `match` takes about ten microseconds per message."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules
        self.patterns = [(rule, compiled(pattern)) for rule in rules for pattern in rule.patterns]
        # Most messages contain none of a pattern's literals, and long ones match no pattern of whole messages.
        self._long = max((p.longest for _, p in self.patterns if p.longest < sys.maxsize), default=0)
        self._literals = LiteralIndex((p.literals for _, p in self.patterns), _CACHED_WORDS)
        self._literals_of_long = LiteralIndex(
            (p.literals if p.longest == sys.maxsize else None for _, p in self.patterns), _CACHED_WORDS
        )

    @classmethod
    def load(cls, file: Path) -> Rules:
        """Load rules.yaml.

        Raises:
            BundleError: the file is missing or not YAML, or a rule is invalid (it is named).
        """
        try:
            entries = read_yaml(file) or []
            return cls(tuple(_rule(number, entry) for number, entry in enumerate(entries, start=1)))
        except FileNotFoundError:
            raise BundleError(
                f"{file} does not exist: rules are a YAML file such as data/corpus/rules.yaml"
            ) from None
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError, TypeError) as error:
            raise BundleError(f"{file} holds no usable rules: {error}") from error

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def match(self, message: str) -> Rule | None:
        """Return the first rule that matches a cleaned message; None: no match."""
        text = plain(message).lower()
        if not (short := len(text) <= SHORT_TEXT):
            text = LONG_WORD.sub(r"\1", text)
        index = self._literals if len(text) <= self._long else self._literals_of_long
        located = index.located(text)
        places = index.places(located)
        words = words_of(text) if not short and len(places) >= _MANY else None
        for place in places:
            rule, pattern = self.patterns[place]
            if len(text) > pattern.longest:
                continue
            if words is not None and pattern.beginnings:
                is_match = pattern.occurs_at(text, words)
            else:
                spans = ((0, len(text)),) if short else _windows(pattern, text, located)
                is_match = any(pattern.occurs(text, start, end) for start, end in spans)
            if is_match:
                return rule
        return None

    def check(self) -> None:
        """Verify every rule against its own examples.

        Raises:
            BundleError: a rule does not match one of its `match` messages, or matches one of its `no_match`
                messages.
        """
        wrong = []
        for rule in self._rules:
            wrong += [f"{rule.name} misses {m!r}" for m in rule.match if not self._meets(rule, m)]
            wrong += [f"{rule.name} catches {m!r}" for m in rule.no_match if self._meets(rule, m)]
        if wrong:
            raise BundleError(
                f"rules fail their own examples: {'; '.join(wrong)}: correct the pattern or the example in rules.yaml",
                wrong,
            )

    def _meets(self, rule: Rule, message: str) -> bool:
        text = plain(clean(message)).lower()
        return any(pattern.occurs(text, 0, len(text)) for owner, pattern in self.patterns if owner is rule)


def _compile(pattern: str) -> re.Pattern[str]:
    flags = re.IGNORECASE if _CAPITAL.search(_ESCAPE.sub("", pattern)) else 0
    return re.compile(rf"(?:{pattern})(?!\w)", flags)


def _rule(number: int, entry: object) -> Rule:
    try:
        return Rule.model_validate(entry)
    except ValidationError as error:
        name = entry.get("name", number) if isinstance(entry, dict) else number
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise TypeError(f"rule {name!r}: {faults}") from error


def words_of(text: str) -> dict[str, list[int]]:
    """Return where the words begin, by their first one, two and three characters."""
    places: dict[str, list[int]] = defaultdict(list)
    for word in _WORD.finditer(text):
        at = word.start()
        first = text[at : at + BEGINNING]
        places[first].append(at)
        places[first[:2]].append(at)
        places[first[0]].append(at)
    return places


def _windows(
    pattern: CompiledPattern, text: str, located: Mapping[str, list[int]]
) -> Iterator[tuple[int, int]]:
    """Yield the spans in which a pattern can match: around its literals, if it and its matches are bounded."""
    most, length = pattern.width, len(text)
    if not pattern.literals or not most:
        yield 0, length
        return
    start, end = 0, 0
    for at in sorted(at for literal in pattern.literals if literal in located for at in located[literal]):
        if at - most > end:
            yield start, end
            start = at - most
        end = min(length, at + most + _MARGIN)
    yield start, end


class CompiledPattern:
    """Pattern of a rule between word boundaries, for texts in lower case.

    Without IGNORECASE and without an assertion at its beginning, the regular expression engine skips characters that
    no match begins with. That is three to four times as fast, and bounds the time for a text made of the rules' words.
    """

    def __init__(self, pattern: str) -> None:
        begins = begins_text(pattern)  # parses it as it stands: in `_compile`'s brackets, `a)(b` is valid
        self.width = 0 if begins else width(pattern)
        # A pattern of whole messages, such as small talk, matches no text longer than itself.
        self.longest = w if whole(pattern) and (w := width(pattern)) is not None else sys.maxsize
        self.literals = sorted(required(pattern))
        compiled = _compile(pattern)
        self._search = compiled.match if begins else compiled.search
        self._match = compiled.match
        # Of a word: its first characters, which `words_of` lists. Folded case begins with other characters.
        first = () if begins or compiled.flags & re.IGNORECASE else sorted(beginnings(pattern))
        self.beginnings = first if all(map(_WORD.match, first)) else ()

    def occurs_at(self, text: str, words: Mapping[str, list[int]]) -> bool:
        """Whether the pattern matches where one of these words begins; `words` are `words_of(text)`."""
        match = self._match
        return any(match(text, at) for first in self.beginnings for at in words.get(first, ()))

    def occurs(self, text: str, start: int, end: int) -> bool:
        """Whether the pattern matches between `start` and `end`, at the beginning of a word."""
        while found := self._search(text, start, end):
            first = found.start()
            if first == 0 or not (text[first - 1].isalnum() or text[first - 1] == "_"):
                return True
            start = first + 1
        return False


@lru_cache(maxsize=1_024)
def compiled(pattern: str) -> CompiledPattern:
    """Compile a rule's pattern: when the rule is checked, and no second time when it is indexed.

    Raises: re.error: it is not a regular expression.
    """
    return CompiledPattern(pattern)
