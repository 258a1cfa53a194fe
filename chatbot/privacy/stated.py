"""PII redaction of addresses and passwords by the words that state them, in languages beyond the other tables.

An address after "my address is" or "I live at" needs no street that a table knows, only capitals and a number. A
password needs a digit or a sign in it.
"""

# ruff: noqa: E501 - patterns and tables

from __future__ import annotations

from collections.abc import Iterator
from re import Match

from chatbot.privacy.draft import MASK, Draft, Pattern, Span
from chatbot.privacy.phrases import SECRET_NOUNS
from chatbot.privacy.streets import ENGLISH_WORDS, STATES


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_UPPER = r"(?-i:[^\W\d_a-zß-öø-ÿāăąćčďđēęěğģīıķļłńņňőřśşšșțťūůűźżžа-яёєіїґα-ωάέήίόύώ])"
_NAME = rf"{_UPPER}[\w'’.-]{{0,40}}+"
_NUMBER = r"(?:\d[A-Z][A-Z\d](?!\w)|\d{1,6}(?:[/-]\d{1,5}|[/-]?[a-z](?!\w)){0,2}(?:\s?[A-Z](?!\w)|[a-z](?!\w))?(?:[º°ª]\s?\w{0,4}|\.)?(?:\s?(?:tv|th|mf)\.?)?(?!\w))"
_SMALL = r"""(?:(?:de|del|des|du|la|le|les|los|las|el|der|den|dem|das|am|an|im|in|auf|zum|zur|unter|van|het|di|dei|della|delle|do|da|dos|das|e|y|na|nad|pod|no|nr|št|č|br|lote|
    ul|os|al|g|наб|пер|пл|пр-т|корп|стр|буд|обл|gg|gang|ngõ|hẻm|phường|quận|số|phố|jalan|jln|jl|perum|komplek|blok|kel|kec|rt|rw|mah|sok|sk|cad|bât|bat|apto?|flat|unit|casa|bloco|bloc|piso|esc|km|cp|cep|n|no|c/|av|via|pl|piazza|viale|corso|plaza|praça|avenida|chemin|allée|avenue|boulevard|place|route|quai|impasse|résidence|ул|улица|улице|улицы|вул|вулиця|вулиці|просп|д|дом|буд|кв|р|бул|strada|str|calle|rua|quadra|bairro|località|frazione|contrada|hameau|lieu-dit|montée|lotissement|jl|đường|οδός|carrer|fl|st|sal|mf|tl|lgh)\.?:?\s|[dl]')"""
_ADDRESS = rf"""(?P<address> (?!\d{{1,2}}\.?\s(?:stock|etage|og|piso|floor)\b)(?:{_NUMBER},?\s(?:{_SMALL}|[^\W\d_A-Z][^\W\d_]{{2,11}}\s){{0,3}}{_NAME} | {_SMALL}{{0,2}}{_NAME} | \d{{1,5}}[a-z]?(?:\s[a-z']{{3,14}}){{1,3}}?\s(?:{"|".join(sorted(ENGLISH_WORDS))})\b(?:,?\s[a-z]{{3,14}}){{0,2}}) (?:,?\s(?!\w{{2,12}}\s?:)(?:{_SMALL}{{0,2}}(?:{_NAME}|{_NUMBER})|(?:cesta|ulica|ulice|utca|u|út|tér|körút|krt|проспект|пр-т|улица|переулок|шоссе|бульвар|площадь|набережная|проезд|вулиця|street|road|náměstí|nábřeží|trg|iela|gatvė|katu|sok|cad|mah)\.?(?!\w))){{0,9}} )
    (?= \s*(?:[.,;:!?)"]|\Z|-\s) | \s(?:and|but|und|aber|et|mais|y|e|pero|ma|mas|en|i|a|og|och|ja|és|și|и|та|και|ve|dan|và)(?!\w) )"""
_IS = r"(?:\s(?:now|jetzt|maintenant|ahora|ora|agora|nu))?(?:\s?[:=]|\s(?:is|ist|lautet|est|es|è|é|são|to|je|er|är|este|е|це|είναι|adalah|là|és|yra|ir|on|:)(?:\s(?:now|jetzt|maintenant|ahora|ora|agora|nu|teraz))?|\s-)\s"
_OWN = r"(?:\s(?:mea|mia|mio|mi|mitt|min|saya|ми|μου|của\stôi|meva|nuova|nueva|nouvelle|nova|actual|attuale|de\slivraison|de\sentrega|de\senvío|de\sfactur?ación|de\sfaturação|de\scobrança|de\sfacturation|di\sconsegna|di\sspedizione|di\sfatturazione))?"
_ADDRESS_NOUNS = _words("""leveringsadresse leveransadress hemadress bezorgadres woonadres huisadres toimitusosoite toimitusosoitteeni kotiosoite wohnanschrift rechnungsadresse rechnungsanschrift faktureringsadress fakturaadresse factuuradres domicile adresim adresimiz adresele adresi street straße strasse place flat house residencia dom address adresse adress adressen adresa adreça dirección direccion domicilio indirizzo endereço morada adres
    osoitteeni osoite heimilisfang heimilisfangið enderezo helbidea anwani διεύθυνσή διεύθυνση naslov alamat chỉ aadress adrese adresas адресът lieferadresse wohnadresse anschrift adresy""")
