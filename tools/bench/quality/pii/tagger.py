"""Measure a learned PII tagger beside the rules: `python -m tools.bench.quality.pii.tagger` (a minute).

Logistic regression tells which words are personal data, by their shape and the words around them (the local features of
Ratinov & Roth, 2009, "Design Challenges and Misconceptions in Named Entity Recognition"). Candidates are words with a
digit, a sign or a capital. It learns from the development sentences and from harmless messages, and is measured on
`closed.txt`, which neither it nor the rules learn from; the service does not use it (docs/results.d/redaction.md).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from chatbot.privacy import redact
from chatbot.privacy.draft import MASK, Draft, Pattern
from chatbot.privacy.words import GIVEN, GIVEN_AND_WORDS, NO_NAMES, SURNAMES
from tools.bench.figures import markdown
from tools.bench.quality.pii.free_text import free_text
from tools.bench.quality.pii.sentences import AUTHORS, Part, Sentence, harmless, sensitive
from tools.bench.quality.pii.values import HERE

Weights = dict[tuple[str, str, str], float]
"""Log-odds that a candidate is personal data, by slot, value and kind of candidate ("": of any kind)."""

ROOT = Path(__file__).parents[4]
STRENGTH = 1.0
"""Inverse strength of the L1 regularisation."""
TEMPLATES, QUIET = 80, 500
CAPITALISED = 4.0
"""The least log-odds at which a capitalised word is marked."""
OTHERS = (3.0, 4.0, 5.0)
"""The same of other candidates, as measured."""
MAX_WORDS, MAX_CANDIDATES, _LONGEST = 250, 25, 40
"""Words and candidates of a message that are examined, and characters of a candidate: bounds the time."""
_LEFT, _RIGHT = 7, 6
"""Words before and after a candidate that count."""
_OPENING, _CLOSING = "\"'([<«„“‘¿¡*~", ".,;:!?)]>\"'»”’…*~"
_SIGNS = frozenset("!#$%&*@_+=^")
_CURRENCIES = "$€£"
_FIRST = frozenset("^.!?:\n")
"""What is before the first word of a sentence."""
_TOKEN = Pattern(r"\S+", 0)
_DIGITS = Pattern(r"\d+", 0)
_ABBREVIATION = 3
"""Maximum letters of a word in capitals that is left out, as an abbreviation."""
_LETTERS = Pattern(r"[^\W\d_]+(?:['’.-][^\W\d_]+)*", 0)
_SPACED = Pattern(r"[\W\d_A-Za-zªµºÀ-ɏͰ-ԯḀ-῿]+", 0)
"""Words of scripts that separate words by spaces and have capitals."""


class Candidate(NamedTuple):
    """A word that may be personal data: where it is, its place among the words, its kind, and its features by slot."""

    start: int
    end: int
    place: int
    kind: str
    features: set[tuple[str, str]]


def main() -> int:
    """Print recall by kind and the share of harmless sentences that are changed, of the rules and of both."""
    weights = learn(examples())
    personal, quiet = free_text("closed")
    rows = [["Kind", "sentences", "rules", *(f"and the tagger at {least}" for least in OTHERS)]]
    kinds = Counter(sentence.kind for sentence in personal)
    for kind, count in sorted(kinds.items()):
        of_kind = [sentence for sentence in personal if sentence.kind == kind]
        shares = [sum(is_found(s, weights, least) for s in of_kind) / count for least in (None, *OTHERS)]
        rows.append([kind, str(count), *(f"{share:.1%}" for share in shares)])
    changed = [sum(is_changed(s.text, weights, least) for s in quiet) for least in (None, *OTHERS)]
    rows.append(["harmless, changed", str(len(quiet)), *(f"{n / len(quiet):.1%}" for n in changed)])
    sys.stdout.write(markdown(rows[0], rows[1:]))
    return 0


def is_found(sentence: Sentence, weights: Weights, least: float | None) -> bool:
    """Whether no secret of a sentence is left whole by the rules, or by the tagger if `least` is given."""
    redacted = redact(sentence.text)
    marked = tagged(sentence.text, weights, least) if least is not None else []
    return all(
        secret not in redacted or any(word in secret for word in marked) for secret in sentence.secrets
    )


def is_changed(text: str, weights: Weights, least: float | None) -> bool:
    """Whether the rules change a text, or the tagger does if `least` is given."""
    return redact(text) != text or (least is not None and bool(tagged(text, weights, least)))


def tagged(text: str, weights: Weights, least: float) -> list[str]:
    """Return the words that are personal data with at least these log-odds."""
    normal = Draft(text).text
    return [
        normal[found.start : found.end]
        for found in candidates(normal)
        if found.kind != "D3"
        and sum(weights.get(feature, 0.0) for feature in expanded(found))
        >= (max(CAPITALISED, least) if found.kind == "W" else least)
    ]


def learn(sentences: Iterable[Sentence]) -> Weights:
    """Return the weights of the features that tell personal data among the candidates of these sentences."""
    columns: dict[tuple[str, str, str], int] = {}
    ends, cells, labels = [0], list[int](), list[bool]()
    for sentence in sentences:
        for candidate, is_personal in labelled(sentence):
            cells += [columns.setdefault(feature, len(columns)) for feature in expanded(candidate)]
            ends.append(len(cells))
            labels.append(is_personal)
    rows = csr_matrix((np.ones(len(cells)), cells, ends), shape=(len(labels), len(columns)))
    model = LogisticRegression(
        C=STRENGTH, l1_ratio=1, solver="liblinear", fit_intercept=False, random_state=0
    )
    model.fit(rows, labels)
    weights: Any = model.coef_[0]
    return {feature: float(weights[column]) for feature, column in columns.items() if weights[column]}


def expanded(candidate: Candidate) -> list[tuple[str, str, str]]:
    """Return the features of a candidate, each alone and together with the candidate's kind."""
    features = [("bias", ""), *sorted(candidate.features)]
    return [(slot, value, kind) for slot, value in features for kind in ("", candidate.kind)]


