"""The real service as a process tree, and a client that drives it hard."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import aiohttp
import psutil

from tools.processes import free_port as free_port

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90


@dataclass
class Server:
    """`python -m bento` (or another command) with a home and a log folder of its own."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    command: Sequence[str] = (sys.executable, "-m", "bento")
    cwd: Path = ROOT
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    pass_fds: Sequence[int] = ()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_folder(self) -> Path:
        return self.home / "log"

    @property
    def output(self) -> str:
        return (self.home / "output.txt").read_text(errors="replace")

    def launch(self) -> Server:
        """Start it, and do not wait."""
        self.home.mkdir(parents=True, exist_ok=True)
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("CHATBOT_", "BENTOML_", "PROMETHEUS"))
        }
        environment |= {
            "CHATBOT_PORT": str(self.port),
            "CHATBOT_LOG_FOLDER": str(self.log_folder),
            "CHATBOT_STORE_URL": str(self.home / "store"),
            # What is not sent to the store by then waits for the next start: a stop takes seconds less.
            "CHATBOT_UPLOAD_CLOSE_SECONDS": "0.1",
            # Tests repeat a few messages, and are about the way through the runner.
            "CHATBOT_CACHE_ENTRIES": "0",
            "BENTOML_HOME": str(self.home / "bentoml"),
            "BENTOML_DO_NOT_TRACK": "True",
        }
        with (self.home / "output.txt").open("wb") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.cwd,
                env=environment | self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=self.pass_fds,
            )
        return self

    def start(self) -> Server:
        """Start it and wait until it is ready."""
        self.launch()
        until = time.monotonic() + START_SECONDS
        while not self.ready():
            assert self.process is not None
            assert self.process.poll() is None, f"the service ended: {self.output}"
            assert time.monotonic() < until, (
                f"the service is not ready after {START_SECONDS} s: {self.output}"
            )
            time.sleep(0.1)
        return self

    def stop(self, seconds: float = 60) -> int:
        """SIGTERM and wait; the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                child.kill()
            self.process.kill()
            raise

    def ready(self) -> bool:
        return self.get("/readyz", timeout=5)[0] == 200

    def get(self, path: str, timeout: float = 20) -> tuple[int, str]:
        """Return status and body; status 0 if the connection fails."""
        return self._ask(Request(self.url + path), timeout)

    def post(
        self, path: str, body: object, timeout: float = 20, key: str = ""
    ) -> tuple[int, dict[str, object]]:
        """Status and JSON body, with an API key."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        request = Request(self.url + path, data=data, headers=headers)
        status, text = self._ask(request, timeout)
        return status, json.loads(text) if text else {}

    def _ask(self, request: Request, timeout: float) -> tuple[int, str]:
        try:
            with urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()
        except (URLError, OSError):
            return 0, ""

    def workers(self, service: str) -> list[psutil.Process]:
        """The worker processes of `SupportChatbot` or `IntentRunner`."""
        assert self.process is not None
        found = []
        for child in psutil.Process(self.process.pid).children():
            try:
                if child.name() == service:
                    found.append(child)
            except psutil.Error:
                continue
        return found

    def metrics(self) -> dict[str, float]:
        """Every sample of /metrics, by its name with labels."""
        _, text = self.get("/metrics")
        lines = (line for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def metric(self, pattern: str) -> float:
        """The sum of all samples whose name with labels matches from its start."""
        return sum(value for name, value in self.metrics().items() if re.match(pattern, name))

    def assert_metric(self, pattern: str, value: float, seconds: float = 10) -> None:
        """Assert that the sum of these samples becomes a value: a request is counted after its answer was sent."""
        until = time.monotonic() + seconds
        while (found := self.metric(pattern)) != value and time.monotonic() < until:
            time.sleep(0.05)
        assert found == value, f"{pattern} is {found}, not {value}"

    def logged_ids(self) -> Counter[str]:
        """How often each prediction id stands in the log, the spool included, what goes to the store not."""
        # Records move from the spool to the file meanwhile: only a listing that stays the same is one moment's.
        text, read = "", {}
        while (files := self._log_files()) != read:
            with suppress(FileNotFoundError):
                text = "".join(file.read_text(errors="replace") for file in files)
                read = files
        return Counter(re.findall(r"\b[0-9a-hjkmnp-tv-z]{34}\b", text))

    def _log_files(self) -> dict[Path, int]:
        """Sizes of the log's files by path."""
        sizes = {}
        for file in self.log_folder.rglob("*"):
            with suppress(FileNotFoundError):
                if file.is_file() and not {"to-store", "handoffs"} & {*file.parts}:
                    sizes[file] = file.stat().st_size
        return sizes

    def logged_queries(self, ids: Iterable[object], seconds: float = 15) -> dict[str, tuple[str, str]]:
        """Query and intent of the records in `inference_log.csv` by prediction id, once all of these are there."""
        until = time.monotonic() + seconds
        file = self.log_folder / "inference_log.csv"
        wanted = {str(name) for name in ids}
        while True:
            rows = {}
            if file.exists():
                with file.open(newline="") as stream:
                    rows = {r["prediction_id"]: (r["query"], r["intent"]) for r in csv.DictReader(stream)}
            if wanted <= set(rows) or time.monotonic() > until:
                return rows
            time.sleep(0.2)


@dataclass
class Load:
    """What a crowd of clients saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    answers: dict[str, dict[str, object]] = field(default_factory=dict)
    """By message: what was answered with 200."""
    errors: Counter[str] = field(default_factory=Counter)
    """What other answers said."""
    retry_after: list[str | None] = field(default_factory=list)
    slowest: float = 0.0


async def crowd(
    url: str,
    messages: Iterable[str],
    connections: int,
    *,
    stop: asyncio.Event | None = None,
    timeout: float = 30,
) -> Load:
    """Ask all messages, each once, over so many connections at once; a lost connection counts as status 0."""
    load = Load()
    waiting = iter(messages)

    async def client(session: aiohttp.ClientSession) -> None:
        for message in waiting:
            if stop and stop.is_set():
                return
            began = time.monotonic()
            try:
                async with session.post(f"{url}/chat", json={"message": message}) as response:
                    load.statuses[response.status] += 1
                    body = await response.json()
                    if response.status == 200:
                        load.answers[message] = body
                        continue
                    load.errors[body["error"]["message"]] += 1
                    if response.status == 429:
                        load.retry_after.append(response.headers.get("Retry-After"))
            except (aiohttp.ClientError, TimeoutError, OSError):
                load.statuses[0] += 1
                await asyncio.sleep(0.05)
            finally:
                load.slowest = max(load.slowest, time.monotonic() - began)

    connector = aiohttp.TCPConnector(limit=0)
    limit = aiohttp.ClientTimeout(total=timeout)
    async with aiohttp.ClientSession(connector=connector, timeout=limit) as session:
        await asyncio.gather(*(client(session) for _ in range(connections)))
    return load


def under_load(server: Server, messages: Sequence[str], act: Callable[[], object]) -> Load:
    """What clients see when something happens in the middle."""

    async def both() -> Load:
        load = asyncio.create_task(crowd(server.url, messages, 32, timeout=60))
        await asyncio.sleep(0.3)
        await asyncio.to_thread(act)
        return await load

    return asyncio.run(both())


def lost(server: Server, load: Load) -> list[str]:
    """Answered messages whose record is not in the log."""
    logged = server.logged_ids()
    return [m for m, answer in load.answers.items() if logged[str(answer["prediction_id"])] != 1]
