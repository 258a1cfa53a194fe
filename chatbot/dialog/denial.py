"""Negation detection: recognize a message that denies the request which its intent names ("I don't want a refund").

Negation scope by cue and frame, as NegEx (Chapman et al., 2001). A frame ties a negation to what is wished for; the
message denies its intent only if that names the intent, by the words of its reply. A negation that is part of the
problem ("my refund did not arrive") is in no frame; "I don't want this order" names a thing to be rid of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from string import Template

from chatbot.dialog.message import plain
from chatbot.dialog.replies import Replies, ReplyText
from chatbot.prefilter import required
from chatbot.word_lists import read_lists

_PATTERNS = {
    "adverbs": r"(?: (?:really|actually|even|ever|still|just|at all)){0,2}",
    # Not, n't, dont, didnt, doesnt, wont, wasnt, havent, hasnt, never, no longer. Without an assertion at its start, so
    # that the engine skips other characters.
    "not": (
        r"[dhnw](?:(?<=n)'t|(?<=\bn)(?:ot|ever|o longer)"
        r"|(?:(?<=\bd)(?:o|id|oes)|(?<=\bw)(?:o|as)|(?<=\bh)(?:ave|as))nt)"
        r"${adverbs}"
    ),
    "to": (
        r" (?:want|need|wish|ask|request|plan|intend|look|try|tell|have|like)(?:ed|ing|ning)?"
        r"|(?: (?:told|tried|going|authori[sz]ed|gonna))"
    ),
    "for": r"(?: be)? (?:want|need|wish|ask|request|require|requir|look|interested)(?:ed|ing)?(?: for| in)?",
    "whom": r"(?: you| anyone| anybody| them)?",
    "make": (
        r"(?:mak(?:e|ing)|issu(?:e|ing)|giv(?:e|ing)|fil(?:e|ing)|submit(?:ting)?|open(?:ing)?|arrang(?:e|ing))"
    ),
    "light": r"(?:${make}|get|have|receive)",
    "a": r" (?:an?|any) (?P<thing>\w+(?: \w+){0,2})",
    "start": r"(?:^|[.,;:!?)\n] ?|\b(?:please|pls|plz|so|and|but|again|just|also|hi|hello|hey) )",
    # Contrasts deny one thing and wish for another. Without a wish they tell what happened ("I got a voucher instead of
    # a refund"), and where the wish names the intent it is what the customer wants ("an invoice, not a receipt").
    "art": r"(?:an? |any |the |another |my )?",
    "wish": (
        r"\b(?:want|wants|wanted|need|prefer|wish|(?:would|'d|id) (?:like|rather|prefer)|asked for|looking for|give me"
        r"|please|pls|(?:can|could|may|would|will) (?:i|we|you|it))\b"
    ),
    "gap": (
        r"(?P<wished>"
        r"(?:(?!\b(?:got|received|sent|gave|given|issued|credited|paid|was|were|did|why)\b)[^.;:!?]){0,60}?)"
    ),
    "thing": r"(?P<thing>\w+(?: \w+){0,2})",
    "ends_here": r"(?=,?(?: please| pls| thanks)?(?:$|[.,;:!?]))",
    "noun": r"\w*(?:tion|sion|al|ment|fund|turn|change)s?",
    "de_wish": r"\b(?:m[oö]chte|moechte|will|wollte|brauche|w[uü]nsche|h[aä]tte|bitte|lieber)\b",
    "fr_wish": r"\b(?:veux|voulais|voudrais|souhaite|d[eé]sire|pr[eé]f[eè]re|aimerais)\b",
    "es_wish": r"\b(?:quiero|quisiera|deseo|necesito|prefiero|quer[ií]a|gustar[ií]a)\b",
}
"""Parts of the frames; a part may name earlier ones."""
for _name, _pattern in _PATTERNS.items():
    _PATTERNS[_name] = Template(_pattern).safe_substitute(_PATTERNS)
_CUE_WORDS: Mapping[str, str] = {
    "en": "no not never dont didnt doesnt wont havent wasnt neither instead rather anything",
    "de": "nicht kein keine keinen weder statt anstatt anstelle",
    "fr": "pas jamais ni lieu plutôt plutot",
    "es": "no ¡no ni lugar vez",
}
_CUES = {
    word: frozenset(code for code, words in _CUE_WORDS.items() if word in words.split())
    for word in " ".join(_CUE_WORDS.values()).split()
}
"""The languages whose frames a word may be part of."""
_COMPILED = {
    code: [
        (sorted(required(frame)), re.compile(frame))
        for frame in Template(frames).safe_substitute(_PATTERNS).splitlines()
    ]
    for code, frames in read_lists(Path(__file__).with_name("denial_frames.txt")).items()
}
_WORD = re.compile(r"\w+")

# Before a frame in its clause: a condition or a question ("what if I don't want a refund", "do I not need an account").
_ASKED = re.compile(
    r"\b(?:if|why|when|whether|unless|case|(?:do|did|does|can|could|would|should) (?:i|we|you))\b[^.,;:!?]*$"
)
# After a thing, in its clause: the wish ends, so the thing is one that the customer has.
_ENDED = re.compile(r"[^.,;:!?]*\b(?:any ?more|any longer|mehr|plus)\b")
_ENDS = """
    cance delet clos close remov stop termi deact unsub kündi kuend lösch loesc storn annul suppr résil elimi borra
