"""Sentences of the redaction benchmark: templates filled with generated values, in a tuning and a held-out part."""

from __future__ import annotations

import random
import re
import unicodedata
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from typing import Any, Literal

import yaml

from chatbot.privacy import MARKS
from tools.bench.quality.pii.values import HARMLESS_SLOTS, HERE, MAKERS, pool

Part = Literal["tuning", "held-out"]
SEED = 14
SLOT = re.compile(r"\{(\w+)\}")
SECRET = re.compile(r"<<(.*?)>>", re.S)
MARK = re.compile("|".join(MARKS))
WORD = re.compile(r"\w+")
AUTHORS = ("blind", "informed")
"""Who wrote the templates: before reading the rules, and after."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A message, the values in it that redaction has to replace, and its kind."""

    text: str
    secrets: tuple[str, ...]
    kind: str
    language: str

    def leaks(self, redacted: str) -> bool:
        """Whether a word of a secret, or three of its single digits, is still in the redacted text."""
        around = self.text
        for secret in self.secrets:
            around = around.replace(secret, " ", 1)
        extra = _words(MARK.sub(" ", redacted)) - _words(around)
        secret_words = {word for secret in self.secrets for word in _words(secret)}
        left = [word for word in extra.elements() if word in secret_words]
        return (
            any(len(word) > 2 or (len(word) == 2 and any(c.isdigit() for c in word)) for word in left)
            or len(left) > 2
        )


def _words(text: str) -> Counter[str]:
    visible = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return Counter(WORD.findall(visible.casefold()))


def sensitive(author: str, part: Part, per_kind: int) -> list[Sentence]:
    """Return per_kind sentences of each kind by this author."""
    rng = random.Random(f"{SEED} {author} {part}")
    by_kind: dict[str, list[tuple[str, str]]] = {}
    for language, kinds in _templates(author).items():
        for kind, lines in kinds.items():
            by_kind.setdefault(kind, []).extend((language, line) for line in lines if _part(line) == part)
    sentences = []
    for kind, choices in sorted(by_kind.items()):
        rng.shuffle(choices)
        for (language, template), _ in zip(cycle(choices), range(per_kind), strict=False):
            sentences.append(_filled(rng, template, kind, language))
    return sentences


def harmless(author: str, part: Part, count: int) -> list[Sentence]:
    """Return this many distinct harmless sentences by this author, fewer where the templates give fewer."""
    rng = random.Random(f"{SEED} harmless {author} {part}")
    choices = [line for line in _templates(f"{author}_harmless") if _part(line) == part]
    found: dict[str, Sentence] = {}
    for template in choices * 6:
        if len(found) < count:
            sentence = _filled(rng, template, "harmless", "en")
            found.setdefault(sentence.text, sentence)
    return list(found.values())


def _part(template: str) -> Part:
    return "held-out" if zlib.crc32(template.encode()) % 3 == 0 else "tuning"


@cache
def _templates(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


def _filled(rng: random.Random, template: str, kind: str, language: str) -> Sentence:
    country = rng.choice(pool("countries")[language])
    marked = SLOT.sub(lambda slot: _value(rng, slot[1], language, country), template)
    secrets = tuple(SECRET.findall(marked))
    return Sentence(SECRET.sub(r"\1", marked), secrets, kind, language)


def _value(rng: random.Random, slot: str, language: str, country: str) -> str:
    value = MAKERS[slot](rng, language, country)
    return value if slot in HARMLESS_SLOTS or "<<" in value else f"<<{value}>>"
