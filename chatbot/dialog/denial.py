"""Negation detection: recognize a message that denies the request which its intent names ("I don't want a refund").

Negation scope by cue and frame, as NegEx (Chapman et al., 2001). A frame ties a negation to what is wished for; the
message denies its intent only if that names the intent, by the words of its reply. A negation that is part of the
problem ("my refund did not arrive") is in no frame; "I don't want this order" names a thing to be rid of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile

from chatbot.dialog.message import plain
from chatbot.dialog.replies import Replies, ReplyText
from chatbot.prefilter import required

_ADVERBS = r"(?: (?:really|actually|even|ever|still|just|at all)){0,2}"
# Not, n't, dont, didnt, doesnt, wont, wasnt, havent, hasnt, never, no longer. Without an assertion at its beginning, so
# that the engine skips other characters.
_NOT = (
    r"[dhnw](?:(?<=n)'t|(?<=\bn)(?:ot|ever|o longer)"
    r"|(?:(?<=\bd)(?:o|id|oes)|(?<=\bw)(?:o|as)|(?<=\bh)(?:ave|as))nt)" + _ADVERBS
)
_TO = (
    r" (?:want|need|wish|ask|request|plan|intend|look|try|tell|have|like)(?:ed|ing|ning)?"
    r"|(?: (?:told|tried|going|authori[sz]ed|gonna))"
)
_FOR = r"(?: be)? (?:want|need|wish|ask|request|require|requir|look|interested)(?:ed|ing)?(?: for| in)?"
_WHOM = r"(?: you| anyone| anybody| them)?"
_MAKE = (
    r"(?:mak(?:e|ing)|issu(?:e|ing)|giv(?:e|ing)|fil(?:e|ing)|submit(?:ting)?|open(?:ing)?|arrang(?:e|ing))"
)
_LIGHT = rf"(?:{_MAKE}|get|have|receive)"
_A = r" (?:an?|any) (?P<thing>\w+(?: \w+){0,2})"
_START = r"(?:^|[.,;:!?)\n] ?|\b(?:please|pls|plz|so|and|but|again|just|also|hi|hello|hey) )"
# Contrasts deny one thing and wish for another. Without a wish they tell what happened ("I got a voucher instead of a
# refund"), and where the wish names the intent it is what the customer wants ("an invoice, not a receipt").
_ART = r"(?:an? |any |the |another |my )?"
_WISH = (
    r"\b(?:want|wants|wanted|need|prefer|wish|(?:would|'d|id) (?:like|rather|prefer)|asked for|looking for|give me"
    r"|please|pls|(?:can|could|may|would|will) (?:i|we|you|it))\b"
)
_GAP = r"(?P<wished>(?:(?!\b(?:got|received|sent|gave|given|issued|credited|paid|was|were|did|why)\b)[^.;:!?]){0,60}?)"
_THING = r"(?P<thing>\w+(?: \w+){0,2})"
_ENDS_HERE = r"(?=,?(?: please| pls| thanks)?(?:$|[.,;:!?]))"
_NOUN = r"\w*(?:tion|sion|al|ment|fund|turn|change)s?"
_DE_WISH = r"\b(?:m[oö]chte|moechte|will|wollte|brauche|w[uü]nsche|h[aä]tte|bitte|lieber)\b"
_FR_WISH = r"\b(?:veux|voulais|voudrais|souhaite|d[eé]sire|pr[eé]f[eè]re|aimerais)\b"
_ES_WISH = r"\b(?:quiero|quisiera|deseo|necesito|prefiero|quer[ií]a|gustar[ií]a)\b"

_FRAMES: Mapping[str, tuple[str, ...]] = {
    "en": (
        rf"{_NOT}(?:(?:{_TO}){_WHOM} to| wanna)(?: {_LIGHT}{_A}| (?P<act>\w+))",
        rf"{_NOT}{_FOR}(?:{_A}| the (?P<of>\w+(?:tion|sion|al|ment)) of\b"
        r"| (?:my|our|the|your) (?:\w+ )?(?!one|i|we|you|that|which)\w+ (?P<done>back|frozen|\w+ed)\b)",
        rf"\b(?:i am|i'm|im|we are|we're) not (?:{_MAKE}{_A}|(?P<act>\w+ing) (?:my|the|our|it|any\w*)\b)",
        r"\bno need (?:to (?P<act>\w+)|(?:for|of) (?:an? |any )?(?P<thing>\w+))",
        r"(?:^|[.,;:!?] ?)no (?P<thing>\w+(?: \w+)?) (?:needed|required|necessary|wanted)\b",
        r"\b(?P<thing>\w+)(?: is| was)?(?: not|n't) (?:needed|required|necessary|wanted)\b",
        rf"(?:^|[.,;:!?] ?)no (?P<thing>{_NOUN}),? (?:please|pls|thanks|thank|just (?:my|the|send|give|deliver))\b",
        rf"{_WISH}(?: \w+){{0,2}} neither (?:(?:{_ART}{_THING})|to (?P<act>\w+))",
        rf"{_WISH}(?: \w+){{0,2}} neither [^.;:!?]{{1,40}} n?or (?:to )?{_ART}{_THING}",
        rf"(?:^|[.,;:!?] ?)neither {_ART}(?P<thing>\w+)(?: \w+)? n?or {_ART}\w+(?: \w+)?{_ENDS_HERE}",
        rf"(?:^|[.,;:!?] ?)neither {_ART}\w+(?: \w+)? n?or {_ART}{_THING}{_ENDS_HERE}",
        rf"{_NOT}{_FOR} either {_ART}{_THING}",
        rf"{_NOT}{_FOR}(?: either)? (?:an?|any) \w+(?: \w+)? n?or {_ART}{_THING}",
        rf"(?:{_WISH}|^|[.,;:!?] ?) ?not (?:an?|another) {_THING},? (?:but|just|rather)\b",
        rf"{_WISH}{_GAP},? (?:and |but )?not (?:an?|any|another) {_THING}{_ENDS_HERE}",
        rf"{_WISH} to {_GAP}(?:,| and|,? but) not (?:to )?(?P<act>\w+){_ENDS_HERE}",
        rf"{_WISH}{_GAP},? (?:and |but )?not (?:to )?(?P<act>\w+) (?:it|them|(?:my|the|our) \w+){_ENDS_HERE}",
        rf"{_WISH}{_GAP} (?:instead of|rather than) (?:{_ART}{_THING}|(?:to )?(?P<act>\w+ing))",
        rf"(?:^|[.,;:!?] ?)(?:instead of|rather than) {_ART}{_THING},? (?:i|we)?(?: just| only)? ?{_WISH}",
        rf"\banything (?:but|except|other than|besides) {_ART}{_THING}",
        rf"(?:{_START}(?:do not|don'?t|dont)|\byou (?:must not|mustn't|should not|shouldn't))"
        rf"(?: please)? (?:{_MAKE}{_A}|(?P<act>\w+))",
    ),
    "de": (
        r"\b(?:m[oö]chte|moechte|will|wollte|brauche|w[uü]nsche|ben[oö]tige)(?: \w+){0,2} keine?n? (?P<thing>\w+)",
        r"\bkeine?n? (?P<thing>\w+) (?:verlangt|angefordert|beantragt|gewollt|n[oö]tig|erforderlich|gew[uü]nscht)\b",
        r"\b(?:m[oö]chte|moechte|will|wollte|bitte)(?: \w+){0,5} nicht (?P<act>\w+en)\b",
        r"(?:^|[.,;:!?] ?|\bbitte )(?P<act>\w+en) sie(?: \w+){1,5} nicht\b(?! \w+en\b)",
        rf"{_DE_WISH}(?: \w+){{0,2}} weder (?:eine?n? )?(?P<thing>\w+)",
        rf"{_DE_WISH}(?: \w+){{0,2}} weder [^.,;:!?]{{1,40}} noch (?:eine?n? )?(?P<thing>\w+)",
        rf"{_DE_WISH}(?P<wished>[^.;:!?]{{1,60}}) (?:an)?st(?:att|elle)(?: von)? (?:eine[rs] |de[rs] )?(?P<thing>\w+)",
        r"(?:^|[.,;:!?] ?)keine?n? (?P<thing>\w+),? bitte\b|\bbitte keine?n? (?P<thing2>\w+)",
    ),
    "fr": (
        r"\bne? ?(?:veux|voulais|souhaite|d[eé]sire) pas"
        r" (?:(?:de |d'|un |une )(?P<thing>\w+)|(?P<act>\w+(?:er|ir|re))\b)",
        r"\bn'ai (?:pas|jamais) demand[eé]"
        r" (?:(?:de |d'|[aà] )?(?P<act>\w+(?:er|ir|re))\b|(?:de |d'|un |une )(?P<thing>\w+))",
        r"(?:^|[.,;:!?] ?|\bsvp )(?:ne |n')(?P<act>\w+(?:ez|es?)) pas\b|\bde ne pas (?P<act2>\w+(?:er|ir|re))\b",
        r"\bpas besoin (?:de |d')(?:un |une )?(?P<thing>\w+)",
        r"\bne? ?(?:veux|souhaite|voulais|d[eé]sire) ni (?:de |d'|un |une |le |la )?(?P<thing>\w+)",
        r"\bne? ?(?:veux|souhaite|voulais|d[eé]sire) ni [^.,;:!?]{1,30} ni (?:de |d'|un |une |le |la )?(?P<thing>\w+)",
        rf"{_FR_WISH}(?P<wished>[^.;:!?]{{1,60}}) (?:au lieu d|plut[oô]t qu)(?:'|e )(?:une? )?(?P<thing>\w+)",
        r"(?:^|[.,;:!?] ?)pas (?:de |d')(?P<thing>\w+),? (?:svp|s'il)\b",
    ),
    "es": (
        r"(?<!ya )\bno (?:quiero|deseo|necesito|quer[ií]a|hace falta|he pedido|ped[ií]|solicit[eé]|he solicitado)"
        r" (?:(?:un |una |ning[uú]n |ninguna )(?P<thing>\w+)|(?P<act>\w+[aei]r)\b)",
        r"\bno (?:quiero|deseo|necesito) ni (?:un |una |el |la )?(?P<thing>\w+)",
        r"\bno (?:quiero|deseo|necesito) ni [^.,;:!?]{1,30} ni (?:un |una |el |la )?(?P<thing>\w+)",
        rf"{_ES_WISH}(?P<wished>[^.;:!?]{{1,60}}) (?:en lugar|en vez) de (?:un |una )?(?P<thing>\w+)",
        r"(?:^|[.,;:!?¡] ?|\bpor favor )no (?P<act>\w+(?:en?|es|an?|as)) (?:el|la|los|las|mis?|su|nada|ning\w+)\b",
    ),
}
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
    code: [(sorted(required(frame)), re.compile(frame)) for frame in frames]
    for code, frames in _FRAMES.items()
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