"""
_ENDING = frozenset(_ENDS.split())
"""Stems of what ends a thing. An intent with one of them is denied by these words alone ("do not delete my account"):
who does not want an account means it."""
_OTHER = """
    be do go get getting got have having keep use using pay paying wait waiting talk talking speak chat type deal see
    know find look looking receive receiving remember understand recognize recognise recognizing recognising send ship
    deliver own lose like feel think accept let tell ask say hear read work want need wish take taking customer able
    sure i you my the this that it me to and or but so just please with for from your their they a an any of in on is
    are can what where when how why which who nor at by as if than then all not no
"""
_NO_REQUEST = frozenset(_OTHER.split())
"""Verbs of problems and of other wishes ("I don't want to wait"), and words without content: they name no request."""
# Frames are searched in this many characters: bounds the time for a long letter, which says more than its denial.
_LONGEST = 2_000
_NEAR = 40


class Denials:
    """Recognizes denied requests of known intents. Stateless and thread-safe."""

    def __init__(self, replies: Replies) -> None:
        """Learn which words name each intent: those of its name, title, description and examples."""
        self._words = {intent: _naming(intent, text) for intent, text in replies.texts.items()}
        self._names = {
            intent: words & _stems(f"{intent.replace('_', ' ')} {replies.texts[intent].title}")
            for intent, words in self._words.items()
        }

    def denies(self, message: str, intent: str) -> bool:
        """Whether a cleaned message denies the request that the intent stands for; linear in its length."""
        text = plain(message[:_LONGEST]).lower()
        naming, names = self._words.get(intent, frozenset()), self._names.get(intent, frozenset())
        return any(
            not naming.isdisjoint(map(_stem, denied)) and names.isdisjoint(_stems(wished))
            for denied, wished in _denied(text)
        )


def _naming(intent: str, text: ReplyText) -> frozenset[str]:
    parts = (intent.replace("_", " "), text.title, text.description, *text.examples)
    # An intent whose own examples deny something is a wish not to have it ("don't renew my contract").
    own = {
        word for example in text.examples for words, _ in _denied(plain(example).lower()) for word in words
    }
    stems = _stems(" ".join(parts)) - set(map(_stem, own))
    return stems & _ENDING or stems


def _stems(text: str) -> frozenset[str]:
    return frozenset(_stem(word) for word in _WORD.findall(plain(text).lower()) if word not in _NO_REQUEST)


def _denied(text: str) -> Iterator[tuple[list[str], str]]:
    """Yield the words of each wish that a text denies, and what it wishes for in its place, if a frame says so."""
    languages = frozenset[str]().union(*(_CUES[word] for word in set(text.split()) & _CUES.keys()))
    if "n't" in text:
        languages |= {"en"}
    for language in languages:
        for literals, frame in _COMPILED[language]:
            if literals and not any(literal in text for literal in literals):
                continue
            for found in frame.finditer(text):
                if _ASKED.search(text, max(0, found.start() - _NEAR), found.start()):
                    continue
                groups = found.groupdict()
                wished = groups.pop("wished", "")
                kind, phrase = next((kind, phrase) for kind, phrase in groups.items() if phrase)
                denied = list(takewhile(lambda word: word not in _NO_REQUEST, phrase.split()))
                if not kind.startswith("thing"):
                    yield denied, wished
                elif not _ENDED.match(text, found.start(kind), found.end() + _NEAR):
                    yield [word for word in denied if not _is_plural(word)], wished


def _is_plural(word: str) -> bool:
    """Whether "any" of the word means those that exist ("any newsletters")."""
    return word.endswith("s") and not word.endswith("ss")


def _stem(word: str) -> str:
    """Cut a word to what its forms share: refund(ed), cancel(lation), clos(ing), delet(e)."""
    return re.sub(r"(?:ing|ed|es|e|s)$", "", word)[:5] if len(word) > 4 else word
