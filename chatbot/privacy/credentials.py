"""PII redaction of credentials: API keys and tokens, passwords, PINs and one-time codes, as people state them."""

from __future__ import annotations

from collections.abc import Iterator
from re import DOTALL, IGNORECASE, VERBOSE

from chatbot.privacy.draft import MASK, Draft, Pattern, Span
from chatbot.privacy.phrases import (
    AS_PASSWORD,
    BE,
    CHANGE_VERBS,
    FAILS,
    KEY_NOUNS,
    KEY_PREFIXES,
    NO_CODES,
    PASSWORD_HINTS,
    PASSWORD_NOUNS,
    PIN_HINTS,
    PIN_NOUNS,
)
from chatbot.privacy.words import NO_SECRETS

SECRET, ACCOUNT = "<SECRET>", "<ACCOUNT>"

_TOKEN = Pattern(r"(?<![\w.]) (?:[\w-]{1,8}+[.:])?+ (?:\d{8,10}:)? [\w+=~-]{16,}+ (?:\.[\w+=~/-]++)*+")
_PEM = Pattern(r"-----BEGIN[ A-Z]{0,40}KEY-----.*?(?:-----END[ A-Z]{0,40}KEY-----|\Z)", DOTALL)
_LONG = 16
_BY_PREFIX = Pattern(rf"(?:{KEY_PREFIXES})", VERBOSE)
_DIGIT = Pattern(r"\d", 0)
_CHANGES = Pattern(r"\d[^\W\d_]|[^\W\d_]\d|[a-z][A-Z]", 0)
_UUID = Pattern(r"[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}")

_VALUE = rf"(?P<secret>[^\s{MASK}]++)"
_TOLD = rf"(?: \s?(?:->|=>|[:=])\s? | \s(?:{BE})\s(?:(?:now|still|actually|jetzt|noch|maintenant|ahora|ora|agora)\s)? )"
_KEY = Pattern(rf"""(?<![^\W_]) (?:{KEY_NOUNS}) ["']? (?:{_TOLD}|\s) ["']? {_VALUE}""")
_USER = Pattern(rf"""\b (?:user[ ]?(?:name|id)|login(?:[ ]name)?|benutzername|identifiant|usuario|utente|usuário) {_TOLD} {_VALUE}""")
_STATED = Pattern(rf"(?<![^\W_]) (?:{PASSWORD_NOUNS}) (?P<told>'?s?{_TOLD})? (?(told)|\s(?:(?:to|as|from|with)\s)?) {_VALUE}")
_SHORT_NOUN = Pattern(rf"(?<!\w) (?:pw|pwd|mdp|passwd) \s {_VALUE}")
_REFUSED = Pattern(rf"(?<!\w) (?:{PASSWORD_NOUNS}) \s {_VALUE} (?=\s(?:{FAILS})(?!\w))")
_CHANGED = Pattern(
    rf"""(?<!\w) (?:{CHANGE_VERBS}) \s (?:\w+\s){{0,3}} (?:{PASSWORD_NOUNS})
        \s (?:to|auf|a|in|en|para|pour|par|from|von|de|da|back\sto) \s {_VALUE}"""
)
_CHANGED_TO = Pattern(rf"(?<={MASK})\s(?:to|auf|a|in|en|para)\s {_VALUE}")
_GERMAN_CHANGED = Pattern(rf"(?:{PASSWORD_NOUNS}) \s (?:auf|in|zu) \s {_VALUE} (?=\s(?:ge(?:ändert|setzt|wechselt)|zurückgesetzt))")
_AS_PASSWORD = Pattern(rf"(?<![\w{MASK}]) (?P<secret>[^\s{MASK}]++) \s (?:{AS_PASSWORD}) \s (?:\w+\s)? (?:{PASSWORD_NOUNS})(?!\w)")
_WITH_USER = Pattern(rf"(?<!\w) (?:user(?:name)?|login|benutzer|utilisateur|usuario|utente|usuário) \s \S{{1,64}} \s? (?:and|with|,|/|und|et|y|e|mit|con|com)? \s? (?:the\s)?(?:{PASSWORD_NOUNS}) \s {_VALUE}")
_BETWEEN_COMMAS = Pattern(rf"(?<!\w) (?:{PASSWORD_NOUNS}) (?:\s\w{{1,12}}){{1,4}}, \s {_VALUE} (?=\s|\Z)")
_OTHER_ONE = Pattern(
    rf"""(?<!\w) (?:new|old|other|current|neue|alte|nouveau|nueva|nuova|nova) \s?(?:one|password)? \s (?:{BE}) \s {_VALUE}"""
)
_PIN = Pattern(
    rf"""(?<![^\W_]) (?:{PIN_NOUNS}) (?:[ -]?(?:code|number|nummer|numéro|número|no\.?)(?!\w))?
        (?:[ ]?(?:[:=#]|(?:{BE}|number|now)(?!\w))){{0,3}} [ ]? ["']? (?P<secret>\d(?:[ -]?\d){{2,7}})(?!\w)"""
)
_CODE = Pattern(
    rf"""(?P<before>[^\W\d_]{{1,20}}[ ])?? \b (?:code|codigo|código|codice)(?!\w) [^.?!\d{MASK}]{{0,40}}?
        (?<!\w) (?:{BE}|:) [ ]? (?P<secret>\d(?:[ -]?\d){{2,7}})(?!\w)"""
)
_PARTICIPLE = Pattern(r"[a-z]{3,}(?:ed|ing)", IGNORECASE)
_ODD = Pattern(r"[^\W\d_][^\w\s'.,;:!?)-]|\d|[a-z][A-Z]", 0)
_QUOTES = "\"'([{<"
_STOPS = ".,;:!?)]}\"'>"


