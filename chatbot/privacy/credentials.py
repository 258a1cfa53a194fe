"""PII redaction of credentials: API keys and tokens, passwords, PINs and one-time codes, as people state them."""

# ruff: noqa: E501 - patterns and tables

from __future__ import annotations

from collections.abc import Iterator
from re import DOTALL, IGNORECASE, VERBOSE, Match

from chatbot.privacy import phrases
from chatbot.privacy.draft import MASK, Draft, Pattern, Span
from chatbot.privacy.words import NO_NAMES, NO_SECRETS
from chatbot.word_lists import words_of

SECRET, ACCOUNT = "<SECRET>", "<ACCOUNT>"

_LONG, _LONGEST = 16, 40
"""Characters from which a word may be a token, and a key of base 64."""
_FEWEST_DIGITS = 3
_NEAR = 40
_TOKEN = Pattern(
    r"(?<![\w.]) (?>(?:[\w-]{1,8}+[.:]){0,2}) (?:\d{8,10}:)? [\w+~-]{16,}+ (?>(?:\.[\w+~/-]++)*) ={0,2}"
)
_PEM = Pattern(r"-----BEGIN[ A-Z]{0,40}KEY-----.*?(?:-----END[ A-Z]{0,40}KEY-----|\Z)", DOTALL)
_BASE64 = Pattern(r"(?<![\w/+=.-]) [a-zA-Z\d/+]{40,}+ ={0,2} (?!\.?[\w/+=-])")
"""As AWS, Azure and Google write secret keys: with slashes and plus signs, at which a `_TOKEN` ends."""
_AUTHORIZATION = Pattern(
    r"(?<!\w) (?: authorization:\s?\w{4,10} | bearer(?:\stoken)? ) (?:\sis)? (?:\s?[:=]\s?|\s) [\"']? (?P<secret>[\w.~+/-]{16,}+ ={0,2})"
)
"""Tokens need no digit here: "Authorization: Bearer qWertzUiopAsdfghjk"."""
_BY_PREFIX = Pattern(rf"(?:{phrases.KEY_PREFIXES})", VERBOSE)
_DIGIT = Pattern(r"\d", 0)
_CHANGES = Pattern(r"\d[^\W\d_]|[^\W\d_]\d|[a-z][A-Z]", 0)
_UUID = Pattern(r"[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}")
_PARTICIPLE = Pattern(r"[a-z]{3,}(?:ed|ing)", IGNORECASE)
_SENT_OR_SET = Pattern(r"[^\W\d_]{3,}(?:ée?|(?:at|it|ut|ad|id)[oa])")
_ODD = Pattern(r"[^\W\d_][^\w\s'.,;:!?)-]|\d|[a-z][A-Z]", 0)

