"""Read training input: a processed corpus with the digest of its bytes, and the replies."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from chatbot.dialog.language import spoken_languages
from chatbot.dialog.language_texts import TEXTS
from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.dialog.replies import Replies, ReplyText
from chatbot.records.erasure import REVIEWED
from chatbot.settings import SlotSettings
from data.checks import Report
from data.columns import Columns
from data.decisions import DECISIONS_FILE, beside
from data.declarations import DECLARED_FILE, NOTHING, Declared, read_declared
from data.digest import corpus_digest
from data.errors import CorpusError, Problem
from data.labels import label_key, words_of
from data.loading import SHIPPED, load_checked, read_corpus
from data.placeholders import fill_all
from data.processing import CORPUS_COLUMNS, ProcessParams, process, read_processed
from data.replies import match_replies, own_replies, read_folder_replies, read_replies

_ROOT = Path(__file__).resolve().parents[2]

MAX_EXAMPLES = 5
DEFAULT_REPLY = (
    "This is about: {title}. You will find it explained at {help_url}, or write to {support_email} and a colleague "
    "will help you."
)
"""In English; `chatbot.dialog.language_texts` has those of other languages."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A processed corpus (`data.processing.CORPUS_COLUMNS`) with its digest and, if checked now, its report."""

    rows: pd.DataFrame
    digest: str
    report: Report | None = None
    replies: Mapping[str, ReplyText] = field(default_factory=dict)
    """Its own replies by intent."""
    kept: frozenset[str] = frozenset()
    """Row hashes whose label a person confirmed."""
    declared: Declared = NOTHING
    """The declared changes, which are applied."""

    @property
    def train(self) -> pd.DataFrame:
        """In-scope rows that train the classifier."""
        return self.rows[self.rows["intent"] != OUT_OF_SCOPE]

    @property
    def tuning(self) -> pd.DataFrame:
        """Out-of-scope rows that tune the thresholds."""
        return self.rows[self.rows["intent"] == OUT_OF_SCOPE]


def read(path: Path, params: ProcessParams, columns: Columns | None = None, strict: bool = False) -> Corpus:
    """Read a processed corpus unchanged; check, fill and group any other corpus.

    Raises: CorpusError: lists every unusable row by file, line and reason.
    """
    if is_processed(path):
        rows = _cleaned(read_processed(path))
        declared = read_declared(path.parent / DECLARED_FILE)
        return Corpus(rows, corpus_digest(path), replies=_shipped_replies(rows), declared=declared)
    loaded, report = load_checked(path, columns, strict=strict)
    replies, notices = own_replies(path, loaded.replies)
    report.warnings.extend(notices)
    changes = [beside(path, name) for name in (DECISIONS_FILE, DECLARED_FILE)]
    as_is = path.is_file() and not any(file.exists() for file in changes)
    # A folder has no single file for DVC's digest.
    hashes = "\n".join(sorted(loaded.table["row_hash"])).encode()
    digest = corpus_digest(path) if as_is else hashlib.md5(hashes, usedforsecurity=False).hexdigest()
    rows = _cleaned(process(loaded.table, params))
    return Corpus(rows, digest, report, loaded.declared.texts(replies), loaded.kept, loaded.declared)


def read_labelled(path: Path, columns: Columns, labels: Sequence[str] = ()) -> pd.DataFrame:
    """Read the rows of any labelled corpus for scoring, placeholders filled.

    Args: labels: intents of the bundle to score; another spelling of one in the corpus is this one.

    Raises: CorpusError: a row is unusable.
    """
    if is_processed(path):
        return read_processed(path)
    loaded = read_corpus(path, columns)
    if loaded.problems:
        raise CorpusError(loaded.problems)
    frame = loaded.table
    spelt = {label_key(label): label for label in labels}
    intents = [
        intent if intent in labels else spelt.get(label_key(intent), intent) for intent in frame["intent"]
    ]
    return fill_all(frame.assign(intent=pd.Series(intents, index=frame.index, dtype="str")), seed=0)


def replies_for(
    intents: list[str], source: Path | None, train: pd.DataFrame, own: Mapping[str, ReplyText] | None = None
) -> tuple[Replies, list[str], list[Problem]]:
    """Build the reply of every intent, with a category and a few examples from the rows `train`.

    Args:
        source: what `data.replies.read_replies` reads; None: `own`, the corpus's own replies. An intent that shares a
            name with the shipped corpus gets its reply only if the source is that corpus.

    Returns: the replies, the intents that got the default reply, and notices about replies without an intent.

    Raises: ChatbotError: the source holds no replies, or a slot of a reply has no value.
    """
    texts = read_replies(source) if source is not None else own or {}
    written, notices = match_replies(texts, intents, str(source or "the corpus"))
    examples = {
        str(intent): tuple(sorted(messages, key=len)[:MAX_EXAMPLES])
        for intent, messages in _shown(train).groupby("intent")["message"]
    }
    categories = train.groupby("intent")["category"].first()
    replies: dict[str, ReplyText] = {}
    missing: list[str] = []
    default = _default_reply(train["message"].tolist())
    for intent in intents:
        title = title_of(intent)
        text = written.get(intent, ReplyText(response=""))
        if not text.response.strip():
            missing.append(intent)
            bare = title.replace("{", "").replace("}", "")
            text = text.model_copy(update={"response": default.replace("{title}", bare)})
        replies[intent] = text.model_copy(
            update={
                "category": text.category or str(categories.get(intent, "")),
                "title": text.title or title,
                "examples": text.examples or tuple(examples.get(intent, ())),
            }
        )
    result = Replies(replies)
    result.filled(SlotSettings().values())  # a slot without a value is named before minutes of training
    return result, missing, notices


def title_of(intent: str) -> str:
    """Return an intent's name as customers read it: `cancel_order` is "Cancel order".

    A name that people wrote for people, with a space or as one hyphenated word (`VPN access`, `Wi-Fi`), stays as it is.
    """
    name = " ".join(intent.split())
    is_title = (
        " " in name or (name[:1].isupper() and name.count("-") == 1) or (name.isupper() and len(name) < 6)
    )
    if is_title and not set(name) & set("_."):
        return name[:1].upper() + name[1:]
    return words_of(intent).capitalize()


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that a bundle may show: a customer's message could not be erased from it."""
    return rows[~rows["source"].str.startswith(REVIEWED)]


def _default_reply(messages: list[str]) -> str:
    """Return the default reply in the language of most messages."""
    main = next(iter(spoken_languages(messages)), "en")
    return TEXTS[main].default_reply if main in TEXTS else DEFAULT_REPLY


def _shipped_replies(rows: pd.DataFrame) -> dict[str, ReplyText]:
    """Return the shipped replies of the intents whose rows come from the shipped corpus."""
    shipped = set(rows.loc[rows["source"].str.startswith(SHIPPED), "intent"])
    folder = _ROOT / SHIPPED
    replies = read_folder_replies(folder) if shipped and folder.is_dir() else {}
    replies = read_declared(beside(folder, DECLARED_FILE)).texts(replies)
    return {intent: text for intent, text in replies.items() if intent in shipped}


def _cleaned(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(message=rows["message"].map(clean))


def is_processed(path: Path) -> bool:
    """Whether a file is a processed corpus."""
    if path.suffix != ".parquet":
        return False
    try:
        return set(CORPUS_COLUMNS) <= set(pq.read_schema(path).names)
    except (OSError, pa.ArrowException):
        return False