def redact_credentials(draft: Draft) -> None:
    """Mark keys and tokens, passwords, user names, PINs and codes."""
    if max(map(len, draft.text.split()), default=0) >= _LONG:
        draft.mark((*found.span(), SECRET) for found in _PEM.finditer(draft.text))
        draft.mark(_tokens(draft.text))
    if not PASSWORD_HINTS.isdisjoint(draft.hints):
        _redact_passwords(draft)
    if not PIN_HINTS.isdisjoint(draft.hints) and draft.has_digits:
        draft.mark((*found.span("secret"), SECRET) for found in _PIN.finditer(draft.text))
        draft.mark(_codes(draft.text))


def _redact_passwords(draft: Draft) -> None:
    draft.mark(_secrets(_KEY, draft.text, least=8, odd=True))
    draft.mark(_secrets(_USER, draft.text, mark=ACCOUNT))
    draft.mark(_secrets(_WITH_USER, draft.text))
    draft.mark(_stated(draft.text))
    for pattern in (_AS_PASSWORD, _GERMAN_CHANGED, _CHANGED, _REFUSED, _SHORT_NOUN, _BETWEEN_COMMAS):
        draft.mark(_secrets(pattern, draft.text))
    if MASK in draft.text:
        draft.mark(_secrets(_OTHER_ONE, draft.text))
        draft.mark(_secrets(_CHANGED_TO, draft.text))



def _tokens(text: str) -> Iterator[Span]:
    for found in _TOKEN.finditer(text):
        if _is_key(found[0]):
            yield *found.span(), SECRET


def _is_key(token: str) -> bool:
    """Whether a long word has a published prefix of API keys, or looks random: letters and digits alternate."""
    if _BY_PREFIX.match(token):
        return bool(_DIGIT.search(token))
    if len(token) < 20 or _UUID.fullmatch(token):
        return False
    letters = sum(map(str.isalpha, token))
    return 0 < letters and len(token) - letters > 1 and len(_CHANGES.findall(token)) >= 5


def _secrets(pattern: Pattern, text: str, mark: str = SECRET, least: int = 1, odd: bool = False) -> Iterator[Span]:
    for found in pattern.finditer(text):
        start, end = _trimmed(text, *found.span("secret"))
        secret = text[start:end]
        if len(secret) >= least and not _is_word(secret) and (not odd or _ODD.search(secret)):
            yield start, end, mark


def _stated(text: str) -> Iterator[Span]:
    """Find "my password is hunter2"; "my password hunter2" only where the value does not look like a word."""
    for found in _STATED.finditer(text):
        start, end = _trimmed(text, *found.span("secret"))
        secret = text[start:end]
        if not _is_word(secret) and (found["told"] or (len(secret) >= 4 and _ODD.search(secret))):
            yield start, end, SECRET


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a value without the quotes around it and the punctuation after it, unless it is only that."""
    value = text[start:end]
    kept = value.rstrip(_STOPS).lstrip(_QUOTES) or value
    first = start + value.index(kept)
    return first, first + len(kept)


def _is_word(secret: str) -> bool:
    return secret.lower() in NO_SECRETS or bool(_PARTICIPLE.fullmatch(secret))


def _codes(text: str) -> Iterator[Span]:
    for found in _CODE.finditer(text):
        if (found["before"] or "").strip().lower() not in NO_CODES:
            yield *found.span("secret"), SECRET
