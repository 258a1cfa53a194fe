"""What the inference log and a feedback look like: one schema, written and read by it, as CSV and as Parquet.

A record is one line of CSV: line ends inside a text become spaces, so a file that was cut within a line loses
that line and no other. A text that a spreadsheet would run as a formula is written with an apostrophe before,
which reading takes away again.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from chatbot.ids import time_of
from chatbot.message import clean
from chatbot.privacy import redact
from chatbot.record_cells import CODECS, DECIMALS

if TYPE_CHECKING:
    from chatbot.router import Reply

SCHEMA_VERSION = 2
MAX_COMMENT_CHARS = 4_000
MAX_NAME_CHARS = 64
_OPAQUE = re.compile(r"[0-9a-z]{16}|")


class Features(NamedTuple):
    """What the drift check compares of a text."""

    chars: int
    words: int
    non_letter_share: float
    """Characters that are neither letters nor white space, of all characters; 0 to 1."""
    upper_share: float
    """Capitals of all letters; 0 to 1."""


def features(message: str) -> Features:
    """A message's features: of the cleaned message before redaction, in training and in serving alike."""
    letters = sum(map(str.isalpha, message))
    others = len(message) - letters - sum(map(str.isspace, message))
    return Features(
        len(message),
        len(message.split()),
        round(others / max(1, len(message)), DECIMALS),
        round(sum(map(str.isupper, message)) / max(1, letters), DECIMALS),
    )


