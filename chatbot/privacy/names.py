"""PII redaction of personal names, detected by their introduction: "my name is ...", "I am ...", "Regards, ...".

Distinguishes names from ordinary words by capitalization where it is informative, by a list of given names, and by
a stop list of words that commonly follow "I am" and "this is".
"""

from __future__ import annotations

import re
from collections.abc import Callable

from chatbot.privacy.words import GIVEN, GIVEN_AND_WORDS, NO_NAMES

MARK = "<NAME>"
MAX_WORDS = 6

_LEAD = re.compile(
    r"""\b(?:
        (?P<told> (?:my|the|full|first|last)\s (?:(?:full|first|last|given|middle|legal|sur)\s?)? name
                  (?: \sis (?:\s(?:now|actually|still))?+ | ['\u2019]s | \s?[:=] )
                | name\s?[:=] )
      | i\sam | i['\u2019]m | im | this\sis | call\sme
    )\s++""",
    re.IGNORECASE | re.VERBOSE,
)
_SIGN_OFF = re.compile(
    r"""\b(?:
        (?P<formal> (?:(?:kind|best|warm)\s)? regards | sincerely | yours(?:\s(?:truly|faithfully))? )
      | cheers | best(?:\swishes)? | thanks | thank\syou | thx | greetings
    )(?P<comma>[,.!\u2013-]?)\s++""",
    re.IGNORECASE | re.VERBOSE,
)
_TITLE = re.compile(r"(?:mr|mrs|ms|miss|mx|dr|prof)\b\.?\s", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]++(?:['\u2019-][^\W\d_]++)*+(?![\w@/])")
_AFTER_SIGNATURE = re.compile(r"(?:[\s.,;:!|-]|<[A-Z]{2,8}>)*+\Z")
_LEAD_HINTS = ("name", "i am", "i'm", "i\u2019m", "im ", "this is", "call me")
_SIGN_OFF_HINTS = ("regards", "sincerely", "yours", "cheers", "best", "thank", "thx", "greetings")


def redact_names(text: str, lower: str) -> str:
    """Redact names in introductions and signatures; keeps the introduction itself.

    Args:
        text: any text.
        lower: the same text in lower case, for a cheap prefilter.
    """
    if any(hint in lower for hint in _LEAD_HINTS):
        text = _mark(text, _LEAD, _introduced)
    if any(hint in lower for hint in _SIGN_OFF_HINTS):
        text = _mark(text, _SIGN_OFF, _signed)
    return text


def _mark(text: str, lead: re.Pattern[str], end_of: Callable[[re.Match[str]], int]) -> str:
    pieces: list[str] = []
    done = 0
    for found in lead.finditer(text):
        end = end_of(found) if found.start() >= done else 0
        if end > found.end():
            pieces += (text[done : found.end()], MARK)
            done = end
    return "".join(pieces) + text[done:]


def _introduced(lead: re.Match[str]) -> int:
    capitals = _capitals_tell(lead[0].split())
    return _name_end(lead.string, lead.end(), told=bool(lead["told"]), capitals=capitals)


def _signed(lead: re.Match[str]) -> int:
    """Return the end of a signed name; only punctuation and other marks may follow a signature."""
    text, start = lead.string, lead.end()
    # "Thanks John" contains a name, "Thanks Much" does not: without a comma, require a known given name.
    end = _name_end(text, start, told=False, capitals=bool(lead["comma"] or lead["formal"]))
    return end if _AFTER_SIGNATURE.match(text, end) else start


def _capitals_tell(lead: list[str]) -> bool:
    """Whether a capital indicates a name after this lead: not in "I AM VERY UPSET" or "This Is A Title"."""
    return not lead[-1][-1].isupper() and not (len(lead) > 1 and lead[-1][0].isupper())


def _name_end(text: str, start: int, told: bool, capitals: bool) -> int:
    """Return the end of the name that begins at `start`; `start` itself if there is none.

    Args:
        text: the whole text.
        start: where a name may begin.
        told: whether the text announces a name ("my name is"), so that lower case is accepted.
        capitals: whether a capital indicates a name here.
    """
    title = _TITLE.match(text, start)
    at = title.end() if title else start
    end, lower_words = start, 0
    for _ in range(MAX_WORDS):
        word = _WORD.match(text, at)
        if word is None:
            break
        initial = len(word[0]) == 1 and text[word.end() : word.end() + 1] == "."
        first = end == start
        if first and not initial and not _begins_name(word[0], told or bool(title), capitals):
            break
        if not first and not initial and word[0].lower() not in _PARTICLES:
            lower_words += not (capitals and _is_capital(word[0]))
            if lower_words > 1 or not _goes_on(word[0], capitals and _is_capital(text[start])):
                break
        if not initial and word[0].lower() not in _PARTICLES:
            end = word.end()
        at = word.end() + initial
        if not text[at : at + 1].isspace():
            break
        at += 1
    return end


def _begins_name(word: str, told: bool, capitals: bool) -> bool:
    known = _stem(word)
    if known in GIVEN:
        return told or known not in GIVEN_AND_WORDS or (capitals and _is_capital(word))
    if known in NO_NAMES or len(word) == 1:
        return False
    if told:
        return _is_capital(word) or not _ENDINGS.search(known)
    shouted = len(word) > 1 and word.isupper() and word != word.lower()
    return capitals and _is_capital(word) and not shouted and not _ENDINGS.search(known)


def _goes_on(word: str, capitalised: bool) -> bool:
    """Whether this word continues a name that has begun."""
    known = _stem(word)
    if capitalised:
        return _is_capital(word) and known not in NO_NAMES
    return known in GIVEN or not (known in NO_NAMES or _ENDINGS.search(known))


def _stem(word: str) -> str:
    return word.lower().removesuffix("'s").removesuffix("\u2019s")


def _is_capital(word: str) -> bool:
    """Whether a word is capitalized; scripts without case count as capitalized."""
    return not word[:1].islower()


_PARTICLES = frozenset(
    {"al", "bin", "da", "de", "del", "der", "di", "dos", "du", "el", "la", "le", "ter", "van", "von", "zu"}
)

_ENDINGS = re.compile(
    r"(?:ing|ed|ly|ous|able|ible|ful|less|ive|ant|ent|ical|tic|ward|wards|ese|ish|ian|est|ness|ment|tion|s')\Z"
)
