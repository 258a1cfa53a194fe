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

WIDE = {ord(a): ord(a) + 0xFEE0 for a in string.digits + "@."}


@cache
def _pools() -> dict[str, Any]:
    files = (HERE / name for name in ("pools.yaml", "patterns.yaml"))
    return {name: value for file in files for name, value in yaml.safe_load(file.read_text("utf-8")).items()}


def pool(name: str) -> Any:
    """Return a list or table of pools.yaml or patterns.yaml."""
    return _pools()[name]


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
    text = digits(rng, rng.choice(pool("phones")[country]))
    return " ".join(c for c in text if c.isdigit()) if rng.random() < 0.05 else disguised(rng, text)


def phone_spelled(rng: random.Random, language: str, country: str) -> str:
    words = ["oh" if rng.random() < 0.1 else rng.choice(pool("digits")) for _ in range(rng.randrange(9, 12))]
    return rng.choice([" ", ", ", "-"]).join(words)


def card(rng: random.Random, language: str, country: str) -> str:
    if rng.random() < 0.2:
        return grouped(luhn(digits(rng, "37############")), [4, 6, 5], rng.choice(["", " ", "-"]))
    body = luhn(
        digits(rng, rng.choice(["4##############", "51#############", "2221###########", "6011###########"]))
    )
    return disguised(rng, grouped(body, [4], rng.choice(["", " ", "-", ".", " - ", "/", "  ", "_"])))


def iban(rng: random.Random, language: str, country: str) -> str:
    land = country if country in pool("ibans") else rng.choice(sorted(pool("ibans")))
    body = digits(rng, pool("ibans")[land])
    number = "".join(str(int(c, 36)) for c in body + land + "00")
    whole = f"{land}{98 - int(number) % 97:02}{body}"
    shape = rng.random()
    whole = whole if shape < 0.3 else grouped(whole, [4], "-" if shape > 0.9 else " ")
    return disguised(rng, whole.lower() if rng.random() < 0.1 else whole)


def id_number(rng: random.Random, language: str, country: str) -> str:
    return (
        digits(rng, rng.choice(pool("ids")[country])).replace("C", rng.choice("ABCD"))
        if country == "GB"
        else digits(rng, rng.choice(pool("ids")[country]))
    )


def key(rng: random.Random, language: str, country: str) -> str:
    out = ""
    rest: str = rng.choice(pool("keys"))
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
    months = pool("months").get(language, pool("months")["en"])
    shape: str = rng.choice(pool("dobs"))
    return shape.format(
        d=rng.randrange(1, 29), m=rng.randrange(1, 13), y=year, s=f"{year % 100:02}", month=rng.choice(months)
    )


def among(name: str) -> Make:
    return lambda rng, language, country: rng.choice(pool(name))


def pattern(*patterns: str) -> Make:
    return lambda rng, language, country: digits(rng, rng.choice(patterns))


def from_pool(name: str) -> Make:
    return lambda rng, language, country: digits(rng, rng.choice(pool(name)))


MAKERS: dict[str, Make] = {
    "email": email, "phone": phone, "phone_spelled": phone_spelled, "card": card, "iban": iban, "id": id_number, "key": key, "ip": ip, "mac": mac,
    "idlabel": lambda rng, language, country: pool("labels")[country],
    "sortcode": pattern("##-##-##", "## ## ##", "######"), "ukaccount": pattern("########"), "routing": pattern("021000021", "1########"),
    "bankaccount": pattern("##########", "########", "############", "## ### ### ##", "######-####"), "bsb": pattern("06#-###"), "ifsc": pattern("HDFC0######"),
    "blz": pattern("370 400 44", "########"), "passport": pattern("C01X00T4#", "#########", "X#######", "AB#######"),
    "licence": pattern("MORGA65705#SM9IJ", "D#######", "B072RRE2I5#"), "ssn": pattern("1##-##-####", "2## ## ####"),
    "dburl": pattern("postgres://shop:<<s3cr3t#>>@db.example.com:5432/shop", "mongodb+srv://bot:<<pw####x>>@cluster0.example.net"),
    "order": from_pool("orders"), "tracking": from_pool("tracking"), "password": among("passwords"),
    "pin": pattern("####", "######", "## ##"), "cvv": pattern("###"), "otp": pattern("######", "###-###", "####"),
    "name": person, "namelower": lambda rng, language, country: person(rng, language, country).lower(), "first": part("first"), "last": part("last"),
    "address": address, "fulladdress": full_address, "dob": lambda rng, language, country: day(rng, language, range(1940, 2008)),
    "date": lambda rng, language, country: day(rng, language, range(2023, 2026)), "amount": among("amounts"),
    "weekday": lambda rng, language, country: rng.choice(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]),
    "month": lambda rng, language, country: rng.choice(pool("months")["en"]), "year": pattern("201#", "202#"), "n": pattern("2", "3", "4#", "1#"),
    "city": among("cities"), "country": among("nations"), "product": among("products"), "payment": among("payments"),
    "errorcode": among("errorcodes"), "version": among("versions"), "coupon": among("coupons"), "sku": among("skus"),
}  # fmt: skip
HARMLESS_SLOTS = {"idlabel", "date", "amount", "weekday", "month", "year", "n", "city", "country", "product", "payment", "errorcode",
                  "version", "coupon", "sku"}  # fmt: skip
