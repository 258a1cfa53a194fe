"""Load published corpora for tests and benchmarks: Bitext, Banking77, CLINC150.

The shipped bundle is never trained on them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

import pandas as pd

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.errors import ChatbotError
from data.errors import CorpusError, Problem
from data.fetch import BITEXT_FILE
from data.loading import load_corpus, table_of
from data.rows import Row
from data.text import read_text

_ROOT = Path(__file__).resolve().parents[3]


class MissingDataError(ChatbotError):
    """A published corpus is missing; the message names the path searched and how to obtain it."""

    type = "missing_data"


def shared_data() -> Path:
    """Return the folder of the published corpora: CHATBOT_SHARED_DATA, else `../shared/data` beside the project.

    Raises:
        MissingDataError: the folder does not exist.
    """
    folder = Path(os.environ.get("CHATBOT_SHARED_DATA") or _ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        raise MissingDataError(f"no published corpora at {folder}: set CHATBOT_SHARED_DATA to their folder")
    return folder


def load_bitext(root: Path | None = None) -> pd.DataFrame:
    """Load Bitext: 26,872 rows, 27 intents, columns `data.loading.COLUMNS`, placeholders unfilled.

    Args:
        root: the folder of the published corpora; None: `shared_data()`, else the file that `data.fetch`
            downloaded.

    Raises:
        MissingDataError: the corpus is in neither place.
    """
    fetched = _ROOT / BITEXT_FILE
    try:
        file = _file(root, "bitext", "bitext_customer_support.csv")
    except MissingDataError as error:
        if not fetched.exists():
            raise MissingDataError(f"{error}, or fetch it with `python -m data.fetch bitext`") from None
        file = fetched
    return load_corpus(file, message_column="instruction", intent_column="intent", category_column="category")


def load_banking77(part: Literal["train", "test"], root: Path | None = None) -> pd.DataFrame:
    """Load Banking77: 10,003 training rows, 3,080 test rows, 77 intents, columns `data.loading.COLUMNS`."""
    file = _file(root, "banking77", f"{part}.csv")
    return load_corpus(file, message_column="text", intent_column="category")


def load_clinc150(part: Literal["train", "val", "test"], root: Path | None = None) -> pd.DataFrame:
    """Load CLINC150: 150 intents in 15,000, 3,000 or 4,500 rows, and 100, 100 or 1,000 out-of-scope rows.

    Returns:
        Columns `data.loading.COLUMNS`; the out-of-scope rows come last and are labelled `out_of_scope`.
    """
    file = _file(root, "clinc150", "data_full.json")
    try:
        parts = json.loads(read_text(file))
        pairs = [*parts[part], *((message, OUT_OF_SCOPE) for message, _ in parts[f"oos_{part}"])]
        rows = [Row(number, message, intent) for number, (message, intent) in enumerate(pairs, start=1)]
    except (ValueError, KeyError, TypeError) as error:
        reason = f"not CLINC150's data_full.json (lists of [message, intent] by part): {error!r}"
        raise CorpusError([Problem(str(file), None, reason)]) from error
    return table_of(rows, f"{file.name}/{part}")


def _file(root: Path | None, *names: str) -> Path:
    file = (root or shared_data()).joinpath(*names)
    if not file.exists():
        raise MissingDataError(f"{'/'.join(names)} is not at {file}: see CHATBOT_SHARED_DATA")
    return file
