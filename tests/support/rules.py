"""The shipped rules, compiled once for a process: nothing changes them, and a load takes half a second."""

from __future__ import annotations

from functools import cache

from chatbot.dialog.rules import Rules
from tests.support.requirements import ROOT


@cache
def shipped_rules() -> Rules:
    return Rules.load(ROOT / "data/corpus/rules.yaml")
