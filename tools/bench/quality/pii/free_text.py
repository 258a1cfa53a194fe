"""Read the held-out sentences of `free_text.txt`: written before their author read the rules, with values from Faker.

No rule is tuned on them: their figures are for docs/results.d/redaction.md only, and no test reads them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache

from faker import Faker

from tools.bench.quality.pii.sentences import SECRET, SEED, Sentence
from tools.bench.quality.pii.values import HERE

SLOT = re.compile(r"\{(\w+)(?:@(\w+))?\}")
FILLED = 3
"""Sentences from a line that holds a slot."""
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


def free_text(name: str = "free_text") -> tuple[list[Sentence], list[Sentence]]:
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
    for _ in range(FILLED if SLOT.search(line) else 1):
        marked = SLOT.sub(lambda slot: _value(rng, slot[1], slot[2] or LOCALES[language]), line)
        yield Sentence(SECRET.sub(r"\1", marked), tuple(SECRET.findall(marked)), kind, language)


@cache
def _faker(locale: str) -> Faker:
    return Faker(locale)


def _value(rng: random.Random, slot: str, locale: str) -> str:
    fake = _faker(locale)
    fake.seed_instance(rng.getrandbits(32))
    if slot in ("name", "lower"):
        name = f"{fake.first_name()} {fake.last_name()}"
        return name.lower() if slot == "lower" else name
    return str(getattr(fake, MAKE[slot])()).replace("\n", ", ")
