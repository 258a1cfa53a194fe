"""Turn a table of cells into rows: choose the columns, skip empty rows, name unusable ones."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from data.columns import INTENT_NAMES, Columns, Places, column_key, find_columns, other_languages
from data.decisions import DECISION, DECISIONS_FILE, ROW_HASH
from data.errors import CorpusError, Problem
from data.formats.cells import Cell, Table, at, is_empty, is_number, labelled, shown
from data.formats.customers import customers_rows
from data.formats.nested import MissingCell
from data.formats.tickets import labelled_tickets
from data.labels import is_label_column
from data.rows import Row, Rows
from data.text import lines_of

_ANNOTATIONS = frozenset(["accept", "reject", "ignore", "yes", "no", "true", "false", "0", "1"])
"""What a column called `answer` holds in the files of annotation tools such as Prodigy."""

_LABELS, _RIGHT = (
    "(?:intent|label|class|category)",
    "(?:corrected|correct|true|gold|golden|final|actual|verified|human)",
)
_CORRECTED = re.compile(rf"{_RIGHT}_{_LABELS}|{_LABELS}_{_RIGHT}|gold|ground_truth")
"""A column with the right labels, beside one with those of a model or of a first annotator."""

_NOT_ACCEPTED = frozenset(["reject", "ignore"])


def read_table(table: Table, asked: Columns) -> Rows:
    """Convert a table to rows.

    Raises: CorpusError: a column is missing, or stands twice in the header.
    """
    result = Rows(problems=list(table.problems), notices=list(table.notices))
    if {ROW_HASH, DECISION} <= {name.strip() for name in table.header}:
        named = f"{DECISIONS_FILE}, or as my.{DECISIONS_FILE} for my.csv"
        reason = f"label decisions, not a corpus: save them beside it as {named}"
        raise CorpusError.at(table.file, table.line, reason)
    if asked.label:
        table = labelled(table, asked.label)
    places = _places(table, asked, result)
    width = max((i + 1 for i, name in enumerate(table.header) if name.strip()), default=0)
    shifted = _shifted(table, places, width)
    table = customers_rows(replace(table, notices=result.notices), places)
    if places.is_ticket:
        table, places = labelled_tickets(table, places, asked)
    result.problems, result.notices = list(table.problems), [*table.notices]
    is_workbook = table.is_workbook
    replies: dict[str, set[str]] = defaultdict(set)
    repeated = rejected = 0
    header = [table.header[place] for place in (places.message, *places.intents)]
    undone = _undone(table, places)
    for line, cells in table.records:
        if is_workbook:  # a sheet has no cells behind the last one that is filled
            cells = [*cells, *[None] * (width - len(cells))]
        if reason := _misfit(cells, width, places, is_workbook):
            hint = "does a column lack its name?" if is_workbook else "are quotes missing around a comma?"
            kind = f"rows do not have the {width} fields of the header: {hint}"
            result.problems.append(Problem(table.file, line, reason, kind=kind))
            continue
        if line in shifted:
            reason = (
                f"a comma and a space move the fields: are quotes missing? It begins {shown(cells[0])[:40]!r}"
            )
            kind = "commas without quotes move fields into columns that are empty elsewhere"
            result.problems.append(Problem(table.file, line, reason, kind=kind))
            continue
        values = [cells[place] if place < len(cells) else None for place in (places.message, *places.intents)]
        if table.line is not None and [shown(value).lstrip("\ufeff") for value in values] == header:
            repeated += 1
            continue
        if shown(at(cells, places.reply)).strip().casefold() in undone:
            rejected += 1
            continue
        subject = shown(at(cells, places.subject)).strip() if places.is_ticket else None
        if subject and is_empty(values[0]) and not (isinstance(values[0], MissingCell) and values[0].reason):
            values[0] = ""
        row = _row(table, line, values, result)
        if row is None:
            continue
        category = at(cells, places.category)
        result.rows.append(Row(line, *row, category if isinstance(category, str) else "", subject=subject))
        reply = at(cells, places.reply)
        replies[row[1].strip()].update([reply.strip()] if isinstance(reply, str) and reply.strip() else [])
    if repeated:
        result.notices.append(
            Problem(table.file, None, f"the header is repeated among the rows: {repeated} skipped")
        )
    if rejected and places.reply is not None:
        reason = (
            f"rows that annotators did not accept are left out: {rejected:,} (column "
            f"{table.header[places.reply].strip()!r})"
        )
        result.notices.append(Problem(table.file, None, reason))
    _refuse_lists(table, places, result)
    _take_replies(table, places, replies, result)
    _check_combinations(table, places, result)
    return result


def _places(table: Table, asked: Columns, result: Rows) -> Places:
    if not asked.header and asked.message is None and asked.intent is None:
        return _by_content(table)
    places = find_columns(table.header, asked, table.file, table.line)
    if others := other_languages(table.header, places):
        reason = (
            f"{table.header[places.message]!r} is read; not taken: {', '.join(map(repr, others))}, in another "
            "language (--message-column chooses)"
        )
        result.notices.append(Problem(table.file, table.line, reason))
    if places.guessed is not None:
        what = "message" if places.guessed == places.message else "intent"
        name = table.header[places.guessed]
        reason = f"{name!r} is read as the {what}, for its last word: --{what}-column chooses another"
        result.notices.append(Problem(table.file, table.line, reason))
    within = [
        f"{table.header[place]!r} is read as the {what}"
        for what, place, name in (
            ("message", places.message, asked.message),
            ("intent", places.intents[0], asked.intent),
        )
        if table.line is None and name is None and "." in table.header[place] and not places.is_ticket
    ]
    if within:
        reason = (
            f"{', '.join(within)}: fields within fields; --message-column and --intent-column choose others"
        )
        result.notices.append(Problem(table.file, table.line, reason))
    if asked.intent is None:
        return places if places.is_ticket else _text_label(table, places, result)
    if table.line is not None:
        _refuse_data_header(table, places)
    return places


def _by_content(table: Table) -> Places:
    """Choose the columns of a table without a header: of two, the one with more distinct values has the messages."""
    used = [
        p for p in range(len(table.header)) if any(not is_empty(at(cells, p)) for _, cells in table.records)
    ]
    if len(used) != 2:
        reason = f"{len(used)} columns and no header: name two, such as --message-column 1 --intent-column 2"
        raise CorpusError.at(table.file, None, reason)
    first, second = (len({shown(at(cells, place)) for _, cells in table.records}) for place in used)
    message, intent = used if first >= second else reversed(used)
    return Places(message, (intent,), None)


def _refuse_data_header(table: Table, places: Places) -> None:
    """Refuse a header whose cells were named as columns but are data: the first row would be lost."""
    named = [table.header[place] for place in places.intents]
    values = [[shown(at(cells, place)) for place in places.intents] for _, cells in table.records]
    if named in values and not any(name.casefold().strip() in INTENT_NAMES for name in named):
        reason = (
            f"there seems to be no header: {'+'.join(named)!r} is also a label further down; use --no-header"
        )
        raise CorpusError.at(table.file, table.line, reason)


def _text_label(table: Table, places: Places, result: Rows) -> Places:
    """Choose the column with names if the label column holds only numbers; mention a second label column.

    Raises: CorpusError: another column seems to correct the labels.
    """
    chosen = places.intents[0]
    labels = [at(cells, chosen) for _, cells in table.records]
    taken = {places.message, chosen, places.category, places.reply}
    others = [
        place for place in range(len(table.header)) if place not in taken and table.header[place].strip()
    ]
    if labels and all(is_number(label) for label in labels if not is_empty(label)):
        others += [places.category] if places.category is not None else []
        for place in others:
            if _names(labels, [at(cells, place) for _, cells in table.records]):
                number, name = table.header[chosen], table.header[place]
                reason = f"column {number!r} holds numbers: the names in {name!r} are the intents"
                result.notices.append(Problem(table.file, table.line, reason))
                category = None if place == places.category else places.category
                return Places(places.message, (place,), category, places.reply)
        return places
    one = table.header[chosen].strip()
    for place in others:
        other = table.header[place].strip()
        is_correction = _CORRECTED.fullmatch(column_key(other)) is not None
        is_of_another_record = one.rpartition(".")[0] != other.rpartition(".")[0]
        if is_of_another_record or not (is_correction or is_label_column(other)):
            continue
        values = [at(cells, place) for _, cells in table.records]
        pairs = {
            (shown(a).strip(), shown(b).strip())
            for a, b in zip(labels, values, strict=True)
            if not is_empty(b)
        }
        if all(a == b for a, b in pairs) or {b.casefold() for _, b in pairs} <= _ANNOTATIONS:
            continue
        if is_correction:
            reason = (
                f"column {other!r} seems to correct {one!r}: choose one with --intent-column {other!r} or "
                f"--intent-column {one!r}"
            )
            raise CorpusError.at(table.file, table.line, reason)
        reason = (
            f"columns {one!r} and {other!r} both hold labels: {one!r} is the intent; --intent-column {other!r} "
            f"chooses the other, --intent-column '{one}+{other}' joins them"
        )
        result.notices.append(Problem(table.file, table.line, reason))
    return places


def _names(numbers: Sequence[Cell], values: Sequence[Cell]) -> bool:
    """Whether the values are the names of the numbers: text, one name for a number, one number for a name."""
    pairs = set()
    for number, value in zip(numbers, values, strict=True):
        if is_empty(number):
            continue
        if not isinstance(value, str) or not value.strip() or is_number(value):
            return False
        pairs.add((str(number), value.strip()))
    return bool(pairs) and len(pairs) == len({n for n, _ in pairs}) == len({v for _, v in pairs})


def _misfit(cells: Sequence[Cell], width: int, places: Places, is_workbook: bool) -> str:
    """Return why a row does not fit the header, or an empty string."""
    count = len(cells)
    while count > width and is_empty(cells[count - 1]):
        count -= 1
    needed = max(places.message, *places.intents) + 1
    intent = at(cells, places.intents[0])
    # A comma without quotes shifts the rest of the sentence into the label, behind a space.
    shifted = (
        len(cells) > width and isinstance(intent, str) and intent.startswith(" ") and " " in intent.strip()
    )
    if count <= width and len(cells) >= needed and not (shifted and len(cells) > count):
        return ""
    hint = "does a column lack its name?" if is_workbook else "are quotes missing?"
    return f"{len(cells)} fields where the header has {width}: {hint} It begins {shown(cells[0])[:40]!r}"


def _shifted(table: Table, places: Places, width: int) -> frozenset[int]:
    """Return the rows that an unquoted comma in the message moves into a column that is elsewhere empty.

    A space begins the field behind the message.
    """
    if table.line is None or table.is_workbook:
        return frozenset()
    spaced = {line for line, cells in table.records if shown(at(cells, places.message + 1)).startswith(" ")}
    found: set[int] = set()
    for place in range(max(places.message, *places.intents) + 1, width):
        filled = {line for line, cells in table.records if not is_empty(at(cells, place))}
        if 2 * max(len(spaced), len(filled)) < len(table.records):
            found |= filled & spaced
    return frozenset(found)


def _row(table: Table, line: int, values: Sequence[Cell], result: Rows) -> tuple[str, str] | None:
    """Return message and intent, or record why they cannot be used; a joined label with an empty part is empty."""
    message, *labels = values
    texts = [_label(label) for label in labels]
    if isinstance(message, str) and all(isinstance(text, str) for text in texts):
        parts = [text.strip() for text in texts if isinstance(text, str)]
        return message, ("_".join(parts) if all(parts) else "") if len(parts) > 1 else str(texts[0])
    for what, value in (("message", message), *(("intent", text) for text in texts)):
        if not isinstance(value, str):
            result.problems.append(Problem(table.file, line, *_not_text(what, value)))
    return None


def _label(value: Cell) -> Cell:
    """Return a label as text: a whole number is a name, a list of one label is that label."""
    if isinstance(value, list | tuple) and len(value) == 1:
        return _label(value[0])
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _not_text(what: str, value: Cell) -> tuple[str, str]:
    if value is None or value == []:
        return f"the {what} is empty", ""
    if isinstance(value, MissingCell):
        kind = "conversations without a known customer" if value.reason else ""
        return value.reason or f"this row has no {what}", kind
    if what == "intent" and isinstance(value, list | tuple) and value:
        return f"several labels in one cell: {value!r}"[:120], "rows have several labels, a message has one"
    kind = type(value).__name__
    return (
        f"the {what} is not text but {kind}: {str(value)[:40]!r}",
        f"cells in the {what} column are not text but {kind}",
    )


def _undone(table: Table, places: Places) -> frozenset[str]:
    """Return what a column of annotators' decisions says where the label does not hold; empty: there is none."""
    said = frozenset(shown(at(cells, places.reply)).strip().casefold() for _, cells in table.records) - {""}
    return said & _NOT_ACCEPTED if "accept" in said and said <= {"accept", *_NOT_ACCEPTED} else frozenset()


