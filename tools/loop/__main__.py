"""`make loop`: run the closed loop on this machine, with real components. `python -m tools.loop --help`."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

from chatbot.errors import ChatbotError
from chatbot.process import Stopped, stop_on
from data.commands import command
from tools.loop.parts import write_environment
from tools.loop.report import LoopReport
from tools.loop.story import Story
from tools.processes import ROOT


@command()
def main(
    store: Annotated[str, typer.Option(help="`minio`, or `folder`: a folder in its place.")] = "minio",
    keep: Annotated[bool, typer.Option(help="Leave everything running at the end, until Ctrl-C.")] = False,
    folder: Annotated[Path, typer.Option(help="A new folder, or one in .cache, which is emptied.")] = Path(
        ".cache/loop"
    ),
    page: Annotated[Path | None, typer.Option(help="Write the table here too, as Markdown.")] = None,
) -> None:
    """Run the loop: first version, a day, a launch, drift, review, retraining, gate, promotion, rollback."""
    console = Console()

    stop_on(signal.SIGTERM, signal.SIGINT)
    if store not in ("minio", "folder"):
        console.print(Text(f"--store {store}: expected `minio` or `folder`", style="red"))
        raise typer.Exit(2)
    place = (ROOT / folder).resolve()
    if place.exists() and any(place.iterdir()) and not place.is_relative_to(ROOT / ".cache"):
        console.print(Text(f"--folder {folder}: it is not empty; name a new folder", style="red"))
        raise typer.Exit(2)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    report = LoopReport(console)
    try:
        parts = Story(place, report).play(store)
    except ChatbotError as error:
        console.print(Text(f"the loop stopped: {error}", style="red"))
        console.print(f"the logs of its components are in {place / 'logs'}")
        raise typer.Exit(1) from None
    except Stopped:
        console.print("stopped")
        raise typer.Exit(130) from None
    try:
        console.print(Markdown(report.table()))
        report.write(place / "loop.json")
        if page is not None:
            told = "" if store == "minio" else f" --store {store}"
            page.write_text(report.page(f"python -m tools.loop{told} --page {page}", place), encoding="utf-8")
        if keep:
            _leave_running(console, report, parts.links, write_environment(parts, place))
    except Stopped:
        console.print("stopped")
    finally:
        parts.processes.stop()


def _leave_running(console: Console, report: LoopReport, links: dict[str, str], environment: Path) -> None:
    """Wait for Ctrl-C, then delete the file that contains the store's password."""
    console.print("everything keeps running; stop it with Ctrl-C")
    for name, url in links.items():
        report.link(name, url)
    console.print(f"  to continue: set -a; source {environment}; then e.g. python -m training.versions")
    try:
        while True:
            time.sleep(1)
    finally:
        environment.unlink()


if __name__ == "__main__":
    main()
