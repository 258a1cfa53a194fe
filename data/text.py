"""Decode text files in the encodings that editors and spreadsheets save."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from data.code_pages import alphabet_page
from data.errors import CorpusError, Problem

MAX_LINE_BYTES = 16 << 20
"""Limit of a line, to the next megabyte: a message has some kilobytes, and a line takes several times its memory."""
MAX_DOCUMENT_BYTES = 256 << 20
"""Limit of what is parsed as a whole, such as a JSON document or an e-mail: parsed, it takes several times its size."""
_CHUNK = 1 << 20
_LINE_END = re.compile(rb"\r\n|\r|\n")

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARK = "\ufeff"
"""A byte order mark; a file that was joined or saved twice begins with several."""
_UNMARKED = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_CODE_PAGES = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874", "koi8_r", "mac_roman",
    "cp850", "gb18030", "big5", "cp932", "euc_jp", "cp949",
)  # fmt: skip
"""What spreadsheets and chat tools save where they do not save Unicode; of equals the first is taken."""
_MULTIBYTE = ("gb18030", "big5", "cp932", "euc_jp", "cp949")
_NAMES = {
    "koi8_r": "KOI8-R", "mac_roman": "Mac Roman", "gb18030": "GB 18030 (GBK)", "big5": "Big5", "cp932": "Shift-JIS",
    "euc_jp": "EUC-JP", "cp949": "Windows-949 (EUC-KR)",
}  # fmt: skip
_SYMBOL_IN_WORD = re.compile(
    r"(?<=[^\W\d_])(?:[^\w\s\x00-\x7f‘’·–—…\u3000-\u303f\uff00-\uff0f]|[¹²³ªº])(?=[^\W\d_])"
)
"""What words of a text hold in the wrong code page, as in `m÷chte` and `pieni¹dze`."""
_FOREIGN_WORD = re.compile(r"\w*[^\W\x00-\x7f]\w*")
_TWICE = re.compile(r"[ÃÂ][^\x00-\x7f]|â€[^\x00-\x7f]")
_PARTS = re.compile(r"[\s,;|\"]")
_TWICE_LOOKED_AT = 1_000
"""Places that are looked at: some may be as they should be."""
_WORDS, _WORD_CHARS = 3, 20
"""Words with letters outside ASCII that the notice shows, by which a reader sees whether the guess is right."""
_EVIDENCE_BYTES = 1 << 16
"""Lines outside ASCII by which the code page is detected."""
_BETWEEN_WORDS = re.compile(rb"[\x00-\x2f\x3a-\x3f]+")
"""Space and marks; digits and what follows them are bytes of characters in multi-byte code pages."""
_MESS_BAND = 0.05
"""Difference of charset-normalizer's mess ratio within which the language decides."""
_MIXED_SHARE = 0.1
"""Share of UTF-8 among the lines outside ASCII from which a multi-byte text is a mixture."""


def read_lines(path: Path) -> bytes:
    """Return the content of a file of lines.

    Raises: CorpusError: a line is longer than MAX_LINE_BYTES; found before the file is in memory.
    """
    number, length = 1, 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            *ended, last = _LINE_END.split(chunk)
            length = len(last) if ended else length + len(chunk)
            if length > MAX_LINE_BYTES:
                reason = (
                    f"a line of more than {MAX_LINE_BYTES:,} bytes: is it one message per line? Write each row on a "
                    "separate line; save one JSON document as .json"
                )
                raise CorpusError.at(path, number, reason)
            number += len(ended)
    return path.read_bytes()


