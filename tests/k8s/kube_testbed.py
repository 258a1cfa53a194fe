"""The real cluster of ../shared/testbed: helpers that act as its administrator and as the service accounts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support import testbed
from tests.support.requirements import ROOT
from tests.support.testbed import ADMIN

IMAGE = "docker.io/library/python:3.11-slim"
ROLES_PAGE = ROOT / "docs" / "operations" / "kubernetes.md"


def documented_roles() -> list[dict[str, Any]]:
    """Return the Roles printed on the operations page, so that the documented permissions are the tested ones."""
    text = ROLES_PAGE.read_text(encoding="utf-8")
    block = next(b for b in text.split("```yaml\n")[1:] if "kind: Role" in b).split("```")[0]
    return list(yaml.safe_load_all(block))


@dataclass
class Namespace:
    """A namespace for one test, with both service accounts, their Roles and their empty Leases."""

    name: str
    folder: Path
    pushgateway: str = ""
    mlflow: str = ""
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def make(self) -> Namespace:
        self.kubectl("create", "namespace", self.name, namespaced=False)
        objects: list[dict[str, Any]] = documented_roles()
        for account in ("trigger", "promote"):
            objects += [
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}},
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "RoleBinding",
                    "metadata": {"name": account},
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
                    "subjects": [{"kind": "ServiceAccount", "name": account}],
                },
                {
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {"name": f"support-chatbot-{account}"},
                },
            ]
        self.apply(*objects)
        for account in ("trigger", "promote"):
            self.login(account)
        return self

    def delete(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.kubectl("delete", "namespace", self.name, "--wait=false", namespaced=False)

    def kubectl(self, *arguments: str, stdin: str = "", namespaced: bool = True) -> str:
        """Run kubectl as the administrator; return its output."""
        where = [f"--namespace={self.name}"] if namespaced else []
        return str(testbed.kubectl(*where, *arguments, stdin=stdin).stdout)

    def get(self, *arguments: str) -> dict[str, Any]:
        return dict(json.loads(self.kubectl("get", *arguments, "-o=json")))

    def apply(self, *objects: dict[str, Any]) -> None:
        text = yaml.safe_dump_all(
            [o | {"metadata": {"namespace": self.name} | o["metadata"]} for o in objects], sort_keys=False
        )
        self.kubectl("apply", "--server-side", "-f", "-", stdin=text)

    def kubeconfig(self, account: str) -> Path:
        return self.folder / f"{account}.kubeconfig"

    def login(self, account: str) -> None:
        """Write a kubeconfig that contains only a token of the account (TokenRequest)."""
        admin = json.loads(ADMIN.read_text())
        token = self.kubectl("create", "token", account, "--duration=1h").strip()
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": admin["clusters"][0]["cluster"]}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [
                {"name": "test", "context": {"cluster": "test", "user": "test", "namespace": self.name}}
            ],
        }
        self.kubeconfig(account).write_text(json.dumps(content))

    def environment(self, account: str, **settings: object) -> dict[str, str]:
        """Return the environment of the account's processes: short timeouts, the test's MLflow and Pushgateway."""
        kept = ("PATH", "HOME", "PYTHONPATH", "LANG")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        environment.setdefault("PYTHONPATH", str(ROOT))
        base: dict[str, object] = {
            "KUBECONFIG": self.kubeconfig(account),
            "REQUEST_SECONDS": 5,
            "PATIENCE_SECONDS": 3,
            "LEASE_SECONDS": 3,
            "WATCH_SECONDS": 4,
            "WATCH_MAX_SECONDS": 60,
            "WATCH_MESSAGES": 100,
            "WATCH_EVERY_SECONDS": 0.5,
            "ROLLOUT_SECONDS": 60,
        }
        environment |= {f"CHATBOT_K8S_{name}": str(value) for name, value in base.items()}
        environment |= {"MLFLOW_TRACKING_URI": self.mlflow, "CHATBOT_STORE_URL": str(self.folder / "store")}
        environment["CHATBOT_LOOP_PUSHGATEWAY"] = self.pushgateway
        return environment | {name: str(value) for name, value in settings.items()}

    def start(self, account: str, *command: str, **settings: object) -> subprocess.Popen[str]:
        """Start `python -m ...` as the account, without waiting."""
        return self._start([sys.executable, "-m", *command], self.environment(account, **settings))

    def start_file(self, account: str, script: Path) -> subprocess.Popen[str]:
        """Start a script as the account, without waiting."""
        return self._start([sys.executable, str(script)], self.environment(account))

    def _start(self, command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        return process

    def run(self, account: str, *command: str, code: int = 0, **settings: object) -> str:
        """Run `python -m ...` as the account and check its exit code; return its output."""
        process = self.start(account, *command, **settings)
        output, _ = process.communicate(timeout=150)
        assert process.returncode == code, f"{command} ended with {process.returncode}: {output}"
        return output

    def events(self) -> dict[str, str]:
        """Return the messages of the Events on the Deployment by reason; the latest one per reason."""
        found = self.get("events")["items"]
        return {
            e["reason"]: e["message"]
            for e in sorted(found, key=lambda e: str(e.get("lastTimestamp")))
            if e["source"].get("component") == "support-chatbot"
        }
