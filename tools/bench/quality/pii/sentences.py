"""Read sentences with and without personal data from a file of this folder: `## kind language`, then a line each.

`<<...>>` marks what redaction has to replace; `{slot}` is filled with a generated value. `blind` and `informed` come
from templates, written before and after reading the rules; no rule is tuned on `free_text` and `closed`, and no test
reads them; rules were tried on `development*`.
"""

from __future__ import annotations

import random
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from faker import Faker

from chatbot.privacy import MARKS

HERE = Path(__file__).parent
SEED = 14
SLOT = re.compile(r"\{([a-z]\w*)(?:@(\w+))?\}")
SECRET = re.compile(r"<<(.*?)>>", re.S)
MARK = re.compile("|".join(MARKS))
WORD = re.compile(r"\w+")
LOCALES = {
    "en": "en_GB",
    "de": "de_DE",
    "fr": "fr_FR",
    "es": "es_ES",
    "it": "it_IT",
    "pt": "pt_BR",
    "nl": "nl_NL",
    "pl": "pl_PL",
    "xx": "pl_PL",
}
MAKE = {
    "email": "free_email", "phone": "phone_number", "card": "credit_card_number", "iban": "iban", "ssn": "ssn",
    "first": "first_name", "last": "last_name", "ip": "ipv4_public", "mac": "mac_address", "street": "street_address",
}  # fmt: skip
_KEY_PART = re.compile(r"\{([xhdA])(\d+)\}")
_ALPHABETS = {
    "x": string.ascii_letters + string.digits,
    "h": "0123456789abcdef",
    "d": string.digits,
    "A": string.ascii_uppercase + string.digits,
}


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


def read_sentences(name: str) -> tuple[list[Sentence], list[Sentence]]:
    """Return the sentences with personal data of a file, and the harmless ones."""
    found = [sentence for kind, language, line in _lines(name) for sentence in _filled(kind, language, line)]
    return [s for s in found if s.kind != "harmless"], [s for s in found if s.kind == "harmless"]


def _lines(name: str) -> Iterator[tuple[str, str, str]]:
    kind = language = ""
    for line in (HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            kind, _, language = line[3:].partition(" ")
        else:
            yield kind, language, line.replace(" ⏎ ", "\n")


def _filled(kind: str, language: str, line: str) -> Iterator[Sentence]:
    rng = random.Random(f"{SEED} {line}")
    for _ in range(10 if "{key}" in line else 3 if SLOT.search(line) else 1):
        marked = SLOT.sub(lambda slot: _value(rng, slot[1], slot[2] or LOCALES[language]), line)
        yield Sentence(SECRET.sub(r"\1", marked), tuple(SECRET.findall(marked)), kind, language)


@cache
def _faker(locale: str) -> Faker:
    return Faker(locale)


@cache
def _keys() -> list[str]:
    return (HERE / "keys.txt").read_text(encoding="utf-8").splitlines()


def _value(rng: random.Random, slot: str, locale: str) -> str:
    if slot == "key":
        return _KEY_PART.sub(
            lambda part: "".join(rng.choices(_ALPHABETS[part[1]], k=int(part[2]))), rng.choice(_keys())
        )
    fake = _faker(locale)
    fake.seed_instance(rng.getrandbits(32))
    if slot in ("name", "lower"):
        name = f"{fake.first_name()} {fake.last_name()}"
        return name.lower() if slot == "lower" else name
    return str(getattr(fake, MAKE[slot])()).replace("\n", ", ")
