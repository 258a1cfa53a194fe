"""How street addresses and postcodes are written, by country: data only, fragments of verbose regular expressions."""

# ruff: noqa: E501 - patterns and tables

from __future__ import annotations

from chatbot.privacy.phrases import MONTHS
from chatbot.word_lists import words_of

_UPPER = r"(?-i:[A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĢĪİĶŁĽĻŃŅŇŌŐŘŚŞŠŢŤŪŮŰŹŻŽΆ-ΏΑ-ΫЀ-ЯҐ])"
_CITY = rf"{_UPPER}[\w'-]++"
_CAP = rf"{_UPPER}[\w'.-]*"
_NUMBER = r"(?:(?:n[º°.]|nr\.?|no\.?|num\.?|núm\.?|numero|número|\#)\s?)?\d{1,5}(?:(?:\s?(?:bis|ter|quater)|[a-z])(?!\w))?"
_UNIT = r"(?:flat|apt\.?|apartment|unit|suite|ste\.?|room|floor|block|blk)\s?\#?\w{1,5}"

ENGLISH_WORDS = words_of("""street st road rd avenue ave av lane ln drive dr court ct boulevard blvd way close square
    sq gardens gdns terrace parkway pkwy place pl highway hwy crescent cres grove hill row mews walk alley circle
    cir trail quay plaza park green rise view wharf heights gate acre marg nagar bypass parade""")
RARE_WORDS = words_of(
    "approach end esplanade causeway broadway mead fold summit well gap cove coves glen point ridge valley village yard paddocks hollow orchard wynd chase copse dell fields garth glade haven heath knoll leys moor nook vale villas warren station harbor harbour island junction loop meadow meadows oval path pike trace vista spur mount"
)
_RARE = "|".join(sorted(word.capitalize() for word in RARE_WORDS))
ENGLISH = rf"""\d{{1,5}}(?:st|nd|rd|th)?[a-z]?(?:[-/]\d{{1,4}})?(?!\w),?
    (?:\s(?:{_CAP}|\d{{1,3}}(?:st|nd|rd|th))){{1,4}}?
    \s(?!square\s(?:met|feet|foot|ft|inch|cm|m\b|km|mile|yard))(?:{"|".join(sorted(ENGLISH_WORDS))})\b\.? (?:,?\s{_UNIT}|\s\#?\d{{1,3}}-\d{{1,4}}|\s[NSEW]{{1,2}}\b)?
    | \d{{1,5}}[a-z]? (?:\s{_CAP}){{1,2}}? \s(?-i:{_RARE})\b (?:,?\s{_UNIT})?
    | \d{{1,5}}[a-z]?\s(?:[nsew]\s)?\d{{1,3}}(?:st|nd|rd|th)\s(?:street|st|avenue|ave|road|rd)\b(?:,?\s{_UNIT})?
    | \d{{1,5}}(?:\s?[a-z])?(?!\w)
    (?:\s(?!(?:the|a|an|on|of|in|to|my|and|for|is|was|at|days?|weeks?|months?|years?|hours?|minutes?|times?|items?|x|from|this|your|our|their|new|per|one|more|pairs?|boxes|pieces
        |orders?|parcels?|shoes?|bikes?)\b)[a-z'-]{{2,}}){{1,2}}?
    \s(?:street|road|avenue|ave|lane|boulevard|blvd|terrace|crescent|st|rd|ln)\b(?!\s(?:food|bike|style|sign|wear))"""
"""Begins at a house number, which English, French and Portuguese of some countries write first."""
UNIT_BEFORE = rf"(?<!\w)(?:{_UNIT}\s?[,/-]?\s?|(?:flat|apt\.?|apartment|unit|suite)\s|(?:bât(?:iment)?|bloc|house|esc|résidence|appt)\.?\s\w{{1,4}},?\s)\Z"
GERMANIC_ENDINGS = ("straße", "strasse", "str", "str.", "weg", "gasse", "platz", "allee", "ring", "damm", "ufer", "markt", "chaussee", "steig", "stieg", "promenade", "graben", "hof", "berg",
    "garten", "kamp", "brücke", "stiege", "zeile", "steeg", "pad", "wal", "baan", "steenweg", "weide", "garten", "tor", "wall", "park", "straat", "laan", "gracht", "plein", "kade", "dijk", "singel", "gatan", "vägen", "gränd", "gade", "gata", "vej", "veien", "stræde", "katu", "tie", "dreef", " gate", " út", "utca", " tér", "náměstí", "ulice")  # fmt: skip
