"""Convert a loaded corpus to training input: fill, group and write it, with equal bytes for equal input."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from chatbot.files import replacing, write_file
from data.checks import Report
from data.errors import CorpusError
from data.params import Params
from data.placeholders import fill_all
from data.similarity import SIMILARITY, groups

CORPUS_COLUMNS = ("message", "intent", "category", "group", "row_hash", "source")
"""Columns of a processed corpus, all text; near-duplicates share a `group`."""
CORPUS_FILE, REPORT_FILE = "corpus.parquet", "report.json"


class ProcessParams(Params):
    """Parameters in section `process` of params.yaml."""

    section = "process"

    seed: int = Field(default=0, ge=0)
    """Determines placeholder values."""
    similarity: float = Field(default=SIMILARITY, gt=0, le=1)
    """Minimum cosine at which two messages of an intent are near-duplicates."""


def process(corpus: pd.DataFrame, params: ProcessParams | None = None) -> pd.DataFrame:
    """Return a corpus (`data.loading.COLUMNS`) with CORPUS_COLUMNS, in the same order: filled and grouped.

    Near-duplicates are detected on the messages with unfilled placeholders, so that a row's group does not depend on
    the generated values. A group is named by its smallest row hash.
    """
    params = params or ProcessParams()
    rows = corpus.drop_duplicates("row_hash").sort_values("row_hash", kind="stable", ignore_index=True)
    numbers = groups(rows["message"].tolist(), rows["intent"].tolist(), params.similarity)
    names = rows["row_hash"].groupby(numbers).transform("first")
    group_of = dict(zip(rows["row_hash"], names, strict=True))
    filled = fill_all(corpus, params.seed).assign(group=corpus["row_hash"].map(group_of).astype("str"))
    return filled[list(CORPUS_COLUMNS)].reset_index(drop=True)


def write(processed: pd.DataFrame, checked: Report, params: ProcessParams, folder: Path) -> None:
    """Write corpus.parquet and report.json, each as an atomic write; the same processed corpus gives the same bytes."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"cannot be made a folder ({error.strerror}): give another --out"
        raise CorpusError.at(folder, None, reason) from None
    columns = {name: pa.array(processed[name].tolist(), pa.string()) for name in CORPUS_COLUMNS}
    # Written without pandas, whose metadata differs between versions.
    with replacing(folder / CORPUS_FILE, sync=False) as draft:
        pq.write_table(pa.table(columns), draft, compression="zstd")
    # No timestamps or other details of a run.
    report = checked.as_dict() | {
        "params": params.model_dump(),
        "groups": int(processed["group"].nunique()),
        "per_intent": processed["intent"].value_counts().to_dict(),
    }
    text = json.dumps(report, indent=2, ensure_ascii=False, sort_keys=True)
    write_file(folder / REPORT_FILE, text + "\n", sync=False)


def read_processed(path: Path) -> pd.DataFrame:
    """Read a processed corpus from its file or its folder.

    Raises: CorpusError: it does not exist, or a column of CORPUS_COLUMNS is missing.
    """
    file = path / CORPUS_FILE if path.is_dir() else path
    if not file.exists():
        raise CorpusError.at(file, None, "no such file: make it with `python -m data.process`")
    table = pq.read_table(file)
    missing = [name for name in CORPUS_COLUMNS if name not in table.column_names]
    if missing:
        reason = f"no column {', '.join(missing)}: make it with `python -m data.process`"
        raise CorpusError.at(file, None, reason)
    return pd.DataFrame({name: table.column(name).to_pylist() for name in CORPUS_COLUMNS}, dtype="str")