# Each begins at a noun that `phrases` lists, so that none of them scans the text.
_VALUE = rf"""(?P<secret>"[^"\n{MASK}]{{2,40}}"|[^\s{MASK}]++)"""
_TOLD = rf"(?: \s(?:{phrases.BE})(?:\sas\sfollows|\swie\sfolgt|\scomme\ssuit|\scomo\ssigue|\scome\ssegue|\sthe\sfollowing|\sfolgendes)?\s?:\s? | \s?(?:->|=>|[:=])\s? | \s-\s | \s(?:{phrases.BE})\s(?:(?:{phrases.STILL})\s)? )"
_KEY = Pattern(
    rf"""\w++ (?>(?:[-_ ](?:key|token|id|wifi|wi-fi|wlan|di[ ]accesso|d'accès))?) ["']? (?:{_TOLD}|\s) ["']? {_VALUE}"""
)
_USER = Pattern(rf"""\w++ (?>(?:[ ]?(?:id|name))?) {_TOLD} {_VALUE}""")
_OF = r"(?:\s(?:wifi|wi-fi|wlan|chiave|d'ordine)(?!\w)|\s(?:del?|della|di|do|da|du|d')\s?(?:acceso|acesso|accès|accesso|ordine|passe|entrada|rete|red|wi-?fi|wlan|internet))?"
_AFTER_USER = Pattern(rf"\w++ (?>(?:[ ]?(?:id|name))?) {_TOLD} [^\s{MASK}]{{1,40}} \s?[/|]\s? {_VALUE}")
_STATED = Pattern(
    rf"""\w++ {_OF} (?:\s(?:{phrases.NEWNESS}))? "? (?P<told>'?s?{_TOLD}(?:(?:always|immer|toujours|siempre|sempre|altijd|either|entweder|simply|just)\s)?)? (?(told)|,?\s(?:(?:to|as|from|with)\s)?) {_VALUE}"""
)
_OF_ACCOUNT = Pattern(
    rf"""\w++ {_OF} ,?\s (?:{phrases.RELATION}) (?:\s(?:[\w'-]{{1,14}}|[\w.+-]{{1,30}}@[\w.-]{{3,30}})){{0,4}}? (?:\s?[:=]\s? | ,?\s(?:{phrases.BE}|(?:has|hat)(?:\s(?:always|immer))?\sbeen)\s) {_VALUE}"""
)
_FOLLOWED = Pattern(
    r"""["'\s]*(?:[.,;:!?()/]|\Z|-\s|(?:sein|now|jetzt|and|but|or|so|please|pls|if|why|not|und|aber|oder|et|mais|ou|o|y|e|pero|ma|però|en|maar|new|for|since|für|thanks|i|can|could|because|weil|bitte|kann|car|je|j'ai|porque|perché|non?|não)(?!\w))"""
)
_BEEN = Pattern(rf"\w++ \s (?:has|hat|had) \s (?:always\s)? been \s (?:always\s)? {_VALUE}")
_GIVEN = Pattern(rf"(?P<noun>\w++) (?:'s)? ,?\s {_VALUE}")
_TYPING = Pattern(
    rf"""\w++ (?:\s(?:ich|always|immer|toujours|siempre|sempre|altijd|in))*? \s {_VALUE} (?=[.,;!?] | \Z | \s(?:but|and|it|aber|und|ein|mais|et|pero|y|ma|e|mas|maar|en)(?!\w))"""
)
"""Begins at a verb of typing: "I always type dragon but the password is refused"."""
_THINKING = Pattern(
    rf"\w++ \s (?:it's|it\sis|it\swas|es\sist|c'est|es|è|é|het\sis) \s {_VALUE} (?=[.,;!?]|\Z|\s(?:or|oder|ou|o)\s)"
)
_GERMAN_ORDER = Pattern(
    rf"\w++ \s (?:habe|hatte|nehme|nutze|verwende|benutze|gebe) \s ich (?:\simmer)? \s {_VALUE}"
)
_ACCOUNT_PAIR = Pattern(
    rf"{MASK}(?:\s?[/|]\s?|[,:]?\s(?:(?:and|und|et|y|e|en)\s)?)(?P<secret>(?=[^\s{MASK}]{{0,30}}\d)[^\W\d_]{{3}}[^\s{MASK},;]{{1,28}})"
)
"""Follows an e-mail address or user name: "credentials: anna@example.com, Dragon77"."""
_PAIR_STATED = Pattern(
    rf"\w++ (?:\s(?:details|data|de\sacc[eè]s(?:so|o)?|di\saccesso|de\sacesso))? \s?(?::|are|is|sind|sont|son|sono|são|zijn)\s (?P<user>[^\s/{MASK}]{{2,40}}) (?:\s?[/|]\s?|\s(?:and|und|et|y|e|en)\s) {_VALUE}"
)
_SHORT_PAIR = Pattern(rf"\w++ \s?[:=]?\s? [^\s{MASK}]{{2,40}} ,?\s p(?:w|ass)?\s?[:=]?\s {_VALUE}")
_SHORT_USERS = frozenset(("u", "un"))
_DIGITS_STATED = Pattern(
    r"\w++ (?:[ ][^\W\d_]{1,12}){1,4}?[ ](?:are|is|sind|lauten|sont|son|sono|são|zijn)[ ]:?[ ]?(?P<secret>\d{3,4})(?![\w.,]\d|\w)"
)

