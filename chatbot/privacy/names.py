"""PII redaction of names: introduced ("my name is ..."), signed ("Regards, ..."), with a title, and full names.

Distinguishes names from ordinary words by capitalization where it is informative, by lists of given names and
surnames, and by a stop list of words that commonly follow "I am" and "this is".
"""

# ruff: noqa: E501 - patterns

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice, pairwise

from chatbot.privacy import phrases
from chatbot.privacy.draft import MASK, Draft, Pattern, Span
from chatbot.privacy.words import (
    BRANDS,
    FUNCTION_WORDS,
    GIVEN,
    GIVEN_AND_WORDS,
    INSTITUTIONS,
    NO_NAMES,
    PLACES,
    SURNAMES,
    THINGS,
)
from chatbot.word_lists import words_of

MARK = "<NAME>"
EndOf = Callable[[re.Match[str]], int]
"""Returns the end of the name after an introduction; the end of the introduction itself if there is none."""
_NEAR, _FAR, _AFTER = 32, 48, 200
"""Characters that are searched: before a name, before "speaking", after a signature."""
MAX_WORDS = 6
_INITIAL = 2
"""Characters of an initial after a name, and the space before it: "Priya R."."""
_FEWEST_LETTERS, _ABBREVIATION = 2, 3
"""Letters of a word in capitals that is not a name after others: "Sherlock Holmes DVD"."""
MAX_NAMES = 40
"""Number of capitalized words of a message that are examined: bounds the time for hostile texts."""

