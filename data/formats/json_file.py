"""Read JSON: JSON Lines as a table, and the documents that other products export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from data.columns import Columns
from data.errors import CorpusError, Problem
from data.formats.cells import Table, keyed
from data.formats.chat_export import NO_LABELS, is_chat
from data.formats.document import JsonDocument, guarded, rows_of
from data.formats.grouped import is_grouped, read_grouped
from data.formats.json_exports import EXPORTS
from data.formats.json_text import load_json, parse_json
from data.formats.table import read_table
from data.rows import Rows
from data.text import decode, lines_of, read_lines

ARRAYS = "files are JSON arrays"
"""Kind of the problem that an array is not read in training."""
UNKNOWN = "JSON files are of no known form"
"""Kind of the problem that a document is of no known form."""
ARRAY = (
    "a JSON array has no line for each message: convert it with `python -m data.convert {file} --out my_corpus/`, "
    "or write one object per line (.jsonl)"
)


def read_jsonl(path: Path, columns: Columns, arrays: bool = False) -> Rows:
    """Read a file with one JSON object per line; a key missing in one object is a problem of that line.

    With `arrays`, a file that is one JSON array is read too.

    Raises: CorpusError: the file is one JSON array, or no line has the columns.
    """
    file = str(path)
    text, notices = decode(read_lines(path), file, columns.encoding)
    if text.lstrip().startswith("[") and isinstance(_parsed(text), list):
        if arrays:
            return read_json(path, columns, arrays)
        raise CorpusError.at(file, 1, ARRAY.format(file=file))
    records: list[tuple[int, Mapping[str, Any]]] = []
    problems: list[Problem] = []
    for line, content in enumerate(lines_of(text), start=1):
        if not content.strip():
            continue
        try:
            record = parse_json(content.rstrip(" \t,"))
        except (ValueError, RecursionError) as error:
            problems.append(Problem(file, line, f"not JSON: {error}", kind="lines are not JSON"))
            continue
        if isinstance(record, dict):
            records.append((line, record))
        else:
            kind = type(record).__name__
            problems.append(
                Problem(
                    file,
                    line,
                    f"a JSON object is needed, this is a {kind}",
                    kind="lines are not JSON objects",
                )
            )
    if not records:
        if len(problems) > 1 and text.lstrip()[:1] == "{":
            reason = "no line is a JSON object: write each object in one line (`jq -c . FILE`)"
            raise CorpusError([Problem(file, problems[0].line, reason), *problems])
        if problems:
            raise CorpusError(problems)
        return Rows()
    table = keyed(file, records)
    table.problems, table.notices = problems, notices
    return read_table(table, columns)


def read_json(path: Path, columns: Columns, arrays: bool = False) -> Rows:
    """Read a JSON document: a product's export; with `arrays` also an array of objects.

    Raises: CorpusError: not JSON, or nothing that is known.
    """
    file = str(path)
    try:
        document = load_json(path, columns.encoding)
    except CorpusError as error:
        if error.problems[0].reason.startswith("not JSON: Extra data"):
            return read_jsonl(path, columns)
        raise
    if columns.label and isinstance(document, list) and all(isinstance(one, str) for one in document):
        return rows_of(((message, columns.label) for message in document), file)
    for product, matches, read in EXPORTS if isinstance(document, dict) else ():
        if _fits(matches, document):
            return guarded(product, partial(read, document, file), file)
    if _fits(is_grouped, document):
        return guarded("lists of messages by intent", partial(read_grouped, document, file), file)
    if table := _columnar(document, file):
        return read_table(table, columns)
    if _is_pairs(document) and arrays:
        pairs = Table(file, ["1", "2"], list(enumerate(document, start=1)))
        return read_table(pairs, replace(columns, header=False))
    elements, left = _elements(document)
    if columns.intent is None and is_chat([element for element in elements if isinstance(element, dict)]):
        raise CorpusError.at(file, None, NO_LABELS)
    if elements and not arrays:
        raise CorpusError([Problem(file, 1, ARRAY.format(file=file), kind=ARRAYS)])
    if records := [(number, e) for number, e in enumerate(elements, start=1) if isinstance(e, dict)]:
        result = read_table(keyed(file, records), columns)
        if others := len(elements) - len(records):
            result.notices.append(
                Problem(file, None, f"not taken: {others:,} elements that are not JSON objects")
            )
        result.notices += [
            Problem(file, None, f"not taken: {count:,} elements of {name!r}, which are other objects")
            for name, count in left.items()
        ]
        return result
    if isinstance(document, dict) and document and all(isinstance(text, str) for text in document.values()):
        reason = (
            "a text for each name: replies go to --replies; a corpus has a list of messages for each intent"
        )
        raise CorpusError.at(file, None, reason)
    keys = ", ".join(map(repr, list(document)[:8])) if isinstance(document, dict) else type(document).__name__
    known = ", ".join(product for product, _, _ in EXPORTS)
    reason = f"unknown JSON ({keys}): exports of {known} are read; else write JSON Lines or CSV"
    raise CorpusError([Problem(file, None, reason, kind=UNKNOWN)])


def _fits(matches: Callable[[JsonDocument], bool], document: JsonDocument) -> bool:
    try:
        return matches(document)
    except (TypeError, AttributeError):
        return False


_TICKETS = ("tickets", "conversations", "_results", "results", "records", "cases", "data")
"""Where the exports of ticket systems have their tickets, beside lists of users and groups."""


def _elements(document: JsonDocument) -> tuple[list[Any], dict[str, int]]:
    """Return the elements of an array, or of the arrays of objects in an object (`{"data": [...]}`).

    Of an object with tickets these alone, also one level deeper (`{"_embedded": {"conversations": [...]}}`), with the
    arrays whose objects are alike, such as a test part. The names and lengths of the other arrays are returned too.
    """
    if not isinstance(document, dict):
        return document if isinstance(document, list) else [], {}
    if all(map(str.isdecimal, document)):  # pandas: `orient="index"`
        return list(document.values()), {}
    inner = [document, *(part for part in document.values() if isinstance(part, dict))]
    arrays = [(name, value) for part in inner for name, value in part.items() if _are_objects(value)]
    tickets = [part[name] for part in inner for name in _TICKETS if _are_objects(part.get(name))]
    if not tickets:
        return [element for part in document.values() if _are_objects(part) for element in part], {}
    taken = [value for _, value in arrays if value is tickets[0] or _are_alike(value, tickets[0])]
    left = {name: len(value) for name, value in arrays if not any(value is one for one in taken)}
    return [element for part in taken for element in part], left


def _are_alike(one: list[Any], other: list[Any]) -> bool:
    """Whether the objects of two arrays have most of their names in common."""
    names, others = (
        {name for element in part if isinstance(element, dict) for name in element} for part in (one, other)
    )
    return 2 * len(names & others) > len(names | others)


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(element, dict) for element in value)


def _columnar(document: JsonDocument, file: str) -> Table | None:
    """Return the table that pandas wrote as columns (`{"text": {"0": ...}}`, or lists) or as `orient="split"`."""
    if not isinstance(document, dict) or len(document) < 2 or all(map(str.isdecimal, document)):
        return None
    if isinstance(document.get("columns"), list) and isinstance(document.get("data"), list):
        header, rows = [str(name) for name in document["columns"]], document["data"]
        if not all(isinstance(row, list) and len(row) == len(header) for row in rows):
            return None
        return Table(file, header, list(enumerate(rows, start=1)))
    lists = [list(v.values()) if isinstance(v, dict) else v for v in document.values()]
    if not all(isinstance(values, list) for values in lists) or len({len(values) for values in lists}) != 1:
        return None
    if not lists[0] or any(isinstance(cell, dict | list) for values in lists for cell in values):
        return None
    return Table(file, list(document), list(enumerate(zip(*lists, strict=True), start=1)))


def _is_pairs(document: JsonDocument) -> bool:
    """Whether the document is a list of messages with their labels: `[["i want my money back", "refund"], ...]`."""
    return (
        isinstance(document, list)
        and bool(document)
        and all(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
            for pair in document
        )
    )


def _parsed(text: str) -> Any:
    try:
        return parse_json(text)
    except (ValueError, RecursionError):
        return None