_BEFORE_GIVEN = Pattern(
    r"(?<!\w) (?:entered|enter|made|picked|chose|typed|used?|using|tried|try|make|set|vorrei|quero|quiero|voudrais|veux|eingegeben|saisi|usé|uso|usato|gebruik|gave\sme|gaben\smir|here's|here\sis|voici|hier(?:\sist)?|ecco|aquí\sestá|aqui\sestá|aquí\stienen|hier\sis) \s (?:(?:the|this|my|as|a|das|mein|le|la|mi|het|mijn|mon|minha|mia|temporary|provisional)\s){0,3} (?:mot\sde\s)? \Z"
)
_REVERSED = Pattern(
    rf"""(?<!\S) {_VALUE} \s (?:that's|that\sis|that\swas|das\sist|c'est|is|was|ist|war|est|es|è|é|era) \s (?:(?:not\sa|no|my|the|mein|das|die|mon|ma|le|la|il|mi|mia|mijn|het|de|minha|a)\s){{1,2}} (?:(?:\w{{1,12}}|mot\sde)\s){{0,2}} \Z"""
)
_ENCLOSED = Pattern(rf"\w++ (?:\sde\spasse)? ,\s {_VALUE} (?<=,) \s")
_IS_MINE = Pattern(
    rf"(?<!\w) (?:it's|its|just|use|type|typed) \s {_VALUE} (?<=,) \s (?:my|mein|mon|mi|minha) \s \Z"
)
_PHRASE = Pattern(
    rf"(?:pass[ -]phrases?|(?!pass(?!\w))\w++) (?:'s|{_TOLD}|\s) (?P<secret>\"?[^\s.,;!?{MASK}]{{2,24}}(?:[ ][^\s.,;!?{MASK}]{{2,24}}){{2,7}}) (?=[.,;!?]|\Z)"
)
_PHRASE_STATED = Pattern(
    r"\w++ \s?:\s (?P<secret>[^\W\d_]{2,24}(?:[ ][^\W\d_]{2,24}){1,5}) (?=\s*(?:[.,;!?]|\Z))"
)
_ANSWER = Pattern(
    rf"\w++ (?: (?<!security)(?<!secret)(?<!safe)(?<!memorable)\s?:\s(?=\S+\s*(?:[.,;!?]|\Z)) | (?<=secrète)\sest\s | (?<=secreta)\s(?:es|é)\s | (?<=segreta)\sè\s | \s(?:answer|word|question|antwort|phrase|respuesta|risposta|réponse|antwoord)(?:\s(?:answer|antwort))?(?:{_TOLD}|\s) | (?<=(?:ta|on|da)\s\w{{7}})(?<!\w{{8}}){_TOLD} ) {_VALUE}"
)
_WORD_AGREED = Pattern(
    rf"\w++ \s? (?:word|place|name|date|question|answer|phrase|frage|\w{{1,6}}\s(?:clave|palabra|parola)|lautet) (?:\s[^\s.?!:,{MASK}]{{1,14}}){{0,6}}? (?:\s(?:{phrases.BE})|\s?[:?]|(?<=lautet))\s {_VALUE} (?=[.,;!]|\Z)"
)
"""Begins at "safe word", "code word", "security question", whose value is a plain word."""
_LOGIN = Pattern(
    rf"\w++ (?:[ ]?(?:id|name|details|data|info))? (?:{_TOLD}|\s) (?P<user>[^\s/,{MASK}]{{2,40}}) \s?[/|,]\s? {_VALUE}"
)
_USER_WITH = Pattern(
    rf"""\w++ (?:[ ]?(?:id|name))? \s (?!profile|account|access|portal|area|data) {_VALUE} [,;/]? \s? (?:(?:and|with|und|mit|et|avec|y|con|e|en|met)\s)? (?:(?:my|the|mein|mon|mi|mijn)\s)? (?:(?:mot|code)\sde\s)? (?:{phrases.PASSWORD_NOUNS})(?:\s?[:=])? \s (?:(?:{phrases.BE})\s)? "?{MASK}"""
)
_SPELLED_PIN = Pattern(
    rf"\w++ (?:\s(?:number|code))? (?:{_TOLD}|\s) (?P<secret>(?:{{DIGIT}})(?:[ -](?:{{DIGIT}})){{3,7}}) (?!\w)".replace(
        "{DIGIT}", "|".join(sorted(phrases.DIGIT_WORDS))
    )
)
_REFUSED = Pattern(rf"\w++ \s \(? {_VALUE} (?=\s(?:{phrases.FAILS})(?!\w))")
_CHANGED = Pattern(
    rf"\w++ (?:\s\w{{4,14}})? \s (?:to|auf|a|in|en|para|pour|par|naar|from|von|de|da|zu|back\sto) \s {_VALUE}"
)
_BARE = Pattern(rf"\w++ \s {_VALUE}")
_USER_BEFORE = Pattern(
    r"(?:(?<!\S)[^\s@]{1,30}@\S{3,30}|(?<!\w)(?:user(?:name)?|login|benutzer(?:name)?|gebruiker(?:snaam)?|identifiant|account|e-?mail|utilisateur|usuario|utente|usuário) (?:[ ]?(?:is|[:=]))? \s (?!profile|account|name|id\b|access|login|portal|area|data)\S{1,24}) \s? (?:(?:and|with|,|/|und|et|y|e|en|mit|con|com|met)\s?)? (?:(?:the|my|mein|mon|mot\sde)\s){0,2} \Z"
)
_SHORT = Pattern(rf"(?:(?<=^)|(?<=[,.;:/(\n][ ])|(?<=[,.;:/(\n])) \w++ \s {_VALUE}")
_SENT = Pattern(
    rf"\w++ (?:\s(?:that|which))? \s (?:you|i|we|they) (?:\s\w{{1,12}}){{1,2}}, \s {_VALUE} (?<=,)"
)
_USED = Pattern(
    rf"(?<!\S) {_VALUE} \s (?:(?:is|was)\swhat\si(?:\s\w{{1,8}}){{1,3}}\s)? (?:as|als|comme|como|come|for) \s (?:\w{{1,12}}[\s-]){{0,3}}\Z"
)
_NOW = Pattern(
    rf"{MASK},\s (?:now|jetzt|nun|maintenant|ahora|ora|agora|nu) \s(?:is\s|ist\s|es\s|è\s|é\s)? {_VALUE} (?=[.,;!?]|\Z)"
)
_SECOND = Pattern(
    rf"{MASK}\s (?:(?:to|auf|a|in|en|para|->|or|oder|ou|o|of) | (?:and|und|et|y|e)(?=\s\S{{0,30}}\d)(?=\s\S{{0,30}}[^\W\d])) \s {_VALUE}"
)
_OTHER = Pattern(rf"\w++ \s?(?:one|password)? \s (?:{phrases.BE}) \s {_VALUE}")
_NUMBER = r"""["']? (?P<secret>(?:(?-i:[A-Z])\d{0,2}-)?\d(?:[ -]?\d){2,7})(?!\w|-\d|[ ]?[$€£]|[ ](?:dollars?|euros?|pounds?|eur|usd|gbp)\b)"""
_PROTECTION = r"""seguridad|segurança|sécurité|sicurezza|acceso|acesso|accès|accesso|verificación|verificação|vérification|verifica
    |confirmación|confirmação|confirmation|conferma|activación|ativação|activation|attivazione"""
