"""Separate what a customer wants from the PII they state beside it, for classification.

"Where is my parcel, my email is max@example.com" is classified as "Where is my parcel": an e-mail address says
nothing about the intent, and no training message has one. Order and invoice numbers stay where the sentence needs
them, as in training messages; "(order 12345)" goes.
"""

# ruff: noqa: E501 - patterns and tables

from __future__ import annotations

import re

from chatbot.privacy.draft import Pattern
from chatbot.word_lists import words_of

MAX_CHARACTERS = 600
"""Callers classify longer messages as they are: a phrase about the customer has little weight in them."""
KEPT_MARKS = frozenset(("<ORDER>", "<INVOICE>", "<ACCOUNT>", "<NUMBER>"))
"""Marks of numbers that messages about orders and bills have in training, too."""

OPEN, CLOSE = "\ue002", "\ue003"
"""Stand around the numbers of `KEPT_MARKS`."""

_NUMBER = rf"{OPEN}[^{CLOSE}]{{1,80}}{CLOSE}"
_MARK = r"<[A-Z]{2,8}>(?:[ ]?(?:[/,&|]|and|or)?[ ]?<[A-Z]{2,8}>){0,3}"
_NOUN = r"""\b(?:(?:delivery|shipping|billing|home|work|contact|current|old|new|correct|full|first|last|user|e-?mail|phone|card|date[ ]of|zip|post)[ ])?
    (?:e-?mail|mail|telephone|tel|phone|mobile|cell|number|name|address|card|iban|ip|mac|passport|password|passcode|pw|pin|code|dob|birthday|birth|tracking
    |username|login|bank|ssn|id|account|contact|recipient|customer|postcode|zip|code)"""
