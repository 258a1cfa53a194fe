"""PII redaction of e-mail addresses, URLs, IP and MAC addresses, also as people disguise or dictate them."""

# ruff: noqa: E501 - patterns and tables

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from re import DOTALL

from chatbot.privacy.draft import MASK, Draft, Pattern, Span

_URL = Pattern(
    rf"""(?<![\w./-]) (?:
        (?:https?://|www\.) [^\s<>"{MASK}]++
      | [a-z][a-z0-9+]{{1,16}}:// (?=[^\s/@{MASK}]{{0,200}}@) [^\s<>"{MASK}]++
      | (?:[^\W_][\w-]{{0,62}}\.){{1,8}} [^\W\d_]{{2,24}} / (?:[^\s<>"?{MASK}]{{0,300}}+) \? [^\s<>"{MASK}]++
    )"""
)
_TELLING_URL = Pattern(r"[?#][\w%&]|//[^/\s]*@|/hooks\.slack\.|/api/webhooks/")

_TOP = r"(?:com|net|org|edu|info|biz|museum|gov|app|dev|shop|[a-z]{2})"
_DOT = r"(?:[ ]?[\[({<]\s?(?:dot|\.|punkt|point|punto|ponto|punt)\s?[\])}>][ ]?|[ ](?:dot|punkt|point|punto|ponto|punt|kropka|точка|nokta|крапка)[ ])"
_SIGN = r"[ ](?:underscore|dash|hyphen|unterstrich|bindestrich|minus|tiret|guion|trattino|streepje)[ ]"
_AT = r"(?:[ ]?@{1,2}[ ]?|[ ]?[\[({<][ ]?(?:at|ät|@|arroba|a)[ ]?[\])}>][ ]?)"
_LOCAL = r"(?<![\w.+%'-]) [\w.+%'-]++"
_PROVIDERS = r"(?:gmail|googlemail|hotmail|outlook|yahoo|ymail|gmx|web|t-online|icloud|aol|proton(?:mail)?|live|msn|posteo|orange|laposte|libero|ziggo|kpnmail|fastmail|mail)"
_EMAIL = Pattern(
    rf"""{_LOCAL} (?>(?:(?:[ ]?[\[({{]dot[\])}}][ ]?)[\w.+%'-]++)?) {_AT} [\w-]{{1,63}}+
      (?: (?:\.[\w-]{{1,63}}+){{0,8}} [.,]{{1,2}}[^\W\d_]{{2,24}} | (?:{_DOT}|\.) (?:[\w-]{{1,63}}(?:{_DOT}|\.)){{0,3}} {_TOP}
        | [ ]?\.[ ]?{_TOP} ) (?!@) (?:(?:{_DOT}|[ ]\.){_TOP}(?!\w))?"""
)
_SPOKEN_EMAIL = Pattern(
    rf"""{_LOCAL} (?:(?:{_DOT}|{_SIGN})[\w.+%'-]++){{0,4}}? (?:{_AT}|[ ](?:at|arroba|chiocciola|arr?obase|klammeraffe|ät|apenstaartje|małpa|собака|собачка)[ ]) (?!the[ ]|a[ ]) [\w-]{{1,63}}+
        (?: (?:{_DOT}|\.)[\w-]{{1,63}}+ ){{0,3}}? (?:{_DOT}) {_TOP} (?:(?:{_DOT}|\.)[a-z]{{2}})? \b"""
)
_AT_PROVIDER = Pattern(
    rf"(?<![\w.+%'-]) (?!(?:it|look(?:ing|ed)?|bought|me|shop|sold|found|ordered|available|buy|see|only|cheaper|account|here|them|us|one|that|this|mail|email|registered|sign(?:ed)?|log(?:ged)?|hosted|in|up|is|are|was|and)[ ]) [\w.+%'-]++ (?:{_SIGN}[\w.+%'-]++)? [ ](?:at|ät)[ ] {_PROVIDERS}\.{_TOP} (?:\.[a-z]{{2}})? \b"
)
_ENCODED_EMAIL = Pattern(
    r"(?<![\w.+'-]) [\w.+'-]++ (?:%40|&(?:\#(?:64|x40)|commat);) [\w-]{1,63}+ (?:\.[\w-]{1,63}+){1,8}"
)
"""As web pages and their addresses have them, which are copied into messages."""
_QUOTED_EMAIL = Pattern(rf'"[^"\n{MASK}]{{1,64}}+"[ ]?@[ ]?[\w-]{{1,63}}+(?:\.[\w-]{{1,63}}+){{1,8}}')
"""With a quoted local part (RFC 5321, 4.1.2)."""
_CUT_EMAIL = Pattern(
    rf"{_LOCAL} @ {_PROVIDERS} (?:[ ](?:com|net|org|de|fr|es|it|nl|uk|co[ ]uk))? (?![\w@-]|\.\w)"
)
_DASHED_EMAIL = Pattern(rf"(?<!\S) [\w.-]{{1,40}}?[_-]at[_-][\w-]{{1,40}}?(?:[_-]dot[_-]|\.){_TOP}\b")
_SPOKEN_SIGNS = frozenset(
    ("dot", "punkt", "point", "punto", "ponto", "punt", "kropka", "точка", "nokta", "крапка")
)
_AT_WORDS = frozenset(("at", "ät", "arroba", "a"))
_OPENING = frozenset("([{<")
_AT_SIGNS = ("(a)", "(at)", "[at]", "[ät]", "{at}", "<at>", "( at", "[ at", "(ät)", "(arroba)", "[arroba]")

