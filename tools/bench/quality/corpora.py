"""Load published corpora for tests and benchmarks: Bitext, Banking77, CLINC150.

The shipped bundle is never trained on them. Tables have the columns `data.loading.COLUMNS`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.errors import ChatbotError
from data.columns import Columns
from data.errors import CorpusError, Problem
from data.fetch import BITEXT_FILE
from data.loading import load_corpus, table_of
from data.placeholders import fill_all
from data.rows import Row
from data.text import read_text

_ROOT = Path(__file__).resolve().parents[3]
_REMEDY = (
    "put bitext/bitext_customer_support.csv, banking77/train.csv and test.csv, and clinc150/data_full.json, "
    "as published, into a folder and set CHATBOT_SHARED_DATA to it"
)


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
        raise MissingDataError(f"no folder {folder}: {_REMEDY}")
    return folder


def bitext_file() -> Path:
    """Return Bitext's published CSV: shared, else the one that `data.fetch` downloaded.

    Raises:
        MissingDataError: it is in neither place.
    """
    try:
        return _file("bitext", "bitext_customer_support.csv")
    except MissingDataError as error:
        if (fetched := _ROOT / BITEXT_FILE).exists():
            return fetched
        raise MissingDataError(f"{error}, or fetch it with `python -m data.fetch bitext`") from None


def load_bitext() -> pd.DataFrame:
    """Load Bitext: 26,872 rows, 27 intents, placeholders unfilled."""
    return load_corpus(bitext_file(), Columns("instruction", "intent", "category"))


def bitext() -> pd.DataFrame:
    """Load Bitext with filled placeholders and cleaned messages, as training reads it."""
    rows = fill_all(load_bitext())
    return rows.assign(message=cleaned(rows))


def load_banking77(part: Literal["train", "test"]) -> pd.DataFrame:
    """Load Banking77: 10,003 training rows, 3,080 test rows, 77 intents."""
    return load_corpus(_file("banking77", f"{part}.csv"), Columns("text", "category"))


def whole_banking77() -> pd.DataFrame:
    """Load both parts of Banking77."""
    return pd.concat([load_banking77("train"), load_banking77("test")], ignore_index=True)


def load_clinc150(part: Literal["train", "val", "test"]) -> pd.DataFrame:
    """Load CLINC150: 150 intents in 15,000, 3,000 or 4,500 rows, and 100, 100 or 1,000 out-of-scope rows.

    The out-of-scope rows come last and are labelled `out_of_scope`.
    """
    file = _file("clinc150", "data_full.json")
    try:
        parts = json.loads(read_text(file))
        pairs = [*parts[part], *((message, OUT_OF_SCOPE) for message, _ in parts[f"oos_{part}"])]
        rows = [Row(number, message, intent) for number, (message, intent) in enumerate(pairs, start=1)]
    except (ValueError, KeyError, TypeError) as error:
        reason = f"not CLINC150's data_full.json (lists of [message, intent] by part): {error!r}"
        raise CorpusError([Problem(str(file), None, reason)]) from error
    return table_of(rows, f"{file.name}/{part}")


def whole_clinc150() -> pd.DataFrame:
    """Load all parts of CLINC150, each followed by its out-of-scope rows."""
    return pd.concat([load_clinc150("train"), load_clinc150("val"), load_clinc150("test")], ignore_index=True)


def in_scope(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have an intent."""
    return rows[rows["intent"] != OUT_OF_SCOPE]


def out_of_scope(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows labelled `out_of_scope`."""
    return rows[rows["intent"] == OUT_OF_SCOPE]


def cleaned(rows: pd.DataFrame) -> list[str]:
    """Return the messages as the service cleans them."""
    return [clean(message) for message in rows["message"]]


def intents_of(rows: pd.DataFrame) -> NDArray[np.str_]:
    """Return the labels, shape (n,)."""
    return rows["intent"].to_numpy(dtype=np.str_)


def _file(*names: str) -> Path:
    file = shared_data().joinpath(*names)
    if not file.exists():
        raise MissingDataError(f"{'/'.join(names)} is not at {file}: {_REMEDY}")
    return file
