"""Apply label decisions to a corpus: keep a label, move its row to another intent, or drop the row.

A decision is keyed by the row hash, which covers message and label: it never applies to a row that was relabelled
meanwhile. `python -m data.check` writes the suspects as CSV with an empty column `decision`; filled in and saved beside
the corpus (`beside`), it is the decisions file that loading applies.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.formulas import from_cell, to_cell
from data.errors import CorpusError, Problem
from data.messages import intent_fault, row_hash
from data.text import decode, lines_of, read_lines

if TYPE_CHECKING:
    import pandas as pd

DECISIONS_FILE = "decisions.csv"
BESIDE = (DECISIONS_FILE, "declared.yaml")
"""Files beside a corpus: label decisions, and declared changes (`data.declarations`)."""
ROW_HASH, DECISION = "row_hash", "decision"
COLUMNS = (DECISION, "label", "better", "quality", "message", "similar_1", "similar_2", "source", ROW_HASH)
"""Columns of the file that the label check writes; reading needs ROW_HASH and DECISION."""

_HASH = re.compile(r"[0-9a-f]{32}")
_DELIMITERS = (",", ";", "\t")


Names = Callable[[str], Sequence[str]]
"""Gives an intent's names in the order in which it gets them, beginning with its own (`Declared.names`)."""


class LabelAction(StrEnum):
    """What a decision does with a row."""

    KEEP = "keep"
    MOVE = "move"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class RowDecision:
    """A decision on the label of one row."""

    row_hash: str
    action: LabelAction
    intent: str = ""
    """Of MOVE: the right intent."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A corpus after its decisions."""

    table: pd.DataFrame
    moved: int
    dropped: int
    kept: frozenset[str]
    """Row hashes whose label was confirmed, under the last of their intent's names."""
    unused: int
    """Decisions whose row is not in the corpus (any more)."""


def apply_decisions(
    table: pd.DataFrame, decisions: Iterable[RowDecision], names: Names = lambda intent: (intent,)
) -> Applied:
    """Apply decisions, one after the other, to a corpus with the columns of `data.loading.COLUMNS`.

    A moved row gets the category of its new intent and a new row hash, by which a later decision may name it; all
    copies of a row are treated alike.

    Args: names: of the declared changes that follow: a decision may be about a row under any of its intent's names.
    """
    hashes = row_hashes(table, names)
    rows_of: dict[str, list[int]] = {}
    for row, found in enumerate(hashes):
        for one in found:
            rows_of.setdefault(one, []).append(row)
    messages = table["message"].tolist()
    moves: dict[int, str] = {}
    dropped: set[int] = set()
    kept: set[str] = set()
    unused = 0
    for decision in decisions:
        rows = [row for row in rows_of.get(decision.row_hash, ()) if decision.row_hash in hashes[row]]
        unused += not rows
        if decision.action is LabelAction.KEEP:
            kept.update(hashes[row][-1] for row in rows)
            continue
        for row in rows:
            if decision.action is LabelAction.DROP:
                dropped.add(row)
                hashes[row] = ()
            else:
                moves[row] = decision.intent
                hashes[row] = tuple(row_hash(messages[row], name) for name in names(decision.intent))
                for one in hashes[row]:
                    rows_of.setdefault(one, []).append(row)
    table = relabelled(table, moves)
    remains = [row not in dropped for row in range(len(table))]
    return Applied(
        table=table[remains].reset_index(drop=True) if dropped else table,
        moved=len(moves.keys() - dropped),
        dropped=len(dropped),
        kept=frozenset(kept),
        unused=unused,
    )


def row_hashes(table: pd.DataFrame, names: Names) -> list[tuple[str, ...]]:
    """Return the hashes of each row: its own, and those under the further names of its intent."""
    return [
        (own, *(row_hash(message, name) for name in names(intent)[1:]))
        for own, message, intent in zip(table["row_hash"], table["message"], table["intent"], strict=True)
    ]


def relabelled(table: pd.DataFrame, intents: dict[int, str]) -> pd.DataFrame:
    """Return the corpus with other intents in some rows (by position), and their categories and row hashes."""
    if not intents:
        return table
    import pandas as pd  # late: the review's commands and pages read decisions, and no table

    category_of = dict(zip(table["intent"], table["category"], strict=True))
    changed = table.to_dict("records")
    for place, intent in intents.items():
        row = changed[place]
        if intent != row["intent"]:
            category = category_of.get(intent, row["category"])
            row |= {"intent": intent, "category": category, "row_hash": row_hash(row["message"], intent)}
    return pd.DataFrame(changed, index=table.index, columns=table.columns, dtype="str")


def beside(corpus: Path, name: str) -> Path:
    """Return where a corpus's file of this name is: in a folder, or beside a file (`my.csv`: `my.decisions.csv`)."""
    return corpus / name if corpus.is_dir() else corpus.with_name(f"{corpus.stem}.{name}")


def is_named(file: Path, name: str) -> bool:
    """Whether a file has this name as a companion of a corpus (`beside`): `name` or `my.name`."""
    return file.name.casefold() == name or file.name.casefold().endswith(f".{name}")


def read_decisions(path: Path) -> list[RowDecision]:
    """Read a decisions file; see `parse_decisions`."""
    return parse_decisions(read_lines(path), str(path))


def parse_decisions(content: bytes, file: str) -> list[RowDecision]:
    """Parse a decisions file: CSV with the columns `row_hash` and `decision` (keep, drop, or an intent's name).

    Rows without a decision are skipped.

    Raises: CorpusError: a column is missing, or a line is not a decision; every such line is named.
    """
    text, _ = decode(content, file)
    mark = max(_DELIMITERS, key=lines_of(text)[0].count)
    try:
        lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark)
        names = [name.strip() for name in lines.fieldnames or ()]
        lines.fieldnames = names
        rows = [(lines.line_num, row) for row in lines]
    except csv.Error as error:
        raise CorpusError.at(file, None, f"not CSV: {error}") from None
    if missing := [name for name in (ROW_HASH, DECISION) if name not in names]:
        lacks = f"no column {' and no column '.join(missing)}: `python -m data.check` writes such a file"
        raise CorpusError.at(file, 1, lacks)
    found: dict[str, RowDecision] = {}
    problems: list[Problem] = []
    for number, row in rows:
        decision, key = from_cell(row[DECISION] or "").strip(), (row[ROW_HASH] or "").strip()
        if not decision:
            continue
        reason = (
            f"{key[:40]!r} is not a row hash: keep the column as it was written"
            if not _HASH.fullmatch(key)
            else intent_fault(decision)
        )
        made = _decision(key, decision)
        if not reason and found.setdefault(key, made) != made:
            reason = f"row {key} has two decisions: delete one"
        if reason:
            problems.append(Problem(file, number, reason))
    if problems:
        raise CorpusError(problems)
    return list(found.values())


def decisions_csv(rows: Iterable[Sequence[str]]) -> str:
    """Return rows of COLUMNS as CSV, for a spreadsheet: no cell is a formula."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(to_cell, row) for row in rows)
    return stream.getvalue()


def _decision(key: str, decision: str) -> RowDecision:
    if decision.casefold() in (LabelAction.KEEP, LabelAction.DROP):
        return RowDecision(key, LabelAction(decision.casefold()))
    return RowDecision(key, LabelAction.MOVE, decision)