_KIND = r"""(?:order|tracking|invoice|account|customer|client|member(?:ship)?|booking|reference|ref|ticket|case|parcel|shipment|reservation|passport|ssn|nino|id|user(?:[ ]?name)?|login|policy|contract|tax|bill|receipt)"""
_NO = r"(?:number|no\.?|id|ref(?:erence)?|code)"
_STATED = Pattern(
    rf"""[ ]?[,;.(-]?[ ]?(?:\b(?:and|please)[ ,]{{1,2}})? (?<!\w) (?:
      (?:\b(?:my|our|the)[ ])? {_NOUN} (?:[ ](?:address|number|no\.?|code))? (?:[ ]on[ ](?:file|it|(?:my|the)[ ](?:account|order)))? [ ]?(?:is|was|:|=)[ ]?{_MARK}
    | (?:i[ ]am|i'm|im|this[ ]is|it's)[ ]{_MARK} (?:[ ](?:here|speaking|by[ ]the[ ]way))?
    | (?:you[ ]can[ ])?(?:call|text|reach|ring|contact|e-?mail|(?:write|reply|delivered|ship(?:ped)?|sent?d?)(?:[ ]it)?(?:[ ]to)?)[ ](?:me[ ])?(?:(?:on|at|under|via|by)[ ])?{_MARK}
    | i[ ](?:was|am)[ ]born[ ](?:(?:on|in)[ ])?{_MARK} | (?:born|dob)[ ](?:on[ ])?{_MARK}
    | i[ ]live[ ](?:at|in)[ ]{_MARK}
    | (?:(?:kind|best|warm|many)[ ])?(?:regards|sincerely|thanks|thank[ ]you|cheers|best)[,.]?[ ]?{_MARK}
    | (?:(?:the|this|my)[ ])?(?:order|account|parcel|card|it)[ ](?:belongs[ ]to|is[ ](?:(?:in|under)[ ](?:the[ ]name(?:[ ]of)?)?|for|on))[ ]{_MARK}
    | (?:(?<=[,;(-])|(?<=[,;(-][ ]))(?:sent|paid|ordered|bought|placed|reg(?:istered|\.))[ ](?:for|from|to|at|on|by|with|under|via|using)[ ](?:(?:my|the)[ ])?(?:{_NOUN}[ ])?{_MARK}
    | (?:for|from|to|at|on|by|with|under|via|of|using)[ ](?:(?:my|the)[ ])?(?:{_NOUN}[ ])?{_MARK}
    | {_NOUN}(?:[ ](?:number|no\.?))?[ ]?:?[ ]?{_MARK}
    | {_MARK} (?:[ ]here)? ) [ ]?\)?
    | [ ]my[ ]{_KIND}[ ]{_NO}[ ]?(?:is[ ]|:[ ]?|[ ])\#?{_NUMBER}
    | [ ]my[ ]number[ ]?(?:is[ ]|:[ ]?){_NUMBER}
    | [ ]my[ ](?:ssn|passport|account|customer|nino|tax|user(?:[ ]?name)?|login|id)[ ](?:is|was|:)[ ]?\#?{_NUMBER}
    | [ ]?[,;.(-][ ]?(?:(?:my|the)[ ])?(?:{_KIND}[ ]?)?(?:{_NO}[ ]?)?(?:(?:is|:|\#)[ ]?)?\#?{_NUMBER}[ ]?\)?"""
)
_TRAILING = Pattern(
    rf"""(?P<before>[\w'{CLOSE}-]++(?P<stop>[?!.,]*+)) [ ](?P<by>(?:for|on|with|under|re)[ ])?(?P<whose>(?:my|the|our)[ ])?
      (?:{_KIND}(?:[ ]{_NO})?) [ ]? (?:is[ ]|:[ ]?)? \#?{_NUMBER} [.!?]? \Z"""
)
_VAGUE = words_of(
    "me wrong problem problems trouble help issue issues happened happening going up matter question"
)
"""Words before "with order 12345" that say nothing without it."""
_ENOUGH_WORDS = 2
"""Words before "for order 12345" that say what is wanted without it."""
_NEEDS_OBJECT = words_of(
    """a about add afford after amend an and any at authorize before but buy by can cancel change
    check close complete confirm contact contest correct delete did dispute do does download edit
    explain express fill find for forgot from get had has have hasn't haven't in into is issue isn't
    it's last locate look lost make me missing modify my need new no not of on open or order ordered our pay
    place placed print purchase purchased receive received reach refund refunded regarding
    remove reopen reorder report request resend retrieve return returned search see send show speed split
    start state status stop submit switch take than that the their there these this those to track tracking
    trace undo update use using view want was wasn't what what's where where's which who with without your yes"""
)
"""Words before "order 12345" that belong to it: "cancel order 12345" keeps it."""
_SPACE_BEFORE = Pattern(r"\s+([.,;!?])", 0)
_REPEATED_STOP = Pattern(r"([.?!])[ .,;]*\.\Z", 0)
_TWO_LETTERS = Pattern(r"[^\W\d_]{2}", 0)


def core_of(message: str, marked: str) -> str:
    """Return the message without personal data and the phrases that state it; the message if nothing else is in it.

    Args:
        message: the cleaned message.
        marked: the message with marks for personal data, and delimiters around the numbers of `KEPT_MARKS`.
    """
    core = _SPACE_BEFORE.sub(r"\1", " ".join(_STATED.sub(" ", marked).split()))
    trailing = _TRAILING.search(core)
    if trailing and _says_enough(core, trailing):
        core = core[: trailing.end("before")]
    core = _REPEATED_STOP.sub(r"\1", core).strip(" ,;")
    if not message.endswith(".") and core.endswith("."):
        core = core[:-1]
    core = core.replace(OPEN, "").replace(CLOSE, "")
    return core if _TWO_LETTERS.search(core) else message


def _says_enough(core: str, trailing: re.Match[str]) -> bool:
    """Whether the words before "order 12345" or "for order 12345" need no object."""
    before = trailing["before"].lower()
    if before in _NEEDS_OBJECT or before.endswith("ing") or (trailing["by"] and before in _VAGUE):
        return False
    if trailing["stop"]:
        return True
    if trailing["by"]:
        return core[: trailing.start()].count(" ") >= _ENOUGH_WORDS
    # "find my order 12345": a verb that nobody listed, or misspelt, has its object there.
    return not trailing["whose"]
