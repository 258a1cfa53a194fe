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


def whole(low: int, high: int) -> str:
    """Return the pattern of an integer in [low, high], as text; a lower bound below 0 is `-high`."""
    if low < 0:
        return f"-?{whole(0, high)}"
    return f"0*({'|'.join(_ranges(low, high))})"


def _ranges(low: int, high: int) -> list[str]:
    """Return patterns that together match the integers in [low, high]."""
    found = []
    while low <= high:
        fewest, most = len(str(low)), len(str(high + 1)) - 1
        if low == 10 ** (fewest - 1) and fewest < most:  # every integer of so many digits is within
            found.append(f"[1-9][0-9]{{{fewest - 1},{most - 1}}}")
            low = 10**most
            continue
        # The largest block of integers that starts here, ends in nines, and stays within.
        size = 1
        while low % (size * 10) == 0 and low + size * 10 - 1 <= high and (low > 0 or size == 0):
            size *= 10
        free = len(str(size)) - 1
        first = low // size
        last = min(first // 10 * 10 + 9, (high + 1) // size - 1)
        head, tail = str(first)[:-1], f"[{first % 10}-{last % 10}]" if last > first else str(first % 10)
        found.append(head + tail + (f"[0-9]{{{free}}}" if free > 1 else "[0-9]" * free))
        low = (last + 1) * size
    return found


def decimal(low: float, high: float, is_low_open: bool, is_high_open: bool) -> str:
    """Return the pattern of a number within bounds, as text without an exponent.

    Args:
        low: lower bound, a whole number; below 0 it is `-high`.
        high: upper bound, a whole number, or tenths below 1, which are themselves excluded.
        is_low_open: whether the lower bound itself is excluded; for 0 only.
        is_high_open: whether the upper bound itself is excluded.
    """
    if low < 0:
        return f"-?{decimal(0, high, is_low_open, is_high_open)}"
    # Tenths from 0 to this digit are below the upper bound, where the whole part is 0.
    tenth = 9 if high >= 1 else round(high * 10) - 1
    parts = [rf"{whole(max(int(low), 1), int(high) - 1)}(\.[0-9]*)?"] if high > max(low, 1) else []
    if is_low_open:
        parts.append(rf"0*\.([1-{tenth}][0-9]*|0[0-9]*[1-9][0-9]*)")
    elif low == 0:
        parts += [rf"0+(\.([0-{tenth}][0-9]*)?)?", rf"\.[0-{tenth}][0-9]*"]
    if not is_high_open:
        parts.append(rf"0*{int(high)}(\.0*)?")
    return f"({'|'.join(parts)})"