_IS_ELSEWHERE = "to|je|este?|on|είναι|adalah|là|jest|som|saya|mi|ми|мой|мій|kartu"
_PIN = Pattern(
    rf"""\w++ (?:'s)? (?:[ -](?:code|kode[nr]?|kod(?:en|em|om|u|um|ul)?|kód(?:om|u)?|koodi(?:ni)?|код(?:ом)?|number|nummer|numéro|número|no\.?|secrete?|secrète|pin|segret[oa]|secret[oa]|confidentiel|geheim)(?!\w))?
        (?:[ ](?:on|of|for|to|van|voor|op|della|del|di|de|du|des|da|do|der|zu|zur|für|auf|von|vom|sur|au|en|em|no|na|su|sulla?|al|alla|para)(?:[ ][^\W\d]{{1,10}}){{1,3}}?|[ ]meine[rs][ ][^\W\d]{{1,10}})? ,?
        (?:[ ](?:de[ ]|di[ ]|d')(?:{_PROTECTION})(?!\w))?
        (?:[ ]?(?:[:=\#]|(?:{phrases.BE}|{_IS_ELSEWHERE}|number|now|le|el|il|der|die|de)(?!\w))){{0,3}} [ ]? (?:-[ ])? (?:{_NUMBER}|(?P<mixed>(?-i:(?=[A-Z]*\d[A-Z]*\d)[A-Z\d]{{4,8}}))(?!\w))"""
)
_CODE = Pattern(rf"\w++ [^.?!\d{MASK}]{{0,40}}? (?:(?<!\w)(?:{phrases.BE})|:) [ ]? {_NUMBER}")
_SENT_WORDS = words_of("sms text texted 2fa otp authenticator einmalcode verification verify whatsapp")
"""Words of a message in which a code is one that was sent to a person."""
_ADDRESS_SLASH = Pattern(rf"{MASK}\s?[/|]\s?[^\W\d]", 0)
_CREDENTIALS = words_of(
    "credentials zugangsdaten logindaten identifiants credenziali credenciales inloggegevens"
)
"""Words that both a user name and a password follow."""
_USERS = frozenset(("user", "login", "credentials", "zugangsdaten", "logindaten"))
_MIXED = Pattern(r"\d[^\W\d]|[^\W\d]\d", 0)
_PHRASE_WORDS = frozenset(("passphrase", "pass"))
"""Words at which "passphrase" and "pass phrase" begin."""
_LETTER_CODE = Pattern(
    rf"\w++ (?:{_TOLD}|\s(?:d'|de\s|di\s)(?:accès|acceso|accesso|acesso)\s:?\s?) (?P<secret>(?=[\w-]*\d)\w[\w-]{{4,40}})"
)
_SHORTEST = 4
"""Letters of a plain word that is taken for a password after a verb."""
_QUOTES = "\"'([{<"
_STOPS = ".,;:!?)]}\"'>"


