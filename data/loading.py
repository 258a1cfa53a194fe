"""Load any corpus as one table: a file, an archive, a folder, or another product's export (`data.formats`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from chatbot.dialog.message import OUT_OF_SCOPE
from data.checks import Report, check
from data.columns import Columns
from data.decisions import DECISIONS_FILE, apply_decisions, beside, is_named, parse_decisions
from data.declarations import DECLARED_FILE, NOTHING, Declared, parse_declared
from data.errors import CorpusError, Problem
from data.formats.sniff import read_source
from data.labels import (
    is_out_of_scope,
    is_unlabelled,
    label_key,
    label_notices,
    normalise_labels,
    without_several_labels,
)
from data.mail import clean_mails
from data.messages import NO_INTENT, intent_fault, message_fault, row_hash
from data.rows import Row, first_replies
from data.text import decode, read_lines

COLUMNS = ("message", "intent", "category", "source", "row_hash")
"""Columns of a loaded corpus, all text; `category` may be empty, `source` is `file:line`."""

_FEW_UNLABELLED = 3
_FILL_DOWN = (
    "most messages have no intent: where it is written once above several rows, write it in each of them (in a "
    "spreadsheet: fill down)"
)
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A corpus as read."""

    table: pd.DataFrame
    """The usable rows, with COLUMNS."""
    problems: list[Problem]
    """Rows that cannot be used."""
    notices: list[Problem]
    """What was skipped, renamed, decoded or chosen in reading."""
    replies: dict[str, str]
    """Reply texts by intent, where the source has them."""
    declared: Declared = NOTHING
    """The declared changes; they are applied to `table` and `replies`."""
    kept: frozenset[str] = field(default_factory=frozenset)
    """Row hashes whose label a person confirmed."""


def load_corpus(path: Path | str, columns: Columns | None = None) -> pd.DataFrame:
    """Load a corpus of any format in `docs/corpus.md`, a file or a folder.

    Returns:
        One row per message, in file order, with COLUMNS. Messages are unchanged except for stripped white space;
        placeholders are not filled (see `data.placeholders.fill`).

    Raises: CorpusError: lists every unusable row by file, line and reason.
    """
    loaded = read_corpus(path, columns)
    if loaded.problems:
        raise CorpusError(loaded.problems)
    return loaded.table


def load_checked(
    path: Path, columns: Columns | None = None, *, strict: bool = False
) -> tuple[Loaded, Report]:
    """Load and check a corpus for training; the report's warnings begin with the notices of reading.

    Raises: CorpusError: lists every unusable row, and what else is wrong with the corpus.
    """
    loaded = read_corpus(path, columns)
    report = check(loaded.table, strict=strict)
    if loaded.problems or not report.ok:
        raise CorpusError([*loaded.problems, *(report.errors if len(loaded.table) else [])])
    return loaded, replace(report, warnings=[*loaded.notices, *report.warnings])


def read_corpus(path: Path | str, columns: Columns | None = None, arrays: bool = False) -> Loaded:
    """Load as `load_corpus` does, but return the valid rows together with the problems of the others.

    Raises: CorpusError: nothing can be read: no such file, unknown format or column, not a text, no rows.
    """
    path, columns = Path(path), columns or Columns()
    source = read_source(path, columns, arrays)
    if not source.rows and not source.problems:
        reason = "no rows: at least one message with an intent is needed"
        raise CorpusError([Problem(str(path), None, reason), *source.notices])
    rows, unreadable, cleaned = clean_mails(source.rows, columns.clean_mail, str(path))
    problems = [*source.problems, *unreadable]
    good: list[Row] = []
    for row in rows:
        file = str(path / row.file) if row.file else str(path)
        label = row.intent.strip()
        if label and not columns.labels_as_written and is_unlabelled(label):
            label_fault: str | None = f"{NO_INTENT}: {label!r} is no name"
        else:
            label_fault = intent_fault(row.intent)
        faults = [fault for fault in (message_fault(row.message), label_fault) if fault]
        problems.extend(Problem(file, row.line, *_with_kind(fault)) for fault in faults)
        if not faults:
            good.append(row if label == row.intent else replace(row, intent=label))
    unlabelled = sum(problem.reason.startswith(NO_INTENT) for problem in problems)
    if unlabelled >= _FEW_UNLABELLED and unlabelled >= len(good):
        problems.append(Problem(str(path), None, _FILL_DOWN))
    notices, replies = [*source.notices, *cleaned], dict(source.replies)
    if not columns.labels_as_written:
        good, several = without_several_labels(good, str(path))
        problems.extend(several)
        good, changed = normalise_labels(good, str(path))
        notices.extend(changed)
        usual = {label_key(row.intent): row.intent for row in good}
        spelt = ((usual.get(label_key(intent), intent), reply) for intent, reply in replies.items())
        replies, second = first_replies(spelt, str(path))
        notices.extend(second)
    notices.extend(label_notices(good, str(path)))
    problems.sort(key=lambda p: (p.file, p.line or 0))
    # Notices end up in report.json, whose bytes must not depend on where the corpus is.
    notices = [replace(notice, file=notice.file.replace(str(path), _short(path), 1)) for notice in notices]
    loaded = Loaded(table_of(good, _short(path)), problems, notices, replies)
    usual = {} if columns.labels_as_written else {label_key(row.intent): row.intent for row in good}
    return _decided(loaded, path, source.beside, usual)


