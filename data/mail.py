"""Reduce e-mails to what the customer wrote: text instead of HTML or wiki markup, no quoted replies, no signature.

Conservative: a part goes only where a mark of mail programs introduces it, and never if nothing would remain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

from chatbot.documents import read_yaml
from data.errors import LOCATIONS, Problem
from data.rows import Row
from data.text import lines_of
from data.wiki import is_wiki, wiki_text

_MARKS: dict[str, list[str]] = read_yaml(Path(__file__).with_name("mail.yaml"))


def _any(name: str) -> str:
    """Return a pattern of the marks with this name."""
    return f"(?:{'|'.join(_MARKS[name])})"


_BLOCKS, _VOID, _HIDDEN = (frozenset(_MARKS[name]) for name in ("blocks", "void", "hidden"))
_ELEMENTS = _BLOCKS.union(_MARKS["inline"])
_QUOTE = re.compile(_any("quote_classes"), re.IGNORECASE)
_SIGNATURE = re.compile(_any("signature_classes"), re.IGNORECASE)
# A single `<div>` may be what the customer writes about; a closed one is a mail's own.
_MARKUP = re.compile(rf"</(?:{'|'.join(_ELEMENTS)})\s*>|<br\s*/?>", re.IGNORECASE)
_UNCLOSED = re.compile(r"<(?=[a-zA-Z][^<>]*+(?:<|\Z))")
_MOST_UNCLOSED = 20
"""Tags with another inside, in a quoted attribute, that are read as tags."""
_LONG_REFERENCE = re.compile(r"&#[0-9]{20,};?")
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{2,6}|#x[\da-f]{2,6});", re.IGNORECASE)

_ATTRIBUTION = re.compile(rf"\W{{0,3}}{_any('attribution')}\s*:\W{{0,3}}")
_ATTRIBUTION_LINES = 3
_SEPARATOR = re.compile(
    rf"[\s>]*-{{2,}}\s*{_any('original')}\s*-{{2,}}\s*"
    r"|[\s>]*(?:##-|-{2,}|={2,}).{0,60}\breply\b.{0,20}\babove\b.{0,60}",
    re.IGNORECASE,
)
_FROM = re.compile(rf"[*\s]*{_any('from')}\s?:[*\s]*\S")
_SENT = re.compile(rf"[*\s]*{_any('sent')}(?: el| le)?\s?:")
_HEADER_LINES = 4

_DELIMITER = re.compile(r"(?:--|__|—|\*{3,})\s*")
_DEVICE = re.compile(_any("device"), re.IGNORECASE)
_CLOSING = re.compile(rf"{_any('closing')}\s*[,.!]*", re.IGNORECASE)
_NAME = re.compile(r"(?:[A-ZÀ-Þ][\w.'’-]*\s?){1,4}(?:,|\s*[|·•].{1,50})?")
_CONTACT = re.compile(_any("contact"), re.IGNORECASE)
_DISCLAIMER = re.compile(_any("disclaimer"), re.IGNORECASE)
_TAIL_LINES, _TAIL_CHARACTERS = 8, 70
"""Most lines of a signature, and characters of one."""
_PREFIX = re.compile(rf"\s*+(?:{_any('prefix')}\s*(?:\[\d+\])?:|\[[^\]]{{0,30}}#?\d+\])\s*+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CleanedMail:
    """A message, and what was done to it."""

    text: str
    is_html: bool
    """HTML or Jira's wiki markup was converted."""
    is_quoting: bool
    """Quoted replies were removed."""
    is_signed: bool
    """A signature was removed."""


def is_html(text: str) -> bool:
    """Whether the text is HTML: it has an end tag, a `<br>` or a character reference."""
    return bool(_MARKUP.search(text) or _ENTITY.search(text))


def clean_mail(text: str) -> CleanedMail:
    """Return the text of a message without quoted replies and signature; lines stay lines."""
    html_found = is_html(text)
    quoting = signed = False
    if html_found:
        parser = _Text()
        parser.feed(_parsable(text))
        parser.close()
        text, quoting, signed = parser.result()
    if wiki_found := is_wiki(text):
        text, is_quoting = wiki_text(text)
        quoting = quoting or is_quoting
    lines = lines_of(text)
    for shorten in (_without_quotes, _without_signature):
        kept = shorten(lines)
        if kept != lines and any(line.strip() for line in kept):
            quoting, signed = quoting or shorten is _without_quotes, signed or shorten is _without_signature
            lines = kept
    return CleanedMail("\n".join(lines).strip(), html_found or wiki_found, quoting, signed)


