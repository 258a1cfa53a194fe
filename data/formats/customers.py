"""Keep the rows of a table that customers wrote, where its columns say who did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from data.columns import Places, column_key
from data.errors import Problem
from data.formats.cells import Cell, Table, at, is_empty, shown
from data.formats.nested import OTHERS
from data.formats.senders import others_values, sender_field
from data.formats.transcript import customers_words


def customers_rows(table: Table, places: Places) -> Table:
    """Return a table without the messages of agents, bots and systems; a notice counts them.

    A field within a record says who wrote what is in that record: `source.author.type` is about `source.body`.
    """
    table = _without_transcripts(table, places)
    others = _others(table, places)
    kept: list[tuple[int, Sequence[Cell]]] = []
    found: dict[int, None] = {}
    alone = 0
    for line, cells in table.records:
        if at(cells, places.message) is OTHERS:
            alone += 1
        elif said := [place for place, values in others.items() if _value(table, cells, place) in values]:
            found.update(dict.fromkeys(said))
        else:
            kept.append((line, cells))
    names = ", ".join(repr(table.header[place].strip()) for place in found)
    left_out = {
        f"messages of agents or bots ({names})": len(table.records) - len(kept) - alone,
        "conversations in which only agents or bots wrote": alone,
    }
    notices = [
        Problem(table.file, None, f"not taken: {count:,} {what}") for what, count in left_out.items() if count
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


def _others(table: Table, places: Places) -> dict[int, frozenset[str]]:
    """Return the columns that say who wrote the messages, with their values that mean somebody else than a customer."""
    message = column_key(table.header[places.message])
    found: dict[int, frozenset[str]] = {}
    for place, name in enumerate(table.header):
        field, record = sender_field(name)
        if field and place not in (places.message, *places.intents) and f"{message}.".startswith(record):
            values = {_value(table, cells, place) for _, cells in table.records} - {name.strip()}
            found[place] = others_values(field, values)
    return {place: values for place, values in found.items() if values}


def _value(table: Table, cells: Sequence[Cell], place: int) -> str:
    """Return who wrote a row's message; nothing if the row does not fit the header, which is a problem of its own."""
    return shown(at(cells, place)).strip() if all(map(is_empty, cells[len(table.header) :])) else ""
