"""Generate values of personal data: contact data, payment data, ids, keys, in the formats of thirty countries."""

# ruff: noqa: E501 - patterns and tables

from __future__ import annotations

import random
import string
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
Make = Callable[[random.Random, str, str], str]
"""Random source, language, country -> a value."""

PHONES = {
    "US": [
        "(2##) 555-01##",
        "+1 3##-555-01##",
        "4##.555.01##",
        "1-8##-555-01##",
        "2##55501##",
        "+13##55501##",
    ],
    "CA": ["+1 (416) 555-01##", "604-555-01##", "514 555 01##"],
    "GB": [
        "07### ######",
        "+44 7### ######",
        "020 7946 0###",
        "+44 (0)20 7946 0###",
        "07##########"[:11],
        "0044 7### ### ###",
    ],
    "IE": ["+353 8# ### ####", "08# ### ####", "01 ### ####"],
    "AU": ["04## ### ###", "+61 4## ### ###", "(02) #### ####"],
    "NZ": ["021 ### ####", "+64 21 ### ###"],
    "IN": ["+91 9#### #####", "98########", "0091-98##-######", "9#### #####"],
    "ZA": ["08# ### ####", "+27 8# ### ####"],
    "SG": ["+65 9### ####", "8### ####", "+659#######"],
    "DE": [
        "0170 #######",
        "+49 151 ########",
        "030/#######",
        "0049 89 ######",
        "+49 (0)40 - ## ## ##",
        "0171-#######",
        "089 / 12 34 5#",
    ],
    "AT": ["+43 664 #######", "0664/### ## ##", "01 5###### "[:10]],
    "CH": ["+41 79 ### ## ##", "079 ### ## ##", "044 ### ## ##"],
    "FR": [
        "06 ## ## ## ##",
        "+33 6 ## ## ## ##",
        "01.##.##.##.##",
        "07########",
        "+33 (0)1 ## ## ## ##",
        "06-##-##-##-##",
    ],
    "BE": ["+32 4## ## ## ##", "04##/##.##.##", "02 ### ## ##"],
    "ES": ["6## ### ###", "+34 6## ## ## ##", "91 ### ## ##", "6########"],
    "MX": ["+52 55 #### ####", "55 #### ####", "+52 1 33 #### ####"],
    "AR": ["+54 9 11 ####-####", "11 ####-####", "(011) 4###-####"],
    "CL": ["+56 9 #### ####", "9 #### ####"],
    "CO": ["+57 3## ### ####", "3## ### ####"],
    "IT": ["3## ### ####", "+39 3## #######", "06 #### ####", "02/########"],
    "PT": ["91# ### ###", "+351 9## ### ###", "21# ### ###"],
    "BR": ["(11) 9####-####", "+55 21 9####-####", "11 9#### ####", "0800 ### ####"],
    "NL": ["06-########", "+31 6 ## ## ## ##", "020 ### ## ##"],
    "PL": ["### ### ###", "+48 5## ### ###", "22 ### ## ##"],
    "SE": ["07#-### ## ##", "+46 7# ### ## ##", "08-### ### ##"],
    "DK": ["+45 ## ## ## ##", "2# ## ## ##"],
    "NO": ["+47 ### ## ###", "9## ## ###"],
    "FI": ["+358 4# ### ####", "040 #######"],
    "TR": ["+90 5## ### ## ##", "05## ### ## ##"],
    "JP": ["+81 90-####-####", "090-####-####", "03-####-####"],
}
IBANS = {
    "DE": "##################",
    "FR": "#######################",
    "GB": "NWBK##############",
    "ES": "####################",
    "IT": "X######################",
    "NL": "ABNA##########",
    "CH": "#################",
    "AT": "################",
    "BE": "############",
    "PT": "#####################",
    "PL": "########################",
    "SE": "####################",
    "IE": "AIBK##############",
    "DK": "##############",
    "NO": "###########",
    "FI": "##############",
    "TR": "######################",
}
KEYS = [
    "AKIA{A16}",
    "ghp_{x36}",
    "github_pat_{x22}_{x59}",
    "gho_{x36}",
    "xoxb-{d12}-{d12}-{x24}",
    "sk_live_{x24}",
    "rk_test_{x24}",
    "AIza{x35}",
    "sk-{x48}",
    "sk-proj-{x48}",
    "sk-ant-api03-{x40}-{x8}AA",
    "glpat-{x20}",
    "npm_{x36}",
    "pypi-AgEIcHlwaS5vcmc{x50}",
    "SG.{x22}.{x43}",
    "AC{h32}",
    "SK{h32}",
    "eyJhbGciOiJIUzI1NiJ9.eyJ{x30}.{x43}",
    "{d10}:AA{x33}",
    "key-{h32}",
    "shpat_{h32}",
    "dop_v1_{h64}",
    "hf_{x34}",
    "sq0atp-{x22}",
    "{h8}-{h4}-4{h3}-a{h3}-{h12}",
    "dapi{h32}",
    "glsa_{x32}_{h8}",
    "lin_api_{x40}",
    "secret_{x43}",
    "ATATT3x{x60}",
    "dp.pt.{x40}",
    "whsec_{x32}",
    "pk_live_{x24}",
    "{h40}",
    "{h32}",
    "{h64}",
    "xoxp-{d11}-{d11}-{h32}",
    "ya29.{x60}",
    "EAACEdEose0cBA{x40}",
    "sl.{x60}",
    "rubygems_{h48}",
    "NRAK-{A27}",
    "PMAK-{h24}-{h34}",
    "sntrys_{x50}",
    "AGE-SECRET-KEY-1{A58}",
]
LABELS = {
    "US": "social security number",
    "GB": "national insurance number",
    "CA": "SIN",
    "AU": "tax file number",
    "IE": "PPS number",
    "IN": "Aadhaar",
    "NZ": "IRD number",
    "ZA": "ID number",
    "SG": "NRIC",
    "DE": "Steuer-ID",
    "FR": "numéro de sécurité sociale",
    "ES": "DNI",
    "IT": "codice fiscale",
    "PT": "NIF",
    "BR": "CPF",
    "NL": "BSN",
    "PL": "PESEL",
    "SE": "personnummer",
    "DK": "CPR-nummer",
    "NO": "fødselsnummer",
    "FI": "henkilötunnus",
    "CH": "AHV-Nummer",
    "AT": "Sozialversicherungsnummer",
    "BE": "rijksregisternummer",
    "MX": "CURP",
    "AR": "CUIT",
    "CL": "RUT",
    "CO": "cédula",
    "TR": "TC kimlik no",
    "JP": "My Number",
}
IDS = {
    "CA": ["046 454 286", "1## ### ###", "130-692-544"],
    "GB": ["AB######C", "AB ## ## ## C"],
    "AU": ["### ### ###"],
    "IE": ["#######TA"],
    "IN": ["#### #### ####", "ABCPD####E"],
    "NZ": ["##-###-###"],
    "ZA": ["8001015009087", "900#1#5###08#"],
    "SG": ["S#######D"],
    "DE": ["## ### ### ###", "###########"],
    "FR": ["1 8# 0# 75 ### ### ##", "28#0#75######"],
    "ES": ["########Z", "X#######L", "########-Z"],
    "IT": ["RSSMRA8#A01H501Z"],
    "PT": ["### ### ###", "#########"],
    "BR": ["###.###.###-##", "###########"],
    "NL": ["#########", "####.##.###"],
    "PL": ["8#0#1######"],
    "SE": ["8#0#1#-####", "198#0#1#-####"],
    "DK": ["01018#-####"],
    "NO": ["01018# #####"],
    "FI": ["01018#-###X"],
    "CH": ["756.####.####.##"],
    "AT": ["#### 01018#"],
    "BE": ["8#.0#.1#-###.##"],
    "MX": ["GARC8#0#1#HDFRRL0#"],
    "AR": ["20-########-#"],
    "CL": ["12.###.###-K", "1#.###.###-#"],
    "CO": ["1.0##.###.###"],
    "TR": ["1##########"],
    "JP": ["#### #### ####"],
    "US": ["1##-##-####", "1## ## ####"],
}
ORDERS = [
    "#####-AB",
    "A-#######",
    "ORD-2024-#####",
    "####-####",
    "1##-#######-#######",
    "PO#######",
    "########",
    "#######",
    "SO-######",
    "W#########",
    "2024/######",
    "#####",
    "INV-#####",
    "AB####CD",
    "R########",
    "EU_#######",
    "10000#####",
    "ABX-##-###-Q",
]
TRACKING = [
    "1ZA##E##03########",
    "############",
    "9400 1### #### #### #### ##",
    "9400111899##########",
    "JJD0003##############",
    "AB#########GB",
    "RR ### ### ### DE",
    "TBA############",
    "####################",
    "00340434##########",
    "1Z 999 AA1 01 #### ####",
    "CP#########FR",
    "H####A########",
]
DOBS = [
    "{d:02}/{m:02}/{y}",
    "{d}.{m}.{y}",
    "{y}-{m:02}-{d:02}",
    "{d:02}-{m:02}-{y}",
    "{d:02}.{m:02}.{s}",
    "{d} {month} {y}",
]
MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
}
AMOUNTS = [
    "$1,299.00",
    "1.299,00 €",
    "49.99 dollars",
    "20 EUR",
    "£15",
    "1299 USD",
    "12,50 Euro",
    "R$ 250,00",
    "CHF 89.90",
    "1 299 kr",
    "10000 yen",
    "149.00",
    "1299 pounds",
    "25000 rupees",
    "EUR 1.234,56",
    "123456 pesos",
    "1,000,000 won",
]
WORDS = {"en": "zero one two three four five six seven eight nine"}
WIDE = {ord(a): ord(a) + 0xFEE0 for a in string.digits + "@."}