def clean_subject(subject: str) -> str:
    """Return a subject without `Re:`, ticket numbers and HTML; an empty text if it says nothing."""
    text = " ".join(clean_mail(subject).text.split())
    start = 0
    while found := _PREFIX.match(text, start):
        start = found.end()
    text = text[start:]
    return "" if text.casefold() in _MARKS["no_subject"] else text


def joined(subject: str, body: str) -> str:
    """Return subject and body as one message; the subject is left out if the body begins with it."""
    if not subject or body.casefold().startswith(subject.casefold()):
        return body
    if not body:
        return subject
    return f"{subject}{'' if subject[-1] in '.!?:,;' else '.'} {body}"


def clean_mails(
    rows: Sequence[Row], asked: bool | None, file: str
) -> tuple[list[Row], list[Problem], list[Problem]]:
    """Clean the messages of tickets, or of all rows.

    Args: asked: whether to clean all messages; None: those of tickets.

    Returns:
        The rows; problems: messages without a text; notices: what was done to how many messages, with examples, or
        that there is HTML in a corpus of which nothing says that it is mail.
    """
    changes: dict[str, list[str]] = {}
    cleaned: list[Row] = []
    problems: list[Problem] = []
    for row in rows:
        is_mail = asked if asked is not None else row.subject is not None
        where = f"{row.file}:{row.line}" if row.file else f"line {row.line}"
        if not is_mail:
            message = joined(row.subject or "", row.message)
            if asked is None and is_html(message):
                changes.setdefault(_AS_WRITTEN, []).append(f"{where}: {_shown(message)}")
        else:
            mail = clean_mail(row.message)
            message = joined(clean_subject(row.subject or ""), " ".join(mail.text.split()))
            said = f"{where}: {_shown(row.message)} is read as {_shown(mail.text)}"
            for is_done, what in (
                (mail.is_html, "HTML is converted to text, wiki markup too; --as-written keeps it"),
                (mail.is_quoting, "quoted replies are removed; --as-written keeps them"),
                (mail.is_signed, "signatures are removed; --as-written keeps them"),
            ):
                if is_done:
                    changes.setdefault(what, []).append(said)
            if not message and row.message.strip():
                place = f"{file}/{row.file}" if row.file else file
                reason = f"the message is HTML without a text: {_shown(row.message)}"
                problems.append(Problem(place, row.line, reason, kind="messages are HTML without a text"))
                continue
        is_changed = message != row.message or row.subject is not None
        cleaned.append(replace(row, message=message, subject=None) if is_changed else row)
    # One notice each, whatever the number of rows: report.json has every notice.
    return cleaned, problems, [Problem(file, None, _counted(*change)) for change in changes.items()]


def _counted(what: str, examples: list[str]) -> str:
    more = len(examples) - LOCATIONS
    lines = [f"{what} ({len(examples):,}):", *(f"  {one}" for one in examples[:LOCATIONS])]
    return "\n".join([*lines, f"  ... and {more:,} more"] if more > 0 else lines)


_AS_WRITTEN = "HTML is taught as written; `python -m data.convert --clean-mail` takes its text"


def _shown(text: str) -> str:
    shown = " ".join(text.split())
    return repr(f"{shown[:60]} ... {shown[-40:]}" if len(shown) > 110 else shown)


def _parsable(html: str) -> str:
    """Return HTML that Python's parser reads in linear time, without an exception.

    It looks for the end of a tag or comment from each beginning on: what has no end is made text. A character
    reference of more digits than Python converts is not a character.
    """
    for begin, end in (("<!--", "-->"), ("<![", "]>")):
        last = html.rfind(end) + 1
        html = html[:last] + html[last:].replace(begin, f"&lt;{begin[1:]}")
    if len(_UNCLOSED.findall(html)) > _MOST_UNCLOSED:
        html = _UNCLOSED.sub("&lt;", html)
    return _LONG_REFERENCE.sub("\ufffd", html)


