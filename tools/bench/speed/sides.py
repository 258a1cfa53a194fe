"""Define the two servers to compare, the baseline and this service, each with messages and expected answers."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic_core import to_json

from tools.bench.figures import CACHE
from tools.bench.speed import baseline
from tools.bench.speed.expected import Expected, ask_bundle
from tools.bench.speed.load import Question, post
from tools.bench.speed.machine import Memory
from tools.bench.speed.servers import BenchError, Server, running
from tools.processes import ROOT, clean_environment, free_port

BASELINE, SERVICE, REPEATS = "baseline", "service", "service, repeats"
ASKED_AGAIN = 100
"""How often a window of exact repeats may ask each message: more than the service answers in it."""

FIRST_MESSAGE = to_json({"message": "Can I get a refund?"})

_SERVICES = ("IntentRunner", "SupportChatbot")


@dataclass(frozen=True, slots=True)
class ServerSide:
    """A server that can be started, and its messages."""

    name: str
    arguments: tuple[str, ...]
    messages: Sequence[str]
    expected: Sequence[Expected]
    environment: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    """A command that starts the server with other limits, such as `taskset`."""

    def in_checkout(self, folder: Path) -> ServerSide:
        """Return the same with the code of another checkout."""
        folder = folder.resolve()
        environment = {**self.environment, "PYTHONPATH": str(folder)}
        return replace(self, environment=environment, prefix=("env", "-C", str(folder)))

    @contextmanager
    def running(self) -> Iterator[Server]:
        """Run the server with default settings except port and folders, without state of an earlier run."""
        home = CACHE / self.name.replace(", ", "-")
        shutil.rmtree(home, ignore_errors=True)
        (home / "bentoml").mkdir(parents=True)
        port = free_port()
        environment = clean_environment(
            CHATBOT_PORT=str(port),
            CHATBOT_LOG_FOLDER=str(home / "log"),
            BENTOML_HOME=str(home / "bentoml"),
            **({"CHATBOT_STORE_URL": str(home / "store")} | dict(self.environment)),
        )
        command = [*self.prefix, sys.executable, *(part.format(port=port) for part in self.arguments)]
        with running(command, environment, port, FIRST_MESSAGE, CACHE / f"{self.name}.log") as server:
            yield server

    def questions(self, port: int) -> list[Question]:
        """Build the requests in advance."""
        return [
            Question(
                post("/chat", to_json({"message": message}), port), answer.intent, frozenset(answer.near)
            )
            for message, answer in zip(self.messages, self.expected, strict=False)
        ]


def service_side(bundle: Path, messages: Sequence[str], name: str = SERVICE) -> ServerSide:
    """Return the service, started as `make run` does, but without its cache of exact repeats.

    Args:
        name: SERVICE; REPEATS: with the cache, each message is asked ASKED_AGAIN times.
    """
    intents = ask_bundle(bundle, messages, CACHE)
    environment = {"CHATBOT_BUNDLE": str(bundle.resolve())}
    if name != REPEATS:
        environment["CHATBOT_CACHE_ENTRIES"] = "0"
    expected = [Expected(intent) for intent in intents]
    times = ASKED_AGAIN if name == REPEATS else 1
    return ServerSide(name, ("-m", "bento"), list(messages) * times, expected * times, environment)


def baseline_side(corpus: Path, messages: Sequence[str]) -> ServerSide:
    """Return the baseline; its classifier is trained here unless cached.

    Raises:
        BenchError: it could not be prepared.
    """
    digest = hashlib.sha256(corpus.read_bytes() + "\n".join(messages).encode()).hexdigest()
    folder = CACHE / f"baseline-{digest[:16]}"
    if not (folder / baseline.EXPECTED_FILE).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        asked = folder / "messages.json"
        asked.write_bytes(to_json(list(messages)))
        command = [sys.executable, "-m", "tools.bench.speed.baseline", "prepare", "--corpus", str(corpus)]
        command += ["--messages", str(asked), "--out", str(folder)]
        done = subprocess.run(
            command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BenchError(f"the baseline could not be trained:\n{done.stderr[-2000:]}")
    expected = [
        Expected(intent, tuple(near)) for intent, near in json.loads((folder / "expected.json").read_text())
    ]
    arguments = ["-m", "tools.bench.speed.baseline", "serve", "--model", str(folder), "--port", "{port}"]
    return ServerSide(BASELINE, tuple(arguments), messages, expected)


def role(memory: Memory) -> str:
    """Derive a process's role in the server from its name, or from its command line."""
    if memory.name in _SERVICES:
        return memory.name
    if "spawn_main" in memory.command:
        return "worker"
    return "helper" if "tracker" in memory.command else "server"
