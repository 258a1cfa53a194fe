"""Bundles that differ from the project's own in a known way, each whole by its own sums."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from chatbot.model.bundle import SUMS


def other(folder: Path, to: Path, title: str = "another", **manifest: object) -> Path:
    """The same model, with a digest of its own, and with what else its manifest shall say."""
    shutil.copytree(folder, to)
    return _changed(to, {"target": {"note": title}, **manifest})


def lying(folder: Path, to: Path) -> Path:
    """A bundle that is whole and answers a known message otherwise than it says: it is refused when loaded."""
    shutil.copytree(folder, to)
    known = json.loads((to / "model.json").read_text())["known"]
    known[0]["intent"] = "no_such_intent"
    return _changed(to, {"known": known})


def needing(folder: Path, to: Path, slot: str) -> Path:
    """A bundle whose first reply needs a slot: a service without a value for it does not start."""
    shutil.copytree(folder, to)
    replies = to / "replies.yaml"
    replies.write_text(replies.read_text().replace("{company}", f"{{{slot}}}", 1))
    assert f"{{{slot}}}" in replies.read_text()
    return _changed(to, {}, "replies.yaml")


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / SUMS).read_bytes()).hexdigest()


def _changed(folder: Path, update: dict[str, object], name: str = "model.json") -> Path:
    if update:
        manifest = folder / name
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | update, indent=2))
    lines = (folder / SUMS).read_text().splitlines()
    found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    lines = [f"{found}  {name}" if line.endswith(f"  {name}") else line for line in lines]
    (folder / SUMS).write_text("\n".join(lines) + "\n")
    return folder