_SIGN_OFF = Pattern(
    rf"(?<!\w)(?:(?P<formal>{phrases.SIGN_OFFS_FORMAL})|{phrases.SIGN_OFFS})(?!\w)(?P<comma>\s?[,.!:/-]{{0,3}})(?:[\s>]++|(?<=/))"
)
_THANKS = Pattern(
    r"(?:many\s|vielen\s|mange\s|много\s|большое\s)?(?:thank|thanks|danke|dank|bedankt|merci|gracias|grazie|obrigad[oa]|tack|takk?|kiitos|děkuji|dziękuję|hvala|teşekkürler|mulțumesc|спасибо|дякую|ευχαριστώ|köszönettel|terima|cảm|best|love|warmly)(?!\w)"
)
"""Sign-offs that an ordinary word may follow: "Thanks Guys", "Merci beaucoup, bonne journée"."""
_SPACE = r"\s++(?>(?:the\s|(?:not|nicht|pas|non|niet)\s(?=(?-i:[A-Z])))?)"
_CAP = r"(?-i:[A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĢĪİĶŁĻŃŅŇŌŐŘŚŞŠŢŤŪŮŰŹŻŽΑ-ΩΆ-ΏЀ-Я])[\w'-]*+"
_TITLED = Pattern(
    rf"(?P<title>\w++)(?P<dot>\.(?:ra|ssa|na)?)?\s(?:(?:dr|prof|dott|ing)\.?\s)?(?=(?:(?:de|von|van|di|da|del|dos|du)\s(?:(?:la|der|den|los)\s)?)?{_CAP})"
)
_OF = r"(?:(?:de|von|van|di|da|del|dos|du|der|den|la|le|bin|al|el|zu)\s){0,2}"
_BEFORE_SPEAKING = Pattern(
    rf"(?<![\w.'-])(?P<name>{_CAP}(?:\.?\s{_OF}{_CAP}){{0,3}}),?\s(?:from\s{_CAP}\s|aus\s{_CAP}\s|de\s{_CAP}\s|di\s{_CAP}\s)?(?:à\s(?:l')?|al\s|am\s|this\s)?\Z"
)
_BEFORE_NAME = Pattern(
    rf"(?<![\w.'-])(?P<name>{_CAP}(?:\.?\s{_OF}{_CAP}){{0,3}})\s(?:(?:is|was|ist|est|es|è|é|jest)\s(?:my|the|mein|mon|mi|(?:il\s)?mio|(?:o\s)?meu|moje)|on\sthe|am|,?mein)\s\Z"
)
_AFTER_ARTICLE = Pattern(
    rf"(?:&|(?<!\w)(?:the|an?|this|that|your|new|of|in|at|near|to|from|der|die|das|le|la|les|un|une|el|los|las|il|lo|o|os|as|de|het|een|size|colou?r)|(?!(?:can|could|may|will|would|should|must|please|tell|ask|if|when|because|but|and|so|my|our|your)\s){_CAP}[\w'.,-]*+)\s\Z"
)
_ALONE_NEXT = Pattern(
    r"\s*(?:[.,;:!?)(\n]|\Z) | (?<='s)\s(?:name|account|order|parcel|card|address|phone|number|birthday|subscription|e-?mail|contract|ticket|behalf)(?!\w) | \s(?:-|in\s(?:billing|accounts?|sales|support|your|the)|from\s(?:your|the|billing|accounts?|sales|support)|wrote|writes|said|says|told|took|takes|has|had|left|called|promised|will|does|did|was|can|could|would|should|must|might|gets|got|pick|picks|picked|ordered|bought|paid|received|signed|wants|wanted|needs|asked|came|calls|opened|answered|never|always|also|already|kann|wird|soll|ist|war|nimmt|nahm|holt|bekam|peut|n'a|l'a|ne|va|doit|no|lo|puede|hizo|pagó|non|può|não|pode|vai|fez|pagou|foi|mau|akan|ska|skal|har|heeft|kan|забрал|забрала|забере|может|who|which|and\s(?:i|my|her|his|she|he)|i|i'm|so|but|not|correct|again|please|schrieb|sagte|hat|und\sich|m'a|a\sdit|me\sdijo|mi\sha|disse|zei|heeft)(?!\w)"
)
"""What follows a name, not the name of a product: "Emma said", not "Emma mattress"."""
_AFTER_CAPITAL = Pattern(rf"(?<![\w.'-]){_CAP}\s\Z")
_CAPITAL = Pattern(rf"(?<![\w.'-]){_CAP}")
_WORK_BEFORE = Pattern(
    rf"(?<!\w)(?:(?:product|item|model|brand|article|artikel|produkt|produit|mod[eè]l[eo]|marke|marque|marca|producto|prodotto)\s?(?::|is|ist|est|es|è)?\s|(?:name|brand)\sof\s(?:the|this|that)\s\w{{1,14}}\sis\s|(?:{phrases.WORKS})(?:\s[\w'-]{{1,12}})?\s(?:by|von|de|d'|di|do|da|van|about|über|sobre)\s?(?:{_CAP}\s)?|(?:in|near|nach|en|em)\s)\Z"
)
_WORK = Pattern(rf"(?:{phrases.WORKS})(?!\w)")
_WORK_AFTER = Pattern(rf"(?:'s)?\s(?:{phrases.WORKS}|boxset|day|signature|edition|collection|version)(?!\w)")
_TITLE = Pattern(
    r"(?:(?:mr|mrs|ms|miss|mx|dr|prof|herr|frau|señora?|sra?|signora?|sig|dott|mme|madame|monsieur|senhora?|professor|mevrouw|meneer)\b\.?\s){1,3}"
)
_WORD = Pattern(r"[^\W\d_]++(?>(?:['-][^\W\d_]++)*)(?![\w@/])", 0)
_SURNAME_NEXT = Pattern(rf"(?<![AI])\s{_CAP}")
"""What follows an initial without a dot: "J Smith"."""
_CLAUSE_END = Pattern(
    r"[ ]?\n|\s*(?:[.,;!?)|/]|\Z|(?:please|pls|thanks|bitte|merci|grazie|gracias|alsjeblieft)(?!\w)|(?:from|aus|från|fra|iz|ze?|od|из|від|от|από|din|dari|uit)\s(?-i:[^\W\d_a-zß-öø-ÿа-яё])|(?:prénom|cognome|apellidos?|sobrenome|apelido|vorname|nachname|last|first)\b)"
)
_GOES_ON = Pattern(rf"""["'\s]*(?:[.,:;!?)(/<{MASK}]|\Z|-\s|(?:{phrases.AFTER_NAMES})(?!\w))""")
_OBJECT = Pattern(r"\s(?:it|me|him|us|them|the|that|not|es|mich|ihn|sie|nicht|lo|que|che)\b")
"""What follows a verb, not a name: "my neighbour Took it in"."""
_LAST = Pattern(
    rf"(?:^\W*|(?P<stop>[.!?\n]\s*|\s-{{1,2}}\s?)|^-|,\s|\s?~\s?|[.!?]\s?x{{1,3}}\s)"
    rf"(?P<name>{_CAP}(?:[ ]{_OF}{_CAP}){{0,2}})[.!]?(?:\s?x{{1,4}})?\s*\Z"
)
_LOWER_PAIR = Pattern(r"(?-i:(?P<first>[^\W\dA-Z_]{3,14})\s(?P<last>[^\W\dA-Z_]{4,16}))(?![\w-])")
_SIGNING = Pattern(r"[.!?\n]\s*[^\W\d_]++(?>(?:\s[^\W\d_]++){0,4}),\s\Z")
"""A short clause that ends a message before its signature: "Have a lovely weekend, "."""
_CLOSING = Pattern(
    r"(?<!\w)(?:thanks|thank\syou|cheers|(?:very|so)\smuch|waiting|hoping|wait|hope|await|awaiting|look(?:ing)?\sforward|your\s(?:(?:very\s)?(?:kind|quick|prompt)\s)?(?:help|reply|answer|response|patience|support|time|assistance)"
    r"|customer|client|kund(?:e|in)|cliente?|klant|in\sadvance|im\svoraus|ihre\s(?:hilfe|antwort|rückmeldung)|votre\s(?:aide|réponse)|su\s(?:ayuda|respuesta)|vostr[oa]\s(?:aiuto|risposta)|sua\s(?:ajuda|resposta))"
    r"(?!\w)[^.!?\n]{0,30}(?:[,.!?\n]|\s-)\s?\Z"
)
"""The clause before a signature: "hoping for a quick answer, ", "A disappointed customer, "."""
_ORDINAL = Pattern(r"\d{1,2}(?:\.|º|er|st|nd|rd|th)?(?:[ ]de)?", 0)
"""A day before a month that is a given name, too: "1. Juli"."""
_GREETED_END = Pattern(r"\s*(?:[,.!?;:)-]|\Z)")
_BEFORE_AGAIN = Pattern(
    rf"(?:^|[.,!?;:]\s|(?<=^hi\s)|(?<=^hey\s)|(?<=^hello\s))(?P<name>{_CAP}(?:\s{_CAP}){{0,2}})\s(?:de\s|otra\s|von\s)?\Z"
)
_AFTER_SIGNATURE = Pattern(rf"(?>(?:[\s.,;:!|-]|<[A-Z]{{2,8}}>|{MASK})*)\Z", 0)


