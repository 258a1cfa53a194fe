"""Convert a loaded corpus to training input: fill, split and write it, with equal bytes for equal input."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field

from chatbot.files import replacing, write_file
from chatbot.formulas import to_cell
from data.checks import Report
from data.errors import CorpusError, Problem
from data.params import read_section
from data.placeholders import fill_all
from data.similarity import SIMILARITY
from data.splitting import PARTS, SPLIT_COLUMNS, TRAIN, split
from data.text import read_text

CORPUS_COLUMNS = ("message", "intent", "category", "part", "group", "row_hash", "source")
"""Columns of a processed corpus, all text."""
CORPUS_FILE, SPLITS_FILE, LEFT_OUT_FILE, REPORT_FILE = (
    "corpus.parquet",
    "splits.csv",
    "left_out.csv",
    "report.json",
)

_HASH = re.compile(r"[0-9a-f]{32}")


class ProcessParams(BaseModel):
    """Parameters in section `process` of params.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    seed: int = 0
    """Determines placeholder values and the parts of new groups."""
    test_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of new groups assigned to a fixed test part, of which nothing is learned. 0: there is none, also for rows
    that had a part `test` before; every row teaches, and scores are out-of-fold."""
    similarity: float = Field(default=SIMILARITY, gt=0, le=1)
    """Minimum cosine at which two messages of an intent are near-duplicates."""


@dataclass(frozen=True, slots=True)
class Processed:
    """A corpus ready for training."""

    corpus: pd.DataFrame
    """CORPUS_COLUMNS, in the order of the source corpus, without the rows that were left out."""
    splits: pd.DataFrame
    """`data.splitting.SPLIT_COLUMNS`: passed as `earlier` when the corpus has grown."""
    left_out: pd.DataFrame
    """`data.splitting.LEFT_OUT_COLUMNS`: rows that would link train and test (data leakage)."""
    new_rows: int
    """Rows that are not in `earlier`."""


def process(
    corpus: pd.DataFrame, params: ProcessParams | None = None, earlier: pd.DataFrame | None = None
) -> Processed:
    """Fill a corpus's placeholders and split it.

    Near-duplicates are detected on the messages with unfilled placeholders, so that a row's group does not
    depend on the generated values.

    Args:
        corpus: `data.loading.COLUMNS`, as loaded; several corpora are concatenated.
        params: None: the defaults.
        earlier: the `splits` of the previous run; None: the first run. Its parts apply if it has a test part.
    """
    params = params or ProcessParams()
    if earlier is not None and not params.test_share:
        earlier = earlier.assign(part=TRAIN)
    done = split(
        corpus, earlier, seed=params.seed, test_share=params.test_share, similarity=params.similarity
    )
    places = done.table.set_index("row_hash")
    kept = corpus[~corpus["row_hash"].isin(done.left_out["row_hash"])]
    filled = fill_all(kept, params.seed)
    for column in ("group", "part"):
        filled[column] = kept["row_hash"].map(places[column])
    return Processed(
        corpus=filled[list(CORPUS_COLUMNS)].reset_index(drop=True),
        splits=done.table,
        left_out=done.left_out,
        new_rows=done.new_rows,
    )


def untrained(corpus: pd.DataFrame) -> list[str]:
    """Return the intents of a processed corpus that have no row in train: they cannot be trained."""
    trained = set(corpus.loc[corpus["part"] == TRAIN, "intent"])
    return sorted(set(corpus["intent"]) - trained)


def report_of(processed: Processed, checked: Report, params: ProcessParams) -> dict[str, Any]:
    """Return the content of report.json: counts, warnings, rows left out; no timestamps or other run details."""
    corpus = processed.corpus
    counts = corpus.groupby(["intent", "part"]).size().unstack(fill_value=0)
    return {
        **checked.as_dict(),
        "params": params.model_dump(),
        "groups": int(corpus["group"].nunique()),
        "parts": {part: int((corpus["part"] == part).sum()) for part in PARTS},
        "per_intent": {
            str(intent): {part: int(row.get(part, 0)) for part in PARTS} for intent, row in counts.iterrows()
        },
        "left_out": processed.left_out.to_dict(orient="records"),
    }


def write(processed: Processed, checked: Report, params: ProcessParams, folder: Path) -> None:
    """Write the four files, each as an atomic write; the same processed corpus gives the same bytes."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"cannot be made a folder ({error.strerror}): give another --out"
        raise CorpusError([Problem(str(folder), None, reason)]) from None
    columns = {name: pa.array(processed.corpus[name].tolist(), pa.string()) for name in CORPUS_COLUMNS}
    report = json.dumps(report_of(processed, checked, params), indent=2, ensure_ascii=False, sort_keys=True)
    # Splits first: after a crash here, the next run derives the same corpus from them.
    write_file(folder / SPLITS_FILE, processed.splits.to_csv(index=False, lineterminator="\n"), sync=False)
    # Written without pandas, whose metadata differs between versions.
    with replacing(folder / CORPUS_FILE, sync=False) as draft:
        pq.write_table(pa.table(columns), draft, compression="zstd")
    left_out = processed.left_out.map(to_cell)
    write_file(folder / LEFT_OUT_FILE, left_out.to_csv(index=False, lineterminator="\n"), sync=False)
    write_file(folder / REPORT_FILE, report + "\n", sync=False)


