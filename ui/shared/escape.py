"""Escape external texts for a page: as a widget's label, or as HTML with links."""

from __future__ import annotations

import re
from html import escape

_LINK = re.compile(r"(?P<url>https?://[^\s<>\"']+)|(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)")
_TRAILING = ".,;:!?)]}"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$^&=])")


def label(text: str) -> str:
    """Escape Markdown in a text and put it on one line, for a widget's label."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def linked(text: str) -> str:
    """Return a reply as HTML: web and e-mail addresses as links, everything else escaped."""
    parts: list[str] = []
    end = 0
    for found in _LINK.finditer(text):
        target = found[0].rstrip(_TRAILING)
        parts.append(escape(text[end : found.start()]))
        address = f"mailto:{target}" if found["mail"] else target
        new_tab = "" if found["mail"] else ' target="_blank" rel="noopener noreferrer"'
        parts.append(f'<a href="{escape(address)}"{new_tab}>{escape(target)}</a>')
        end = found.start() + len(target)
    parts.append(escape(text[end:]))
    return "".join(parts)