def redact_credentials(draft: Draft) -> None:
    """Mark keys and tokens, passwords, PINs and codes."""
    longest = max(map(len, draft.text.split()), default=0)
    if longest >= _LONG:
        draft.mark((*found.span(), SECRET) for found in _PEM.finditer(draft.text))
        if "bearer" in draft.words or "authorization" in draft.words:
            draft.mark((*found.span("secret"), SECRET) for found in _AUTHORIZATION.finditer(draft.text))
        if longest >= _LONGEST:
            draft.mark(_keys_of(_BASE64, draft.text))
        draft.mark(_keys_of(_TOKEN, draft.text))
    if draft.has_digits and draft.has(phrases.PIN_WORDS):
        draft.mark((*_number(found), SECRET) for found in draft.matches(_PIN, phrases.PIN_WORDS))
        draft.mark((*found.span("secret"), SECRET) for found in draft.matches(_CODE, phrases.PIN_WORDS))
    if draft.has_digits and draft.has(phrases.CODE_WORDS):
        draft.mark(_codes(draft))
    if draft.has(phrases.ANSWER_WORDS):
        draft.mark(_secrets(draft, _ANSWER, phrases.ANSWER_WORDS))
        draft.mark(_plain(draft, _WORD_AGREED, phrases.ANSWER_WORDS))
    if draft.has(_PHRASE_WORDS):
        draft.mark(_pass_phrases(draft))
    if draft.has(phrases.PIN_WORDS):
        draft.mark(
            (*found.span("secret"), SECRET) for found in draft.matches(_SPELLED_PIN, phrases.PIN_WORDS)
        )
    if (
        draft.has_digits
        and draft.has(phrases.DIGITS_WORDS)
        and not phrases.CARD_WORDS.isdisjoint(draft.words)
    ):
        draft.mark(
            (*found.span("secret"), SECRET) for found in draft.matches(_DIGITS_STATED, phrases.DIGITS_WORDS)
        )
    if draft.has(phrases.KEY_WORDS):
        draft.mark(_keys(draft))
    if draft.has(phrases.PASSWORD_WORDS):
        _redact_passwords(draft)