def redact_names(draft: Draft) -> None:
    """Mark names in introductions and signatures, after titles, and full names; keeps the words around them."""
    if draft.has(NAME_WORDS):
        for number in sorted({number for word in draft.located for number in _LEADS_OF.get(word, ())}):
            words, lead, words_before, end_of = _LEADS[number]
            draft.mark(_names(draft.matches(lead, words, words_before), end_of))
        if draft.has(phrases.SPEAKING_WORDS):
            draft.mark(_speaking(draft, _BEFORE_SPEAKING, phrases.SPEAKING_WORDS))
        if draft.has(phrases.AGAIN_WORDS):
            draft.mark(_repeated(draft))
        if draft.has(_NAMES):
            draft.mark(_speaking(draft, _BEFORE_NAME, _NAMES))
    if not draft.text.islower():
        draft.mark(_last(draft.text))
        draft.mark(_full_names(draft.text))


def _names(leads: Iterator[re.Match[str]], end_of: EndOf) -> Iterator[Span]:
    done = 0
    for found in leads:
        if found.start() >= done and (end := end_of(found)) > found.end():
            yield found.end(), end, MARK
            done = end


def _stated(lead: re.Match[str]) -> int:
    text, start = lead.string, lead.end()
    end = _name_end(text, start, stated=True, capitals=_capitals_tell(lead[0].split()))
    # "my name is thandiwe", but not "my name is spelt wrongly" and "mein Name ist falscher Name".
    words = text[start:end].split()
    lower = text[start:end].islower() or (end > start and words[0].islower() and words[0] not in _PARTICLES)
    unsure = lower and not any(map(_is_given, words))
    return start if unsure and (words[0] in _PARTICLES or not _GOES_ON.match(text, end)) else end


