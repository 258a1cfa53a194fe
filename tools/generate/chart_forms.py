"""Describe as JSON Schema what a value of the chart keeps to: forms.yaml, and the patterns of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from chatbot.documents import read_yaml

Schema = dict[str, Any]

_CONTENT = read_yaml(Path(__file__).with_name("forms.yaml"))


def _filled(value: Any, patterns: Mapping[str, str]) -> Any:
    """Return a value of forms.yaml with the patterns that its texts and keys name."""
    if isinstance(value, dict):
        return {_filled(key, patterns): _filled(inner, patterns) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, patterns) for inner in value]
    return Template(value).safe_substitute(patterns) if isinstance(value, str) else value


_PATTERNS: dict[str, str] = {}
for _name, _pattern in _CONTENT.pop("patterns").items():
    _PATTERNS[_name] = _filled(_pattern, _PATTERNS)
_SCHEMAS: dict[str, Schema] = _filled(_CONTENT, _PATTERNS)
DEFINITIONS, RESOURCES = _SCHEMAS["definitions"], _SCHEMAS["resources"]
_NUMBER, _POSITIVE = _PATTERNS["number"], _PATTERNS["positive"]


def form_of(name: str) -> Schema:
    """Return what a value keeps to beside its type, by the last key of its path."""
    return _SCHEMAS["forms"].get(name, {})  # type: ignore[no-any-return]


def variable(values: dict[str, Schema]) -> Schema:
    """Return the schema of an entry of `extraEnv`, given the schemas of the settings' values by name."""
    return _SCHEMAS["variable"] | {
        "allOf": [
            {"if": {"properties": {"name": {"const": name}}}, "then": {"properties": {"value": schema}}}
            for name, schema in values.items()
        ],
    }


def whole(low: int | None, high: int | None) -> str:
    """Return the pattern of an integer in [low, high], as text; None: without that bound."""
    if low is None or low < 0:
        return r"-?[0-9]+"
    if high is None:
        return r"[0-9]+" if low == 0 else _at_least(low)
    return f"0*({'|'.join(_ranges(low, high))})"


def _at_least(low: int) -> str:
    digits = len(str(low))
    return f"0*({'|'.join([*_ranges(low, 10**digits - 1), f'[1-9][0-9]{{{digits},}}'])})"


def _ranges(low: int, high: int) -> list[str]:
    """Return patterns that together match the integers in [low, high], each of integers with as many digits."""
    found = []
    while low <= high:
        # The largest block of integers that starts here, ends in nines, and stays within.
        size = 1
        while low % (size * 10) == 0 and low + size * 10 - 1 <= high and (low > 0 or size == 0):
            size *= 10
        free = len(str(size)) - 1
        first = low // size
        last = min(first // 10 * 10 + 9, (high + 1) // size - 1)
        head, tail = str(first)[:-1], f"[{first % 10}-{last % 10}]" if last > first else str(first % 10)
        found.append(head + tail + "[0-9]" * free)
        low = (last + 1) * size
    return found


def decimal(low: float | None, is_open: bool, high: float | None) -> str:
    """Return the pattern of a number as text: its sign, whether it may be zero, and whether it is at most 1.

    Args:
        low: lower bound; None: none.
        is_open: whether the lower bound itself is excluded.
        high: upper bound; bounds other than 1 are checked when the program starts.
    """
    if low is None or low < 0:
        return rf"-?{_NUMBER}([eE][-+]?[0-9]{{1,2}})?"
    number = _POSITIVE if low > 0 or is_open else _NUMBER
    if high is not None and high <= 1:
        return (
            r"(0*1(\.0*)?|0*\.[0-9]*[1-9][0-9]*)" if number == _POSITIVE else r"((0+|0*1)(\.0*)?|0*\.[0-9]+)"
        )
    return rf"{number}([eE][-+]?[0-9]{{1,2}})?"
