"""Review messages selected by active learning: list the review queue and record decisions.

    python -m training.review list [--reason near_tie]     list the queue, highest priority first
    python -m training.review show ID                      show one message with all details
    python -m training.review accept ID...                 confirm the bot's top intent
    python -m training.review correct ID... INTENT         set another intent, or out_of_scope
    python -m training.review reject ID...                 exclude messages from training
    python -m training.review new-intent NAME --reply TEXT (ID... | --cluster NAME)
    python -m training.review clusters                     list clusters of messages that no intent covers
    python -m training.review undo ID                      undo a decision
    python -m training.review declare FILE                 declare renamed, merged, removed or split intents
    python -m training.review declared                     print what is declared

Ids may be abbreviated to a unique prefix. The staff page shows the same queue (`ui/staff.py`).
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatbot.errors import InvalidMessage
from chatbot.settings import StorageSettings
from chatbot.store import open_store
from data.commands import reports_errors
from data.declarations import read_declared
from training.review.board import Board, BulkDecision, View, open_board
from training.review.decisions import AlreadyDecided
from training.review.declared import read_stored, write_stored
from training.review.queue import Item, Reason

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, rich_markup_mode=None)
_console = Console()

Ids = Annotated[list[str], typer.Argument(help="prediction ids, as `list` shows them; may be shortened")]
By = Annotated[str, typer.Option("--by", help="who decides; by default the user's name")]


@app.command("list")
@reports_errors()
def show_list(
    reason: Annotated[Reason | None, typer.Option(help="only items with this reason")] = None,
    most: Annotated[int, typer.Option(help="how many to show")] = 20,
) -> None:
    """List the queue, highest priority first."""
    board = open_board()
    view = board.look()
    queue = view.queue
    items = [item for item in queue.items if reason is None or reason in item.reasons]
    table = Table("id", "message", "count", "reasons", "the bot's top intent", box=None)
    for item in items[:most]:
        top = f"{item.intent} {item.confidence:.0%}"
        table.add_row(item.item_id, Text(item.message), str(item.count), ", ".join(item.reasons), top)
    _console.print(table)
    counts = ", ".join(f"{count} {name}" for name, count in queue.by_reason.items())
    waiting = f"{len(queue.items)} in the queue ({counts or 'none'})"
    _console.print(f"{waiting}; {queue.decided} decided", highlight=False)
    if not view.has_traffic:
        _console.print(f"no traffic yet: no customer's message is in {board.store}", highlight=False)
    if queue.omitted:
        _console.print(f"{queue.omitted} more were omitted: CHATBOT_REVIEW_MAX_MESSAGES", highlight=False)


@app.command()
@reports_errors()
def show(item_id: Annotated[str, typer.Argument(help="a prediction id")]) -> None:
    """Show one message with all details."""
    (item,) = _find(open_board().look(), [item_id])
    table = Table(box=None, show_header=False)
    for name, value in (
        ("id", item.item_id),
        ("message", item.message),
        ("first seen", f"{item.when:%Y-%m-%d %H:%M} UTC, {item.count} times in total"),
        ("reasons", ", ".join(item.reasons)),
        ("top intents", ", ".join(f"{intent} {confidence:.0%}" for intent, confidence in item.alternatives)),
        ("scope", "-" if item.scope is None else f"{item.scope:.2f}"),
        ("reply", f"{item.source}, model {item.model_version}"),
        ("customer suggests", item.suggested or "-"),
        ("comments", " | ".join(item.comments) or "-"),
        ("cluster", item.cluster or "-"),
    ):
        table.add_row(name, Text(value))
    _console.print(table)


@app.command()
@reports_errors()
def clusters(most: Annotated[int, typer.Option(help="how many examples to show")] = 3) -> None:
    """List clusters of similar messages that no intent covers."""
    found = open_board().look().clusters
    for cluster in found:
        head = f"{cluster.name}  {cluster.count} messages, nearest intent {cluster.nearest}"
        _console.print(head, style="bold", highlight=False)
        _console.print(f"  words: {', '.join(cluster.words)}", highlight=False)
        for item in cluster.items[:most]:
            _console.print(Text(f"  {item.item_id}  {item.message}"))
    if not found:
        _console.print("no clusters", highlight=False)


@app.command()
@reports_errors()
def accept(ids: Ids, by: By = "") -> None:
    """Confirm that the bot's top intent is correct."""
    board = open_board()
    _each(board, ids, lambda item: board.accept(item, _reviewer(by)).intent)