def labelled(sentence: Sentence) -> Iterator[tuple[Candidate, bool]]:
    """Yield the candidates of a sentence, and whether they are personal data; without those of which nobody says."""
    text = Draft(sentence.text).text
    secrets = list(_places(sentence))
    redacted = redact(sentence.text) if secrets else text
    for candidate in candidates(text):
        start, end = candidate.start, candidate.end
        is_personal = any(start < last and first < end for first, last in secrets)
        # What else is personal in a sentence is not in its list of secrets.
        if is_personal or not secrets or text[start:end] in redacted:
            yield candidate, is_personal


def _places(sentence: Sentence) -> Iterator[tuple[int, int]]:
    at = 0
    for secret in sentence.secrets:
        if (place := sentence.text.find(secret, at)) >= 0:
            at = place + len(secret)
            yield place, at


def examples() -> list[Sentence]:
    """Return the sentences that the tagger learns from."""
    names = [*sorted(path.stem for path in HERE.glob("development*.txt")), "free_text"]
    parts: list[tuple[str, Part]] = [(author, part) for author in AUTHORS for part in ("tuning", "held-out")]
    return [
        *chain.from_iterable(chain(*free_text(name)) for name in names),
        *chain.from_iterable(sensitive(author, part, TEMPLATES) for author, part in parts),
        *chain.from_iterable(harmless(author, part, QUIET) for author, part in parts),
        *messages(),
    ]


def messages() -> list[Sentence]:
    """Return harmless messages: of the corpus and of no intent, those that the rules leave as they are."""
    texts: list[str] = []
    for file in sorted((ROOT / "data/corpus/intents").glob("*.yaml")):
        texts += yaml.safe_load(file.read_text(encoding="utf-8"))["messages"].splitlines()
    for file in sorted((ROOT / "data/out_of_scope").glob("*.txt")):
        texts += file.read_text(encoding="utf-8").splitlines()
    return [Sentence(text, (), "harmless", "en") for text in texts if text and redact(text) == text]