SURE_ENDINGS = ("straße", "strasse", "str.", "-str", "straat",
    "gatan", "gracht", "plein", "gasse", "allee", "platz")  # fmt: skip
VERB_ENDINGS = ("arkplatz", "tellplatz", "itzplatz", "rbeitsplatz", "pielplatz", "ückweg", "inweg", "hrring", "hering",
    "mweg", "eimweg", "dering", "vering", "fering", "during", "uring", "oring", "aring", "iring")  # fmt: skip
GERMANIC_BEFORE = rf"(?<![\w-])(?:(?:(?:Van|van|Oude|Nieuwe|Nieuwezijd|Oudezijd|Alte|Neue|Lange|Kurze|Breite|Große|Kleine|Hohe|Obere|Untere|Prins|Prinses|Sint|Sankt|St\.?)[rsn]?\s)[\w.-]{{1,40}}|(?!(?:ihr|der|die|das|dem|den|am|im|ein|einem|unser|dein|mein|euer|het|de|een)\s)(?:{_CAP}\s){{1,2}}(?:straße|strasse|str\.?|allee|weg|platz|ring|damm|ufer|markt|gasse|laan|plein|park|hof|gate|gata|gade|vei|katu|út|utca|tér|náměstí|ulice)|[\w.-]{{1,40}})\s\Z"
HOUSE_NUMBER = r"\d{1,4}\s?(?:(?:(?:bis|ter|quater)(?!\s\d)|[a-z])(?!\w))?(?!\w)(?:\s?[/-]\s?\d{1,4}[a-z]?|\s(?:bus|box|hs|apt|top|stiege)\s\d{1,3}(?!\w))*"
SEPARATE = words_of("gate út utca tér náměstí")
GERMAN_PHRASES = rf"""(?-i:Am|An\s(?:der|den)|Im|In\s(?:der|den)|Auf\s(?:der|dem)|Unter\s(?:den|der)|Zum|Zur|Hinter\s(?:der|den)|Hinterm|Unterm|Überm|Beim|Vorm|Vor\s(?:dem|der)) \s
    (?!(?:januar|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|jahr|wert|alter)\b)
    (?:{_CAP}\s){{1,3}} {HOUSE_NUMBER}"""
PLOT = r"(?:house|plot)\s(?:no\.?\s)?\d{1,4}[a-z]?,\s(?:road|sector|street|block|phase|lane)\s(?:no\.?\s)?\d{1,3}[a-z]?(?!\w)"
LAAN = rf"(?:laan\s(?:van|der|den)|straße\s(?:des|der))\s (?:(?:de|den|der|het|\d{{1,2}}\.)\s)? (?:{_CAP}\s){{1,2}} {HOUSE_NUMBER}"
PO_BOX = r"(?:(?:(?<=po\s)|(?<=p\.o\.\s)|(?<=p\.o\s)|(?<=p\.\so\.\s)|(?<=p\so\s)|(?<=p\.o\.)|(?<=p\.\so\.))box|pobox|postfach|apartado(?:\sde\scorreos)?|b\.?p\.?|postale?|postbus|poczt\.?) \s? \#?(?:n[º°]\s?)?\d{1,6}(?:\s\d\d){0,3}"
_FRENCH = r"rue|r\.|avenue|av\.|ave\.?|boulevard|bd\.?|blvd|place|pl\.|chemin|allée|allee|impasse|quai|cours|route|passage|square(?!\s(?:met|feet|foot|ft|inch|cm|m\b|km|mile|yard))|sentier|villa|faubourg|fg|résidence|lotissement|chaussée|rond-point"
_OF = r"(?:(?:de|du|des|de\sla|de\sl'|la|le|les|l'|d'|del|dei|degli|delle|della|dello|dos|das|do|da|di|los|las|el|san|santa|st\.?)\s?){0,3}"
FRENCH = rf"""\d{{1,4}}(?:\s?(?:bis|ter|quater)\b|[a-z]\b)?,?\s (?:(?:{_FRENCH})\s (?!(?:de|du|d'|des)?\s?(?:ou|et|yoga|danse|français|anglais|pour|libres?|personnes)) {_OF}[\w'.-]{{2,30}})
    (?:\s(?:(?:de|du|des|la|le)\s)?{_CAP}){{0,3}}"""