@cache
def pool(name: str) -> Any:
    """Return a list or table of pools.yaml."""
    return yaml.safe_load((HERE / "pools.yaml").read_text(encoding="utf-8"))[name]


def digits(rng: random.Random, pattern: str) -> str:
    """Replace each # by a random digit."""
    return "".join(rng.choice(string.digits) if c == "#" else c for c in pattern)


def luhn(body: str) -> str:
    """Append the Luhn check digit."""
    total = sum(sum(divmod(int(d) * (2 if i % 2 == 0 else 1), 10)) for i, d in enumerate(reversed(body)))
    return body + str(-total % 10)


def grouped(text: str, sizes: list[int], mark: str) -> str:
    """Split into groups of these sizes, the last repeated."""
    out: list[str] = []
    at = 0
    while at < len(text):
        size = sizes[min(len(out), len(sizes) - 1)]
        out.append(text[at : at + size])
        at += size
    return mark.join(out)


def disguised(rng: random.Random, text: str) -> str:
    """Rarely write a value with full-width or invisible characters."""
    chance = rng.random()
    if chance < 0.05:
        return text.translate(WIDE)
    if chance < 0.1:
        at = rng.randrange(1, len(text))
        return text[:at] + rng.choice("\u200b\u200d\u00ad\u2060") + text[at:]
    if chance < 0.14:
        return text.replace(" ", "\u00a0").replace("-", "\u2011")
    return text


