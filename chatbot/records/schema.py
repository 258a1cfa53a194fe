"""Define the schema of the inference log and of feedback, with its serialization to CSV and Parquet.

A record is one line of CSV: line ends inside a text become spaces, so a file truncated within a line loses only
that line. Against formula injection, a text that a spreadsheet would evaluate is written with a leading apostrophe,
which reading removes.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from chatbot.dialog.message import clean
from chatbot.ids import time_of
from chatbot.privacy import redact
from chatbot.records.codecs import CODECS, DECIMALS

if TYPE_CHECKING:
    from chatbot.dialog.router import Reply

SCHEMA_VERSION = 4
MAX_COMMENT_CHARS = 4_000
MAX_NAME_CHARS = 64
_OPAQUE = re.compile(r"[0-9a-z]{16}|")


class Features(NamedTuple):
    """Text features that the drift check compares."""

    chars: int
    words: int
    non_letter_share: float
    """Share of characters that are neither letters nor white space; 0 to 1."""
    upper_share: float
    """Share of capitals among the letters; 0 to 1."""


def features(message: str) -> Features:
    """Compute the text features of a cleaned message before PII redaction; used in training and serving."""
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
    """Record of one answered message. The first four columns are a fixed contract.

    Attributes:
        timestamp: time of the prediction id, UTC, to the millisecond.
        query: the message, PII redacted.
        confidence: calibrated probability, 0 to 1.
        session_id: pseudonym of the session (`chatbot.ids.opaque`), not the client's value.
        scope: out-of-distribution score, higher is more in scope; None if a rule decided.
        alternatives: (intent, confidence), the most likely first.
        summary: low-dimensional projection of the embedding.
        latency_ms: from request to reply, in milliseconds.
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
        """Build the record of a reply: redacts PII in the message and computes its features.

        Args:
            message: cleaned (`chatbot.dialog.message.clean`), not redacted.
            prediction_id: from `chatbot.ids.new_id`; determines the timestamp.
            session_id: pseudonym from `chatbot.ids.opaque`; any other value is hashed here.

        Raises: ValueError: `prediction_id` does not have the form of a prediction id.
        """
        prediction = reply.prediction
        alternatives = reply.alternatives if prediction is None else prediction.alternatives
        return cls(
            time_of(prediction_id),
            redact(message) if reply.redacted is None else reply.redacted,
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
            else tuple([round(float(value), DECIMALS) for value in prediction.summary]),
            round(latency_ms, 2),
            bundle_digest,
        )

    def again(self, prediction_id: str, *, session_id: str = "", latency_ms: float = 0.0) -> Record:
        """Build the record of another message with the same text and reply, as `of` does but without its work."""
        values = list(_LAYOUT[Record][0](self))
        for column, value in zip(
            _OWN,
            (time_of(prediction_id), prediction_id, _opaque(session_id), round(latency_ms, 2)),
            strict=True,
        ):
            values[column] = value
        return Record(*values)


@dataclass(frozen=True, slots=True)
class Feedback:
    """User feedback on an answer. Later feedback with the same prediction id replaces earlier feedback.

    Attributes:
        timestamp: time of the feedback, UTC, to the millisecond.
        intent: correct intent in the user's opinion; empty: not given.
        comment: free text, PII redacted.
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
        """Build a feedback: cleans, truncates and redacts the comment.

        Args:
            prediction_id: prediction that the feedback is about, verified with `chatbot.ids.is_ours`.
            intent: correct intent in the user's opinion, if given.
            now: time of the feedback; None: the system clock.
        """
        now = now or datetime.now(UTC)
        return cls(
            now.replace(microsecond=now.microsecond // 1000 * 1000),
            prediction_id,
            helpful,
            clean(intent)[:MAX_NAME_CHARS],
            redact(clean(comment)[:MAX_COMMENT_CHARS]),
        )


def latest_feedback(feedback: Iterable[Feedback]) -> dict[str, Feedback]:
    """Return the latest feedback on each prediction, by prediction id.

    By timestamp, not by position: several processes write at the same time.
    """
    latest: dict[str, Feedback] = {}
    for one in feedback:
        earlier = latest.get(one.prediction_id)
        if earlier is None or one.timestamp >= earlier.timestamp:
            latest[one.prediction_id] = one
    return latest


Row = TypeVar("Row", Record, Feedback)
COLUMNS = tuple(field.name for field in fields(Record))
FEEDBACK_COLUMNS = tuple(field.name for field in fields(Feedback))
_OWN = [COLUMNS.index(name) for name in ("timestamp", "prediction_id", "session_id", "latency_ms")]
"""Columns that differ between the records of one text."""


def columns_of(kind: type[Record | Feedback]) -> tuple[str, ...]:
    """Return the columns of a kind of row, in order."""
    return COLUMNS if kind is Record else FEEDBACK_COLUMNS


def header(kind: type[Record | Feedback]) -> str:
    """Return the header line of a CSV file, including the line end."""
    return ",".join(columns_of(kind)) + "\n"


def to_line(row: Record | Feedback) -> str:
    """Serialize a row to one line of CSV, including the line end."""
    values, codecs = _LAYOUT[type(row)]
    line: str = _WRITER.writerow([codec.to_cell(v) for codec, v in zip(codecs, values(row), strict=True)])
    return line


def from_line(kind: type[Row], line: str, columns: Sequence[str] | None = None) -> Row:
    """Parse a row from one line of CSV.

    Args:
        columns: columns of the file's header; None: this schema's. Missing columns get their default, unknown
            ones are ignored, so files of older and newer schema versions are readable.

    Raises: ValueError: the number of cells is wrong, or a cell is not of its type.
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
    """Convert a row for Parquet: `pyarrow.Table.from_pylist([to_row(r), ...], arrow_schema(Record))`."""
    values, codecs = _LAYOUT[type(row)]
    return {
        name: codec.to_value(value)
        for name, codec, value in zip(columns_of(type(row)), codecs, values(row), strict=True)
    }


def from_row(kind: type[Row], row: dict[str, Any]) -> Row:
    """Convert a row from Parquet (`Table.to_pylist`); handles missing and unknown columns like `from_line`."""
    codecs = _CODECS_BY_NAME[kind]
    return kind(**{name: codecs[name].from_value(value) for name, value in row.items() if name in codecs})


def arrow_schema(kind: type[Record | Feedback] = Record) -> Any:
    """Return the `pyarrow.Schema` of a kind of row, with `schema_version` in its metadata."""
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
    """Sink for `csv.writer` that returns the line instead of writing it."""

    def write(self, line: str) -> str:
        return line


_WRITER: Any = csv.writer(_Line(), lineterminator="\n")
_CODECS_BY_NAME = {kind: {f.name: CODECS[str(f.type)] for f in fields(kind)} for kind in (Record, Feedback)}
_LAYOUT = {kind: (attrgetter(*codecs), tuple(codecs.values())) for kind, codecs in _CODECS_BY_NAME.items()}