RARE_ROMANCE = rf"\w++ \s {_OF} {_CAP} (?:\s{_CAP}){{0,3}} ,?\s {_NUMBER} (?!\w)"
FRENCH_NUMBER_LAST = rf"(?:{_FRENCH})\s {_OF} {_CAP} (?:\s{_CAP}){{0,3}} ,?\s {_NUMBER} (?!\w)"
_ROMANCE = r"""calle|c/|cl\.|avenida|avda?\.?|av\.|plaza|pza\.?|plza\.?|paseo|p[º°]|carrera|cra\.?|kr\.?|camino|ronda|travesía|callejón|glorieta|calzada|bulevar|diagonal|transversal|autopista|pasaje|colonia
    |rua|r\.|travessa|tv\.|praça|largo|alameda|estrada|rodovia|beco|calçada|via|viale|v\.le|corso|c\.so|piazza|p\.zza|piazzale|vicolo|strada|contrada|lungarno|lungomare|salita|ulica|ul\.|al\.|aleja|os\.|plac|pl\.|sokak|cad\.?|caddesi"""
_NO_DAY = rf"(?!\s(?:de\s|di\s)?(?:{MONTHS})(?!\w))"
"""Not a day: "la tienda de la calle Serrano el 12 de octubre"."""
ROMANCE = rf"""(?:av|avenida|avda|calle|rua|via)\.?\s\d{{1,2}}\sde\s[^\W\d_]{{4,12}}\s(?:n[º°.]\s?)?\d{{1,5}}(?!\w) | (?!via\s(?:e-?mail|mail|sms|whatsapp|chat|app|telefono|web|ups|dhl|pec)\b)(?:(?:carrera|cra|cr|kr|calle|cl|transversal|diagonal|av|avenida)\.?\s\d{{1,3}}[a-z]?\s?(?:\#|n[o°º]\.?)\s?\d{{1,3}}[a-z]?\s?-\s?\d{{1,3}} | (?:{_ROMANCE}) \s? (?!(?:de\s)?(?:garaje|parking|aparcamiento|estacionamiento|garagem|parcheggio|coche|garage)\b|(?:di|de|do|da|del|della|en|em|in)\s(?:\d|(?-i:[a-z]+)\s\d)) {_OF} [\w'.-]{{2,30}} (?:\s(?:(?:de|del|de\sla|della|dei|dos|das|da|do|e|y|la)\s)?[\w'.-]{{2,30}}){{0,4}}? ,?\s
    (?:(?:n[º°.]|nr\.?|no\.?|num\.?|núm\.?|numero|número|nº|\#)\s?)? \#?\s?\d{{1,5}} (?:[a-z](?!\w))? {_NO_DAY}
    (?:\s?[-/]\s?\d{{1,4}})? (?!\w) (?:\s?,\s?\d{{1,2}}\s?[º°ª](?:\s?(?:[a-z](?!\w)|izq|dcha?|der|esq)\.?)?)?
    (?:,?\s(?:piso|puerta|planta|apto\.?|apartamento|appartamento|int\.|interno|scala|andar|depto\.?)\s\w{{1,4}}(?!\w))?)"""

FRENCH_WORDS = words_of(
    "r rue avenue av ave boulevard bd blvd place pl chemin allée allee impasse quai cours route passage square sentier villa faubourg fg résidence lotissement chaussée rond"
)
NUMBER_FIRST = ((FRENCH_WORDS, FRENCH), (ENGLISH_WORDS | RARE_WORDS, ENGLISH))
"""Words one of which the text contains, and a pattern that begins at a house number."""
NUMBER_LAST = (
    (words_of("am an im in auf unter zum zur hinter vor hinterm unterm überm beim vorm"), GERMAN_PHRASES),
    (FRENCH_WORDS, FRENCH_NUMBER_LAST),
    (words_of("calle c cl avenida avda avd av plaza pza plza paseo pº p° carrera cra cr kr camino ronda travesía callejón glorieta calzada bulevar diagonal transversal autopista pasaje colonia rua r travessa tv praça largo alameda"
        " estrada rodovia beco calçada via viale v corso piazza p piazzale vicolo strada contrada lungarno lungomare salita ulica ul al aleja os plac pl sokak cad caddesi"), ROMANCE),
    (words_of("laan straße"), LAAN),
    (words_of("house plot"), PLOT),
    (words_of("acceso cuesta canale borgo incrocio rotonda stretto vial cañada rambla pasadizo urbanización"), RARE_ROMANCE),
    (words_of("box pobox postfach apartado bp postale postal postbus poczt b"), PO_BOX),
)  # fmt: skip
"""Words, and a pattern that begins at one of them."""