def _introduced(lead: re.Match[str]) -> int:
    end = _name_end(lead.string, lead.end(), stated=False, capitals=_capitals_tell(lead[0].split()))
    if end == lead.end():
        return _lower_end(lead.string, end)
    words = lead.string[lead.end() : end].split()
    quality = (
        len(words) == 1 and _QUALITIES.search(words[0]) and not (_is_given(words[0]) or _is_surname(words[0]))
    )
    return lead.end() if quality or _is_brand(words) else end


def _foreign(lead: re.Match[str]) -> int:
    text, start = lead.string, lead.end()
    end = _name_end(text, start, stated=False, capitals=True)
    return end if end > start and _is_known(text[start:end]) else _lower_end(text, start)


def _lower_end(text: str, start: int) -> int:
    """Return the end of a lower-case full name with a listed surname ("im hollie carter"); `start` if there is none."""
    found = _LOWER_PAIR.match(text, start)
    if found is None or found["first"].lower() in NO_NAMES or found["last"].lower() in NO_NAMES:
        return start
    last = found["last"].lower()
    known = last in SURNAMES and last not in phrases.SURNAME_WORDS and not _ENDINGS.search(found["first"])
    return found.end() if known else start


def _closed(lead: re.Match[str]) -> int:
    text, start = lead.string, lead.end()
    end = _name_end(text, start, stated=False, capitals=_capitals_tell(lead[0].split()))
    if end == start or _is_brand(text[start:end].split()):
        return start
    return end if _is_known(text[start:end]) or _CLAUSE_END.match(text, end) else start


def _is_known(name: str) -> bool:
    """Whether these words are a name without an introduction: a listed given name, or two and more capitals."""
    words = name.split()
    return (
        _is_given(words[0])
        or _PATRONYMIC.search(words[0]) is not None
        or (len(words) > 1 and _is_capital(words[-1]) and not _is_brand(words))
    )


def _signed(lead: re.Match[str]) -> int:
    """Return the end of a signed name; only punctuation and other marks may follow a signature."""
    text, start = lead.string, lead.end()
    # "Thanks John" contains a name, "Thanks Much" does not: without a comma, require a known given name.
    comma, formal = bool(lead["comma"].strip()), bool(lead["formal"]) or not _THANKS.match(lead[0])
    own_line = "\n" in lead[0]
    end = _name_end(text, start, stated=comma and formal, capitals=comma or formal or own_line)
    words = text[start:end].split()
    if (
        _THANKS.match(lead[0])
        and len(words) > 1
        and text[start:end].islower()
        and not any(map(_is_given, words))
    ):
        return start
    if own_line and text.startswith("\n", end):
        return end
    return end if len(text) - end < _AFTER and _AFTER_SIGNATURE.match(text, end) else start


def _titled(lead: re.Match[str]) -> int:
    text, start = lead.string, lead.end()
    title = lead["title"].lower()
    # "Anna M. Smith" holds an initial, not a "Monsieur".
    if title in phrases.NEED_A_DOT and (
        not lead["dot"] or _AFTER_CAPITAL.search(text, max(0, lead.start() - _NEAR), lead.start())
    ):
        return start
    end = _name_end(text, start, stated=True, capitals=True)
    if _is_brand(text[lead.start() : end].replace(".", "").split()) or _is_of_a_work(text, start, end):
        return start
    return end


def _speaking(draft: Draft, before: Pattern, words: frozenset[str]) -> Iterator[Span]:
    """Find names before words: "Anna here", "Anna is my name"."""
    text = draft.text
    for place in draft.places(words):
        begin = max(0, place - _FAR)
        found = before.search(text, begin, place)
        if not found or (
            text[place].isupper()
            and words is phrases.SPEAKING_WORDS
            and not text.startswith("Apparat", place)
        ):
            continue
        start, end = found.span("name")
        said = found["name"].split()
        while said and _stem(said[0]) in NO_NAMES:
            start += len(said.pop(0)) + 1
        listed = len(said) > 1 or start == found.start("name") or (said and _is_given(said[0]))
        if listed and start < end and _name_end(text, start, stated=False, capitals=True) >= end:
            yield start, end, MARK


