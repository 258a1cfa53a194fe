"""Decode text files in the encodings that editors and spreadsheets save."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from data.errors import CorpusError, Problem

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOREIGN_SHARE = 0.25
"""Share of non-ASCII letters above which a text is not in a Western European language."""
_NUL_SHARE = 0.2
"""Share of NUL bytes above which a file without a mark is UTF-16."""


def read_text(path: Path) -> str:
    """Return a UTF-8 file's text without a byte order mark.

    Raises:
        CorpusError: the file is not UTF-8; each line with an invalid byte is named.
    """
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CorpusError(list(_wrong_bytes(str(path), content))) from None


def decode(content: bytes, file: str) -> tuple[str, list[Problem]]:
    """Decode UTF-8, UTF-16 and UTF-32 by their mark, or Windows-1252 with a notice.

    Returns:
        The text without a mark, and a notice if the encoding is a guess.

    Raises:
        CorpusError: not a text, or a mixture of encodings; each line with an invalid byte is named.
    """
    name = next((name for mark, name in _MARKS if content.startswith(mark)), None) or _unmarked_utf16(
        content[:4096]
    )
    if name:
        return _decoded(content, name, file), []
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        pass
    wrong = list(_wrong_bytes(file, content))
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        raise CorpusError(wrong) from None
    letters = sum(character.isalpha() for character in text)
    foreign = sum(character.isalpha() and not character.isascii() for character in text)
    if foreign > _FOREIGN_SHARE * letters or _has_utf8(content):
        raise CorpusError(wrong)
    line = content.split(b"\n")[(wrong[0].line or 1) - 1].decode("cp1252").strip()
    reason = f"not UTF-8, read as Windows-1252: {line[:60]!r}; if that is wrong, save the file as UTF-8"
    return text, [Problem(file, wrong[0].line, reason)]


def _decoded(content: bytes, name: str, file: str) -> str:
    try:
        return content.decode(name).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        reason = (
            f"the file begins as {name.upper()} but is damaged at byte {error.start + 1}: save it as UTF-8"
        )
        raise CorpusError([Problem(file, None, reason)]) from None


def _unmarked_utf16(beginning: bytes) -> str | None:
    even, odd = beginning[::2].count(0), beginning[1::2].count(0)
    if not beginning or even + odd < _NUL_SHARE * len(beginning) or min(even, odd) > max(even, odd) // 10:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _has_utf8(content: bytes) -> bool:
    """Whether a line outside ASCII is valid UTF-8, which text in Windows-1252 hardly ever is."""
    for line in content.split(b"\n"):
        if not line.isascii():
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                continue
            return True
    return False


def _wrong_bytes(file: str, content: bytes) -> Iterator[Problem]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            byte = line[error.start]
            around = line[max(0, error.start - 15) : error.end + 15].decode("cp1252", "replace").strip()
            reason = f"not UTF-8: byte 0x{byte:02X} at byte {error.start + 1} of the line, near {around!r}"
            yield Problem(file, number, f"{reason}; save the file as UTF-8", kind="lines are not UTF-8")