def read_processed(path: Path) -> pd.DataFrame:
    """Read a processed corpus from its file or its folder.

    Raises:
        CorpusError: it does not exist, or a column of CORPUS_COLUMNS is missing.
    """
    file = path / CORPUS_FILE if path.is_dir() else path
    if not file.exists():
        raise CorpusError([Problem(str(file), None, "no such file: make it with `python -m data.process`")])
    table = pq.read_table(file)
    missing = [name for name in CORPUS_COLUMNS if name not in table.column_names]
    if missing:
        reason = f"no column {', '.join(missing)}: make it with `python -m data.process`"
        raise CorpusError([Problem(str(file), None, reason)])
    return pd.DataFrame({name: table.column(name).to_pylist() for name in CORPUS_COLUMNS}, dtype="str")


def read_splits(path: Path) -> pd.DataFrame | None:
    """Read the parts assigned to earlier rows; None if the file does not exist.

    Raises:
        CorpusError: a line does not match SPLIT_COLUMNS; every such line is named.
    """
    if not path.exists():
        return None
    header, *lines = read_text(path).splitlines() or [""]
    if header.split(",") != list(SPLIT_COLUMNS):
        needed = ",".join(SPLIT_COLUMNS)
        raise CorpusError([Problem(str(path), 1, f"the columns are {header!r}, not {needed!r}")])
    rows = [tuple(line.split(",")) for line in lines]
    problems: list[Problem] = []
    parts: dict[str, str] = {}
    seen: set[str] = set()
    for number, row in enumerate(rows, start=2):
        reason: str | None = None
        if len(row) != len(SPLIT_COLUMNS) or not _HASH.fullmatch(row[0]) or row[2] not in PARTS:
            reason = f"{','.join(row)!r} is not a row hash, group and part ({' or '.join(PARTS)})"
        elif row[0] in seen:
            reason = f"row {row[0]} occurs twice"
        elif parts.setdefault(row[1], row[2]) != row[2]:
            reason = f"group {row[1]} is in train and in test"
        if reason:
            advice = "restore the file with `dvc checkout`, or delete it to split again"
            problems.append(Problem(str(path), number, f"{reason}: {advice}"))
        seen.add(row[0])
    if problems:
        raise CorpusError(problems)
    return pd.DataFrame(rows, columns=list(SPLIT_COLUMNS), dtype="str")


def read_left_out(path: Path) -> list[str]:
    """Return the row hashes in a left_out.csv; none if the file does not exist."""
    return pd.read_csv(path, usecols=["row_hash"], dtype="str")["row_hash"].tolist() if path.exists() else []


def read_params(path: Path, options: Mapping[str, object] | None = None) -> ProcessParams:
    """Read section `process` of a params.yaml, see `data.params.read_section`."""
    return read_section(ProcessParams, path, "process", options)