POSTCODE = r"""(?: (?-i:[A-Z]{1,2}-)?\d{5}-\d{3,4} | \d{4}-\d{3} |
    (?-i:[A-Z]{1,2}-?)?\d{4,7}(?:\s?(?-i:[A-Z]{2})(?!\w))? | [A-Z]\d[A-Z]\s?\d[A-Z]\d |
    [A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}
    | [A-Z]\d[\dW]\s?[A-Z\d]{4} | \d{3}\s\d{2} | \d{2}-\d{3} | \d{3} )(?!\w)"""
_PART = r"(?:\d{1,2}\s?[º°ª]\s?\w{0,4}|(?:apto?|apt|appt|flat|unit|suite|bloco|bl|bât|casa|piso|puerta|pta|int|interno|scala|stiege|top|lote|loja|sala|esc|floor|km)\.?\s\w{1,5}|\#\s?\w{1,6})"
AFTER_STREET = rf"""(?:\s?,?\s?{_PART}){{0,3}}
    (?: [^\d\n!?;<]{{0,40}}?(?<![\w-])(?:c\.?p\.?\s|cep\s|plz\s)?(?P<postcode>{POSTCODE}) (?:,?\s(?!(?-i:[A-Z][a-z]*\s(?:is|was|are)\b(?!\s(?:my|where)))){_CITY}(?:[ -](?:(?:am|an\sder|de|la|sur|do)[ -])?{_CITY}){{0,2}}(?=[\s.,;!?)]|\Z))?
      | (?:,\s{_CITY}(?:\s(?:(?:de|am|an\sder|do|da|la)\s)?{_CITY}){{0,2}}){{1,2}}(?:\s\d{{1,2}}(?!\w))?(?=\s*(?:[.,;!?)]|\Z)|\s(?:is|ist|est|es|è|é|and|und|et|y|e|not|nicht)\s)
      | [ ](?:in\s|a\s|à\s|em\s)?(?!(?:please|thanks|thank|bitte|danke|merci|gracias|grazie|obrigad[oa]|instead|today|now|again|here|door|per|por|favor)\b)[^\W\d_]{{4,14}}(?:\s\d{{1,2}})?(?=\s*(?:[.,;!?)]|\Z)) | )"""
BY_POSTCODE = (
    rf"(?:\d{{4,6}}|\d{{3}}\s\d\d|\d\d-\d{{3}})(?:\s?(?-i:[A-Z]{{2}})(?!\w))?\s{_CITY}(?:[ -]{_CITY}){{0,2}}"
)
BEFORE_POSTCODE = rf"(?<!\w)(?:{_CAP}\s){{1,4}}(?:no[:.]?\s)?\d{{1,4}}\s?[a-z]?(?:\s?[/-]\s?\w{{1,4}}|\sbus\s\d{{1,3}})?,\s\Z"
"""What is before a postcode and a town in an address whose street no word names: "Mühlenkamp 17, 22303 Hamburg"."""
STATED_POSTCODE = r"""(?<!\w)(?:post[ ]?code|postal[ ]code|zip(?:[ ]?code)?|postleitzahl|plz|code[ ]postal|c[óo]digo[ ]postal|eircode|pin[ ]?code|irányítószám|postnummer|psč|cod[ ]poștal|индекс|(?-i:CAP)|cep|c\.p\.|cp|kod[ ]pocztowy) [ ]?
    (?:(?:is|ist|lautet|est|es|è|é)[ ]|[:=][ ]?)? (?P<postcode>[A-Z]{1,2}\d[A-Z\d]?[ ]?\d[A-Z]{2}|[A-Z]\d[A-Z][ ]?\d[A-Z]\d|[A-Z]\d[\dW][ ]?[A-Z\d]{4}|\d{4}[ ]?(?-i:[A-Z]{2})|\d{5}-\d{3,4}|\d{4}-\d{3}|\d{2}-\d{3}|(?<=[:=][ ])\d{5}|(?<=[:=])\d{5}|(?<=[ ]is[ ])\d{5})(?![\w-])"""

LABEL_WORDS = words_of("""street city town zip postcode state county house road address strasse straße plz ort stadt hausnummer anschrift adresse rue ville cp codepostal commune calle ciudad dirección direccion población localidad provincia
    via città citta cap indirizzo comune rua cidade morada endereço cep localidade bairro straat plaats woonplaats huisnummer adres ulica miasto miejscowość şehir sehir ilçe""")