def _decided(loaded: Loaded, path: Path, inside: Mapping[str, bytes], usual: Mapping[str, str]) -> Loaded:
    """Apply the label decisions and the declared changes that are with the corpus.

    Args: usual: the spelling of each intent in the corpus, by its key; a decision may have another one.
    """
    decided, declarations = _beside(path, DECISIONS_FILE, inside), _beside(path, DECLARED_FILE, inside)
    if len(declarations) > 1:
        reason = f"several declarations, a corpus has one: {', '.join(declarations)}"
        return replace(loaded, problems=[*loaded.problems, Problem(str(path), None, reason)])
    try:
        decisions = [one for file, content in decided.items() for one in parse_decisions(content, file)]
        declared = NOTHING
        for file, content in declarations.items():
            declared = parse_declared(decode(content, file)[0], file)
    except CorpusError as error:
        return replace(loaded, problems=[*loaded.problems, *error.problems])
    wrong = [name for name in sorted(declared.results - {OUT_OF_SCOPE}) if usual and is_out_of_scope(name)]
    if wrong:
        reason = f"{wrong[0]!r} is a name for {OUT_OF_SCOPE}: write it so"
        return replace(loaded, problems=[*loaded.problems, Problem(next(iter(declarations)), None, reason)])
    for name in sorted(declared.retired - set(loaded.table["intent"])):
        if (there := usual.get(label_key(name), name)) not in (name, declared.now(name)):
            reason = f"{name!r} is not an intent here, {there!r} is: write it in the same way"
            return replace(
                loaded, problems=[*loaded.problems, Problem(next(iter(declarations)), None, reason)]
            )
    if usual:
        spelt = {**{label_key(name): name for name in declared.results}, **usual}
        decisions = [replace(one, intent=_spelt(one.intent, spelt)) for one in decisions]
    applied = apply_decisions(loaded.table, decisions, declared.names)
    table, said = declared.apply(applied.table)
    if decisions:
        reason = f"{applied.moved:,} rows moved, {applied.dropped:,} dropped, {len(applied.kept):,} labels confirmed"
        unused = f"; {applied.unused:,} decisions are about rows that are not there" if applied.unused else ""
        said.insert(0, f"{reason} by {', '.join(Path(file).name for file in decided)}{unused}")
    known = {*loaded.table["intent"], *declared.results, OUT_OF_SCOPE}
    if new := sorted({*applied.table["intent"]} - known):
        said.append(
            f"decisions moved rows to {', '.join(map(repr, new))}, which the corpus has no other rows of"
        )
    notices = [*loaded.notices, *(Problem(_short(path), None, reason) for reason in said)]
    replies = declared.texts(loaded.replies)
    return replace(
        loaded, table=table, notices=notices, replies=replies, declared=declared, kept=applied.kept
    )


def _spelt(intent: str, usual: Mapping[str, str]) -> str:
    """Return the usual spelling of an intent that a decision names."""
    return OUT_OF_SCOPE if is_out_of_scope(intent) else usual.get(label_key(intent), intent)


def _beside(path: Path, name: str, inside: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return a corpus's files of this name: the one beside a file, else those in the folder or archive."""
    file = beside(path, name)
    if not path.is_dir() and file.is_file():
        return {str(file): read_lines(file)}
    return {file: content for file, content in inside.items() if is_named(Path(file), name)}


def table_of(rows: list[Row], name: str) -> pd.DataFrame:
    """Return rows as a table with COLUMNS; `source` is `<name>:<line>` (in a folder `<name>/<file>:<line>`)."""
    records = [
        (
            row.message.strip(),
            row.intent.strip(),
            row.category.strip(),
            f"{name}/{row.file}:{row.line}" if row.file else f"{name}:{row.line}",
            row_hash(row.message, row.intent.strip()),
        )
        for row in rows
    ]
    return pd.DataFrame(records, columns=list(COLUMNS), dtype="str")


SHIPPED = "data/corpus/"
"""What the `source` of a shipped row begins with."""


def _with_kind(fault: str) -> tuple[str, str]:
    """Return a fault and what such faults have in common: the sentence up to the first value."""
    return fault, fault.partition(" holds ")[
        0
    ] + " holds a character that is not text" if " holds " in fault else ""


def _short(path: Path) -> str:
    """Return the path relative to the project, else the file name.

    The table's bytes must not depend on where the project is cloned.
    """
    resolved = path.resolve()
    return resolved.relative_to(_ROOT).as_posix() if resolved.is_relative_to(_ROOT) else resolved.name
