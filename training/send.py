"""`python -m training.send`: send the runs that were kept while MLflow was unavailable."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.text import Text

from chatbot.settings import TrackingSettings
from data.commands import command
from training.tracking.client import TrackingFailed, without_credentials
from training.tracking.runs import send, unsent


@command()
def main() -> None:
    """Send every kept run; idempotent: a run the server already has is not sent twice, a failed one is kept."""
    settings = TrackingSettings()
    console = Console(stderr=True)
    waiting = unsent(settings)
    if not waiting:
        console.print(f"no unsent runs in {settings.unsent}")
    for number, folder in enumerate(waiting, 1):
        try:
            with console.status(f"{number} of {len(waiting)}: {folder.name}"):
                run_id = send(settings, folder)
        except TrackingFailed as error:
            console.print(
                Text(f"{error}. {len(waiting) - number + 1} runs remain in {settings.unsent}", style="red")
            )
            raise typer.Exit(1) from None
        console.print(Text(f"{folder.name} -> run {run_id} at {without_credentials(settings)}"))


if __name__ == "__main__":
    main()
