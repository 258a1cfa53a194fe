"""Run a real Prometheus (Debian's) for tests: scrapes given targets, evaluates the project's rules, answers queries."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from tests.support import requirements


class Prometheus:
    """One server with a separate folder; scrapes every second."""

    def __init__(self, folder: Path, targets: dict[str, str], rules: list[Path]) -> None:
        """Configure the server without starting it. Args: targets: `host:port` by job."""
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rule) for rule in rules],
            "scrape_configs": [
                {"job_name": job, "honor_labels": True, "static_configs": [{"targets": [target]}]}
                for job, target in targets.items()
            ],
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Prometheus:
        """Start it and wait until it is ready."""
        found = str(requirements.program("prometheus"))
        config = self.folder / "prometheus.yml"
        config.write_text(yaml.safe_dump(self._config))
        with (self.folder / "output.txt").open("wb") as output:
            self.process = subprocess.Popen(
                [
                    found,
                    f"--config.file={config}",
                    f"--storage.tsdb.path={self.folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        end = time.monotonic() + 30
        while True:
            try:
                with urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=2):
                    return self
            except OSError:
                assert self.process.poll() is None, (self.folder / "output.txt").read_text()
                assert time.monotonic() < end, (self.folder / "output.txt").read_text()
                time.sleep(0.1)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Evaluate an expression at the current time.

        Raises:
            AssertionError: Prometheus rejects it.
        """
        return list(self._ask("query", query=expression)["result"])

    def alerts(self) -> set[str]:
        """Return the names of the firing and pending alerts."""
        return {alert["labels"]["alertname"] for alert in self._ask("alerts")["alerts"]}

    def _ask(self, path: str, **named: str) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urlencode(named)}"
        try:
            with urlopen(url, timeout=10) as answer:
                return dict(json.loads(answer.read())["data"])
        except HTTPError as error:
            raise AssertionError(f"{named}: {error.read().decode()}") from error