def _last(text: str) -> Iterator[Span]:
    """Find a name that ends the message: "... Thanks a lot. Anna", "... - Anna", "... Have a good one, Zed"."""
    begin = max(0, len(text) - _FAR)
    found = _LAST.search(text, begin)
    if found and (found.start() > begin or not begin) and _stem(found["name"]) not in GIVEN_AND_WORDS:
        start, end = found.span("name")
        words = found["name"].split()
        signed = (
            _is_given(words[0])
            or (found.start() > 0 and len(words) > 1 and (found["stop"] or "").strip(" -") == "\n")
            or _SIGNING.search(text, begin, start) is not None
            or _CLOSING.search(text, begin, start) is not None
        )
        full = _name_end(text, start, stated=False, capitals=True)
        if signed and not _is_brand(words) and (full == end or start < full == end - _INITIAL):
            yield start, end, MARK


def _greeted(lead: re.Match[str]) -> int:
    """Return the end of a listed given name after a greeting or thanks: "Hi Anna, thanks for your answer"."""
    text, start = lead.string, lead.end()
    end = _name_end(text, start, stated=False, capitals=True)
    words = text[start:end].split()
    if not words or not _is_given(words[0]) or _is_brand([*lead[0].split(), *words]):
        return start
    return end if _GREETED_END.match(text, end) else start


def _repeated(draft: Draft) -> Iterator[Span]:
    """Find a listed given name that begins a clause: "Anna again, still no refund"."""
    for place in draft.places(phrases.AGAIN_WORDS):
        found = _BEFORE_AGAIN.search(draft.text, max(0, place - _FAR), place)
        if found and _is_given(found["name"].split()[0]):
            yield *found.span("name"), MARK


def _full_names(text: str) -> Iterator[Span]:
    """Find full names with a listed given name or surname, and names after words that a person follows."""
    done = 0
    for found in islice(_CAPITAL.finditer(text), MAX_NAMES):
        start = found.start()
        if start < done or _stem(found[0]) in NO_NAMES:
            continue
        end = _name_end(text, start, stated=False, capitals=True)
        if end > start and _is_person(text, start, end):
            yield start, end, MARK
            done = end


def _is_person(text: str, start: int, end: int) -> bool:
    words = text[start:end].split()
    before = text[max(0, start - _NEAR) : start].lower().split()[-2:]
    if len(words) == 1 and not (_is_given(words[0]) or (before and before[0] in phrases.OUR)):
        return False
    if _is_brand([*before[-1:], *words[:3], *text[end : end + _NEAR].split()[:1]]) or _is_of_a_work(
        text, start, end
    ):
        return False
    # "Jordan Staircase", "arrêt Jean Jaurès", "Karl Johans gate".
    after = text[end : end + _NEAR].split()[:1]
    if len(words) > 1 and _stem(words[-1]) in INSTITUTIONS and not _is_surname(words[-1]):
        return False
    around = [word.rpartition("'")[2] for word in before[-1:]] + [
        word.lower().strip(".,;!?") for word in after
    ]
    if not INSTITUTIONS.isdisjoint(around):
        return False
    # "Paul's Boutique" is a shop, and "the Jane Eyre I ordered" a book.
    if len(words) > 1 and (words[0].endswith("'s") or (before and before[-1] in _DETERMINERS)):
        return False
    if len(words) == 1 and _stem(words[0]) in PLACES and not (before[0:1] and before[0] in phrases.OUR):
        return False
    if len(words) == 1 and before and _ORDINAL.fullmatch(before[-1]):
        return False
    first = _stem(words[0])
    if len(words) > 1 and (_is_given(words[0]) or _is_surname(words[-1])):
        return True
    if len(words) == 1 and _is_alone(text, start, end):
        return True
    if not before:
        return False
    if (
        before[0] in phrases.OUR
        and before[-1] in phrases.PERSON_WORDS
        and _is_singular(words[0], first, before[0])
    ):
        return _is_given(words[0]) or len(words) > 1 or not _OBJECT.match(text, end)
    listed = _is_given(words[0]) and (first not in GIVEN_AND_WORDS or before[0] not in _ENGLISH)
    if len(words) == 1 and not listed:
        return False
    strong = before[-1].rstrip(",:") in phrases.PERSON_WORDS or " ".join(before) in phrases.PERSON_PAIRS
    return strong or (len(words) == 1 and before[-1] in phrases.PERSON_LINKS and first in _ONLY_GIVEN)


