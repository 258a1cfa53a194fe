"""Convert a record's values to and from CSV cells and Parquet columns, by type."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from chatbot import formulas

DECIMALS = 4
"""Decimal places of confidences, scopes, shares and summaries; more are noise and cost space."""


_CACHED = 4_096


class Codec(NamedTuple):
    """Conversion of one type to and from a CSV cell and a Parquet column."""

    arrow: str
    to_cell: Callable[[Any], str]
    from_cell: Callable[[str], Any]
    to_value: Callable[[Any], Any] = lambda value: value
    from_value: Callable[[Any], Any] = lambda value: value


# Created once: `json.dumps` creates an encoder per call unless all arguments are defaults.
_TO_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_LINE_ENDS = re.compile(r"[\r\n]+")


def _text_to_cell(text: str) -> str:
    if "\n" in text or "\r" in text:
        text = _LINE_ENDS.sub(" ", text)
    return formulas.to_cell(text)


def _time_to_cell(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time_from_cell(cell: str) -> datetime:
    time = datetime.fromisoformat(cell)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _float_to_cell(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _bool_from_cell(cell: str) -> bool:
    if cell not in ("true", "false"):
        raise ValueError(f"{cell!r} is neither true nor false")
    return cell == "true"


# Cached, like the floats' cells: records of exact repeats share them.
@lru_cache(maxsize=_CACHED)
def _pairs_to_json(pairs: Sequence[tuple[str, float]]) -> str:
    return _TO_JSON(dict(pairs))


def _pairs_from_json(text: str) -> tuple[tuple[str, float], ...]:
    pairs = json.loads(text or "{}")
    if not isinstance(pairs, dict):
        raise ValueError(f"{text!r} is not a JSON object")
    return tuple((intent, float(confidence)) for intent, confidence in pairs.items())


@lru_cache(maxsize=_CACHED)
def _floats_to_cell(values: Sequence[float]) -> str:
    return " ".join([repr(float(value)) for value in values])


def _floats_from_cell(cell: str) -> tuple[float, ...]:
    return tuple(map(float, cell.split()))


def _floats_from_value(values: Sequence[float]) -> tuple[float, ...]:
    # Stored as float32: exact to DECIMALS places, with noise after them.
    return tuple(round(value, DECIMALS) for value in values)


CODECS = {
    "datetime": Codec("timestamp", _time_to_cell, _time_from_cell),
    "str": Codec("string", _text_to_cell, formulas.from_cell),
    "float": Codec("double", _float_to_cell, float),
    "float | None": Codec("double", _float_to_cell, lambda cell: float(cell) if cell else None),
    "bool": Codec("bool", lambda value: "true" if value else "false", _bool_from_cell),
    "int": Codec("int", str, int),
    "tuple[tuple[str, float], ...]": Codec(
        "string", _pairs_to_json, _pairs_from_json, _pairs_to_json, _pairs_from_json
    ),
    "tuple[float, ...]": Codec("floats", _floats_to_cell, _floats_from_cell, list, _floats_from_value),
}