def email(rng: random.Random, language: str, country: str) -> str:
    user = rng.choice(
        [
            "max.muster",
            "anna_b",
            "j.o.smith+shop",
            "info",
            "k-meier99",
            "MARY.JONES",
            "x",
            "jürgen",
            "tom'oh",
            "user%corp",
        ]
    )
    host = rng.choice(["example", "gmail", "mail.example", "my-shop", "bücher", "uni-hamburg"])
    top = rng.choice(["com", "de", "co.uk", "fr", "museum", "io", "com.br", "es"])
    shape = rng.choice(
        ["{u}@{h}.{t}"] * 12
        + [
            "{u} (at) {h}.{t}",
            "{u}[at]{h}.{t}",
            "{u} at {h} dot {t}",
            "{u}(at){h}(dot){t}",
            "{u} @ {h}.{t}",
            "{u} [at] {h} [dot] {t}",
            "{u}＠{h}.{t}",
            "{u}@{h} .{t}",
            "mailto:<<{u}@{h}.{t}>>",
            "{u} AT {h} DOT {t}",
        ]
    )
    return disguised(rng, shape.format(u=user, h=host, t=top))


def phone(rng: random.Random, language: str, country: str) -> str:
    text = digits(rng, rng.choice(PHONES[country]))
    return " ".join(c for c in text if c.isdigit()) if rng.random() < 0.05 else disguised(rng, text)


