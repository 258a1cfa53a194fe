"""Read a folder of e-mails, one per file, whose folders are the intents: `refund/0001.eml`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses
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


@dataclass(frozen=True, slots=True)
class Mail:
    """What is read of an e-mail."""

    subject: str
    text: str
    sender: str
    """The address, in lower case; empty: the e-mail does not have one."""
    recipients: tuple[str, ...]


def read_mails(folder: Path, paths: list[Path]) -> Rows:
    """Read subject and text of every e-mail that a customer wrote; the intent is the folder's name."""
    result = Rows()
    mails: dict[Path, Mail] = {}
    for path in paths:
        if path.parent == folder:
            reason = "an e-mail beside the folders: put it into one with the name of its intent"
            result.problems.append(
                Problem(str(path), None, reason, kind="e-mails are in no folder of an intent")
            )
            continue
        try:
            mails[path] = _content(read_document(path, "save it without its attachments"))
        except CorpusError as error:
            result.problems.extend(error.problems)
        # Headers that the parser cannot take.
        except (LookupError, ValueError, AttributeError, TypeError) as error:
            result.problems.append(Problem(str(path), None, f"an e-mail that cannot be read: {error}"))
    agents = _agents(list(mails.values()))
    result.rows = [
        Row(1, mail.text, path.parent.name, file=path.relative_to(folder).as_posix(), subject=mail.subject)
        for path, mail in mails.items()
        if mail.sender not in agents
    ]
    reason = f"{len(result.rows):,} e-mails, one per file; the intents are the names of their folders"
    if left_out := len(mails) - len(result.rows):
        reason += f"; not taken: {left_out:,} that agents wrote ({', '.join(sorted(agents)[:5])})"
    result.notices.append(Problem(str(folder), None, reason))
    return result


def _agents(mails: Sequence[Mail]) -> frozenset[str]:
    """Return the senders that are the shop: the address to which most customers write, and others of its domain.

    If somebody of that domain writes to the address, customers are colleagues, or the domain is a provider's.
    """
    writers: dict[str, list[str]] = defaultdict(list)
    for mail in mails:
        for address in mail.recipients:
            writers[address].append(mail.sender)
    shop = max(writers, key=lambda address: (len(set(writers[address])), len(writers[address])), default="")
    if len(set(writers[shop])) < 2 and 3 * len(writers[shop]) <= 2 * len(mails):
        return frozenset()
    domain = shop[shop.find("@") :]
    is_shops = not any(sender.endswith(domain) for sender in writers[shop] if sender != shop)
    senders = {mail.sender for mail in mails} - {""}
    return frozenset(one for one in senders if one == shop or (is_shops and one.endswith(domain)))


def _content(content: bytes) -> Mail:
    """Return the content of an e-mail; the text comes before the HTML."""
    content = _LINE_END.split(content, maxsplit=1)[-1] if content.startswith(b"From ") else content
    message = message_from_bytes(content, policy=policy.default)
    if not isinstance(message, EmailMessage):
        raise TypeError("no message")
    body = message.get_body(("plain", "html"))
    text = "" if body is None else body.get_content()
    subject = str(message.get("Subject", "")).strip()
    senders, recipients = (_addresses(message, name) for name in ("From", "To"))
    return Mail(subject, text if isinstance(text, str) else "", next(iter(senders), ""), recipients)


def _addresses(message: EmailMessage, name: str) -> tuple[str, ...]:
    found = getaddresses(list(map(str, message.get_all(name, []))))
    return tuple(dict.fromkeys(address.casefold() for _, address in found if "@" in address))
