"""Load the stack while its usage is measured: one minute of messages, then each Job of the loop once."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from tools.cluster.stack import RELEASE
from tools.cluster.target import ClusterTarget
from tools.generate.chart import ROOT

CONNECTIONS = 32
SECONDS = 60.0
JOBS = ("drift", "upkeep", "retrain")
_MESSAGES = ROOT / "tools" / "bench" / "drift" / "foreign_messages.txt"
_JOB_SECONDS = 300


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Result: messages answered with 200, failed messages, seconds, and each Job's outcome."""

    answered: int
    failed: int
    seconds: float
    jobs: dict[str, str]

    def __str__(self) -> str:
        jobs = ", ".join(f"{name} {how}" for name, how in self.jobs.items())
        return (
            f"{self.answered / self.seconds:.0f} messages a second over {CONNECTIONS} connections for "
            f"{self.seconds:.0f} s, {self.failed} of them failed; jobs: {jobs}"
        )


def do(target: ClusterTarget, namespace: str) -> LoadResult:
    """Send messages over a port-forward, then run the Jobs one after the other."""
    with target.forward(namespace, f"{RELEASE}-api", 3000) as url:
        answered, failed = chat(url, SECONDS)
    return LoadResult(answered, failed, SECONDS, {name: _job(target, namespace, name) for name in JOBS})


def chat(url: str, seconds: float) -> tuple[int, int]:
    """Send messages continuously over keep-alive connections. Returns: numbers of 200 responses and of failures."""
    lines = _MESSAGES.read_text(encoding="utf-8").splitlines()
    messages = [line for line in lines if line and not line.startswith("#")]
    numbers, until = itertools.count(), time.monotonic() + seconds

    def answers(_connection: int) -> Counter[bool]:
        counts: Counter[bool] = Counter()
        connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
        while time.monotonic() < until:
            number = next(numbers)
            body = json.dumps({"message": f"{messages[number % len(messages)]} {number}"})
            try:
                connection.request("POST", "/chat", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                counts[answer.status == 200] += 1
            except (OSError, HTTPException):
                connection.close()
                counts[False] += 1
        connection.close()
        return counts

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        total = sum(pool.map(answers, range(CONNECTIONS)), Counter[bool]())
    return total[True], total[False]


def _job(target: ClusterTarget, namespace: str, name: str) -> str:
    """Run a CronJob now. Returns: `complete`, `failed`, or `not over`."""
    job = f"{RELEASE}-{name}-measured"
    target.kubectl("-n", namespace, "delete", "job", job, "--ignore-not-found")
    target.kubectl("-n", namespace, "create", "job", f"--from=cronjob/{RELEASE}-{name}", job)
    until = time.monotonic() + _JOB_SECONDS
    while time.monotonic() < until:
        for condition in target.get("job", job, "-n", namespace).get("status", {}).get("conditions", []):
            if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
                return str(condition["type"]).lower()
        time.sleep(1)
    return "not over"
