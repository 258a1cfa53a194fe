"""Run Prometheus in the cluster with the chart's own monitors and alert rules.

Debian builds it without Kubernetes' service discovery: what the operator's monitors select is looked up here,
and handed over as files of targets, in a folder that the node and this machine share.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import yaml

from tests.e2e import images
from tests.e2e.release import Release, fetch
from tests.support import testbed
from tests.support.testbed import Json, until

NAMESPACE = "monitoring"
"""Where the chart's network policies expect it (networkPolicy.prometheusNamespace)."""


class Prometheus:
    """One server, as a pod."""

    pod = "prometheus"
    every = "2s"
    """How often it scrapes and evaluates."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.url = ""
        self._folder = Path(tempfile.mkdtemp(prefix="e2e-prometheus-"))
        self._is_over = threading.Event()
        self._finding: threading.Thread | None = None

    def start(self) -> Prometheus:
        """Start it, and wait until each of the chart's monitors has a target that answers."""
        self._remove()
        jobs = self._jobs()
        config = {
            "global": {"scrape_interval": self.every, "evaluation_interval": self.every},
            "rule_files": ["/etc/prometheus/rules.yaml"],
            "scrape_configs": [job for job, _ in jobs],
        }
        for name, content in {"prometheus.yml": config, "rules.yaml": self._rules()}.items():
            (self._folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")
        self._folder.chmod(0o755)
        self._find(jobs)
        self._finding = threading.Thread(target=self._go_on_finding, args=(jobs,), daemon=True)
        self._finding.start()
        testbed.ensure_namespace(NAMESPACE)
        testbed.kubectl(
            "apply", "--validate=false", "-f", "-", stdin=yaml.safe_dump(_pod(self.pod, self._folder))
        )
        testbed.kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", f"pod/{self.pod}", "--timeout=90s")
        self.url = f"http://{testbed.get('pod', self.pod, '-n', NAMESPACE)['status']['podIP']}:9090"
        wanted = {job["job_name"] for job, _ in jobs}
        until("a target of each monitor answers", lambda: wanted <= set(self.up()), 60)
        return self

    def stop(self) -> None:
        """Take it away."""
        self._is_over.set()
        if self._finding is not None:
            self._finding.join(30)
        self._remove()
        shutil.rmtree(self._folder, ignore_errors=True)

    def query(self, expression: str) -> list[Json]:
        """What an expression is now.

        Raises:
            AssertionError: Prometheus does not take it.
        """
        return list(self._ask("query", query=expression)["result"])

    def value(self, expression: str) -> float:
        """The one number that an expression is."""
        (sample,) = self.query(expression)
        return float(sample["value"][1])

    def up(self) -> dict[str, int]:
        """How many targets answer, by job."""
        found = self.query("sum by (job) (up)")
        return {s["metric"]["job"]: int(s["value"][1]) for s in found if s["value"][1] != "0"}

    def alerts(self) -> set[str]:
        """The names of the alerts that fire, or wait to."""
        return {alert["labels"]["alertname"] for alert in self._ask("alerts")["alerts"]}

    def alerted(self) -> set[str]:
        """The names of those that did at any time since it was started."""
        return {
            s["metric"]["alertname"] for s in self.query("count by (alertname) (max_over_time(ALERTS[3h]))")
        }

    def rules(self) -> list[Json]:
        """Every rule that the release ships, as Prometheus has read it."""
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    def _ask(self, path: str, **named: str) -> Any:
        try:
            return fetch(f"{self.url}/api/v1/{path}?{urlencode(named)}")["data"]
        except HTTPError as error:
            raise AssertionError(f"{named}: {error.read().decode()}") from error

    def _remove(self) -> None:
        """Delete the pod; the namespace stays, because others may be about to use it."""
        testbed.kubectl(
            f"--namespace={NAMESPACE}", "delete", "pod", self.pod, "--ignore-not-found", "--wait", check=False
        )

    def _rules(self) -> Json:
        found = self.release.items("prometheusrules.monitoring.coreos.com")
        return {"groups": [group for rule in found for group in rule["spec"]["groups"]]}

    def _jobs(self) -> list[tuple[Json, Json]]:
        """A scrape job for each endpoint of the release's PodMonitors and ServiceMonitors, and the monitor itself."""
        jobs = []
        for kind in ("podmonitors", "servicemonitors"):
            for monitor in self.release.items(f"{kind}.monitoring.coreos.com"):
                spec = monitor["spec"]
                for endpoint in spec.get("podMetricsEndpoints") or spec["endpoints"]:
                    name = monitor["metadata"]["name"]
                    job = {
                        "job_name": name,
                        "metrics_path": endpoint.get("path", "/metrics"),
                        "honor_labels": endpoint.get("honorLabels", False),
                        "file_sd_configs": [{"files": [f"/etc/prometheus/{name}.json"]}],
                    }
                    wanted = {"port": endpoint["port"], "labels": spec["selector"]["matchLabels"]}
                    jobs.append((job, wanted | {"of": "Pod" if kind == "podmonitors" else "Service"}))
        return jobs

    def _go_on_finding(self, jobs: list[tuple[Json, Json]]) -> None:
        while not self._is_over.wait(2):
            try:
                self._find(jobs)
            except OSError:
                continue  # the API server is away, by a test's own doing: the targets stay as they are

    def _find(self, jobs: list[tuple[Json, Json]]) -> None:
        """Write the targets of each job, as its monitor selects them now."""
        pods, services = (testbed.read(self.release.path(kind))["items"] for kind in ("pods", "services"))
        pods = [pod for pod in pods if pod["status"].get("podIP") and pod["status"]["phase"] == "Running"]
        for job, wanted in jobs:
            targets = []
            for selected in pods if wanted["of"] == "Pod" else services:
                if not _has(selected, wanted["labels"]):
                    continue
                if wanted["of"] == "Pod":
                    targets += _targets([selected], wanted["port"])
                    continue
                port = next(p for p in selected["spec"]["ports"] if p["name"] == wanted["port"])
                behind = [pod for pod in pods if _has(pod, selected["spec"]["selector"])]
                targets += _targets(behind, port["targetPort"])
            file = self._folder / f"{job['job_name']}.json"
            text = json.dumps(targets)
            if not file.is_file() or file.read_text() != text:
                new = file.with_suffix(".new")
                new.write_text(text)
                new.chmod(0o644)
                new.rename(file)


def _has(what: Json, labels: dict[str, str]) -> bool:
    return labels.items() <= what["metadata"].get("labels", {}).items()


def _targets(pods: list[Json], port: str) -> list[Json]:
    """The named port of each pod."""
    return [
        {
            "targets": [f"{pod['status']['podIP']}:{named['containerPort']}"],
            "labels": {"namespace": pod["metadata"]["namespace"], "pod": pod["metadata"]["name"]},
        }
        for pod in pods
        for container in pod["spec"]["containers"]
        for named in container.get("ports", [])
        if named["name"] == port
    ]


def _pod(name: str, folder: Path) -> Json:
    container = {
        "name": "prometheus",
        "image": images.PROMETHEUS,
        "args": ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/data"],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": 9090}, "periodSeconds": 1},
        # Without a request, the pods under load leave it two shares of 1,024: scrapes time out, and no alert fires.
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/prometheus", "readOnly": True},
            {"name": "data", "mountPath": "/data"},
        ],
    }
    volumes = [{"name": "config", "hostPath": {"path": str(folder)}}, {"name": "data", "emptyDir": {}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"automountServiceAccountToken": False, "containers": [container], "volumes": volumes},
    }


def panels(release: Release) -> list[tuple[str, str]]:
    """Title and expression of everything that the dashboards show, as Grafana would ask for it here."""
    found = []
    for config in release.items("configmaps", "--selector=grafana_dashboard=1"):
        for text in config["data"].values():
            for panel in json.loads(text)["panels"]:
                found += [(panel["title"], _filled(t["expr"], release)) for t in panel.get("targets", [])]
    return found


def _filled(expression: str, release: Release) -> str:
    values = {"$__rate_interval": "2m", "$__range": "1h", "$namespace": release.namespace, "$release": ".*"}
    for variable, value in values.items():
        expression = expression.replace(variable, value)
    return expression