@dataclass(frozen=True, slots=True)
class Record:
    """One answered message. The first four columns are the contract of old.

    Attributes:
        timestamp: the prediction id's time, UTC, to the millisecond.
        query: the message, redacted.
        confidence: 0 to 1.
        session_id: stands for the session and does not show what the client sent (`chatbot.ids.opaque`).
        scope: higher means more like what the bot was taught; None when a rule decided.
        alternatives: the likeliest intents with their confidence, the likeliest first.
        summary: a few numbers that stand for the embedding.
        latency_ms: from the request to the reply, in milliseconds.
        bundle_digest: of the bundle that answered: the log alone says what served.
        schema_version: of the code that wrote it.
    """

    timestamp: datetime
    query: str
    intent: str
    confidence: float
    prediction_id: str = ""
    session_id: str = ""
    model_version: str = ""
    source: str = ""
    rule: str = ""
    scope: float | None = None
    handoff: bool = False
    alternatives: tuple[tuple[str, float], ...] = ()
    chars: int = 0
    words: int = 0
    non_letter_share: float = 0.0
    upper_share: float = 0.0
    summary: tuple[float, ...] = ()
    latency_ms: float = 0.0
    bundle_digest: str = ""
    schema_version: int = SCHEMA_VERSION

    @classmethod
    def of(
        cls,
        reply: Reply,
        message: str,
        prediction_id: str,
        *,
        session_id: str = "",
        model_version: str = "",
        bundle_digest: str = "",
        latency_ms: float = 0.0,
    ) -> Record:
        """The record of a reply: redacts the message, computes its features.

        Args:
            reply: what the router decided.
            message: cleaned (`chatbot.message.clean`), with all that is personal still in it.
            prediction_id: from `chatbot.ids.new_id`; gives the timestamp.
            session_id: as `chatbot.ids.opaque` made it; anything else is hashed here.
            model_version: what the records call the model; bundle_digest: which it is.
            latency_ms: milliseconds from the request to the reply.

        Raises:
            ValueError: `prediction_id` has not the form of one.
        """
        prediction = reply.prediction
        alternatives = reply.alternatives if prediction is None else prediction.alternatives
        return cls(
            time_of(prediction_id),
            redact(message),
            reply.intent,
            round(float(reply.confidence), DECIMALS),
            prediction_id,
            _opaque(session_id),
            model_version,
            reply.source,
            reply.rule,
            None if prediction is None else round(float(prediction.scope), DECIMALS),
            reply.handoff,
            tuple((a.intent, round(float(a.confidence), DECIMALS)) for a in alternatives),
            *features(message),
            ()
            if prediction is None
            else tuple(round(float(value), DECIMALS) for value in prediction.summary),
            round(latency_ms, 2),
            bundle_digest,
        )


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody said of an answer. The same prediction id again replaces.

    Attributes:
        timestamp: when it was said, UTC, to the millisecond.
        intent: the right one, in that person's opinion; empty if they did not say.
        comment: redacted.
    """

    timestamp: datetime
    prediction_id: str
    helpful: bool
    intent: str = ""
    comment: str = ""
    schema_version: int = SCHEMA_VERSION

    @classmethod
    def of(
        cls,
        prediction_id: str,
        helpful: bool,
        intent: str = "",
        comment: str = "",
        now: datetime | None = None,
    ) -> Feedback:
        """A feedback: cleans and redacts the comment, cuts what is too long.

        Args:
            prediction_id: of the answer it is about, checked with `chatbot.ids.is_ours`.
            helpful: thumbs up or down.
            intent: the right intent, if they said one.
            comment: in their words.
            now: when; by default the clock.
        """
        now = now or datetime.now(UTC)
        return cls(
            now.replace(microsecond=now.microsecond // 1000 * 1000),
            prediction_id,
            helpful,
            clean(intent)[:MAX_NAME_CHARS],
            redact(clean(comment)[:MAX_COMMENT_CHARS]),
        )


Row = TypeVar("Row", Record, Feedback)
COLUMNS = tuple(field.name for field in fields(Record))
FEEDBACK_COLUMNS = tuple(field.name for field in fields(Feedback))


def columns_of(kind: type[Record | Feedback]) -> tuple[str, ...]:
    """The columns of a kind of row, in their order."""
    return COLUMNS if kind is Record else FEEDBACK_COLUMNS


def header(kind: type[Record | Feedback]) -> str:
    """The first line of a CSV file of that kind, with its line end."""
    return ",".join(columns_of(kind)) + "\n"


def to_line(row: Record | Feedback) -> str:
    """A row as one line of CSV, with its line end."""
    values, codecs = _LAYOUT[type(row)]
    line: str = _WRITER.writerow([codec.to_cell(v) for codec, v in zip(codecs, values(row), strict=True)])
    return line


def from_line(kind: type[Row], line: str, columns: Sequence[str] | None = None) -> Row:
    """A row from one line of CSV.

    Args:
        kind: what the file holds.
        line: with or without its line end.
        columns: what the file's first line names; by default this schema's. One that is missing gets its
            default, one that is unknown is passed over, so files of older and newer code can be read.

    Raises:
        ValueError: a cell too few or too many, or one that is not of its type.
    """
    try:
        cells = next(csv.reader([line], strict=True))
    except (csv.Error, StopIteration) as error:
        raise ValueError(f"no line of CSV: {error}") from error
    codecs = _CODECS_BY_NAME[kind]
    named = zip(columns or columns_of(kind), cells, strict=True)
    try:
        return kind(**{name: codecs[name].from_cell(cell) for name, cell in named if name in codecs})
    except TypeError as error:
        raise ValueError(f"no {kind.__name__.lower()}: {error}") from error


def to_row(row: Record | Feedback) -> dict[str, Any]:
    """A row for Parquet: `pyarrow.Table.from_pylist([to_row(r), ...], arrow_schema(Record))`."""
    values, codecs = _LAYOUT[type(row)]
    return {
        name: codec.to_value(value)
        for name, codec, value in zip(columns_of(type(row)), codecs, values(row), strict=True)
    }


def from_row(kind: type[Row], row: dict[str, Any]) -> Row:
    """A row from a line of Parquet (`Table.to_pylist`); missing and unknown columns as in `from_line`."""
    codecs = _CODECS_BY_NAME[kind]
    return kind(**{name: codecs[name].from_value(value) for name, value in row.items() if name in codecs})


def arrow_schema(kind: type[Record | Feedback] = Record) -> Any:
    """The `pyarrow.Schema` of a kind of row, with `schema_version` in its metadata."""
    import pyarrow as pa

    types = {
        "timestamp": pa.timestamp("ms", tz="UTC"),
        "string": pa.string(),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "int": pa.int32(),
        "floats": pa.list_(pa.float32()),
    }
    columns = [(name, types[codec.arrow]) for name, codec in _CODECS_BY_NAME[kind].items()]
    return pa.schema(columns, metadata={"schema_version": str(SCHEMA_VERSION)})


def _opaque(session_id: str) -> str:
    if _OPAQUE.fullmatch(session_id):
        return session_id
    return hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class _Line:
    """What `csv.writer` writes to: hands the line back instead."""

    def write(self, line: str) -> str:
        return line


_WRITER: Any = csv.writer(_Line(), lineterminator="\n")
_CODECS_BY_NAME = {kind: {f.name: CODECS[str(f.type)] for f in fields(kind)} for kind in (Record, Feedback)}
_LAYOUT = {kind: (attrgetter(*codecs), tuple(codecs.values())) for kind, codecs in _CODECS_BY_NAME.items()}