def redact_users(draft: Draft) -> None:
    """Mark user names; e-mail addresses first: "my login is jo at example dot com"."""
    if draft.has(phrases.USER_WORDS):
        draft.mark(_pairs(draft))
        draft.mark(_logins(draft))
        draft.mark(_secrets(draft, _USER, phrases.USER_WORDS, ACCOUNT))
    if MASK in draft.text and (draft.has(phrases.USER_WORDS) or _ADDRESS_SLASH.search(draft.text)):
        draft.mark((*_trimmed(found), SECRET) for found in _ACCOUNT_PAIR.finditer(draft.text))


def _redact_passwords(draft: Draft) -> None:
    draft.mark(_stated(draft))
    draft.mark(_believable(draft, _OF_ACCOUNT, phrases.PASSWORD_WORDS))
    draft.mark(_believable(draft, _BEEN, phrases.PASSWORD_WORDS))
    draft.mark(_given(draft))
    refused = draft.matches(_REFUSED, phrases.PASSWORD_WORDS)
    draft.mark(_trusted(found for found in refused if not _SENT_OR_SET.fullmatch(found["secret"])))
    draft.mark(_secrets(draft, _SENT, phrases.PASSWORD_WORDS))
    draft.mark(_plain(draft, _ENCLOSED, phrases.PASSWORD_WORDS))
    if draft.has(phrases.CHANGE_WORDS):
        draft.mark(_changed(draft))
    if "@" in draft.text or draft.has(phrases.USER_WORDS):
        draft.mark(_with_user(draft))
        draft.mark(_secrets(draft, _AFTER_USER, phrases.USER_WORDS))
        draft.mark((*_trimmed(found), ACCOUNT) for found in draft.matches(_USER_WITH, phrases.USER_WORDS))
    if draft.has(phrases.SHORT_PASSWORD_WORDS):
        draft.mark(_secrets(draft, _SHORT, phrases.SHORT_PASSWORD_WORDS))
    if draft.has(phrases.TYPING_WORDS):
        draft.mark(_plain(draft, _TYPING, phrases.TYPING_WORDS))
    if draft.has(phrases.THINKING_WORDS):
        draft.mark(_plain(draft, _THINKING, phrases.THINKING_WORDS))
    draft.mark(_plain(draft, _GERMAN_ORDER, phrases.PASSWORD_WORDS))
    if draft.has(_SHORT_USERS):
        draft.mark(_secrets(draft, _SHORT_PAIR, _SHORT_USERS))
    draft.mark(_before(draft, _USED))
    draft.mark(_before(draft, _REVERSED))
    draft.mark(_before(draft, _IS_MINE))
    if ":" in draft.text:
        draft.mark(_phrases(draft))


def redact_second_passwords(draft: Draft) -> None:
    """Mark passwords that follow another: "hunter1 or hunter2", "the new one is hunter2"."""
    if MASK in draft.text and draft.has(phrases.PASSWORD_WORDS):
        draft.mark(_trusted(_SECOND.finditer(draft.text)))
        draft.mark(_trusted(_NOW.finditer(draft.text)))
        if draft.has(phrases.OTHER_WORDS):
            draft.mark(_secrets(draft, _OTHER, phrases.OTHER_WORDS))


def _pass_phrases(draft: Draft) -> Iterator[Span]:
    """Find "my pass phrase is correct horse battery staple"; not "my passphrase is wrong again, please help"."""
    for found in draft.matches(_PHRASE, _PHRASE_WORDS):
        words = found["secret"].lower().strip(_QUOTES).split()
        if 2 * sum(word in NO_SECRETS or word in NO_NAMES for word in words) <= len(words):
            yield *found.span("secret"), SECRET


