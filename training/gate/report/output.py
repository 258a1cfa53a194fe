"""Write a gate verdict to gate.json and gate.html, and print it on a terminal."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from training.gate.report.page import page
from training.gate.verdict import GateVerdict

JSON_FILE, PAGE_FILE = "gate.json", "gate.html"

_STYLES = {"passed": "green", "warned": "yellow", "refused": "bold red", "unjudged": "dim"}


def write_verdict(verdict: GateVerdict, folder: Path) -> None:
    """Write gate.json and gate.html into a folder; each write is atomic."""
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(verdict.as_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    for name, text in ((PAGE_FILE, page(verdict)), (JSON_FILE, content)):
        partial = folder / f".{name}.part"
        partial.write_text(text, encoding="utf-8")
        partial.replace(folder / name)


def print_verdict(console: Console, verdict: GateVerdict, folder: Path) -> None:
    """Print the checks as a table, and the path of the HTML report."""
    table = Table(title=verdict.sentence, title_justify="left")
    for column in ("check", "verdict", "what was found"):
        table.add_column(column)
    for check in verdict.checks:
        table.add_row(check.title, Text(check.verdict, style=_STYLES[check.verdict]), Text(check.sentence))
    console.print(table)
    console.print(f"Read: {folder / PAGE_FILE}")
