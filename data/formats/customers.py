"""Keep the rows of a table that customers wrote, where its columns say who did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from data.columns import NAMES, Places, column_key
from data.errors import Problem
from data.formats.cells import Cell, Table, at, is_empty, shown
from data.formats.nested import OTHERS
from data.formats.senders import others_values, sender_field
from data.formats.transcript import customers_words

_NUMBERS: list[str] = NAMES["conversation"]
_OF_AGENTS = "messages of agents or bots"


def customers_rows(table: Table, places: Places) -> Table:
    """Return a table without the messages of agents, bots and systems, of a ticket the first; notices count the others.

    A field within a record says who wrote what is in that record: `source.author.type` is about `source.body`.
    """
    table = _without_transcripts(table, places)
    others = _others(table, places)
    kept: list[tuple[int, Sequence[Cell]]] = []
    found: dict[int, None] = {}
    counts = Counter[str]()
    number = _number(table) if places.is_ticket else None
    first: dict[str, str] = {}
    for line, cells in table.records:
        text, ticket = shown(at(cells, places.message)), _value(table, cells, number)
        if at(cells, places.message) is OTHERS:
            counts["conversations in which only agents or bots wrote"] += 1
        elif said := [place for place, values in others.items() if _value(table, cells, place) in values]:
            found.update(dict.fromkeys(said))
            counts[_OF_AGENTS] += 1
        elif ticket and first.setdefault(ticket, text) != text:  # the same text may stand there for each tag
            counts["later messages of a ticket, of which the first row is read"] += 1
        else:
            kept.append((line, cells))
    names = ", ".join(repr(table.header[place].strip()) for place in found)
    notices = [
        Problem(table.file, None, f"not taken: {count:,} {what}{f' ({names})' if what is _OF_AGENTS else ''}")
        for what, count in counts.items()
    ]
    return replace(table, records=kept, notices=[*table.notices, *notices])


def _without_transcripts(table: Table, places: Places) -> Table:
    """Return a table in which the customer's first message replaces the transcript of a chat; a notice counts them."""
    records: list[tuple[int, Sequence[Cell]]] = []
    taken = 0
    for line, cells in table.records:
        cell = at(cells, places.message)
        words = customers_words(cell)
        taken += words is not cell and isinstance(words, str)
        kept = (
            cells
            if words is cell
            else [words if place == places.message else one for place, one in enumerate(cells)]
        )
        records.append((line, kept))
    reason = (
        f"transcripts of chats: of {taken:,} cells the customer's first message is taken, and nothing else"
    )
    said = [Problem(table.file, None, reason)] if taken else []
    return replace(table, records=records, notices=[*table.notices, *said])


def _number(table: Table) -> int | None:
    """Return the column of the ticket's number."""
    keys = [column_key(name) for name in table.header]
    return next((keys.index(name) for name in _NUMBERS if name in keys), None)


def _others(table: Table, places: Places) -> dict[int, frozenset[str]]:
    """Return the columns that say who wrote the messages, with their values that mean somebody else than a customer."""
    message = column_key(table.header[places.message])
    found: dict[int, frozenset[str]] = {}
    for place, name in enumerate(table.header):
        field, record = sender_field(name)
        is_about = not record or message.startswith(f"{record}.")
        if field and is_about and place not in (places.message, *places.intents):
            values = {_value(table, cells, place) for _, cells in table.records} - {name.strip()}
            found[place] = others_values(field, values)
    return {place: values for place, values in found.items() if values}


def _value(table: Table, cells: Sequence[Cell], place: int | None) -> str:
    """Return a cell's text; nothing if the row does not fit the header, which is a problem of its own."""
    return shown(at(cells, place)).strip() if all(map(is_empty, cells[len(table.header) :])) else ""
