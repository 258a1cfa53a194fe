"""Write what the label check found as CSV and HTML (self-contained, no scripts), and print it on a terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.files import write_file
from data.checks import FEW_MESSAGES
from data.decisions import DECISIONS_FILE, LabelAction, RowDecision, decisions_csv, read_decisions
from data.errors import CorpusError
from monitoring.pages import environment
from training.labels.findings import LabelFindings, SuspectLabel

CSV_FILE, PAGE_FILE = "suspects.csv", "labels.html"

_SHOWN = 20
_SHOWN_MORE = 10
_SHOWN_CHARACTERS = 120
_pages = environment(Path(__file__).parent)
_pages.filters |= {"percent": lambda share: f"{share:.0%}"}


def write_findings(findings: LabelFindings, folder: Path, corpus: str) -> None:
    """Write suspects.csv and labels.html about the named corpus into a folder; each write is atomic.

    Decisions that a person entered into an earlier suspects.csv are taken over; one that cannot be read is kept as
    suspects.old.csv.
    """
    decided = _decided(folder / CSV_FILE)
    said = {d.row_hash: d.intent if d.action is LabelAction.MOVE else d.action.value for d in decided}
    rows = [_cells(suspect, said.get(suspect.row_hash, "")) for suspect in findings.suspects]
    page = _pages.get_template("page.html.j2").render(
        findings=findings, corpus=corpus, few=FEW_MESSAGES, decisions_file=DECISIONS_FILE, csv_file=CSV_FILE
    )
    for name, text in ((CSV_FILE, decisions_csv(rows)), (PAGE_FILE, page)):
        # A lone surrogate in a message is a character that UTF-8 cannot hold.
        write_file(folder / name, text.encode("utf-8", "replace"), sync=False)


def print_findings(console: Console, findings: LabelFindings) -> None:
    """Print the worst of each kind; every message is printed literally, a long one shortened."""
    if findings.suspects:
        table = _table(
            findings.suspects, "suspect labels, worst first", "message", "label", "fits better", "similar"
        )
        for suspect in findings.suspects[:_SHOWN]:
            similar = "\n".join(f"{_short(n.message)} ({n.label})" for n in suspect.neighbours)
            copies = f" (× {suspect.copies:,})" if suspect.copies > 1 else ""
            table.add_row(*_texts(_short(suspect.message) + copies, suspect.label, suspect.better, similar))
        console.print(table)
    if findings.pairs:
        table = _table(
            findings.pairs, "intents that overlap", "intents", "messages", "examples", shown=_SHOWN_MORE
        )
        for pair in findings.pairs[:_SHOWN_MORE]:
            examples = [f"{pair.first}: {_short(m)}" for m in pair.first_examples[:1]]
            examples += [f"{pair.second}: {_short(m)}" for m in pair.second_examples[:1]]
            counted = f"{pair.messages:,} ({pair.share:.0%})"
            table.add_row(*_texts(f"{pair.first}\n{pair.second}", counted, "\n".join(examples)))
        console.print(table)
    if findings.contradictions:
        title = "near-duplicates with different labels"
        table = _table(findings.contradictions, title, "message", "label", "rows", shown=_SHOWN_MORE)
        for contradiction in findings.contradictions[:_SHOWN_MORE]:
            for row, count in contradiction.rows:
                table.add_row(*_texts(_short(row.message), row.label, f"{count:,}"))
            table.add_section()
        console.print(table)
    if findings.few:
        table = _table(
            findings.few,
            f"intents with under {FEW_MESSAGES} distinct messages",
            "intent",
            "messages",
            shown=_SHOWN,
        )
        for intent, count in findings.few[:_SHOWN]:
            table.add_row(*_texts(intent, f"{count:,}"))
        console.print(table)
    console.print(Text(findings.sentence))


def _decided(file: Path) -> list[RowDecision]:
    try:
        return read_decisions(file) if file.is_file() else []
    except CorpusError:
        file.replace(file.with_suffix(".old.csv"))
        return []


def _cells(suspect: SuspectLabel, decision: str) -> list[str]:
    similar = [f"{n.message} ({n.label})" for n in suspect.neighbours]
    first, second = (*similar, "", "")[:2]
    quality = f"{suspect.quality:.4f}"
    return [
        decision, suspect.label, suspect.better, quality, suspect.message, first, second, suspect.source,
        suspect.row_hash,
    ]  # fmt: skip


def _table(rows: tuple[object, ...], title: str, *columns: str, shown: int = _SHOWN) -> Table:
    more = f" ({shown} of {len(rows):,})" if len(rows) > shown else f" ({len(rows):,})"
    table = Table(title=title + more, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _short(message: str) -> str:
    return message if len(message) <= _SHOWN_CHARACTERS else message[: _SHOWN_CHARACTERS - 1] + "…"


def _texts(*cells: str) -> list[Text]:
    return [Text(cell) for cell in cells]
