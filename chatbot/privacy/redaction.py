"""PII redaction: replace personal data by typed marks before a text is stored.

Detects identifying numbers, e-mail, web and IP addresses, introduced names, and passwords. Does not detect: names
without an introduction, street addresses, dates of birth, numbers spelled out in words.
"""

from __future__ import annotations

import ipaddress
import re

from chatbot.privacy.names import redact_names
from chatbot.privacy.numbers import LONG, redact_numbers, redact_references
from chatbot.privacy.words import NO_SECRETS

MARKS = (
    "<ACCOUNT>", "<CARD>", "<EMAIL>", "<IBAN>", "<INVOICE>", "<IP>", "<NAME>", "<NUMBER>", "<ORDER>",
    "<PHONE>", "<SECRET>", "<URL>",
)  # fmt: skip
"""All marks that `redact` inserts."""

_DIGIT = re.compile(r"\d")
_URL = re.compile(
    r"""(?<![\w./-]) (?:
        (?:https?://|www\.) [^\s<>"]++
      | (?:[^\W_][\w-]{0,62}\.){1,8} [^\W\d_]{2,24} / [^\s<>"]*?\?[^\s<>"]++
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_TELLING_URL = re.compile(r"[?#][\w%&]|//[^/\s]*@")
_EMAIL = re.compile(
    r"(?<![\w.+%'-]) [\w.+%'-]++ [ ]?@[ ]? [\w-]++ (?:\.[\w-]++)* \.[^\W\d_]{2,24} (?![\w@])", re.VERBOSE
)
_SPOKEN_EMAIL = re.compile(
    r"""(?<![\w.+%-]) [\w.+%-]++ [ ]?[\[(]?\bat\b[\])]?[ ]? [\w-]++
        (?: [ ]?[\[(]?\bdot\b[\])]?[ ]? [\w-]++ ){0,3}?
        [ ]?[\[(]?\bdot\b[\])]?[ ]? (?:com|net|org|edu|[a-z]{2})\b""",
    re.IGNORECASE | re.VERBOSE,
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"(?<![\w.]) (?:{_OCTET}\.){{3}}{_OCTET} (?!\w|\.\d)", re.VERBOSE)
_IPV6 = re.compile(
    r"(?<![\w:.]) (?=[\da-f]{0,4}:[\da-f]{0,4}:) [\da-f:]{3,39} (?![\w:])", re.IGNORECASE | re.VERBOSE
)
_IBAN_START = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d\d(?=[ -]?[A-Za-z0-9])")
_IBAN = re.compile(r"[A-Za-z]{2}\d\d(?:[ -]?[A-Za-z0-9]){11,30}")
# IBAN length by country (SWIFT registry); without it, words after an IBAN would be taken for a part of it.
_IBAN_LENGTHS = dict(
    re.findall(
        r"(\D\D)(\d\d)",
        "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DK18DO28EE20EG29ES24FI18FO18FR27GB22"
        "GE22GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22"
        "MK19MR27MT31MU30NL18NO15PK24PL28PS29PT25QA29RO24RS22SA24SC31SE24SI19SK24SM27ST25SV28TL23TN24TR26UA29"
        "VA22VG24XK20",
    )
)

_LEAST_IBAN_DIGITS = 8

_SECRET_HINTS = ("pass", "pw", "pin", "cvv", "cvc", "otp", "code", "user", "login")
_PASSWORD = re.compile(
    r"""\b (?: (?P<account> user[ ]?(?:name|id) | login(?:[ ]name)? )
             | (?:pass(?:word|code|phrase|wd)|pwd|pw) )
        (?: (?P<told> ['\u2019]?s?[ ](?:is|was)[ ] | [ ]?[:=][ ]? ) | [ ](?:(?:to|as|from|with)[ ])? )
        (?P<secret>\S++)""",
    re.IGNORECASE | re.VERBOSE,
)
_PARTICIPLE = re.compile(r"[a-z]{3,}(?:ed|ing)")
_PIN = re.compile(
    r"""\b (?: pin(?:[ ]?(?:code|number|no\.?))? | cvv2? | cvc2? | otp
             | (?:security|verification|access|one[- ]time|sms|authentication|login|2fa)[ ](?:code|pin) )
        (?P<link> (?:[ ]?(?:[:=#]|(?:is|was|number|code)\b)){0,3} [ ]? ) \d{3,8}(?!\w)""",
    re.IGNORECASE | re.VERBOSE,
)


def redact(text: str) -> str:
    """Replace PII in a text by the marks of `MARKS`; keeps the surrounding words.

    Idempotent: repeats until a fixed point, since inserting a mark can expose PII next to it.
    """
    while (redacted := _redact_once(text)) != text:
        text = redacted
    return text


def _redact_once(text: str) -> str:
    lower = text.lower()
    if any(hint in lower for hint in _SECRET_HINTS):
        text = _PIN.sub(_pin, _PASSWORD.sub(_password, text))
    if "/" in lower or "www." in lower:
        text = _URL.sub(_url, text)
    if "@" in lower:
        text = _EMAIL.sub("<EMAIL>", text)
    if "dot" in lower:
        text = _SPOKEN_EMAIL.sub("<EMAIL>", text)
    if _DIGIT.search(text):
        text = _redact_digits(text)
    return redact_names(text, lower)


def _redact_digits(text: str) -> str:
    if text.count(".") >= 3 or text.count(":") >= 2:
        text = _IPV6.sub(_ipv6, _IPV4.sub("<IP>", text))
    digits = _count_digits(text)
    if digits >= _LEAST_IBAN_DIGITS:
        text = _redact_ibans(text)
    if digits >= 2:
        text = redact_references(text)
    if _count_digits(text) >= LONG or "#" in text:
        text = redact_numbers(text)
    return text


def _count_digits(text: str) -> int:
    return sum(map(str.isdecimal, text))


def _password(found: re.Match[str]) -> str:
    secret = found["secret"].rstrip(".,;:!?)\"'") or found["secret"]
    is_word = secret.lower() in NO_SECRETS or secret.startswith(MARKS) or _PARTICIPLE.fullmatch(secret)
    # "my password hunter2" has a password, "my password again" has none: without "is" or a colon, require a digit.
    shown = not found["account"] and len(secret) >= 4 and _DIGIT.search(secret)
    if is_word or not (found["told"] or shown):
        return found[0]
    start = found.start()
    mark = "<ACCOUNT>" if found["account"] else "<SECRET>"
    return found[0][: found.start("secret") - start] + mark + found["secret"][len(secret) :]


def _pin(found: re.Match[str]) -> str:
    return found[0][: found.end("link") - found.start()] + "<SECRET>"


def _url(found: re.Match[str]) -> str:
    """Redact a URL only if it has a query, a fragment or user info, which may identify a person."""
    return "<URL>" if _TELLING_URL.search(found[0]) else found[0]


def _ipv6(found: re.Match[str]) -> str:
    try:
        ipaddress.IPv6Address(found[0])
    except ValueError:
        return found[0]
    return "<IP>"


def _redact_ibans(text: str) -> str:
    pieces: list[str] = []
    done = 0
    while start := _IBAN_START.search(text, done):
        end = _iban_end(text, start.start())
        pieces += (text[done : start.start()], "<IBAN>" if end else start[0])
        done = end or start.end()
    return "".join(pieces) + text[done:]


def _iban_end(text: str, start: int) -> int:
    """Return the end of the IBAN that starts here; 0 if country, length or check digits (ISO 13616) are invalid."""
    length = int(_IBAN_LENGTHS.get(text[start : start + 2].upper(), 0))
    found = _IBAN.match(text, start) if length else None
    if found is None:
        return 0
    places = [place for place in range(start, found.end()) if text[place] not in " -"][:length]
    iban = "".join(text[place] for place in places).upper()
    after = text[places[-1] + 1 : places[-1] + 2]
    if len(iban) < length or after.isalnum():
        return 0
    rearranged = "".join(str(int(character, 36)) for character in iban[4:] + iban[:4])
    return places[-1] + 1 if int(rearranged) % 97 == 1 else 0
