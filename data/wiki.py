"""Reduce Jira's wiki markup to the text that the customer wrote."""

from __future__ import annotations

import re

_MARK = re.compile(
    r"\{(?:noformat|quote|(?:color|code|panel)(?::[^{}\n]{1,100})?)\}|^h[1-6]\. |\[~[\w:.-]{1,80}\]"
    r"|\[[^\]|\n]{1,200}\|(?:https?|mailto):[^\]\n]{1,400}\]|^![^!\n|]{1,200}\.\w{2,5}(?:\|[^!\n]{0,100})?!|^\|\|",
    re.MULTILINE,
)
"""What nobody writes by hand and without meaning markup."""
_QUOTE = re.compile(r"\{quote\}.*?\{quote\}|^bq\. .*$", re.DOTALL | re.MULTILINE)
_REPLACED: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\{(?:noformat|quote|(?:code|panel)(?::[^{}\n]{1,100})?)\}"), "\n"),
    (re.compile(r"\{color(?::[^{}\n]{1,100})?\}|\{\*\}"), ""),
    (
        re.compile(
            r"(?:^![^!\n|]{1,200}|![^!\s|]{1,200})\.\w{2,5}(?:\|[^!\n]{0,100})?!|\[\^[^\]\n]{1,200}\]"
            r"| ?\[~[\w:.-]{1,80}\]",
            re.MULTILINE,
        ),
        "",
    ),
    (re.compile(r"\[([^\]|\n]{1,200})\|[^\]\n]{1,400}\]"), r"\1"),
    (re.compile(r"\[((?:https?|mailto):[^\]|\n]{1,400})\]"), r"\1"),
    (re.compile(r"^(?:h[1-6]\. *|bq\. *|[*#-]{1,4} +|-{4,}$)", re.MULTILINE), ""),
    (re.compile(r"(?<!\w)([*_])(?=\S)([^*_\n]{1,200})(?<=\S)\1(?!\w)"), r"\2"),
)
_ROW = re.compile(r"^\|.*\|\s*$", re.MULTILINE)


def is_wiki(text: str) -> bool:
    """Whether the text has Jira's wiki markup."""
    return _MARK.search(text) is not None


def wiki_text(text: str) -> tuple[str, bool]:
    """Return the text without markup, attachments and mentions, and whether quotes were removed from it.

    A quote stays if nothing else would remain.
    """
    own = _QUOTE.sub("\n", text)
    is_quoting = own != text and bool(own.strip())
    if is_quoting:
        text = own
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    return _ROW.sub(lambda row: " ".join(row[0].replace("|", " ").split()), text), is_quoting
