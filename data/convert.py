"""`python -m data.convert`: write any corpus as the reviewable YAML folder, and list what was dropped and why."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

if not __package__:  # run as `python data/convert.py`
    sys.path[0] = str(Path(__file__).resolve().parents[1])

    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

import typer
import yaml
from rich.console import Console
from rich.text import Text

from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.dialog.replies import ReplyText
from chatbot.formulas import to_cell
from data.columns import Columns, takes_columns
from data.commands import command
from data.errors import CorpusError, Problem, problems_table
from data.loading import Loaded, read_corpus
from data.replies import match_replies, own_replies, read_replies

DROPPED_FILE = "dropped.csv"

_UNSAFE = re.compile(r"[^\w.-]+")
_NOT_IN_YAML = re.compile("[\ufffe\uffff]")
_LONGEST_NAME = 80


@command()
@takes_columns("clean_mail")
def main(
    columns: Columns,
    source: Annotated[Path, typer.Argument(help="A file, folder or export of any format in docs/corpus.md.")],
    out: Annotated[Path, typer.Option(help="The folder to write; it must be empty or new.")],
    replies: Annotated[
        Path | None,
        typer.Option(help="Replies from elsewhere: YAML, a table, a Rasa domain; default: the source's own."),
    ] = None,
    tags: Annotated[str, typer.Option(help="The tags of tickets that are intents: `refund,delivery`.")] = "",
) -> None:
    """Convert a corpus to one YAML file per intent: messages one per line, replies where the source has them."""
    console = Console(stderr=True)
    named = tuple(tag.strip() for tag in tags.split(",") if tag.strip())
    loaded, notices = run(source, out, replace(columns, tags=named), replies)
    for table in problems_table([], [*loaded.problems, *notices]):
        console.print(table)
    intents = loaded.table["intent"].nunique()
    left = _dropped(loaded.problems, out / DROPPED_FILE)
    Console().print(
        Text(f"{len(loaded.table):,} messages of {intents:,} intents -> {out}{left}"), soft_wrap=True
    )


def _dropped(problems: Sequence[Problem], file: Path) -> str:
    """Say how many rows were dropped; two faults of a row are one row, and a fault of a file is none."""
    rows = len({(problem.file, problem.line) for problem in problems if problem.line is not None})
    counted = f"{rows:,} row{'s were' if rows != 1 else ' was'} dropped" if rows else "what was dropped"
    return f"; {counted}: {file}" if problems else ""


def run(
    source: Path, out: Path, columns: Columns | None = None, replies: Path | None = None
) -> tuple[Loaded, list[Problem]]:
    """Convert a corpus; see `main`.

    Returns: What was read; its `problems` are the dropped rows. Notices: what else was not taken over.

    Raises: CorpusError: nothing in the source can be used, or the folder is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CorpusError.at(out, None, "it is not empty: name a new folder, so that no review is lost")
    loaded = read_corpus(source, columns, arrays=True)
    if not len(loaded.table):
        raise CorpusError(loaded.problems)
    try:
        texts, notices = own_replies(source, loaded.replies)
    except CorpusError:  # a file of the folder is damaged: it is among the problems
        texts, notices = {intent: ReplyText(response=text) for intent, text in loaded.replies.items()}, []
    if replies is not None:
        texts = {**texts, **read_replies(replies)}
    texts = loaded.declared.texts(texts)
    texts, unmatched = match_replies(texts, set(loaded.table["intent"]), str(replies or source.name))
    write(loaded, texts, out)
    return loaded, [*loaded.notices, *notices, *unmatched]


def write(loaded: Loaded, replies: dict[str, ReplyText], out: Path) -> None:
    """Write `intents/<intent>.yaml` for every intent, and the list of dropped rows if there are any."""
    folder = out / "intents"
    folder.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    for intent, rows in loaded.table.groupby("intent", sort=True):
        name = _file_name(str(intent), taken)
        category = next((c for c in rows["category"] if c), "")
        reply = replies.get(str(intent), ReplyText(response=""))
        head = {
            "intent": str(intent),
            "category": reply.category or category,
            "description": reply.description,
            "reply": "" if intent == OUT_OF_SCOPE else reply.response,
        }
        (folder / f"{name}.yaml").write_text(_document(head, rows["message"].tolist()), encoding="utf-8")
    if loaded.problems:
        with (out / DROPPED_FILE).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("file", "line", "reason"))
            writer.writerows((to_cell(one.file), one.line, to_cell(one.reason)) for one in loaded.problems)


def _document(head: dict[str, str], messages: list[str]) -> str:
    """Return an intent's file: a message per line, without line ends and invisible characters in it."""
    filled = {name: value for name, value in head.items() if value}
    fields = yaml.safe_dump(filled, allow_unicode=True, sort_keys=False, width=10**6)
    lines = [_NOT_IN_YAML.sub("", clean(message)) for message in messages]
    return f"{fields}messages: |\n" + "".join(f"  {line}\n" for line in lines if line)


def _file_name(intent: str, taken: set[str]) -> str:
    """Return a file name for an intent of any characters, unique where case is ignored."""
    base = _UNSAFE.sub("_", intent).strip("._")[:_LONGEST_NAME] or "intent"
    name, number = base, 1
    while name.casefold() in taken:
        number += 1
        name = f"{base}_{number}"
    taken.add(name.casefold())
    return name


if __name__ == "__main__":
    main()