_BARE_NOUNS = _ADDRESS_NOUNS | _words(
    "adresim adresimiz címem lakcímem szállítási cím адрес адреса адресу alamat عنواني osoitteessa osoitteeni lakcím"
)
"""Nouns of languages that state without a verb."""
_LIVING = _words("""live lives living reside wohne wohnen wohnhaft habite j'habite habitons j'habitais vivo vivimos resido abito abitiamo moro moramos woon wonen bor
    bydlím bytem bývam asun lakom locuiesc stau mieszkam живу мешкаю живея проживаю живём μένω sống ở tinggal lakom stanujem živim stanujemo visc elan dzīvoju gyvenu bydlíme""")
_STATED = Pattern(rf"\w++ {_OWN} {_IS} {_ADDRESS}")
_BARE = Pattern(rf"\w++ (?:\s(?:saya|мой|моя))? {_OWN} \s?:?\s {_ADDRESS}")
_LIVES = Pattern(
    rf"\w++ \s (?:(?:at|in|on|am|im|auf|an|der|dem|den|au|aux|à|dans|sur|en|no|na|em|nella?|a|op|aan|på|i|ve|v|ve|pe|la|în|в|на|у|στην?|στο|u|ul|ulici|ulicy|di|ở|tại|số|osoitteessa)\s){{0,2}} {_ADDRESS}"
)
_SENDING = _words("""deliver levert leveres leverera skicka skickas lever leverer sendes lähettäkää toimita wysłać wyślijcie wysłaliście dostarczyć pošlete pošlite doručit trimiteți livrați küldjék отправьте отправить доставьте доставить пришлите надішліть kirim kirimkan antar giao gửi στείλτε gönderin pošaljite dostavite delivered ship shipped send sent went gone moved moving mail liefern geliefert senden schicken geschickt umgezogen livrez livrer envoyez envoyer parti déménagé envíen envíe enviar enviad entregar entreguen mudé mandarlo mandar
    spedite spedire consegnate consegnare trasferito trasferita trasferiti enviem entreguem mudei mudamos moving relocated verhuisd bezorgen""")
_SENT_TO = Pattern(
    rf"\w++ (?:\s(?:it|them|me|my|the|this|please|parcel|order|package|stuff|everything|bitte|sie|das|paket|le|colis|mon|svp|lo|el|pedido|il|pacco|a|o|encomenda|instead|over)){{0,4}}? \s(?:to|at|till|til|na|pe|la|на|по|ke|tới|đến|στην?|an|nach|zu|in|au|aux|à|chez|en|al?|alla|nella|para|na|no|em|naar|op)(?:\s(?:die|der|den|dem|das|la|le|el|the|my|our|house))? \s {_ADDRESS}"
)
_STREETS = _words("""наб пер пл пр ш переулок шоссе площадь набережная бульвар проезд проспекте площади rruga iela gatvė jirón jr psje pje pasaje urb ngõ hẻm gang sqn sqs shis quadra qd lorong ул улица улице улицы вул вулиця вулиці просп проспект οδός λεωφόρος strada bulevardul bd calea aleea jl jalan đường carrer
    avinguda passeig ulitsa vulitsya""")
