"""Write and read the files that a corpus version holds beside the output of `data.process`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from chatbot.dialog.replies import Replies
from data.errors import CorpusError
from data.loading import COLUMNS
from training.corpus.versions import REPLIES_FILE, ROWS_FILE, RULES_FILE


def write_sources(folder: Path, rows: pd.DataFrame, replies: Replies, rules: Path) -> None:
    """Write the unprocessed rows, the replies without examples, and a copy of the rules."""
    write_rows(rows, folder / ROWS_FILE)
    (folder / REPLIES_FILE).write_text(without_examples(replies).dump(), encoding="utf-8")
    shutil.copyfile(rules, folder / RULES_FILE)


def write_rows(rows: pd.DataFrame, file: Path) -> None:
    """Write rows as Parquet with reproducible bytes; pandas would add metadata that differs between versions."""
    columns = {name: pa.array(rows[name].tolist(), pa.string()) for name in COLUMNS}
    pq.write_table(pa.table(columns), file, compression="zstd")


def read_rows(file: Path) -> pd.DataFrame:
    """Read rows from Parquet.

    Raises: CorpusError: the file cannot be read or lacks `data.loading.COLUMNS`.
    """
    try:
        table = pq.read_table(file, columns=list(COLUMNS))
    except (OSError, pa.ArrowException) as error:
        raise CorpusError.at(file, None, f"the rows cannot be read: {error}") from error
    return pd.DataFrame({name: table.column(name).to_pylist() for name in COLUMNS}, dtype="str")


def without_examples(replies: Replies) -> Replies:
    """Return replies without examples, which training selects from its rows."""
    return Replies(
        {intent: text.model_copy(update={"examples": ()}) for intent, text in replies.texts.items()}
    )
