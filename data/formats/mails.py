"""Read a folder of e-mails, one per file, whose folders are the intents: `refund/0001.eml`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from data.errors import CorpusError, Problem
from data.rows import Row, Rows
from data.text import read_document

_HEADER = re.compile(
    rb"(?:From \S+|(?:From|Return-Path|Received|Delivered-To|Message-ID|MIME-Version|X-[\w-]+)\s*:)", re.I
)
_LINE_END = re.compile(rb"\r\n|\r|\n")
_LINES = re.compile(rb"(?im)^(?:from|to|subject|date)\s*:")


def is_mail(path: Path) -> bool:
    """Whether a file is an e-mail with its headers (RFC 5322)."""
    if path.suffix.lower() == ".eml":
        return True
    with path.open("rb") as file:
        beginning = _LINE_END.sub(b"\n", file.read(1 << 14))
    head = beginning.partition(b"\n\n")[0]
    return bool(_HEADER.match(beginning)) and len(set(map(bytes.lower, _LINES.findall(head)))) > 2


def mail_paths(files: Sequence[Path]) -> list[Path]:
    """Return the `.eml` files of a folder, else its text files if they are e-mails."""
    if found := [path for path in files if path.suffix.lower() == ".eml"]:
        return found
    texts = [path for path in files if path.suffix.lower() in (".txt", "")]
    return [path for path in texts if is_mail(path)] if texts and is_mail(texts[0]) else []


def read_mails(folder: Path, paths: list[Path]) -> Rows:
    """Read subject and text of every e-mail; the intent is the folder's name."""
    result = Rows()
    for path in paths:
        name = path.relative_to(folder).as_posix()
        if path.parent == folder:
            reason = "an e-mail beside the folders: put it into one with the name of its intent"
            result.problems.append(
                Problem(str(path), None, reason, kind="e-mails are in no folder of an intent")
            )
            continue
        try:
            subject, text = _content(read_document(path, "save it without its attachments"))
        except CorpusError as error:
            result.problems.extend(error.problems)
            continue
        # Headers that the parser cannot take.
        except (LookupError, ValueError, AttributeError, TypeError) as error:
            result.problems.append(Problem(str(path), None, f"an e-mail that cannot be read: {error}"))
            continue
        result.rows.append(Row(1, text, path.parent.name, file=name, subject=subject))
    reason = f"{len(result.rows):,} e-mails, one per file; the intents are the names of their folders"
    result.notices.append(Problem(str(folder), None, reason))
    return result


def _content(content: bytes) -> tuple[str, str]:
    """Return subject and text of an e-mail; the text comes before the HTML."""
    content = _LINE_END.split(content, maxsplit=1)[-1] if content.startswith(b"From ") else content
    message = message_from_bytes(content, policy=policy.default)
    if not isinstance(message, EmailMessage):
        raise TypeError("no message")
    body = message.get_body(("plain", "html"))
    text = "" if body is None else body.get_content()
    return str(message.get("Subject", "")).strip(), text if isinstance(text, str) else ""
