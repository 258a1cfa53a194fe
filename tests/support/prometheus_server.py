"""Run a real Prometheus (Debian's) for tests: scrapes given targets, evaluates the project's rules, answers queries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from tests.support import requirements
from tests.support.server_process import ServerProcess


class Prometheus(ServerProcess):
    """One server with a separate folder; scrapes every second."""

    ready_path = "/-/ready"

    def __init__(self, folder: Path, targets: dict[str, str], rules: list[Path]) -> None:
        """Configure the server without starting it. Args: targets: `host:port` by job."""
        super().__init__(folder)
        self._config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rule) for rule in rules],
            "scrape_configs": [
                {"job_name": job, "honor_labels": True, "static_configs": [{"targets": [target]}]}
                for job, target in targets.items()
            ],
        }

    def command(self) -> Sequence[object]:
        config = self.folder / "prometheus.yml"
        config.write_text(yaml.safe_dump(self._config))
        return [
            requirements.program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

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
        url = f"{self.url}/api/v1/{path}?{urlencode(named)}"
        try:
            with urlopen(url, timeout=10) as answer:
                return dict(json.loads(answer.read())["data"])
        except HTTPError as error:
            raise AssertionError(f"{named}: {error.read().decode()}") from error


class Pushgateway(ServerProcess):
    """One Pushgateway, empty at start."""

    ready_path = "/-/ready"

    def command(self) -> Sequence[object]:
        listen = f"--web.listen-address=127.0.0.1:{self.port}"
        return [requirements.program("prometheus-pushgateway"), listen]
