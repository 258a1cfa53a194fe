"""Generated JSON: the same content, in as few lines as the width allows."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import compact_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_the_content_is_what_was_written(value: object) -> None:
    assert json.loads(compact_json.dumps(value)) == value


def test_what_fits_stands_on_one_line_and_the_rest_is_broken_from_outside() -> None:
    one = {"type": "integer", "minimum": 16}
    many = {f"CHATBOT_{number}": one for number in range(4)}
    lines = compact_json.dumps({"properties": many, "last": []}).splitlines()
    assert lines == [
        "{",
        ' "properties": {',
        *(f'  "CHATBOT_{n}": {json.dumps(one)}{"," if n < 3 else ""}' for n in range(4)),
        " },",
        ' "last": []',
        "}",
    ]


@pytest.mark.parametrize("length", range(100, 125))
def test_no_line_is_longer_than_the_width(length: int) -> None:
    value = {"a": [["x" * (length - 40), "y" * 20, "é" * 4], 1], "b": 2}
    assert max(map(len, compact_json.dumps(value).splitlines())) <= compact_json.WIDTH
