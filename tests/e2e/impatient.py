"""The shipped alerts with seconds for minutes, in a real Prometheus that scrapes the release's real pods.

What each alert waits for in earnest is proved by promtool (tests/monitoring/alerts): here it is shown that the
fault itself, and not a made-up series, makes it fire.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import testbed
import yaml
from testbed import Json, until

from e2e.prometheus import Prometheus
from e2e.release import Release

_EVERY = "1s"
WINDOW, WAIT = "20s", "2s"
STALE_SECONDS = 20
"""In place of a quarter of an hour without the store, and of three hours without a retraining."""


class Impatient(Prometheus):
    """Debian's Prometheus as a process; the chart's jobs, the chart's rules, no patience."""

    def __init__(self, release: Release) -> None:
        super().__init__(release)
        self._folder = Path(tempfile.mkdtemp(prefix="e2e-prometheus-"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Impatient:
        jobs = self._jobs()
        for job in jobs:
            for discovery in job["kubernetes_sd_configs"]:
                discovery["kubeconfig_file"] = str(testbed.ADMIN)
        rules = self._folder / "rules.yaml"
        rules.write_text(yaml.safe_dump(hurried(self._rules())))
        config = self._folder / "prometheus.yml"
        content = {
            "global": {"scrape_interval": _EVERY, "evaluation_interval": _EVERY},
            "rule_files": [str(rules)],
            "scrape_configs": jobs,
        }
        config.write_text(yaml.safe_dump(content))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        found = shutil.which("prometheus")
        assert found, "prometheus is missing: apt-get install prometheus, as `make system` does"
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [found, f"--config.file={config}", f"--storage.tsdb.path={self._folder / 'data'}",
                 f"--web.listen-address=127.0.0.1:{port}"],
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.url = f"http://127.0.0.1:{port}"
        wanted = {job["job_name"] for job in jobs}
        until("a target of each monitor answers", lambda: wanted <= set(self.up()), 60)
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
        shutil.rmtree(self._folder, ignore_errors=True)

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        found = self._ask("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}

    def wait_for(self, alert: str, seconds: float = 60) -> None:
        """Until it fires."""
        until(f"{alert} fires", lambda: alert in self.firing(), seconds)

    def wait_for_end(self, alert: str, seconds: float = 60) -> None:
        """Until it does not fire any more."""
        until(f"{alert} is over", lambda: alert not in self.firing(), seconds)


def hurried(rules: Json) -> Json:
    """The same rules, with short windows and no patience."""
    for group in rules["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = WAIT
            expression = re.sub(r"\[(5|10|15|30)m\]|\[[16]h\]|\[[17]d\]", f"[{WINDOW}]", rule["expr"])
            expression = re.sub(r"offset (15m|1h|1d|6h)", f"offset {WAIT}", expression)
            expression = re.sub(r"> (900|3 \* 3600)$", f"> {STALE_SECONDS}", expression)
            rule["expr"] = expression
    return rules
