"""Train any corpus into a separate folder, for `make run CORPUS=...`; nothing of the shipped corpus is changed."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from chatbot.errors import SettingError
from chatbot.files import write_file
from chatbot.model import bundle as bundles
from data.decisions import BESIDE, beside

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "models" / "own"
RECORD = "trained_from.json"
VARIABLES = "variables.sh"
"""Shell script that sets the variables with which other commands work on this corpus's bundle, log and store."""
# What a bundle depends on besides the corpus and its replies.
CODE = (
    *("chatbot/**/*.py", "chatbot/**/*.txt", "chatbot/dialog/*.yaml", "data/**/*.py", "training/**/*.py"),
    *(
        "data/*.yaml",
        "data/formats/*.yaml",
        "data/out_of_scope/*.txt",
        "data/corpus/rules.yaml",
        "params.yaml",
    ),
)
INPUT_OPTIONS = ("--rules", "--params", "--encoder")
"""Options of the training that may name a file or folder which it reads."""
BUNDLE_VARIABLES = ("CHATBOT_BUNDLE", "CHATBOT_MODEL", "CHATBOT_MODEL_FILE")

console = Console(stderr=True)

Train = Callable[[Sequence[str], Mapping[str, str]], int]
"""Run `python -m training.train` with arguments and an environment. Returns: its exit code."""


@dataclass(frozen=True, slots=True)
class OwnCorpus:
    """The folder of one corpus: bundle, inference log and store."""

    name: str
    folder: Path

    @property
    def bundle(self) -> Path:
        """Return the folder of the bundle."""
        return self.folder / "bundle"

    @property
    def training_environment(self) -> dict[str, str]:
        """Return the MLflow variables that keep this corpus's runs and versions apart from the shipped corpus's."""
        return {"MLFLOW_EXPERIMENT": self.name, "MLFLOW_MODEL": self.name}

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables with which the service serves this corpus, and logs beside it."""
        return {
            "CHATBOT_BUNDLE": str(self.bundle),
            "CHATBOT_BUNDLE_CACHE": str(self.folder / "cache"),
            "CHATBOT_LOG_FOLDER": str(self.folder / "log"),
            "CHATBOT_STORE_URL": str(self.folder / "store"),
            **self.training_environment,
        }


def prepare(
    corpus: str,
    replies: str = "",
    options: Sequence[str] = (),
    train: Train | None = None,
    root: Path = FOLDER,
) -> OwnCorpus:
    """Train a corpus, unless its bundle is up to date, and set the environment to serve it.

    Variables that are set already keep their value.

    Args:
        corpus: path of a file, folder or export of any format in docs/corpus.md.
        replies: path of the replies; empty: the corpus's own.
        options: further options of the training, such as `--message-column`.
        train: runs the training.
        root: the folder with one folder per corpus.

    Raises:
        SettingError: a path does not exist, the environment names another bundle, or the training failed.
    """
    paths = {name: _existing(name, path) for name, path in (("CORPUS", corpus), ("REPLIES", replies)) if path}
    code_files = [file for pattern in CODE for file in sorted(ROOT.glob(pattern))]
    inputs = [*paths.values(), *_beside(paths["CORPUS"]), *_named_in(options), *code_files]
    arguments = [
        *(part for name, path in paths.items() for part in (f"--{name.lower()}", str(path))),
        *options,
    ]
    trained_from = {"corpus": str(paths["CORPUS"]), "digest": _digest(arguments, inputs)}
    own = _folder_for(paths["CORPUS"], root)
    if set_ := [
        name for name in BUNDLE_VARIABLES if os.environ.get(name, str(own.bundle)) != str(own.bundle)
    ]:
        raise SettingError(
            f"CORPUS={corpus} and {', '.join(set_)} both say what to serve: unset the latter, or leave out CORPUS"
        )
    shown = own.folder.relative_to(ROOT) if own.folder.is_relative_to(ROOT) else own.folder
    if _read(own) == trained_from and (own.bundle / bundles.SUMS).is_file():
        console.print(
            Text(f"{corpus} has not changed: its bundle in {shown} is served", style="bold"), soft_wrap=True
        )
    else:
        console.print(
            Text(f"== {corpus} -> {shown}", style="bold"),
            Text(
                "Its bundle, log and store are there. Those of the shipped corpus stay as they are:\n"
                "`make run` without CORPUS serves them."
            ),
            sep="\n",
            soft_wrap=True,
        )
        _write(own, trained_from | {"digest": ""})  # until the training has ended, no digest matches
        environment = {**own.training_environment, **os.environ}
        code = (train or _train)(["--out", str(own.bundle), *arguments], environment)
        if code != 0:
            raise SettingError(
                f"{corpus} was not trained (exit code {code}); the reason is above. Nothing is served. "
                f"`python -m data.convert {corpus} --out FOLDER` writes the rows that can be used, and lists the others"
            )
        _write(own, trained_from)
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in own.environment.items()]
    write_file(own.folder / VARIABLES, "".join(lines), sync=False)
    console.print(
        Text(
            f"Commands of the loop for this corpus, such as `python -m ui.staff`: first `. {shown}/{VARIABLES}`"
        ),
        soft_wrap=True,
    )
    for name, value in own.environment.items():
        os.environ.setdefault(name, value)
    return own


def example_message(bundle: Path) -> str:
    """Return a message that the bundle was verified with; empty: it has none."""
    known = bundles.read_manifest(bundle).known
    return min((each.message for each in known), key=len, default="")


def _train(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    command = [sys.executable, "-m", "training.train", *arguments]
    return subprocess.run(command, cwd=ROOT, env=dict(environment), check=False).returncode


def _existing(name: str, path: str) -> Path:
    found = Path(path).expanduser().resolve()
    if not found.exists():
        raise SettingError(f"{name}={path}: no such file or folder ({found}). Nothing was trained")
    return found


def _beside(corpus: Path) -> list[Path]:
    """Return the label decisions and declared changes beside a file; in a folder they are part of it."""
    return [file for file in (beside(corpus, name) for name in BESIDE) if corpus.is_file() and file.is_file()]


def _named_in(options: Sequence[str]) -> list[Path]:
    """Return the files and folders that options of the training name as its input."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for name in INPUT_OPTIONS:
        parser.add_argument(name, type=lambda value: (ROOT / value).resolve())
    try:
        named, _ = parser.parse_known_args(options)
    except argparse.ArgumentError:  # the training says what is wrong
        return []
    return [path for path in vars(named).values() if path is not None and path.exists()]


