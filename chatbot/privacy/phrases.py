"""How people state PII in eleven languages: nouns, verbs and links, as tables for the detectors' patterns.

Data only: phrases.txt has the lists, and says what each is for. A text is part of a verbose regular expression.
"""

from __future__ import annotations

from pathlib import Path

from chatbot.word_lists import read_lists, words_of

_LISTS = read_lists(Path(__file__).with_name("phrases.txt"))


def _words(name: str) -> frozenset[str]:
    return words_of(_LISTS[name])


def _introductions(name: str) -> tuple[tuple[frozenset[str], str], ...]:
    """Return words one of which each introduction contains, and its pattern."""
    pairs = (line.split(" :: ") for line in _LISTS[name].splitlines())
    return tuple((words_of(words), pattern) for words, pattern in pairs)


BE = _LISTS["be"]
STILL = _LISTS["still"]

PASSWORD_WORDS = _words("password_words")
PASSWORD_NOUNS = "|".join(sorted(PASSWORD_WORDS))
SECRET_NOUNS = _words("secret_nouns")
NEWNESS = _LISTS["newness"]
RELATION = _LISTS["relation"]
ASKING = _words("asking")
TYPING_WORDS = _words("typing_words")
CHOOSING_WORDS = _words("choosing_words")
PIN_NOUNS = _words("pin_nouns")
PROMOTION_WORDS = _words("promotion_words")
VERSIONED = _words("versioned")
THINKING_WORDS = _words("thinking_words")
DIGITS_WORDS = _words("digits_words")
ANSWER_WORDS = _words("answer_words")
SHORT_PASSWORD_WORDS = _words("short_password_words")
USER_WORDS = _words("user_words")
OTHER_WORDS = _words("other_words")
CHANGE_WORDS = _words("change_words")
FAILS = _LISTS["fails"]
KEY_WORDS = _words("key_words")
KEY_PREFIXES = _LISTS["key_prefixes"]
PIN_WORDS = _words("pin_words")
CODE_WORDS = _words("code_words")
PIN_QUALIFIERS = _words("pin_qualifiers")
NO_CODES = _words("no_codes")

NAME_STATED = _introductions("name_stated")
AFTER_NAMES = _LISTS["after_names"]
WORKS = _LISTS["works"]
NAME_WEAK = _introductions("name_weak")
NAME_FOREIGN = _introductions("name_foreign")
NAME_CLOSED = _introductions("name_closed")
SIGN_OFFS_FORMAL = _LISTS["sign_offs_formal"]
SIGN_OFFS = _LISTS["sign_offs"]
SIGN_OFF_WORDS = _words("sign_off_words")
SPEAKING_WORDS = _words("speaking_words")
SURNAME_WORDS = _words("surname_words")
TYPED_THINGS = _words("typed_things")
CARD_WORDS = _words("card_words")
ABOUT_WORDS = _words("about_words")
AGAIN_WORDS = _words("again_words")
GREETINGS = _words("greetings")
TITLE_WORDS = _words("title_words")
NEED_A_DOT = _words("need_a_dot")
PERSON_WORDS = _words("person_words")
OUR = _words("our")
PERSON_PAIRS = frozenset(" ".join(pair.split()) for pair in _LISTS["person_pairs"].split(","))
PERSON_LINKS = _words("person_links")

BIRTH_WORDS = _words("birth_words")
MONTHS = _LISTS["months"]
PHONE_HINTS = _words("phone_hints")
DIGIT_WORDS = _words("digit_words")
CURRENCIES = _LISTS["currencies"]
NUMBER_KINDS = {
    f"<{kind.upper()}>": _words(f"number_kinds_{kind}") for kind in ("order", "account", "invoice", "number")
}
NAMING = _words("naming")
SAYING = _words("saying")
NO_NUMBERS = _words("no_numbers")
MOVING_WORDS = _words("moving_words")