@app.command()
@reports_errors()
def correct(
    ids: Ids, intent: Annotated[str, typer.Argument(help="the right one, or out_of_scope")], by: By = ""
) -> None:
    """Correct the intent of messages."""
    board = open_board()
    _each(board, ids, lambda item: board.correct(item, intent, _reviewer(by)).intent)


@app.command()
@reports_errors()
def reject(ids: Ids, by: By = "") -> None:
    """Reject messages: they are not used for training."""
    board = open_board()
    _each(board, ids, lambda item: board.reject(item, _reviewer(by)).verdict)


@app.command("new-intent")
@reports_errors()
def new_intent(
    name: Annotated[str, typer.Argument(help="such as gift_card_balance")],
    reply: Annotated[str, typer.Option(help="what customers read, with slots such as {help_url}")],
    ids: Annotated[list[str] | None, typer.Argument(help="the messages that have it")] = None,
    cluster: Annotated[str, typer.Option(help="or all messages of this cluster")] = "",
    category: Annotated[str, typer.Option(help="the family of intents it belongs to")] = "",
    title: Annotated[str, typer.Option(help="as a choice that a customer can click")] = "",
    by: By = "",
) -> None:
    """Create an intent with its reply, and assign messages to it."""
    board = open_board()
    view = board.look()
    items = [*(view.cluster(cluster).items if cluster else ()), *_find(view, ids or [])]
    if not items:
        raise InvalidMessage(f"no messages for the intent {name}: name their ids, or a --cluster")
    preview = board.preview(name, reply, category)
    outcome = board.new_intent(items, name, reply, _reviewer(by), category, title)
    _console.print(Text(f"{name}: {preview}"))
    _print_outcome(outcome)


@app.command()
@reports_errors()
def undo(item_id: Annotated[str, typer.Argument(help="a whole prediction id")], by: By = "") -> None:
    """Undo a decision: the message returns to the queue."""
    reopened = open_board().undo(item_id, _reviewer(by))
    _console.print(Text(f"{reopened.item_id} is in the queue again: {reopened.message}"))


@app.command()
@reports_errors()
def declare(file: Annotated[Path, typer.Argument(help="a declared.yaml, see docs/corpus.md")]) -> None:
    """Replace the declared changes (of intents, target, out-of-scope share) for the next retraining."""
    if not file.is_file():
        raise InvalidMessage(f"{file} is not a file: see docs/corpus.md, Declared changes")
    declaration = read_declared(file)
    write_stored(open_store(StorageSettings()), declaration)
    _console.print(Text(f"The next retraining applies it:\n{declaration.dump()}"))


@app.command()
@reports_errors()
def declared() -> None:
    """Print the declared changes."""
    _console.print(Text(read_stored(open_store(StorageSettings())).dump()))


def _reviewer(by: str) -> str:
    return by or getpass.getuser()


def _find(view: View, ids: Sequence[str]) -> list[Item]:
    """Return the queued items whose ids start with the given prefixes.

    Raises: InvalidMessage: a prefix matches no item, or more than one.
    """
    found = []
    for start in ids:
        matching = [item for item in view.queue.items if item.item_id.startswith(start)]
        if len(matching) > 1:
            raise InvalidMessage(f"{start} is the start of {len(matching)} ids in the queue: type more of it")
        found.append(matching[0] if matching else view.item(start))
    return found


def _each(board: Board, ids: Sequence[str], decide: Callable[[Item], str]) -> None:
    outcome = BulkDecision()
    for item in _find(board.look(), ids):
        try:
            _console.print(Text(f"{item.item_id}  {decide(item)}  {item.message}"))
        except AlreadyDecided as error:
            outcome.before.append(error)
    if outcome.before:
        _print_outcome(outcome)


def _print_outcome(outcome: BulkDecision) -> None:
    """Print a decision on several messages; exit with 1 if others had decided on some, which stay unchanged.

    Raises: ChatbotError: it stopped before the end.
    """
    if outcome.decided:
        _console.print(f"{len(outcome.decided)} messages become rows of the corpus", highlight=False)
    for error in outcome.before:
        Console(stderr=True).print(Text(f"{error.decision.item_id}: {error}", "yellow"))
    if outcome.error:
        raise outcome.error
    if outcome.before:
        raise typer.Exit(1)


if __name__ == "__main__":
    sys.exit(app())