def phone_spelled(rng: random.Random, language: str, country: str) -> str:
    words = [
        "oh" if rng.random() < 0.1 else rng.choice(WORDS["en"].split()) for _ in range(rng.randrange(9, 12))
    ]
    return rng.choice([" ", ", ", "-"]).join(words)


def card(rng: random.Random, language: str, country: str) -> str:
    if rng.random() < 0.2:
        return grouped(luhn(digits(rng, "37############")), [4, 6, 5], rng.choice(["", " ", "-"]))
    body = luhn(
        digits(rng, rng.choice(["4##############", "51#############", "2221###########", "6011###########"]))
    )
    return disguised(rng, grouped(body, [4], rng.choice(["", " ", "-", ".", " - ", "/", "  ", "_"])))


def iban(rng: random.Random, language: str, country: str) -> str:
    land = country if country in IBANS else rng.choice(sorted(IBANS))
    body = digits(rng, IBANS[land])
    number = "".join(str(int(c, 36)) for c in body + land + "00")
    whole = f"{land}{98 - int(number) % 97:02}{body}"
    shape = rng.random()
    whole = whole if shape < 0.3 else grouped(whole, [4], "-" if shape > 0.9 else " ")
    return disguised(rng, whole.lower() if rng.random() < 0.1 else whole)


def id_number(rng: random.Random, language: str, country: str) -> str:
    return (
        digits(rng, rng.choice(IDS[country])).replace("C", rng.choice("ABCD"))
        if country == "GB"
        else digits(rng, rng.choice(IDS[country]))
    )


def key(rng: random.Random, language: str, country: str) -> str:
    out, rest = "", rng.choice(KEYS)
    alphabets = {
        "x": string.ascii_letters + string.digits,
        "h": "0123456789abcdef",
        "d": string.digits,
        "A": string.ascii_uppercase + string.digits,
    }
    while "{" in rest:
        head, rest = rest.split("{", 1)
        spec, rest = rest.split("}", 1)
        out += head + "".join(rng.choice(alphabets[spec[0]]) for _ in range(int(spec[1:])))
    return out + rest


def ip(rng: random.Random, language: str, country: str) -> str:
    four = ".".join(str(rng.randrange(1, 255)) for _ in range(4))
    six = ":".join(f"{rng.randrange(1, 65536):x}" for _ in range(8))
    return rng.choice(
        [
            four,
            four,
            four,
            f"{four}:8080",
            f"{four}/24",
            six,
            six.upper(),
            "2001:db8::" + six[-4:].lstrip(":"),
            "fe80::1ff:fe23:4567:890a",
        ]
    )


def mac(rng: random.Random, language: str, country: str) -> str:
    raw = "".join(rng.choice("0123456789abcdef") for _ in range(12))
    return rng.choice(
        [
            grouped(raw, [2], ":"),
            grouped(raw, [2], "-").upper(),
            grouped(raw, [4], "."),
            grouped(raw, [2], ":").upper(),
        ]
    )