def _folder_for(corpus: Path, root: Path) -> OwnCorpus:
    """Return the folder named after the corpus; a second corpus of the same name gets a suffix."""
    name = re.sub(r"[^\w-]+", "-", corpus.name.split(".")[0] or corpus.name.strip(".")).strip("-") or "corpus"
    taken = _read(OwnCorpus(name, root / name)).get("corpus", str(corpus))
    if taken != str(corpus):
        name += "-" + hashlib.sha256(str(corpus).encode()).hexdigest()[:6]
    return OwnCorpus(name, root / name)


def _read(own: OwnCorpus) -> dict[str, str]:
    """Return the corpus of the folder's bundle, and the digest of all it was trained from; empty: unknown."""
    try:
        return dict(json.loads((own.folder / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _write(own: OwnCorpus, trained_from: Mapping[str, str]) -> None:
    write_file(own.folder / RECORD, json.dumps(trained_from, indent=2) + "\n", sync=False)


def _digest(arguments: Sequence[str], paths: Sequence[Path]) -> str:
    """Return a digest over arguments, and the content of files and folders."""
    total = hashlib.sha256(json.dumps(arguments).encode())
    for path in paths:
        files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
        for file in files:
            with file.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            total.update(f"{file.relative_to(path)} {digest}\n".encode())
    return total.hexdigest()
