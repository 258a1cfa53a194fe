"""Identify the language of a message: by known words, and by character trigrams for the other languages.

Known words decide as in Grefenstette (1995), trigrams with naive Bayes as in Dunning (1994); both are learned from the
lists of `language_words.txt`. A word costs one dictionary look-up once it is cached.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping
from functools import cache, lru_cache
from pathlib import Path

from chatbot.word_lists import read_lists

NAMES: Mapping[str, str] = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "nl": "Dutch",
    "pt": "Portuguese",
    "pl": "Polish",
    "sv": "Swedish",
    "da": "Danish",
    "tr": "Turkish",
    "cs": "Czech",
    "fi": "Finnish",
    "ro": "Romanian",
}
_WORDS = read_lists(Path(__file__).with_name("language_words.txt"))
"""Words by language code, in the order of `LANGUAGES`."""
_LOANS = "|".join(" ".join(loan.split()) for loan in _WORDS.pop("loans").split(","))
LANGUAGES = tuple(_WORDS)
# From this share of a corpus's identified messages on, the corpus is in that language too.
MIN_SHARE = 0.05

_LOAN = re.compile(r"\b(?:" + _LOANS.replace("'", "['’]").replace(" ", "[ -]") + r")\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ELISION = re.compile(r"^(?:qu|[cdjlmnstv])['’]", re.IGNORECASE)
_AFFIX = "\0"
# An unknown word counts for less than a known one, and one that looks like a name for nothing.
_UNKNOWN = 0.6
_SHARED = 0.8
# How much more a foreign language must score than a spoken one, and at least.
_MARGIN = 0.6
_LEAST = 0.75
_MAX_WORDS = 40

Weights = tuple[tuple[int, float], ...]


def foreign_language(message: str, spoken: Collection[str]) -> str | None:
    """Identify the language of a message that is in none of the spoken languages.

    Args:
        message: cleaned.
        spoken: codes of `LANGUAGES`.

    Returns:
        The code; None: the message is in a spoken language, or no word identifies it.
    """
    # Most messages hold no loan: it is looked for only where it would matter.
    found = _foreign(message, spoken)
    return found and _foreign(_LOAN.sub(" ", message), spoken)


def _foreign(message: str, spoken: Collection[str]) -> str | None:
    scores = _scores(message)
    best = max(range(len(LANGUAGES)), key=scores.__getitem__)
    known = max((scores[place] for place, code in enumerate(LANGUAGES) if code in spoken), default=0.0)
    if scores[best] < _LEAST or scores[best] < known + _MARGIN:
        return None
    return LANGUAGES[best]


def language_of(message: str) -> str | None:
    """Return the code of the message's language; None: no word identifies it."""
    scores = _scores(message)
    best = max(range(len(LANGUAGES)), key=scores.__getitem__)
    return LANGUAGES[best] if scores[best] >= _LEAST else None


def spoken_languages(messages: Collection[str]) -> tuple[str, ...]:
    """Return the languages of a corpus, the most frequent first; empty: most messages are in another one."""
    found = Counter(code for code in map(language_of, messages) if code)
    if 2 * found.total() < len(messages):
        return ()
    return tuple(code for code, count in found.most_common() if count >= MIN_SHARE * found.total())


def _scores(message: str) -> list[float]:
    scores = [0.0] * len(LANGUAGES)
    for place, word in enumerate(_WORD.findall(message)[:_MAX_WORDS]):
        # A capital within the sentence or after an apostrophe (D'Angelo): a name, or a German noun.
        capital = (place > 0 and word[0].isupper()) or (not word.isalpha() and word.istitle())
        for language, weight in _weights_of(word.lower(), capital):
            scores[language] += weight
    return scores


@lru_cache(maxsize=50_000)
def _weights_of(word: str, capital: bool) -> Weights:
    """Return the weight of a word for each language that it may belong to."""
    known = _known()
    if (bare := _ELISION.sub("", word)) != word and word not in known:
        french = (LANGUAGES.index("fr"), 1.0)
        return () if capital else (french,)
    places = known.get(word) or known.get(word.replace("’", "'"))
    if places is None and not word.isascii() and (folded := _folded(word)) in known:
        places = known[folded]
    if places is not None:
        if capital and len(word) <= 3:  # La Roche, El Paso
            return ()
        weight = 1.0 if len(places) == 1 else _SHARED
        return tuple((place, weight) for place in places)
    if capital or len(bare) < 3:
        return ()
    return tuple((place, _UNKNOWN * share) for place, share in enumerate(_shares(bare)) if share > 0.1)


@cache
def _known() -> Mapping[str, tuple[int, ...]]:
    """Return the languages of each listed word, also as typed without accents (`moechte`, `numero`)."""
    places: dict[str, set[int]] = {}
    for place, words in enumerate(_WORDS.values()):
        for word in words.split():
            places.setdefault(word, set()).add(place)
    english = LANGUAGES.index("en")
    for word, its in list(places.items()):
        for typed in {_folded(word), word.translate(_UMLAUTS), word.replace("'", "")} - {word}:
            if english not in places.get(typed, ()):
                places.setdefault(typed, set()).update(its)
    return {word: tuple(sorted(its)) for word, its in places.items()}


_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


@lru_cache(maxsize=10_000)
def _folded(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.replace("ß", "ss"))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


@cache
def _trigrams() -> tuple[Mapping[str, tuple[float, ...]], tuple[float, ...]]:
    """Return the log probability of each trigram by language, and of one that was never seen."""
    counts = [
        Counter(trigram for word in words.split() for trigram in _of(word)) for words in _WORDS.values()
    ]
    every = set().union(*counts)
    totals = [count.total() + len(every) / 4 for count in counts]
    table = {
        trigram: tuple(
            math.log((count[trigram] + 0.25) / total) for count, total in zip(counts, totals, strict=True)
        )
        for trigram in every
    }
    return table, tuple(math.log(0.25 / total) for total in totals)


def _of(word: str) -> list[str]:
    padded = f"{_AFFIX}{word}{_AFFIX}"
    return [padded[start : start + 3] for start in range(len(padded) - 2)]


def _shares(word: str) -> list[float]:
    """Return the posterior probability of each language, by trigrams."""
    table, unseen = _trigrams()
    seen = [trigram for trigram in _of(word) if trigram in table]
    if not seen:  # another script
        return [0.0] * len(LANGUAGES)
    rows = [table.get(trigram, unseen) for trigram in _of(word)]
    logs = [sum(column) for column in zip(*rows, strict=True)]
    highest = max(logs)
    odds = [math.exp(log - highest) for log in logs]
    return [each / sum(odds) for each in odds]


def warm_up() -> None:
    """Build the tables, so that no message waits for them."""
    foreign_language("warm-up xyzzy", ("en",))