def _refuse_lists(table: Table, places: Places, result: Rows) -> None:
    """Refuse a table with one row for each intent whose cell lists all its messages: they would be taught as one."""
    labels = {row.intent for row in result.rows}
    if len(labels) < 2 or len(labels) < len(result.rows) or places.is_ticket:
        return
    messages = ["\n".join(lines_of(row.message.strip())) for row in result.rows]
    for mark, name in (("\n", "a line for each message"), (";", "`;`"), ("|", "`|`")):
        if all(message.count(mark) > 1 for message in messages):
            reason = (
                f"each intent has one row, whose cell lists several messages ({name}): write each message into a row "
                "of its own, with its intent"
            )
            result.problems.append(Problem(table.file, table.line, reason))
            return


def _take_replies(table: Table, places: Places, replies: Mapping[str, set[str]], result: Rows) -> None:
    if places.reply is None:
        return
    said = {text.casefold() for texts in replies.values() for text in texts}
    if said and said <= _ANNOTATIONS:
        name = table.header[places.reply].strip()
        reason = f"column {name!r} holds decisions of annotators ({', '.join(sorted(said))}), not replies"
        result.notices.append(Problem(table.file, table.line, reason))
        return
    result.replies = {intent: next(iter(texts)) for intent, texts in replies.items() if len(texts) == 1}
    if several := [intent for intent, texts in replies.items() if len(texts) > 1]:
        name = table.header[places.reply].strip()
        reason = (
            f"column {name!r} has several replies for {len(several)} intents, such as {several[0]!r}: "
            "they get none of them; an intent has one reply"
        )
        result.notices.append(Problem(table.file, table.line, reason))


def _check_combinations(table: Table, places: Places, result: Rows) -> None:
    """Refuse joined labels that are ambiguous: `a_b` + `c` and `a` + `b_c` have one name."""
    if len(places.intents) < 2:
        return
    parts: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for _, cells in table.records:
        values = tuple(shown(at(cells, place)).strip() for place in places.intents)
        parts["_".join(values)].add(values)
    for name, combinations in parts.items():
        if len(combinations) > 1:
            reason = (
                f"the joined label {name!r} has several meanings: {sorted(combinations)}; rename one of them"
            )
            result.problems.append(Problem(table.file, None, reason))