def _is_alone(text: str, start: int, end: int) -> bool:
    """Whether this is a listed given name that ends a clause or has a verb, without article or capital before."""
    word = text[start:end]
    if _stem(word) not in _ONLY_GIVEN or word.isupper() or not _ALONE_NEXT.match(text, end):
        return False
    return not _AFTER_ARTICLE.search(text, max(0, start - _NEAR), start)


def _is_of_a_work(text: str, start: int, end: int) -> bool:
    """Whether a name is an author's or a star's ("the book by ...", "a ... jersey"), or a town's ("in ...")."""
    return bool(
        _WORK_BEFORE.search(text, max(0, start - _NEAR), start)
        or _WORK.match(text, start)
        or _WORK_AFTER.match(text, end)
        or not THINGS.isdisjoint(text[end : end + _NEAR].lower().split()[:1])
    )


def _is_singular(word: str, known: str, whose: str) -> bool:
    """Whether a capitalized word after "my son" is a name, not a verb: "my son Loves it"."""
    return (
        (known not in GIVEN_AND_WORDS or whose not in _ENGLISH)
        and not word.isupper()
        and (_is_given(word) or known[-2:] not in _VERB_ENDS)
    )


def _is_brand(words: list[str]) -> bool:
    plain = [word.rstrip(".").lower() for word in words[:5]]
    return any(
        f"{first} {second}" in BRANDS or f"{first} {second.partition('-')[0]}" in BRANDS
        for first, second in pairwise(plain)
    )


def _capitals_tell(lead: list[str]) -> bool:
    """Whether a capital indicates a name after this lead: not in "I AM VERY UPSET" or "This Is A Title"."""
    last = lead[-1]
    return not (last.isupper() and len(last) > 1) and not (len(lead) > 1 and last[0].isupper())


def _name_end(text: str, start: int, stated: bool, capitals: bool) -> int:
    """Return the end of the name that begins at `start`; `start` itself if there is none.

    Args:
        text: the whole text.
        start: where a name may begin.
        stated: whether the text announces a name ("my name is"), so that lower case is accepted.
        capitals: whether a capital indicates a name here.
    """
    title = _TITLE.match(text, start)
    at = title.end() if title else start
    end, lower_words, after_particle = start, 0, False
    for _ in range(MAX_WORDS):
        word = _WORD.match(text, at)
        if word is None:
            break
        dot = text[word.end() : word.end() + 1] == "."
        initial = len(word[0]) == 1 and (
            dot or (word[0].isupper() and (stated or bool(_SURNAME_NEXT.match(text, word.end()))))
        )
        first = end == start
        if first and not initial and not _begins_name(word[0], stated or bool(title), capitals):
            break
        if not first and not initial and word[0].lower() not in _PARTICLES:
            known = (
                (capitals and _is_capital(word[0]))
                or _is_given(word[0])
                or _is_surname(word[0])
                or after_particle
            )
            lower_words += not known
            if lower_words > 1 or not _goes_on(word[0], capitals and _is_capital(text[start])):
                break
        if not initial and (word[0].lower() not in _PARTICLES or first):
            end = word.end()
        after_particle = word[0].lower() in _PARTICLES
        at = word.end() + (initial and dot)
        if not text[at : at + 1].isspace() or text[at] == "\n":
            break
        at += 1
    return end


def _begins_name(word: str, stated: bool, capitals: bool) -> bool:
    known = _stem(word)
    if _is_given(word):
        return stated or known not in GIVEN_AND_WORDS or (capitals and _is_capital(word))
    if known in NO_NAMES or len(word) == 1 or (word in FUNCTION_WORDS and word not in _PARTICLES):
        return False
    if stated:
        return _is_capital(word) or not _ENDINGS.search(known)
    shouted = len(word) > 1 and word.isupper() and word != word.lower()
    return (
        capitals and _is_capital(word) and not shouted and (_is_surname(known) or not _ENDINGS.search(known))
    )


def _goes_on(word: str, capitalised: bool) -> bool:
    """Whether this word continues a name that has begun."""
    known = _stem(word)
    if word[1:2] == "-":
        return False
    if capitalised:
        if word.isupper() and _FEWEST_LETTERS <= len(word) <= _ABBREVIATION:
            return False
        return _is_capital(word) and (known not in NO_NAMES or known in SURNAMES)
    return _is_given(word) or not (known in NO_NAMES or _ENDINGS.search(known))


