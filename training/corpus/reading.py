"""Read training input: a corpus split into parts, with the digest of its bytes, and the replies."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.dialog.replies import Replies, ReplyText
from data.checks import Report, check
from data.digest import corpus_digest
from data.errors import CorpusError, Problem
from data.folder import read_intents
from data.loading import Columns, load_corpus, read_corpus
from data.placeholders import fill_all
from data.processing import CORPUS_COLUMNS, ProcessParams, process, read_processed
from data.splitting import TEST, TRAIN

MAX_EXAMPLES = 5
DEFAULT_REPLY = (
    "This is about: {title}. You will find it explained at {{help_url}}, or write to {{support_email}} and a colleague "
    "will help you."
)


@dataclass(frozen=True, slots=True)
class Corpus:
    """A processed corpus (`data.processing.CORPUS_COLUMNS`) with its digest and, if checked now, its report."""

    rows: pd.DataFrame
    digest: str
    report: Report | None = None

    def part(self, name: str, out_of_scope: bool) -> pd.DataFrame:
        """Return the rows of a part: the out-of-scope ones or the in-scope ones."""
        outside = self.rows["intent"] == OUT_OF_SCOPE
        return self.rows[(self.rows["part"] == name) & (outside if out_of_scope else ~outside)]

    @property
    def train(self) -> pd.DataFrame:
        """In-scope rows that train the classifier."""
        return self.part(TRAIN, out_of_scope=False)

    @property
    def tuning(self) -> pd.DataFrame:
        """Out-of-scope rows that tune the thresholds."""
        return self.part(TRAIN, out_of_scope=True)

    @property
    def test(self) -> pd.DataFrame:
        """Held-out rows, in scope and out of scope; nothing is learned from them."""
        return self.rows[self.rows["part"] == TEST]


def read(path: Path, params: ProcessParams, columns: Columns | None = None, strict: bool = False) -> Corpus:
    """Read a processed corpus unchanged; check, fill and split any other corpus.

    Raises:
        CorpusError: lists every unusable row by file, line and reason.
    """
    if _is_processed(path):
        return Corpus(_cleaned(read_processed(path)), corpus_digest(path))
    frame, problems = read_corpus(path, columns or Columns())
    report = check(frame, strict=strict)
    if problems or not report.ok:
        raise CorpusError([*problems, *report.errors])
    digest = corpus_digest(path) if path.is_file() else _digest_of_rows(frame)
    return Corpus(_cleaned(process(frame, params).corpus), digest, report)


def read_labelled(path: Path, columns: Columns, part: str = "") -> pd.DataFrame:
    """Read the rows of any labelled corpus for scoring, placeholders filled.

    Args:
        part: `train` or `test` of a processed corpus; empty: all rows.

    Raises:
        CorpusError: a row is unusable, or a part is requested of a corpus without parts.
    """
    if _is_processed(path):
        rows = read_processed(path)
        return rows[rows["part"] == part] if part else rows
    if part:
        reason = f"it has no parts: make it with `python -m data.process`, or leave out --part {part}"
        raise CorpusError([Problem(str(path), None, reason)])
    frame = load_corpus(
        path,
        message_column=columns.message,
        intent_column=columns.intent,
        category_column=columns.category,
    )
    return fill_all(frame, seed=0)


def replies_for(intents: list[str], source: Path | None, train: pd.DataFrame) -> tuple[Replies, list[str]]:
    """Build the reply of every intent, with a category and a few examples.

    Args:
        source: a corpus folder (`intents/*.yaml`) or a replies.yaml; None: every reply is the default one.
        train: rows that provide categories and examples.

    Returns:
        The replies, and the intents that got the default reply because the source has none for them.
    """
    written = _written(source)
    examples = {
        str(intent): tuple(sorted(messages, key=len)[:MAX_EXAMPLES])
        for intent, messages in train.groupby("intent")["message"]
    }
    categories = train.groupby("intent")["category"].first()
    texts: dict[str, ReplyText] = {}
    missing: list[str] = []
    for intent in intents:
        title = intent.replace("_", " ").strip().capitalize()
        text = written.get(intent)
        if text is None:
            missing.append(intent)
            text = ReplyText(response=DEFAULT_REPLY.format(title=title.replace("{", "").replace("}", "")))
        texts[intent] = text.model_copy(
            update={
                "category": text.category or str(categories.get(intent, "")),
                "title": text.title or title,
                "examples": text.examples or tuple(examples.get(intent, ())),
            }
        )
    return Replies(texts), missing


def _written(source: Path | None) -> dict[str, ReplyText]:
    if source is None:
        return {}
    if source.is_file():
        return dict(Replies.load(source).texts)
    return {
        file.intent: ReplyText(response=file.reply, category=file.category, description=file.description)
        for file in read_intents(source)
        if file.reply
    }


def _digest_of_rows(frame: pd.DataFrame) -> str:
    """Return a digest over the row hashes; a folder has no single file for DVC's digest."""
    return hashlib.md5("\n".join(sorted(frame["row_hash"])).encode(), usedforsecurity=False).hexdigest()


def _cleaned(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(message=rows["message"].map(clean))


def _is_processed(path: Path) -> bool:
    if path.suffix != ".parquet":
        return False
    try:
        return set(CORPUS_COLUMNS) <= set(pq.read_schema(path).names)
    except (OSError, pa.ArrowException):
        return False
