"""The real cluster of ../shared/testbed, and what a test does with it: as its administrator, and as the accounts."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
TESTBED = ROOT.parent / "shared" / "testbed"
HOME = Path(os.environ.get("TESTBED_HOME", Path.home() / ".cache" / "testbed"))
ADMIN = HOME / "run" / "admin.kubeconfig"
IMAGE = "docker.io/library/python:3.11-slim"
PAGE = ROOT / "docs" / "operations" / "kubernetes.md"


class MissingTestbedError(Exception):
    """This machine has no testbed: says what installs it."""


def up() -> bool:
    """Start the cluster. Returns: whether this call did."""
    if not (HOME / "bin" / "kubectl").is_file() or not (TESTBED / "cluster").is_file():
        raise MissingTestbedError(f"no cluster to be had: run {TESTBED / 'install'} (../shared/testbed)")
    ours = not ADMIN.is_file()
    _run([TESTBED / "cluster", "up"])
    _run([TESTBED / "cluster", "load", IMAGE])
    return ours


def down() -> None:
    """Stop it, and leave nothing of it."""
    _run([TESTBED / "cluster", "down"])


def _run(command: list[Any]) -> None:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def rights() -> list[dict[str, Any]]:
    """The Roles as the operations page gives them: what the page says is what is tested."""
    text = PAGE.read_text(encoding="utf-8")
    block = next(b for b in text.split("```yaml\n")[1:] if "kind: Role" in b).split("```")[0]
    return list(yaml.safe_load_all(block))


@dataclass
class Namespace:
    """A namespace of its own for one test, with both accounts, their Roles and their empty Leases."""

    name: str
    folder: Path
    pushed: str = ""
    mlflow: str = ""
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def make(self) -> Namespace:
        self.kubectl("create", "namespace", self.name, namespaced=False)
        objects: list[dict[str, Any]] = rights()
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
            self._login(account)
        return self

    def delete(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.kubectl("delete", "namespace", self.name, "--wait=false", namespaced=False)

    def kubectl(self, *arguments: str, stdin: str = "", namespaced: bool = True) -> str:
        """As the administrator; its output."""
        command = [str(HOME / "bin" / "kubectl"), f"--kubeconfig={ADMIN}"]
        command += [f"--namespace={self.name}"] if namespaced else []
        done = subprocess.run([*command, *arguments], input=stdin, capture_output=True, text=True)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        return dict(json.loads(self.kubectl("get", *arguments, "-o=json")))

    def apply(self, *objects: dict[str, Any]) -> None:
        text = yaml.safe_dump_all(
            [o | {"metadata": {"namespace": self.name} | o["metadata"]} for o in objects], sort_keys=False
        )
        self.kubectl("apply", "--server-side", "-f", "-", stdin=text)

    def kubeconfig(self, account: str) -> Path:
        return self.folder / f"{account}.kubeconfig"

    def _login(self, account: str) -> None:
        """A kubeconfig with a token of the account (TokenRequest) and nothing else."""
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
        """Of a process that has the account's token: short waits, the test's own MLflow and pushgateway."""
        kept = ("PATH", "HOME", "PYTHONPATH", "LANG")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        environment.setdefault("PYTHONPATH", str(ROOT))
        base: dict[str, object] = {
            "KUBECONFIG": self.kubeconfig(account),
            "REQUEST_SECONDS": 5,
            "PATIENCE_SECONDS": 3,
            "LEASE_SECONDS": 3,
            "WATCH_SECONDS": 4,
            "WATCH_MOST_SECONDS": 60,
            "WATCH_MESSAGES": 100,
            "WATCH_EVERY_SECONDS": 0.5,
            "ROLLOUT_SECONDS": 60,
            "PUSHGATEWAY": self.pushed,
        }
        environment |= {f"CHATBOT_K8S_{name}": str(value) for name, value in base.items()}
        environment |= {"MLFLOW_TRACKING_URI": self.mlflow, "CHATBOT_STORE_URL": str(self.folder / "store")}
        return environment | {name: str(value) for name, value in settings.items()}

    def start(self, account: str, *command: str, **settings: object) -> subprocess.Popen[str]:
        """`python -m ...` as the account, not waited for."""
        return self._start([sys.executable, "-m", *command], self.environment(account, **settings))

    def start_file(self, account: str, script: Path) -> subprocess.Popen[str]:
        """A script as the account, not waited for."""
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
        self.started.append(process)
        return process

    def run(self, account: str, *command: str, code: int = 0, **settings: object) -> str:
        """`python -m ...` as the account; its output, once it ended with the expected code."""
        process = self.start(account, *command, **settings)
        output, _ = process.communicate(timeout=150)
        assert process.returncode == code, f"{command} ended with {process.returncode}: {output}"
        return output

    def events(self) -> dict[str, str]:
        """Messages of the Events on the Deployment, by reason; the latest counts."""
        found = self.get("events")["items"]
        return {
            e["reason"]: e["message"]
            for e in sorted(found, key=lambda e: str(e.get("lastTimestamp")))
            if e["source"].get("component") == "support-chatbot"
        }


def until(what: str, probe: Callable[[], object], seconds: float = 60) -> Any:
    """What the probe returns as soon as it is true."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(AssertionError, OSError, KeyError):
            if found := probe():
                return found
        assert time.monotonic() < end, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.2)


@contextlib.contextmanager
def program(name: str, package: str, *arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program of Debian's, while the block runs."""
    found = shutil.which(name)
    assert found, f"{name} is missing: apt-get install {package}, as `make system` does"
    with log.open("wb") as output:
        process = subprocess.Popen([found, *arguments], stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)
