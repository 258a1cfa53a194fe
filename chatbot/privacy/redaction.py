"""PII redaction: replace personal data by typed marks before a text is stored.

Detects identifying numbers, e-mail, web, IP and MAC addresses, credentials, names, street addresses and dates of
birth. Does not detect names in lower case that nothing introduces, and addresses without a number.
"""

from __future__ import annotations

from chatbot.privacy.chosen import redact_chosen
from chatbot.privacy.contacts import redact_emails, redact_hosts, redact_urls
from chatbot.privacy.core import CLOSE, KEPT_MARKS, MAX_CHARACTERS, OPEN, core_of
from chatbot.privacy.credentials import redact_credentials, redact_second_passwords, redact_users
from chatbot.privacy.draft import Draft, Pattern, typos
from chatbot.privacy.ibans import redact_ibans
from chatbot.privacy.ids import redact_ids
from chatbot.privacy.names import NAME_WORDS, redact_names
from chatbot.privacy.numbers import LONG, MAX_RUNS, redact_coarsely, redact_numbers, redact_spelled
from chatbot.privacy.phrases import (
    ANSWER_WORDS,
    BIRTH_WORDS,
    CHANGE_WORDS,
    CODE_WORDS,
    DIGITS_WORDS,
    KEY_WORDS,
    OTHER_WORDS,
    PASSWORD_WORDS,
    PIN_WORDS,
    SECRET_NOUNS,
    THINKING_WORDS,
    TYPING_WORDS,
    USER_WORDS,
)
from chatbot.privacy.places import STREET_WORDS, redact_births, redact_named_places, redact_places
from chatbot.privacy.references import RESERVING, redact_references
from chatbot.privacy.scripts import redact_scripts
from chatbot.privacy.stated import (
    ADDRESS_WORDS,
    redact_postcodes,
    redact_stated_addresses,
    redact_stated_secrets,
)

MARKS = (
    "<ACCOUNT>", "<ADDRESS>", "<CARD>", "<DOB>", "<EMAIL>", "<IBAN>", "<INVOICE>", "<IP>", "<MAC>", "<NAME>",
    "<NUMBER>", "<ORDER>", "<PHONE>", "<SECRET>", "<URL>",
)  # fmt: skip
"""All marks that `redact` inserts."""

_MARKS = Pattern("|".join(MARKS), 0)
_WARM_UP = """I am Anna Schmidt, born 1.2.1980, anna at example dot com, anna@example.com, my password is dragon-1,
pin 1234, user anna, key sk-1234567890abcdef, code is 1234, order 12345, call 0170 1234567, 12 Maple Street,
Lindenweg 3, 12 rue Hugo, Calle Mayor 3, Am Markt 3, DE89 3704 0044 0532 0130 00, 10.0.0.1, www.example.com?a=b,
one two three four five six. Mr. Smith. changed the password to dragon, the new one is hunter2. Regards, Anna"""
_DIGIT_RUNS = Pattern(r"\d++", 0)
_ALWAYS = NAME_WORDS.union(PASSWORD_WORDS, PIN_WORDS, ANSWER_WORDS, USER_WORDS, KEY_WORDS, SECRET_NOUNS)
_BEFORE_DIGITS = frozenset.union(CODE_WORDS, DIGITS_WORDS, BIRTH_WORDS, STREET_WORDS, ADDRESS_WORDS)
HINTS = _ALWAYS.union(_BEFORE_DIGITS, CHANGE_WORDS, OTHER_WORDS, TYPING_WORDS, THINKING_WORDS)
"""Words that detectors begin at."""
_TYPOS = typos(PASSWORD_WORDS | SECRET_NOUNS | ADDRESS_WORDS, HINTS)
_FORMS = {word: word for word in HINTS} | _TYPOS
_WITHOUT_DIGITS = _ALWAYS.union(_TYPOS)
_WITH_DIGITS = _WITHOUT_DIGITS | _BEFORE_DIGITS


def redact(text: str) -> str:
    """Replace PII in a text by the marks of `MARKS`; keeps the surrounding words.

    Takes time linear in the length of the text.
    """
    return _detect(text).redacted()


def warm_up() -> None:
    """Compile the patterns, which takes some 20 ms: no customer waits for it."""
    redact_with_core(_WARM_UP)


def redact_with_core(message: str) -> tuple[str, str]:
    """Return a cleaned message redacted, and its core for classification (`core_of`): one detection for both."""
    draft = _detect(message)
    redacted = draft.redacted()
    if redacted == message or len(message) > MAX_CHARACTERS:
        return redacted, message
    return redacted, core_of(message, draft.redacted(KEPT_MARKS, (OPEN, CLOSE)))


def _detect(text: str) -> Draft:
    draft = Draft(text)
    triggers = _WITH_DIGITS if draft.has_digits else _WITHOUT_DIGITS
    draft.look_for(_FORMS, triggers)
    if "<" in text:
        draft.mark((*found.span(), found[0]) for found in _MARKS.finditer(draft.text))
    redact_urls(draft)
    redact_credentials(draft)
    redact_stated_secrets(draft)
    redact_second_passwords(draft)
    redact_scripts(draft)
    if draft.separate_scripts():
        draft.look_for(_FORMS, triggers)
    redact_emails(draft)
    redact_users(draft)
    if draft.has_digits:
        _redact_digits(draft)
    redact_named_places(draft)
    redact_chosen(draft)
    redact_spelled(draft)
    redact_names(draft)
    return draft


def _redact_digits(draft: Draft) -> None:
    numbers = list(_DIGIT_RUNS.finditer(draft.text))
    if len(numbers) > MAX_RUNS:
        redact_coarsely(draft)
        return
    digits = sum(len(number[0]) for number in numbers)
    redact_hosts(draft, numbers)
    redact_ibans(draft)
    redact_births(draft)
    redact_stated_addresses(draft)
    redact_places(draft, numbers)
    redact_postcodes(draft)
    if digits >= 2 or not RESERVING.isdisjoint(draft.words):
        redact_references(draft)
    redact_ids(draft, numbers)
    if digits >= LONG or "#" in draft.text:
        redact_numbers(draft)