class _Text(HTMLParser):
    """Collect the text of HTML, apart from what mail programs mark as a quote or a signature."""

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """Skip `<![...]>`, also one that no mail program writes, which Python's parser answers with AssertionError."""
        try:
            return super().parse_marked_section(i, report)
        except AssertionError:
            return self.parse_bogus_comment(i)

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._all: list[str] = []
        self._own: list[str] = []
        self._inside: tuple[str, str] | None = None
        self._depth = 0
        self._left_out: set[str] = set()

    def result(self) -> tuple[str, bool, bool]:
        own, everything = _lines(self._own), _lines(self._all)
        if not own:
            return everything, False, False
        return own, "quote" in self._left_out, "signature" in self._left_out

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag in _VOID:
            return
        if self._inside is not None:
            self._depth += tag == self._inside[0]
        elif kind := _kind(tag, dict(attrs)):
            self._inside, self._depth = (tag, kind), 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if _is_known(tag):
            self._add("\n" if tag in _BLOCKS else " " if tag in ("td", "th", "img") else "")
        else:
            self.handle_data(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        if not _is_known(tag):
            self.handle_data(f"</{tag}>")
            return
        self._add("\n" if tag in _BLOCKS else "")
        if self._inside is not None and tag == self._inside[0]:
            self._depth -= 1
            if not self._depth:
                self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside is not None and data.strip():
            self._left_out.add(self._inside[1])
        self._add(re.sub(r"\s+", " ", data))

    def _add(self, text: str) -> None:
        if self._inside is None:
            self._own.append(text)
        if self._inside is None or self._inside[1] != "hidden":
            self._all.append(text)


def _is_known(tag: str) -> bool:
    """Whether this is HTML or, with a colon, Outlook's own, and not an address in angle brackets."""
    return tag in _ELEMENTS or (":" in tag and "/" not in tag and "@" not in tag)


def _kind(tag: str, attributes: dict[str, str | None]) -> str:
    """Return `hidden`, `quote` or `signature`; empty for an element with the message's own text."""
    if tag in _HIDDEN:
        return "hidden"
    names = " ".join(attributes.get(name) or "" for name in ("class", "id"))
    if _QUOTE.search(names) or (tag == "blockquote" and attributes.get("type") == "cite"):
        return "quote"
    return "signature" if any(map(_SIGNATURE.search, names.split())) else ""


def _lines(parts: Sequence[str]) -> str:
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _without_quotes(lines: list[str]) -> list[str]:
    """Return the lines without quoted replies, and without the lines that introduce them."""
    kept: list[str] = []
    ends, marks = _quoted_runs(lines)
    place, is_quoting = 0, False
    while place < len(lines):
        if _SEPARATOR.fullmatch(lines[place]) or _is_header(lines[place : place + _HEADER_LINES]):
            break
        introduced = _attribution(lines[place : place + _ATTRIBUTION_LINES])
        quoted, marked = ends[place + introduced], marks[place + introduced]
        if introduced and not marked:
            break  # what follows is quoted without marks, to the end
        if marked >= (1 if introduced else 2):
            place, is_quoting = quoted, True
            continue
        kept.append(lines[place])
        place += 1
    if place == len(lines) and not is_quoting:
        return lines
    while kept and not kept[-1].strip(" _\r"):
        kept.pop()
    return kept


def _quoted_runs(lines: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return where the run of quoted and blank lines that begins at each place ends, and how many of it are quoted."""
    ends, marks = list(range(len(lines) + 1)), [0] * (len(lines) + 1)
    for place in reversed(range(len(lines))):
        is_quoted = lines[place].startswith(">")
        if is_quoted or not lines[place].strip():
            ends[place], marks[place] = ends[place + 1], marks[place + 1] + is_quoted
    return ends, marks


def _attribution(lines: Sequence[str]) -> int:
    """Return how many lines say who wrote what follows, such as `On 3 May 2026 at 10:12, Ann wrote:`."""
    for count in range(1, _ATTRIBUTION_LINES + 1):
        text = " ".join(line.strip() for line in lines[:count])
        if _ATTRIBUTION.fullmatch(text) and any(map(str.isdigit, text)):
            return count
    return 0


def _is_header(lines: Sequence[str]) -> bool:
    return bool(lines) and bool(_FROM.match(lines[0])) and any(map(_SENT.match, lines[1:]))


def _without_signature(lines: list[str]) -> list[str]:
    """Return the lines without a signature at their end."""
    kept = lines
    texts = [line.strip() for line in lines]
    last = [place for place, text in enumerate(texts) if text][-_TAIL_LINES - 1 :]
    for place, text in enumerate(texts):
        # A tail that is a signature plus one more line is removed whole.
        if place and text and _is_signature(text, [texts[one] for one in last if one > place]):
            kept = lines[:place]
            break
    kept = [line for line in kept if not _DEVICE.fullmatch(line.strip().rstrip("."))]
    return kept if len(kept) < len(lines) else lines


def _is_signature(line: str, tail: list[str]) -> bool:
    if _DISCLAIMER.match(line):
        return True
    is_short = 0 < len(tail) <= _TAIL_LINES and all(
        len(one) <= _TAIL_CHARACTERS and "?" not in one for one in tail if not _DISCLAIMER.match(one)
    )
    if _DELIMITER.fullmatch(line):
        return is_short
    if not is_short:
        return False
    if _NAME.fullmatch(line) and _CONTACT.fullmatch(tail[0]):
        return True
    return bool(_CLOSING.fullmatch(line)) and bool(_NAME.fullmatch(tail[0]))