_STREET = Pattern(
    rf"\w++(?:-[тк])?\.?\s {_SMALL}{{0,2}} {_NAME} (?:\s{_NAME}){{0,3}} ,?\s (?:(?:д|дом|буд|no|nr|št|č)\.?:?\s?)? {_NUMBER} (?:,?\s(?:кв|оф|корп|стр|к|ap|et|sc|bl)\.?\s?{_NUMBER}){{0,3}} (?:,\s{_NAME}(?:\s{_NAME})?)?"
)
_NAME_FIRST_WORDS = _words(
    "u utca útja körút krt tér проспект пр улица переулок шоссе бульвар площадь набережная проезд вулиця ulica ulice cesta trg náměstí třída nábřeží gatvė iela tänav tn cad caddesi cd sok sokak sokağı sk mah mahallesi bulvarı blv"
)
_NAME_FIRST = Pattern(
    rf"(?:{_NAME}\s){{1,3}}(?:(?:cad(?:desi)?|cd|sok(?:ak|ağı)?|sk|bulvarı|blv|u|utca|útja|körút|krt|tér|проспект|пр(?:-т)?|улица|переулок|шоссе|бульвар|площадь|набережная|проезд|вулиця|ulica|ulice|cesta|trg|náměstí|třída|nábřeží|gatvė|iela|tänav|tn)\.?,?\s(?:дом\s|д\.\s?|буд\.\s?)?(?:no\.?:?\s?)?{_NUMBER}) (?:,?\s{_NAME}){{0,3}}"
)
_POSTCODE = Pattern(
    r"(?<![\w-])(?:\d{1,5}[a-z]?,?[ ])?(?:[A-Z][\w'-]{0,40}+,?[ ](?:on[ ]|upon[ ]|le[ ]|\d{1,4}[a-z]?,?[ ])?){0,7}(?:[A-Z]{1,2}\d[A-Z\d]?[ ]\d[ABD-HJLNP-UW-Z]{2}|[A-Z]\d[\dW][ ](?=\d{0,3}[A-Z])(?=[A-Z]{0,3}\d)[A-Z\d]{4}|[A-Z]\d[A-Z][ ]\d[A-Z]\d"
    rf"|(?:{STATES})[ ]\d{{5}}(?:-\d{{4}})?|(?:NSW|VIC|QLD|TAS|ACT|WA|SA|NT)[ ]\d{{4}})(?![\w-])",
    0,
)
_UNUSUAL = Pattern(
    "[\u0102\u0103\u0104-\u0107\u010c-\u0111\u0118-\u011b\u011e\u011f\u0130\u0131\u0139-\u0148\u0150\u0151\u0158-\u015b\u015e-\u0165\u016e-\u0171\u0179-\u017e\u0218-\u021b\u0370-\u052f\u1ea0-\u1ef9\u00dd\u00fd]",
    0,
)
"""Letters of languages in which a name and a number are rarely a product."""
_NAME_AND_NUMBER = Pattern(
    rf"(?<![\w-])(?:(?:số\s)?\d{{1,4}}(?:/\d{{1,4}})*\s(?:đường|phố|ngõ|hẻm)\s{_NAME}(?:\s{_NAME}){{0,3}}|(?:{_NAME}\s){{1,3}}\d{{1,4}}(?:/\d{{1,4}})?[a-zа-я]?(?:\sm\.\s?\d{{1,3}})?,\s{_NAME}|{_NAME},\s{_NAME}\s\d{{1,4}}(?:/\d{{1,4}})?\sm\.\s?\d{{1,3}})"
)
ADDRESS_WORDS = _BARE_NOUNS | _LIVING | _SENDING | _STREETS
_DIGIT = Pattern(r"(?<!\d)(?!(?:19|20)\d\d(?!\d))\d", 0)
"""Begins a number that is not a year."""

_VALUE = rf"(?P<secret>(?=[^\s{MASK}]{{0,30}}(?:\d|[!@#$%^&*+=_]))[^\s{MASK}]{{4,40}})"
_SECRET = Pattern(rf"""\w++ (?:\s[^\W\d_]{{1,9}}){{0,3}}? \s?(?:->|[:=-])?\s ["']? {_VALUE}""")
_STOPS = ".,;:!?)]}\"'>"


def redact_stated_secrets(draft: Draft) -> None:
    """Mark passwords that a word of another language states."""
    if draft.has(SECRET_NOUNS):
        draft.mark(_secrets(draft))


def redact_stated_addresses(draft: Draft) -> None:
    """Mark addresses that somebody says to be theirs; needs a number."""
    if not _NAME_FIRST_WORDS.isdisjoint(draft.words):
        draft.mark((*found.span(), "<ADDRESS>") for found in _NAME_FIRST.finditer(draft.text))
    if draft.has(ADDRESS_WORDS):
        for pattern, words in (
            (_STATED, _ADDRESS_NOUNS),
            (_BARE, _BARE_NOUNS),
            (_LIVES, _LIVING),
            (_SENT_TO, _SENDING),
        ):
            draft.mark(
                (*found.span("address"), "<ADDRESS>")
                for found in draft.matches(pattern, words)
                if _DIGIT.search(found["address"])
            )
    if not draft.text.isascii():
        draft.mark(
            (*found.span(), "<ADDRESS>")
            for found in _NAME_AND_NUMBER.finditer(draft.text)
            if _UNUSUAL.search(found[0])
        )
    if draft.has(_STREETS):
        draft.mark((*found.span(), "<ADDRESS>") for found in draft.matches(_STREET, _STREETS))


def redact_postcodes(draft: Draft) -> None:
    """Mark what ends in a postcode whose shape tells: "Rose Cottage, High Street, Ambleside LA22 9AA", "Plano, TX 75024"."""
    if not draft.text.islower():
        draft.mark((*found.span(), "<ADDRESS>") for found in _POSTCODE.finditer(draft.text))


def _secrets(draft: Draft) -> Iterator[Span]:
    for found in draft.matches(_SECRET, SECRET_NOUNS):
        yield _span(found)


def _span(found: Match[str]) -> Span:
    start = found.start("secret")
    return start, start + len(found["secret"].rstrip(_STOPS)), "<SECRET>"
