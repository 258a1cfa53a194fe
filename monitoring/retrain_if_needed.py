"""Start a retraining on one machine if the last drift verdict requires it: `python -m monitoring.retrain_if_needed`.

Retrains at most once for the same drift (same champion, corpus, accepted rows and red checks), not within the
cool-down, and one at a time. The history of requests is in the store (`memory/retrain.json`), as in a cluster
(`k8s.trigger`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

if not __package__:  # run as `python monitoring/retrain_if_needed.py`
    sys.path[0] = str(Path(__file__).resolve().parents[1])

    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from chatbot.errors import ChatbotError, SettingError
from chatbot.loop.drift_verdict import DriftVerdict
from chatbot.loop.retrain_decision import propose_retrain, read_verdict
from chatbot.loop.retrain_history import BEGUN, FAILED
from chatbot.settings import LoopSettings, RetrainSettings, StorageSettings
from chatbot.store import Store, has_store, layout, open_store
from chatbot.store.lease import LeaseHeld, StoreLease

COMMAND = (sys.executable, "-m", "training.retrain")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class RetrainFailed(ChatbotError):
    """The retraining failed; a later red verdict may request it again."""

    type = "retrain"


def retrain_if_needed(
    store: Store,
    command: tuple[str, ...],
    out: Path,
    now: datetime,
    cooldown: timedelta,
    verdict: DriftVerdict | None = None,
    lease_seconds: float = 60.0,
) -> tuple[str, str]:
    """Run a retraining if the drift verdict (by default the last one in the store) requires it.

    Args:
        command: the retraining command; `--out FILE` is appended, to which it writes its result.
        cooldown: minimum time between two retrainings.
        lease_seconds: duration of the lease that keeps a second run out.

    Returns: the outcome (`nothing`, `running`, or the outcome reported by the retraining) and the reason.

    Raises:
        StoreError: the store has no verdict.
        RetrainFailed: the retraining failed.
    """
    try:
        with StoreLease(store, layout.RETRAIN_REQUEST_LEASE, lease_seconds):
            proposal = propose_retrain(store, verdict or read_verdict(store), now, cooldown)
            if not proposal.decision.run:
                return "nothing", proposal.decision.why
            # Recorded before the run: one that crashes the machine must not restart at every check.
            proposal = proposal.record(store, BEGUN)
            outcome = _run(command, out)
            proposal.record(store, outcome)
    except LeaseHeld as error:
        return "running", f"another retraining that drift asked for is running: {error}"
    if outcome == FAILED:
        raise RetrainFailed(
            f"the retraining ({' '.join(command[1:])}) failed: its output says why. It is retried at the next "
            f"red verdict after the cool-down of {cooldown}"
        )
    return outcome, proposal.decision.why


def _run(command: tuple[str, ...], out: Path) -> str:
    """Run the command and return the outcome it reports; its output streams are inherited."""
    out.unlink(missing_ok=True)
    with subprocess.Popen([*command, "--out", str(out)]) as process:
        try:
            process.wait()
        # Forward the signal as SIGTERM, so that the retraining releases its lease; `subprocess.run` would kill it.
        except SystemExit:
            process.terminate()
            raise
    if process.returncode:
        return FAILED
    try:
        return str(json.loads(out.read_text(encoding="utf-8"))["outcome"])
    except (OSError, ValueError, KeyError):
        return FAILED


@app.command()
def main(
    verdict: Annotated[
        Path | None, typer.Option(help="A drift.json; by default the last one in the store.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the retraining writes its outcome.")] = Path(
        "models/retrain/retrain.json"
    ),
) -> None:
    """Retrain if the last drift verdict requires it. Exit code 1 for an error, 0 otherwise."""
    console = Console()
    try:
        storage = StorageSettings()
        if not has_store(storage):
            raise SettingError("CHATBOT_STORE_URL names no store: the history of requests must be stored")
        store = open_store(storage)
        cooldown = timedelta(hours=LoopSettings().cooldown_hours)
        lease_seconds = RetrainSettings().lease_seconds
        outcome, why = retrain_if_needed(
            store, COMMAND, out, datetime.now(UTC), cooldown, read_verdict(store, verdict), lease_seconds
        )
    except (ChatbotError, ValidationError, OSError) as error:
        console.print(Text(str(error), style="red"))
        raise typer.Exit(1) from None
    console.print(Text(f"{outcome}: {why}"))


if __name__ == "__main__":
    app()
