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
from typing import Annotated, Any

if not __package__:  # run as `python monitoring/retrain_if_needed.py`
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from chatbot.errors import ChatbotError, Missing, SettingError, StoreError
from chatbot.record_store import forgotten
from chatbot.settings import DriftSettings, StorageSettings
from chatbot.storage import Store, has_store, open_store
from chatbot.verdict import BEGUN, FAILED, DriftVerdict, RetrainMemory

LATEST = "reports/drift/latest.json"
MEMORY = "memory/retrain.json"
COMMAND = (sys.executable, "-m", "training.retrain")
_TAUGHT = ("accept", "correct", "new-intent")

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
        verdict = verdict or _latest(store)
        memory, etag = _memory(store)
        known = (
            f"{verdict.model_version}@{verdict.bundle_digest}",
            _corpus_digest(store, verdict),
            _accepted_digest(store),
        )
        decision = memory.decide(verdict, *known, now, cooldown)
        if not decision.run:
            return "nothing", decision.why
        # Before it runs: one that kills the machine must not be begun again at every check.
        memory = memory.remember(verdict, *known, now, BEGUN)
        etag = _write(store, memory, etag)
        outcome = _run(command, out)
        _write(store, memory.remember(verdict, *known, now, outcome), etag)
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


def _latest(store: Store) -> DriftVerdict:
    try:
        return DriftVerdict.model_validate_json(store.get(LATEST))
    except Missing:
        raise StoreError(
            f"{store} holds no drift verdict ({LATEST}): python -m monitoring.drift_report writes it"
        ) from None
    except ValidationError as error:
        raise StoreError(f"{LATEST} of {store} is no drift verdict: {error.errors()[0]['msg']}") from error


def _memory(store: Store) -> tuple[RetrainMemory, str]:
    entry = store.head(MEMORY)
    if entry is None:
        return RetrainMemory(), ""
    try:
        return RetrainMemory.model_validate_json(store.get(MEMORY, etag=entry.etag)), entry.etag
    except ValidationError as error:
        raise StoreError(
            f"{MEMORY} of {store} cannot be read: {error.errors()[0]['msg']}. Delete it, and the next drift is new"
        ) from error


def _write(store: Store, memory: RetrainMemory, etag: str) -> str:
    return store.put(MEMORY, memory.model_dump_json(indent=1).encode(), new=not etag, etag=etag)


def _corpus_digest(store: Store, verdict: DriftVerdict) -> str:
    try:
        manifest = json.loads(store.get(f"bundles/{verdict.bundle_digest or 'none'}/model.json"))
        return str(manifest.get("corpus_digest", ""))
    except (Missing, ValueError):
        return ""


def _accepted_digest(store: Store) -> str:
    """A name for what people accepted; who decided and when does not change it."""
    gone = forgotten(store)
    rows = []
    for entry in store.list("reviews/"):
        try:
            decision: dict[str, Any] = json.loads(store.get(entry.key))
        except (Missing, ValueError):
            continue
        taught = decision.get("verdict") in _TAUGHT and decision.get("item_id") not in gone
        if taught or "reply" in decision:
            rows.append([str(decision.get(name, "")) for name in ("item_id", "message", "intent", "reply")])
    return hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()[:32]


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