def _phrases(draft: Draft) -> Iterator[Span]:
    """Find "password: correct horse battery staple"."""
    for found in draft.matches(_PHRASE_STATED, phrases.PASSWORD_WORDS):
        if NO_SECRETS.isdisjoint(found["secret"].lower().split()) and NO_NAMES.isdisjoint(
            found["secret"].lower().split()
        ):
            yield *found.span("secret"), SECRET


def _keys_of(shape: Pattern, text: str) -> Iterator[Span]:
    for found in shape.finditer(text):
        if _is_key(found[0]):
            yield *found.span(), SECRET


def _is_key(token: str) -> bool:
    """Whether a long word has a published prefix of API keys, or looks random: letters and digits alternate."""
    if _BY_PREFIX.match(token):
        return bool(_DIGIT.search(token)) or len(_CHANGES.findall(token)) >= 3
    if len(token) < 20 or _UUID.fullmatch(token):
        return False
    letters = sum(map(str.isalpha, token))
    return letters > 0 and len(token) - letters > 1 and len(_CHANGES.findall(token)) >= 5


def _keys(draft: Draft) -> Iterator[Span]:
    for start, end, mark in _secrets(draft, _KEY, phrases.KEY_WORDS):
        if end - start >= 8 and _DIGIT.search(draft.text, start, end):
            yield start, end, mark


def _secrets(draft: Draft, pattern: Pattern, nouns: frozenset[str], mark: str = SECRET) -> Iterator[Span]:
    yield from _trusted(draft.matches(pattern, nouns), mark)


def _trusted(matches: Iterator[Match[str]], mark: str = SECRET) -> Iterator[Span]:
    for found in matches:
        start, end = _trimmed(found)
        if not _is_word(found.string[start:end]):
            yield start, end, mark


def _stated(draft: Draft) -> Iterator[Span]:
    """Find "my password is hunter2"; "my password hunter2" only where the value does not look like a word."""
    for found in draft.matches(_STATED, phrases.PASSWORD_WORDS):
        start, end = _trimmed(found)
        secret = found.string[start:end]
        odd = _ODD.search(secret) or found.string[start - 1] in _QUOTES
        if (odd and (found["told"] or len(secret) >= 4)) or (
            found["told"] and _FOLLOWED.match(found.string, end)
        ):
            yield from _trusted(iter((found,)))


def _changed(draft: Draft) -> Iterator[Span]:
    """Find "changed the password to dragon", "das Passwort auf schatzi geändert"."""
    for found in draft.matches(_CHANGED, phrases.PASSWORD_WORDS):
        around = (
            draft.lower[max(0, found.start() - _NEAR) : found.start()]
            + " "
            + draft.lower[found.start() : found.start("secret")]
            + " "
            + draft.lower[found.end() : found.end() + _NEAR]
        )
        if not phrases.CHANGE_WORDS.isdisjoint(around.replace(",", " ").replace(".", " ").split()):
            yield from _trusted(iter((found,)))


def _with_user(draft: Draft) -> Iterator[Span]:
    """Find "user anna and password dragon"."""
    for found in draft.matches(_BARE, phrases.PASSWORD_WORDS):
        if _USER_BEFORE.search(draft.text, max(0, found.start() - _NEAR), found.start()):
            yield from _trusted(iter((found,)))


def _before(draft: Draft, pattern: Pattern) -> Iterator[Span]:
    """Find "I use dragon as password", "dragon is my password"."""
    for noun in draft.places(phrases.PASSWORD_WORDS):
        begin = max(0, noun - 60)
        found = pattern.search(draft.text, begin, noun)
        if (
            found
            and (found.start() > begin or not begin)
            and found["secret"].lower() not in phrases.ASKING | phrases.TYPING_WORDS
        ):
            yield from _trusted(iter((found,)))


