"""Render HTML from jinja2 templates with autoescape: every value is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

UI = Path(__file__).resolve().parents[1]

_LINK = re.compile(
    r"(?P<url>https?://[^\s<>\"']+)|(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)|(?P<phone>\+\d(?:[ ().-]{0,2}\d){6,14})"
)
_TRAILING = ".,;:!?)]}"
_PHONE = re.compile(r"\+?[\d ().-]{3,}")
_CODE = re.compile(r"`([^`]+)`")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$^&=])")


def label(text: str) -> str:
    """Escape Markdown in a text and put it on one line, for a widget's label."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def linked(text: str) -> Markup:
    """Return a text as HTML: web, e-mail and international phone addresses as links, everything else escaped."""
    parts: list[Markup] = []
    end = 0
    for found in _LINK.finditer(text):
        target = found[0].rstrip(_TRAILING)
        parts += [escape(text[end : found.start()]), _link(target, str(found.lastgroup))]
        end = found.start() + len(target)
    return Markup("").join([*parts, escape(text[end:])])


def phone(text: str) -> Markup:
    """Return a phone number as a `tel:` link; a text that is not a number is only escaped."""
    return _link(text, "phone") if _PHONE.fullmatch(text) else escape(text)


def code(text: str) -> Markup:
    """Escape a text, and render backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def macros(file: str, filters: Mapping[str, Callable[..., Any]] | None = None) -> Any:
    """Return the macros of a template in `ui` as functions that return HTML."""
    environment = Environment(
        loader=FileSystemLoader(UI),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"linked": linked, "phone": phone, "code": code, **(filters or {})}
    return environment.get_template(file).module


def _link(target: str, kind: str) -> Markup:
    if kind == "url":
        return Markup('<a href="{0}" target="_blank" rel="noopener noreferrer">{0}</a>').format(target)
    address = f"mailto:{target}" if kind == "mail" else "tel:" + re.sub(r"[^\d+]", "", target)
    return Markup('<a href="{}">{}</a>').format(address, target)
