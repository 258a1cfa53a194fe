"""Read a corpus that an operator gives to a deployment: a file, a folder, or an object of the store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from chatbot.dialog.replies import Replies
from chatbot.errors import SettingError
from chatbot.settings import StorageSettings
from chatbot.store import Missing, layout, open_store
from data.checks import Report
from data.columns import Columns
from data.declarations import NOTHING, Declared
from data.loading import load_checked
from data.replies import match_replies, own_replies, read_replies
from training.corpus.files import without_examples

STORE = "store:"
"""Prefix of a source that is an object of the store: `store:corpora/my_messages.csv.gz`."""


@dataclass(frozen=True, slots=True)
class GivenCorpus:
    """A checked corpus with its replies, without examples; an intent without one gets the default reply in training.

    The warnings of `report` include the notices of reading. `digest` is of rows, replies and declared changes: it names
    the corpus independently of its format and file name.
    """

    rows: pd.DataFrame
    replies: Replies
    report: Report
    digest: str
    declared: Declared = NOTHING
    """The declared changes; they are applied to rows and replies."""
    kept: frozenset[str] = frozenset()
    """Row hashes whose label a person confirmed."""


def read_given(
    corpus: str, replies: str, columns: Columns, storage: StorageSettings, folder: Path
) -> GivenCorpus:
    """Read and check a corpus and its replies, each a path, or a key of the store after `store:`.

    Objects of the store are written to `folder`. Without `replies`, the corpus's own are used.

    Raises:
        SettingError: the store has no such object.
        ChatbotError: the corpus or the replies cannot be used; the message has every reason.
    """
    path = _local(corpus, storage, folder)
    loaded, report = load_checked(path, columns)
    texts, notices = own_replies(path, loaded.replies)
    if replies:
        texts = read_replies(_local(replies, storage, folder))
    texts = loaded.declared.texts(texts)
    written, unmatched = match_replies(texts, set(loaded.table["intent"]), replies or path.name)
    report.warnings.extend([*notices, *unmatched])
    own = without_examples(Replies(written))
    said = [loaded.declared.dump()] if loaded.declared != NOTHING else []
    content = "\n".join([*sorted(loaded.table["row_hash"]), *sorted(own.dump().splitlines()), *said])
    digest = hashlib.sha256(content.encode()).hexdigest()[:32]
    return GivenCorpus(loaded.table, own, report, digest, loaded.declared, loaded.kept)


def _local(source: str, storage: StorageSettings, folder: Path) -> Path:
    if not source.startswith(STORE):
        return Path(source)
    key = source.removeprefix(STORE)
    store = open_store(storage)
    path = folder / PurePosixPath(key).name
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        store.get_file(key, path)
    except Missing:
        raise SettingError(
            f"{store} has no object {key}: put it there (a key below {layout.CORPORA}), and start the Job again"
        ) from None
    return path