LABELLED = r"""(?:(?<=^)|(?<=[\n|;,]\s)|(?<=[\n|;,])) \w++ (?:\s(?:code|postal|line|name|number|\d)){0,2} \s?:\s?
    (?P<address> (?=[A-ZÀ-Ž\d]|[a-z]+[ ]\d) (?!(?:not|unknown|wrong|missing|see)\b) [^\n|;,:!?\ue000]{2,60} (?:,\s(?!(?i:[^\W\d_]+\s?:))[A-ZÀ-Ž\d][^\n|;,:!?\ue000]{1,40}){0,4} )(?=[\n|;,!?\ue000]|\.?\Z)"""
"""A field of a form: "City: Dunmore"; begins at its label."""
BUILDING_WORDS = words_of(
    "house cottage farm lodge villa manor hall rectory vicarage mansions court mill barn hotel residence building tower unit flat apartment apt plot block suite"
)
_BUILDING = (
    r"(?:House|Cottage|Farm|Lodge|Villa|Manor|Hall|Rectory|Vicarage|Mansions|Court|Mill|Barn|Building|Tower)"
)
BUILDING = rf"""(?<![\w'-])(?:(?:[A-Z][\w'-]{{1,20}}\s){{1,3}}{_BUILDING}|(?:Unit|Flat|Apartment|Apt|Plot|Block|Suite)\s\d{{0,3}}[A-Z]?(?=,\s[A-Z][\w'-]+\s[A-Z])|(?:Villa|Hotel|Casa|Haus)\s[A-Z][\w'-]{{2,20}}(?:\s[A-Z][\w'-]{{2,20}})?),\s
    (?:(?=\ue000)|(?:(?:\d{{1,4}}\w{{0,2}}\s)?[A-Z][\w'-]{{1,20}}|\d{{1,2}}(?:st|nd|rd|th)\sfloor|[Rr]oom\s\d{{1,4}})(?:\s[A-Z][\w'-]{{1,20}}){{0,2}}(?:,\s[A-Z][\w'-]{{1,20}}){{0,2}})"""
"""A building that has a name, and what it is in: "Dell Farm, Upper Swell"."""
STREET_BEFORE = rf"(?<![\w'-])(?:(?:[A-Z][\w'-]{{1,20}}\s){{1,3}}(?:{'|'.join(word.capitalize() for word in sorted(ENGLISH_WORDS - words_of('square st plaza park green rise view gate court place')))})|(?!the|this|that|our|your|one|express|fast)[a-z]{{3,16}}\s(?:street|road|avenue|lane))\s\Z"
"""A street before its number: "Queens Crescent 5"."""
ROOM = r"\s?[,/]?\s(?:(?:and|und|en)\s)?(?:house(?:\snumber)?|hausnummer|number|nummer|no|nr|hnr|huisnummer|apt?o?|flat|unit|room|zimmer|kamer|floor)\.?\s?\d{1,4}[a-z]?(?!\w)"
"""What follows an address: "<ADDRESS>, house 31"."""
STATES = "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"
"""Abbreviations before a ZIP code."""
SURE_PARTS = words_of(
    """flat apt apartment bât bâtiment appt résidence immeuble piso depto edif edificio mz urb bloco quadra sqn apto lgh daire perum rt rw quận phường ngõ hẻm кв корп буд"""
)
PARTS = SURE_PARTS | words_of("""erf casa unit suite floor tower block blk villa plot lot sector phase cross colony nagar marg enclave estate quartier étage manzana colonia barrio torre bloque portal setor conj andar bairro scala palazzina hinterhaus stiege
    kat blok mah kel kec д дом стр наб ул обл""")
"""Words for parts of an address, one of which shows that a list of names and numbers is one."""
_ITEM = rf"(?>{_UPPER}[\w'./-]*|\d{{1,6}}[a-z]?(?:(?:st|nd|rd|th)\b|[º°ª])?(?:[/-]\w{{1,6}})?|\#\d\w*|(?:{'|'.join(sorted(PARTS))}|de|del|la|di|da|do|y|von|of)\b\.?)"
_ITEMS = rf"{_ITEM}(?>(?:\s{_ITEM}){{0,4}})"
LIST = rf"(?<![\w'.-]){_ITEMS}(?:,\s{_ITEMS}){{1,8}}(?!\w)"
"""Names and numbers separated by commas: "Flat 12B, Tower 3, Taikoo Shing"."""