def _given(draft: Draft) -> Iterator[Span]:
    """Find "I entered the password dragon", "my password's dragon"."""
    for found in draft.matches(_GIVEN, phrases.PASSWORD_WORDS):
        if found.string[found.end("noun")] == "'" or _BEFORE_GIVEN.search(
            found.string, max(0, found.start() - _NEAR), found.start()
        ):
            yield from _if_believable(found)


def _believable(draft: Draft, pattern: Pattern, nouns: frozenset[str]) -> Iterator[Span]:
    for found in draft.matches(pattern, nouns):
        yield from _if_believable(found)


def _if_believable(found: Match[str]) -> Iterator[Span]:
    """Yield a value with a digit or sign in it, and a plain word where the clause ends after it."""
    start, end = _trimmed(found)
    if _ODD.search(found.string, start, end) or _FOLLOWED.match(found.string, end):
        yield from _trusted(iter((found,)))


def _plain(draft: Draft, pattern: Pattern, verbs: frozenset[str]) -> Iterator[Span]:
    """Find a value after a verb; a value that is a common word says something about a password."""
    for found in draft.matches(pattern, verbs):
        start, end = _trimmed(found)
        value = found.string[start:end].lower()
        if (
            end - start >= _SHORTEST
            and not value.endswith("ly")
            and value not in NO_NAMES
            and value not in phrases.TYPED_THINGS
        ):
            yield from _trusted(iter((found,)))


def _pairs(draft: Draft) -> Iterator[Span]:
    """Find "credentials: anna / dragon"."""
    for found in draft.matches(_PAIR_STATED, _CREDENTIALS):
        start, end = _trimmed(found)
        if not _is_word(found.string[start:end]) and not _is_word(found["user"]):
            yield *found.span("user"), ACCOUNT
            yield start, end, SECRET


def _logins(draft: Draft) -> Iterator[Span]:
    """Find "login anna / dragon1"."""
    for found in draft.matches(_LOGIN, phrases.USER_WORDS):
        if _ODD.search(found["secret"]) and len(found["secret"]) >= 4:
            yield *found.span("user"), ACCOUNT
            yield *found.span("secret"), SECRET
    for found in draft.matches(_BARE, phrases.USER_WORDS - _USERS):
        if _MIXED.search(found["secret"]):
            yield (*_trimmed(found), ACCOUNT)


def _codes(draft: Draft) -> Iterator[Span]:
    """Find codes that were sent to a person; not error codes, postcodes and vouchers."""
    for place in draft.places(phrases.CODE_WORDS):
        before = draft.lower[max(0, place - 24) : place].replace("-", " ").split()[-1:]
        if before and before[0] in phrases.NO_CODES:
            continue
        after = draft.lower[place : place + 24].replace(":", " ").split()[1:3]
        if not phrases.NO_CODES.isdisjoint(after):
            continue
        secret = not phrases.PIN_QUALIFIERS.isdisjoint(before + after)
        pin = secret and (_PIN.match(draft.text, place) or _LETTER_CODE.match(draft.text, place))
        sent = not pin and not _SENT_WORDS.isdisjoint(draft.words) and _PIN.match(draft.text, place)
        if found := pin or sent or _CODE.match(draft.text, place):
            yield *_number(found), SECRET


def _number(found: Match[str]) -> tuple[int, int]:
    return found.span("secret" if found["secret"] else "mixed")


def _trimmed(found: Match[str]) -> tuple[int, int]:
    """Return the span of a value without the quotes around it and the punctuation after it."""
    value, start = found["secret"], found.start("secret")
    kept = value.rstrip(_STOPS).lstrip(_QUOTES) or value
    first = start + value.index(kept)
    return first, first + len(kept)


def _is_word(secret: str) -> bool:
    """Whether a value is a word that says something about a password, or an amount."""
    return (
        secret.lower() in NO_SECRETS
        or bool(_PARTICIPLE.fullmatch(secret))
        or (secret.isdecimal() and len(secret) < _FEWEST_DIGITS)
    )