def _is_given(word: str) -> bool:
    """Whether this is a listed given name, also as the first of "Jean-Pierre"."""
    return _stem(word).partition("-")[0] in GIVEN


def _is_surname(word: str) -> bool:
    """Whether this is a listed surname, also as a part of "Taylor-Jones" or after "d'"."""
    known = _stem(word)
    return (
        known in SURNAMES
        or (word[0].isupper() and _PATRONYMIC.search(word) is not None)
        or known.startswith(("d'", "o'"))
        or (("-" in known or "'" in known) and not SURNAMES.isdisjoint(known.replace("'", "-").split("-")))
    )


def _stem(word: str) -> str:
    return word.lower().removesuffix("'s")


def _is_capital(word: str) -> bool:
    """Whether a word is capitalized; scripts without case count as capitalized."""
    return not word[:1].islower()


_ONLY_GIVEN = GIVEN - GIVEN_AND_WORDS
_PARTICLES = words_of("""al bin da de del della dei der den di do dos das du el la las le los ter ten van von vom zu zum y e mac
    mc ibn abu""")

_PATRONYMIC = Pattern(
    r"(?<!\w)[A-ZŁŚŻŠČŽĆ]\w+(?:sk[aiy]|ský|ská|cz|vi[ćc]|enko|chuk|sson|ss?dóttir|oglu|oğlu|poulos|opoulou|[aio]dis|akis|shvili|[knlrdpts]ov(?:a|á)?|kowa)\Z",
    0,
)
"""Ends of surnames that no language of the others has for its words."""

_ENDINGS = Pattern(
    r"(?:ing|(?<=\w\w)(?<!fr)ed|ly|ous|able|ible|ful|less|ive|ant|ent|ical|tic|ward|wards|ese|ish|ian|est|ness|ment|tion|s')\Z",
    0,
)

_QUALITIES = Pattern(
    r"(?:ad[oa]|ido|os[oa]|[aiu]t[oa]|iv[oa]|ista|ano|ense|eux|euse|ée?|ue|oise?|aise?|ien(?:ne)?|lich|isch|los|bar)\Z"
)
"""Ends of words that say what somebody is in other languages: "soy Vegano"."""

_ENGLISH = frozenset(("my", "our", "your", "his", "her", "the", "a", "is", "was"))
"""Words after which a verb may have a capital that is a name as well: "my son Will"."""
_DETERMINERS = frozenset(("the", "any", "some"))
_VERB_ENDS = frozenset(("es", "ts", "ks", "ys"))

_LEADS = (
    *((words, Pattern(rf"(?<!\w)(?:{lead}){_SPACE}"), 3, _stated) for words, lead in phrases.NAME_STATED),
    *((words, Pattern(rf"(?<!\w)(?:{lead}){_SPACE}"), 1, _introduced) for words, lead in phrases.NAME_WEAK),
    *((words, Pattern(rf"(?<!\w)(?:{lead}){_SPACE}"), 1, _foreign) for words, lead in phrases.NAME_FOREIGN),
    *((words, Pattern(rf"(?<!\w)(?:{lead}){_SPACE}"), 1, _closed) for words, lead in phrases.NAME_CLOSED),
    (phrases.SIGN_OFF_WORDS, _SIGN_OFF, 3, _signed),
    (phrases.TITLE_WORDS, _TITLED, 0, _titled),
    (phrases.GREETINGS, Pattern(r"\w++(?:\s(?:you|dank|again))?,?\s"), 0, _greeted),
)
"""Words, the pattern of what introduces a name, where it begins in words before them, and where the name ends."""
_NAMES = frozenset(("name", "line", "nombre", "nom", "nome", "imię"))
"""Words that a name may stand before: "Anna is my name", "Anna on the line"."""
NAME_WORDS = phrases.SPEAKING_WORDS.union(_NAMES, phrases.AGAIN_WORDS, *(words for words, *_ in _LEADS))
"""Words that `redact_names` looks for."""
_LEADS_OF = {word: [n for n, (words, *_) in enumerate(_LEADS) if word in words] for word in NAME_WORDS}
"""Which entries of `_LEADS` a word belongs to."""