def person(rng: random.Random, language: str, country: str) -> str:
    names = pool("names").get(language, pool("names")["en"])
    first, last = rng.choice(names["first"]), rng.choice(names["last"])
    shape = rng.random()
    if shape < 0.15:
        return f"{first} {rng.choice(names['first'])} {last}"
    return f"{first} {rng.choice('ABJKM')}. {last}" if shape < 0.22 else f"{first} {last}"


def part(which: str) -> Make:
    return lambda rng, language, country: rng.choice(pool("names").get(language, pool("names")["en"])[which])


def address(rng: random.Random, language: str, country: str) -> str:
    template: str = rng.choice(pool("addresses").get(language, pool("addresses")["en"]))
    return template.format(h=rng.randrange(2, 250), u=rng.randrange(1, 9))


def full_address(rng: random.Random, language: str, country: str) -> str:
    known = language if language in pool("full_addresses") else "en"
    return digits(rng, rng.choice(pool("full_addresses")[known])).format(a=address(rng, known, country))


def day(rng: random.Random, language: str, years: range) -> str:
    year = rng.choice(years)
    months = MONTHS.get(language, MONTHS["en"]).split()
    return rng.choice(DOBS).format(
        d=rng.randrange(1, 29), m=rng.randrange(1, 13), y=year, s=f"{year % 100:02}", month=rng.choice(months)
    )


def among(name: str) -> Make:
    return lambda rng, language, country: rng.choice(pool(name))


def pattern(*patterns: str) -> Make:
    return lambda rng, language, country: digits(rng, rng.choice(patterns))


MAKERS: dict[str, Make] = {
    "email": email, "phone": phone, "phone_spelled": phone_spelled, "card": card, "iban": iban, "id": id_number, "key": key, "ip": ip, "mac": mac,
    "idlabel": lambda rng, language, country: LABELS[country],
    "sortcode": pattern("##-##-##", "## ## ##", "######"), "ukaccount": pattern("########"), "routing": pattern("021000021", "1########"),
    "bankaccount": pattern("##########", "########", "############", "## ### ### ##", "######-####"), "bsb": pattern("06#-###"), "ifsc": pattern("HDFC0######"),
    "blz": pattern("370 400 44", "########"), "passport": pattern("C01X00T4#", "#########", "X#######", "AB#######"),
    "licence": pattern("MORGA65705#SM9IJ", "D#######", "B072RRE2I5#"), "ssn": pattern("1##-##-####", "2## ## ####"),
    "dburl": pattern("postgres://shop:<<s3cr3t#>>@db.example.com:5432/shop", "mongodb+srv://bot:<<pw####x>>@cluster0.example.net"),
    "order": pattern(*ORDERS), "tracking": pattern(*TRACKING), "password": among("passwords"),
    "pin": pattern("####", "######", "## ##"), "cvv": pattern("###"), "otp": pattern("######", "###-###", "####"),
    "name": person, "namelower": lambda rng, language, country: person(rng, language, country).lower(), "first": part("first"), "last": part("last"),
    "address": address, "fulladdress": full_address, "dob": lambda rng, language, country: day(rng, language, range(1940, 2008)),
    "date": lambda rng, language, country: day(rng, language, range(2023, 2026)), "amount": among("_amounts"),
    "weekday": lambda rng, language, country: rng.choice(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]),
    "month": lambda rng, language, country: rng.choice(MONTHS["en"].split()), "year": pattern("201#", "202#"), "n": pattern("2", "3", "4#", "1#"),
    "city": among("cities"), "country": among("nations"), "product": among("products"), "payment": among("payments"),
    "errorcode": among("errorcodes"), "version": among("versions"), "coupon": among("coupons"), "sku": among("skus"),
}  # fmt: skip
MAKERS["amount"] = lambda rng, language, country: rng.choice(AMOUNTS)
HARMLESS_SLOTS = {"idlabel", "date", "amount", "weekday", "month", "year", "n", "city", "country", "product", "payment", "errorcode",
                  "version", "coupon", "sku"}  # fmt: skip
