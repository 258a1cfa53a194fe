"""`python -m monitoring.retrain_if_needed`: the last drift verdict in, nothing or one retraining out, on one machine.

Not twice for the same drift (same champion, same corpus and accepted rows, same red checks), not within the cool-down,
one at a time. What was asked for lies in the store (`memory/retrain.json`), as in a cluster (`k8s.trigger`).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

if not __package__:  # run as `python monitoring/retrain_if_needed.py`
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from chatbot.errors import ChatbotError, SettingError
from chatbot.retrain_memory import read_known, read_memory, read_verdict, write_memory
from chatbot.settings import DriftSettings, StorageSettings
from chatbot.storage import Store, has_store, open_store
from chatbot.verdict import BEGUN, FAILED, DriftVerdict

COMMAND = (sys.executable, "-m", "training.retrain")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class RetrainFailed(ChatbotError):
    """The retraining ended with an error; the next verdict may ask again."""

    type = "retrain"


def retrain_if_needed(
    store: Store,
    command: tuple[str, ...],
    out: Path,
    now: datetime,
    cooldown: timedelta,
    verdict: DriftVerdict | None = None,
) -> tuple[str, str]:
    """Retrain, if the drift verdict is reason enough.

    Args:
        command: the retraining; `--out FILE` is added.
        out: where its result is written.
        now: the time.
        cooldown: the least time between two.
        verdict: by default the last one in the store.

    Returns:
        What came of it (`nothing`, `running`, or what the retraining said) and why.

    Raises:
        StoreError: the store does not answer, or there is no verdict in it.
        RetrainFailed: the retraining ended with an error.
    """
    with _lock(store) as alone:
        if not alone:
            return "running", "another retraining that drift asked for is running on this machine"
        verdict = verdict or read_verdict(store)
        memory, etag = read_memory(store)
        known = read_known(store, verdict)
        decision = memory.decide(verdict, *known, now, cooldown)
        if not decision.run:
            return "nothing", decision.why
        # Before it runs: one that kills the machine must not be begun again at every check.
        memory = memory.remember(verdict, *known, now, BEGUN)
        etag = write_memory(store, memory, etag)
        outcome = _run(command, out)
        write_memory(store, memory.remember(verdict, *known, now, outcome), etag)
        if outcome == FAILED:
            raise RetrainFailed(
                f"the retraining ({' '.join(command[1:])}) failed: its output says why. It is tried again at the next "
                f"red verdict after the cool-down of {cooldown}"
            )
        return outcome, decision.why


def _run(command: tuple[str, ...], out: Path) -> str:
    """What the retraining said of itself; its own output goes where this one's goes."""
    out.unlink(missing_ok=True)
    done = subprocess.run([*command, "--out", str(out)], check=False)
    if done.returncode:
        return FAILED
    try:
        return str(json.loads(out.read_text(encoding="utf-8"))["outcome"])
    except (OSError, ValueError, KeyError):
        return FAILED


@contextmanager
def _lock(store: Store) -> Iterator[bool]:
    """One at a time on this machine for this store; gone with its process, however that ends."""
    name = hashlib.sha256(str(store).encode()).hexdigest()[:16]
    file = Path(tempfile.gettempdir()) / f"chatbot-retrain-{os.getuid()}-{name}.lock"
    with file.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@app.command()
def main(
    verdict: Annotated[
        Path | None, typer.Option(help="A drift.json; by default the last one in the store.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the retraining writes its outcome.")] = Path(
        "models/retrain/retrain.json"
    ),
) -> None:
    """Retrain if the last drift verdict is reason enough. Exit code 1 for an error, 0 otherwise."""
    console = Console()
    try:
        storage, settings = StorageSettings(), DriftSettings()
        if not has_store(storage):
            raise SettingError(
                "CHATBOT_STORE_URL names no store: what was asked for must be remembered somewhere"
            )
        told = DriftVerdict.model_validate_json(verdict.read_bytes()) if verdict else None
        cooldown = timedelta(hours=settings.cooldown_hours)
        outcome, why = retrain_if_needed(open_store(storage), COMMAND, out, datetime.now(UTC), cooldown, told)
    except (ChatbotError, ValidationError, OSError) as error:
        console.print(Text(str(error), style="red"))
        raise typer.Exit(1) from None
    console.print(Text(f"{outcome}: {why}"))


if __name__ == "__main__":
    app()
