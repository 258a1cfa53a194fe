"""Read the tables of ticket systems: Zendesk, Intercom, Freshdesk, HubSpot, Help Scout, Front, Gorgias, Salesforce."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from data.columns import TICKET_INTENT_NAMES, Columns, Places, column_key, depth_of
from data.errors import Problem
from data.formats.cells import Cell, Table, at, is_empty, shown
from data.formats.senders import sender_field
from data.labels import is_label_column, label_key

_MARKS = re.compile(r"[,;|]")
_WORD = re.compile(r"[\w/.:-]+")
_SHOWN = 12


def labelled_tickets(table: Table, places: Places, asked: Columns) -> tuple[Table, Places]:
    """Return the tickets that have a label, and where subject and label are; notices say what is left out.

    The label is the first of the usual columns that distinguishes tickets; of several tags the one that `asked.tags`
    names. A subject that is the same for most tickets (a form's title, a topic) does not belong to the message.
    """
    if asked.intent is None:
        places = replace(places, intents=(_label_place(table, places),))
    label, subject = places.intents[0], places.subject
    is_topic = subject is not None and _is_topic(table, subject)
    # Jira repeats a column for each of several values.
    same = [i for i, name in enumerate(table.header) if column_key(name) == column_key(table.header[label])]
    read = f"the text is {_named(table, places.message)}, the label {_named(table, label)}"
    if subject is not None and is_topic:
        read += f"; {_named(table, subject)} has few different values and is not part of the message"
    elif subject is not None:
        read += f", and {_named(table, subject)} is part of the message"
    if asked.intent is None and (others := _other_labels(table, places, same)):
        read += (
            f" (others: {', '.join(dict.fromkeys(_named(table, i) for i in others[:5]))}: --intent-column)"
        )
    notices = [*table.notices, Problem(table.file, table.line, f"read as tickets: {read}")]
    found = _labelled(replace(table, notices=notices), places, same, asked.tags)
    return found, replace(places, subject=None) if is_topic else places


def _is_topic(table: Table, subject: int) -> bool:
    """Whether a subject has few different values, such as a form's title."""
    subjects = [shown(at(cells, subject)).strip().casefold() for _, cells in table.records]
    return len(subjects) > 2 and 2 * len(set(subjects)) < len(subjects)


def _other_labels(table: Table, places: Places, same: Sequence[int]) -> list[int]:
    """Return the columns that could be the label as well: usual names or finer levels, with more than one value."""
    usual = {column_key(name) for name in TICKET_INTENT_NAMES}
    label = table.header[places.intents[0]]
    return [
        i
        for i, name in enumerate(table.header)
        if (_last(name) in usual or is_label_column(name))
        and i not in (*same, places.message)
        and not sender_field(name)[0]
        and not name.startswith(f"{label}.")
        and len({shown(at(cells, i)) for _, cells in table.records}) > 1
    ]


def _labelled(table: Table, places: Places, same: Sequence[int], wanted_tags: Sequence[str]) -> Table:
    """Return the tickets that have one label, which is written into its column.

    Args:
        same: the columns that hold the tags, of which one is that of the label.
        wanted_tags: the tags that are intents; empty: all.
    """
    label = places.intents[0]
    tags = _tags(table, same, label)
    wanted = {label_key(tag): tag for tag in wanted_tags}
    several = _several(Counter(tag for found in tags for tag in dict.fromkeys(found)))
    records: list[tuple[int, Sequence[Cell]]] = []
    without = 0
    problems = list(table.problems)
    for (line, cells), found in zip(table.records, tags, strict=True):
        if _is_misfit(table, cells, places):
            records.append((line, cells))  # `read_table` names it
            continue
        if wanted:
            found = list(dict.fromkeys(wanted[label_key(tag)] for tag in found if label_key(tag) in wanted))
        if not found:
            without += 1
        elif len(found) > 1:
            reason = f"several tags: {', '.join(found)[:80]}; name those that are intents with `data.convert --tags`"
            problems.append(Problem(table.file, line, reason, kind=several))
        else:
            kept = [*cells, *[None] * (label + 1 - len(cells))]
            kept[label] = found[0]
            records.append((line, kept))
    notices = list(table.notices)
    if without:
        where = f"{_named(table, label)}{' of --tags' if wanted else ''}"
        notices.append(
            Problem(table.file, None, f"not taken: {without:,} tickets without a label in {where}")
        )
    return replace(table, records=records, notices=notices, problems=problems)


def _is_misfit(table: Table, cells: Sequence[Cell], places: Places) -> bool:
    """Whether a row is perhaps shifted, or ends before text or label; last cells may lack, or empty ones follow."""
    label, more = places.intents[0], cells[len(table.header) :]
    is_shifted = not all(map(is_empty, more)) or (bool(more) and shown(at(cells, label)).startswith(" "))
    return is_shifted or (len(cells) <= max(places.message, label) and not table.is_workbook)


def _tags(table: Table, places: Sequence[int], label: int) -> list[list[str]]:
    """Return the labels of each ticket."""
    are_tags = _last(table.header[label]).endswith(("tags", "tag", "labels", "components", "component/s"))
    tags = [
        list(dict.fromkeys(tag for place in places for tag in _labels(at(cells, place), are_tags)))
        for _, cells in table.records
    ]
    if are_tags and _are_words(tags):
        return [[word for tag in found for word in tag.split()] for found in tags]
    return tags


def _label_place(table: Table, places: Places) -> int:
    """Return the shallowest of the usual columns with two values or more; the one that was found if none has."""
    keys = [column_key(name) for name in table.header]
    found = sorted(
        (depth, order, place)
        for order, name in enumerate(TICKET_INTENT_NAMES)
        for place, key in enumerate(keys)
        if place not in (places.message, places.subject) and (depth := depth_of(key, name)) is not None
    )
    for _, _, place in found:
        cells = [at(cells, place) for _, cells in table.records]
        if len({shown(cell) for cell in cells if _labels(cell, are_tags=True)}) > 1:
            return place
    return places.intents[0]


def _labels(cell: Cell, are_tags: bool) -> list[str]:
    """Return the labels of a cell: the elements of a list; in a column of tags the parts between separators."""
    if isinstance(cell, list | tuple):
        return list(dict.fromkeys(shown(one).strip() for one in cell if not is_empty(one)))
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = shown(cell).strip()
    if not are_tags:
        return [text] if text else []
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    parts = (part.strip(" \t'\"") for part in _MARKS.split(text))
    return list(dict.fromkeys(part for part in parts if part))


def _are_words(tags: Sequence[Sequence[str]]) -> bool:
    """Whether tags are separated by spaces, as Zendesk writes them: every word occurs in several combinations."""
    spaced = {tag for found in tags for tag in found if " " in tag}
    uses = Counter(word for tag in {tag for found in tags for tag in found} for word in set(tag.split()))
    return bool(spaced) and all(
        _WORD.fullmatch(word) and not word[0].isupper() and max(uses[one] for one in tag.split()) > 1
        for tag in spaced
        for word in tag.split()
    )


def _several(counts: Counter[str]) -> str:
    most = ", ".join(f"{tag} ({count:,})" for tag, count in counts.most_common(_SHOWN))
    return (
        f"tickets have several tags; the most frequent are {most}. Name those that are intents: "
        "`python -m data.convert FILE --out FOLDER --tags refund,delivery`"
    )


def _named(table: Table, place: int) -> str:
    return repr(table.header[place].strip())


def _last(name: str) -> str:
    return column_key(name).rpartition(".")[2]