_NO_HOSTS = frozenset(("0", "127", "255"))
"""Where addresses begin that are of no host, or of each: "127.0.0.1", a subnet's mask."""
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
# For texts in lower case, and without an assertion at the beginning: the engine skips other characters.
_IPV4 = Pattern(
    rf"(?<![\w.]) (?:{_OCTET}(?:\.|[ ]\.[ ]|\[\.\])){{3}}{_OCTET} (?:/\d\d?|:\d{{2,5}})? (?!\w|\.\d)"
)
_IPV6 = Pattern(
    r"[\da-f:](?<![\w:.].)[\da-f:]{2,38}(?:(?:\.\d{1,3}){3})?(?:/\d{1,3}|%\w{1,15})?(?![\w:])", DOTALL
)
_NEAR = 20
_VERSION = Pattern(
    r"(?<!\w)(?:firmware|version|versión|versione|versão|release|build|driver|treiber|software|update|v)\.?[ :]{0,2}\Z"
)
_MAC = Pattern(
    r"[\da-f](?<![\w:.-].)[\da-f](?:([: -])(?:[\da-f]{2}\1){4}[\da-f]{2}|[\da-f]{2}\.[\da-f]{4}\.[\da-f]{4})(?![\w:-]|\.\w)",
    DOTALL,
)


def redact_urls(draft: Draft) -> None:
    """Mark URLs that may identify a person."""
    if "://" in draft.text or "www." in draft.lower or ("/" in draft.text and "?" in draft.text):
        draft.mark(_urls(draft.text))


def redact_emails(draft: Draft) -> None:
    """Mark e-mail addresses."""
    if "@" in draft.text or (
        not (_AT_WORDS.isdisjoint(draft.words) or _OPENING.isdisjoint(draft.text))
        and any(sign in draft.lower for sign in _AT_SIGNS)
    ):
        if '"' in draft.text:
            draft.mark((*found.span(), "<EMAIL>") for found in _QUOTED_EMAIL.finditer(draft.text))
        draft.mark((*found.span(), "<EMAIL>") for found in _EMAIL.finditer(draft.text))
        draft.mark((*found.span(), "<EMAIL>") for found in _CUT_EMAIL.finditer(draft.text))
    if "%40" in draft.text or "&" in draft.text:
        draft.mark((*found.span(), "<EMAIL>") for found in _ENCODED_EMAIL.finditer(draft.text))
    if "at" in draft.words or "ät" in draft.words:
        draft.mark((*found.span(), "<EMAIL>") for found in _AT_PROVIDER.finditer(draft.text))
    if "-at-" in draft.lower or "_at_" in draft.lower:
        draft.mark((*found.span(), "<EMAIL>") for found in _DASHED_EMAIL.finditer(draft.text))
    if not _SPOKEN_SIGNS.isdisjoint(draft.words):
        draft.mark((*found.span(), "<EMAIL>") for found in _SPOKEN_EMAIL.finditer(draft.text))


def redact_hosts(draft: Draft, numbers: list[re.Match[str]]) -> None:
    """Mark IP and MAC addresses.

    Args:
        draft: the text.
        numbers: its runs of digits: each may begin an IPv4 address.
    """
    text = draft.text.lower()
    if text.count(":") >= 2 or text.count("-") >= 5 or text.count(".") >= 2 or "mac" in draft.words:
        draft.mark(
            (*found.span(), "<MAC>") for found in _MAC.finditer(text) if found[1] != " " or _is_hex(found[0])
        )
        draft.mark(
            (*found.span(), "<IP>")
            for found in _IPV6.finditer(text)
            if found[0].count(":") > 1 and _is_ipv6(found[0].partition("/")[0])
        )
        text = draft.text
        draft.mark(
            (*found.span(), "<IP>")
            for number in numbers
            if number[0] not in _NO_HOSTS
            and (found := _IPV4.match(text, number.start()))
            and not _VERSION.search(text, max(0, number.start() - _NEAR), number.start())
        )


def _urls(text: str) -> Iterator[Span]:
    """Find URLs with a query, a fragment or user info; others identify nobody."""
    for found in _URL.finditer(text):
        if _TELLING_URL.search(found[0]):
            yield *found.span(), "<URL>"


def _is_ipv6(address: str) -> bool:
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return True


def _is_hex(pairs: str) -> bool:
    """Whether pairs of characters hold digits and letters: "00 1a 2b", not "10 20 30"."""
    return any(map(str.isdecimal, pairs)) and any(map(str.isalpha, pairs))