def candidates(text: str) -> Iterator[Candidate]:
    """Yield the candidates among the first words of a text, with their features."""
    tokens = text.split(None, MAX_WORDS)[:MAX_WORDS]
    last = len(tokens)
    kinds: dict[int, str] = {-1: "^", last: "$"}
    plain: dict[int, str] = {-3: "^", -2: "^", -1: "^", last: "$", last + 1: "$"}

    def kind_at(place: int) -> str:
        if (known := kinds.get(place)) is None:
            known = kinds[place] = _kind(tokens[place])
        return known

    def at(place: int) -> str:
        if (known := plain.get(place)) is None:
            known = plain[place] = _plain(_bare(tokens[place]))
        return known

    likely = (i for i, token in enumerate(tokens) if not (token.isalpha() and token.islower()) and kind_at(i))
    starts: list[int] = []
    for i in islice(likely, MAX_CANDIDATES):
        starts = starts or [found.start() for found in islice(_TOKEN.finditer(text), last)]
        token, kind = tokens[i], kinds[i]
        word = _bare(token)
        start = starts[i] + token.index(word)
        end = start + len(word)
        previous = "^"
        if i:
            before = tokens[i - 1]
            previous = before[-1] if before[-1] in _CLOSING else "\n" if text[starts[i] - 1] == "\n" else ""
        features = {
            ("shape", _shape(word)),
            ("length", str(min(len(word), 15))),
            ("first", "yes" if previous in _FIRST else "no"),
            ("-1", at(i - 1)),
            ("-2", at(i - 2)),
            ("-3", at(i - 3)),
            ("+1", at(i + 1)),
            ("+2", at(i + 2)),
            ("-2-1", f"{at(i - 2)} {at(i - 1)}"),
            ("previous", previous),
            ("after", text[end : end + 1].strip()),
            ("before", text[starts[i] : start]),
            ("kind-1", kind_at(i - 1)),
            ("kind+1", kind_at(i + 1)),
            ("to end", str(min(last - 1 - i, 3))),
            ("from start", str(min(i, 3))),
            ("words", str(min(last, 8))),
        }
        features.update(("left", at(j)) for j in range(max(0, i - _LEFT), i - 1))
        features.update(("right", at(j)) for j in range(i + 2, min(last, i + _RIGHT + 1)))
        if kind == "W":
            features.update(_spelling(word, at(i)))
        yield Candidate(start, end, i, kind, features)


def _bare(token: str) -> str:
    """Return a word without the punctuation around it; a token of punctuation only as it is."""
    opened = token.lstrip(_OPENING)
    return opened.rstrip(_CLOSING) or opened or token


def _kind(token: str) -> str:
    """Return the kind of a candidate, one of `KINDS`; "" for other words."""
    if token.isalpha() and token.islower():
        return ""
    word = _bare(token)
    if (word.isalpha() and word.islower()) or len(word) > _LONGEST or MASK in word:
        return ""
    if word[0] in _CURRENCIES:
        return ""
    if not word.isascii() and not _SPACED.fullmatch(word):
        return ""
    digits = sum(map(str.isdigit, word))
    letters = sum(map(str.isalpha, word))
    if digits:
        if letters:
            return "U" if word == word.upper() else "M"
        return "D3" if digits <= 3 else "D8" if digits <= 8 else "D9"
    if not letters:
        return ""
    if not _SIGNS.isdisjoint(word):
        return "P"
    if word == word.lower() or (len(word) <= _ABBREVIATION and word.isupper()):
        return ""
    return "W" if len(word) > 1 and _LETTERS.fullmatch(word) else ""


def _plain(word: str) -> str:
    lower = word.lower()
    return lower if lower.isalpha() else _DIGITS.sub(lambda run: "0" * min(len(run[0]), 9), lower)


def _shape(word: str) -> str:
    shape = ""
    for character in word:
        kind = (
            "9"
            if character.isdigit()
            else "X"
            if character.isupper()
            else "x"
            if character.isalpha()
            else character
        )
        if shape[-1:] != kind:
            shape += kind
    return shape[:8]


def _spelling(word: str, lower: str) -> Iterator[tuple[str, str]]:
    yield "word", lower
    yield "end", lower[-3:]
    yield "case", "U" if word.isupper() else "C" if word[1:].islower() else "m"
    for name, listed in (("G", GIVEN), ("W", GIVEN_AND_WORDS), ("S", SURNAMES), ("N", NO_NAMES)):
        if lower in listed:
            yield "list", name
    bounded = f"^{lower}$"
    for i in range(len(bounded) - 2):
        yield "part", bounded[i : i + 3]


if __name__ == "__main__":
    sys.exit(main())
