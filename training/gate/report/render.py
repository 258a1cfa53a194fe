"""Write a gate verdict to gate.json and gate.html (self-contained, no scripts), and print it on a terminal."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.files import write_file
from chatbot.model.scores import MEANINGS, shown
from monitoring.pages import environment
from training.gate.evidence import percent, points
from training.gate.verdict import GateVerdict

JSON_FILE, PAGE_FILE = "gate.json", "gate.html"

_STYLES = {"passed": "green", "warned": "yellow", "refused": "bold red", "unjudged": "dim"}
_BADGES = {"passed": "✓ passed", "warned": "! review", "refused": "✕ refused", "unjudged": "not judged"}
_IDENTITY = [("version", "Version"), ("created", "Made"), ("corpus_digest", "Corpus"), ("intents", "Intents")]

_pages = environment(Path(__file__).parent)
_pages.filters |= {
    "percent": percent,
    "points": points,
    "score": shown,
    "p_value": lambda p: "under 0.1 %" if p < 0.001 else "-" if p >= 1 else percent(p),
}


def page(verdict: GateVerdict) -> str:
    """Return the report as HTML."""
    return _pages.get_template("page.html.j2").render(
        verdict=verdict, badges=_BADGES, identity=_IDENTITY, meanings=MEANINGS, out_of_scope=OUT_OF_SCOPE
    )


def write_verdict(verdict: GateVerdict, folder: Path) -> None:
    """Write gate.json and gate.html into a folder; each write is atomic."""
    content = json.dumps(verdict.as_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    for name, text in ((PAGE_FILE, page(verdict)), (JSON_FILE, content)):
        write_file(folder / name, text, sync=False)


def print_verdict(console: Console, verdict: GateVerdict, folder: Path) -> None:
    """Print the checks as a table, and the path of the HTML report."""
    table = Table(title=verdict.sentence, title_justify="left")
    for column in ("check", "verdict", "finding"):
        table.add_column(column)
    for check in verdict.checks:
        table.add_row(check.title, Text(check.verdict, style=_STYLES[check.verdict]), Text(check.sentence))
    console.print(table)
    console.print(f"Report: {folder / PAGE_FILE}")