def lines_of(text: str) -> list[str]:
    """Return the lines of a text; classic Mac OS ends them with a carriage return alone."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def read_document(path: Path, advice: str) -> bytes:
    """Return the content of a file that is parsed as a whole.

    Args: advice: what to do with a larger file.

    Raises: CorpusError: the file is larger than MAX_DOCUMENT_BYTES; found before it is in memory.
    """
    if (size := path.stat().st_size) > MAX_DOCUMENT_BYTES:
        reason = f"{size:,} bytes; at most {MAX_DOCUMENT_BYTES:,} are read as a whole: {advice}"
        raise CorpusError.at(path, None, reason)
    return path.read_bytes()


def read_text(path: Path) -> str:
    """Return a UTF-8 file's text without a byte order mark.

    Raises: CorpusError: the file is not UTF-8, and each line with an invalid byte is named; or as `read_lines`.
    """
    content = read_lines(path)
    try:
        return content.decode("utf-8").lstrip(_MARK)
    except UnicodeDecodeError:
        raise CorpusError(list(_wrong_bytes(str(path), content))) from None


def decode(content: bytes, file: str, encoding: str | None = None) -> tuple[str, list[Problem]]:
    """Decode UTF-8, UTF-16 and UTF-32 with or without their mark, or a detected code page with a notice.

    Args: encoding: what the caller knows the file to be in; None: detect it.

    Returns: The text without a mark, and a notice if the encoding is a guess.

    Raises:
        CorpusError: not a text in this encoding, a mixture of encodings, or in no code page that can be told;
            each line with an invalid byte is named.
    """
    if encoding is not None:
        return _decoded(content, encoding, file, f"it is not {encoding} (--encoding)"), []
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    if name := marked or _unmarked(content[:4096]):
        return _decoded(content, name, file, f"the file begins as {name.upper()} but is damaged"), []
    try:
        text = content.decode("utf-8").lstrip(_MARK)
        return text, _decoded_twice(text, file)
    except UnicodeDecodeError:
        pass
    name = _code_page(content)
    try:
        text = content.decode(name or "ascii")
    except UnicodeDecodeError:
        raise CorpusError(list(_wrong_bytes(file, content))) from None
    wrong = next(_wrong_bytes(file, content))
    line = _LINE_END.split(content)[(wrong.line or 1) - 1].decode(name or "ascii").strip()
    shown = _NAMES.get(name or "", f"Windows-{(name or '')[2:]}")
    words = dict.fromkeys(found[0][:_WORD_CHARS] for found in _FOREIGN_WORD.finditer(text))
    sample = f", with words such as {', '.join(list(words)[:_WORDS])}" if words else ""
    reason = (
        f"not UTF-8, read as {shown}: {line[:60]!r}{sample}; "
        "if that is wrong, name the right one with --encoding"
    )
    return text, [Problem(file, wrong.line, reason)]


def _decoded_twice(text: str, file: str) -> list[Problem]:
    """Return a notice if words are UTF-8 that was read as Windows-1252 and saved again, such as `GrÃ¶ÃŸe`."""
    for found in itertools.islice(_TWICE.finditer(text), _TWICE_LOOKED_AT):
        try:
            right = found[0].encode("cp1252").decode("utf-8")
        except UnicodeError:
            continue  # as it should be: SÃO, Âge
        start, end = max(0, found.start() - _WORD_CHARS), found.end() + _WORD_CHARS
        near = (
            _PARTS.split(text[start : found.start()])[-1]
            + found[0]
            + _PARTS.split(text[found.end() : end])[0]
        )
        reason = (
            f"{near!r} seems to hold {right!r}, read in a wrong code page and saved again: it is taught as it stands; "
            "export the messages again as UTF-8"
        )
        return [Problem(file, text.count("\n", 0, found.start()) + 1, reason)]
    return []


def _code_page(content: bytes) -> str | None:
    """Return the code page in which the text makes the most sense; None: it is ambiguous, or a mixture."""
    from charset_normalizer import from_bytes  # not in every image that imports `data`

    lines = [line for line in _LINE_END.split(content) if not line.isascii()]
    size, evidence = 0, []
    for line in lines:
        evidence.append(line if len(line) <= _EVIDENCE_BYTES else _words(line))
        if (size := size + len(line)) > _EVIDENCE_BYTES:
            break
    if (page := alphabet_page(evidence)) is not None:
        return None if any(map(_is_utf8, lines)) else page
    found = from_bytes(b"\n".join(evidence), cp_isolation=list(_CODE_PAGES), preemptive_behaviour=False)
    pages = [(page, match) for match in found for page in match.could_be_from_charset if page in _CODE_PAGES]
    if not pages:
        return None
    cleanest = min(match.chaos for _, match in pages)
    page, match = max(
        ((page, match) for page, match in pages if match.chaos <= cleanest + _MESS_BAND),
        key=lambda found: (
            -len(_SYMBOL_IN_WORD.findall(str(found[1]))),
            found[1].coherence,
            -_CODE_PAGES.index(found[0]),
        ),
    )
    if not match.coherence and page not in ("cp1252", *_MULTIBYTE):
        return None  # letters, but of no language
    utf8 = sum(map(_is_utf8, lines))
    # A short line in GBK may be valid UTF-8 by chance; one in a single-byte code page hardly ever is.
    return None if utf8 > (_MIXED_SHARE * len(lines) if page in _MULTIBYTE else 0) else page


def _words(line: bytes) -> bytes:
    """Return words outside ASCII of a line, such as a whole JSON file: looking at all takes 100 times its memory."""
    found = b" ".join(word for word in _BETWEEN_WORDS.split(line) if not word.isascii())
    return (
        found
        if len(found) <= _EVIDENCE_BYTES
        else found[:_EVIDENCE_BYTES].rpartition(b" ")[0] or found[:_EVIDENCE_BYTES]
    )


def _decoded(content: bytes, name: str, file: str, failure: str) -> str:
    try:
        return content.decode(name).lstrip(_MARK)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        reason = f"{failure} at byte {error.start + 1}: name the right encoding with --encoding, or save it as UTF-8"
        raise CorpusError.at(file, line, reason) from None
    except (LookupError, ValueError):
        reason = (
            f"unknown encoding {name!r} (--encoding): names are such as utf-8, cp1252, cp1251, gbk, shift_jis"
        )
        raise CorpusError.at(file, None, reason) from None


def _unmarked(beginning: bytes) -> str | None:
    """Return the UTF-32 or UTF-16 that a text without a mark is in: its line ends and ASCII stand out."""
    for name in _UNMARKED if b"\0" in beginning else ():
        try:
            text = beginning[: len(beginning) // 4 * 4].decode(name, "strict" if "32" in name else "ignore")
        except UnicodeDecodeError:
            continue
        ascii_share = sum(character.isascii() for character in text) / max(len(text), 1)
        if "\0" not in text and ascii_share > 0.05 and 2 * text.count("\n") >= beginning.count(b"\n"):
            return name
    return None


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _wrong_bytes(file: str, content: bytes) -> Iterator[Problem]:
    for number, line in enumerate(_LINE_END.split(content), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            byte = line[error.start]
            around = line[max(0, error.start - 15) : error.end + 15].decode("cp1252", "replace").strip()
            reason = f"not UTF-8: byte 0x{byte:02X} at byte {error.start + 1} of the line, near {around!r}"
            yield Problem(
                file,
                number,
                f"{reason}; name the file's encoding with --encoding, or save it as UTF-8",
                kind="lines are not UTF-8: name the file's encoding with --encoding, or save it as UTF-8",
            )
