"""Select the cluster, and load locally built images onto it without a registry."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from chatbot.errors import ChatbotError
from tools.generate.chart import ROOT

TESTBED = ROOT.parent / "shared" / "testbed"
_AT_ONCE = 2
_SHARED_STORES = ("docker-desktop", "orbstack", "rancher-desktop")
"""Contexts whose nodes share Docker's image store."""


class StackError(ChatbotError):
    """Something is missing or failed; says what to do."""


@dataclass(frozen=True)
class ClusterTarget:
    """A cluster and the programs that access it.

    Attributes:
        context: of the kubeconfig.
        kind: kind, k3d, minikube, shared (Docker's own), testbed, or other.
        environment: of every program.
    """

    context: str
    kind: str
    environment: dict[str, str] = field(repr=False)

    def run(self, *command: str | Path, stdin: str = "", check: bool = True, seconds: float = 600) -> str:
        """Run a program and return its output.

        Raises:
            StackError: it is missing, it failed, or it did not end in time.
        """
        path = self.environment["PATH"]
        program = shutil.which(command[0], path=path)
        if program is None:
            raise StackError(f"{command[0]} is missing: install it, and try again")
        said = f"{' '.join(map(str, command[:4]))} …"
        try:
            answer = subprocess.run(
                [program, *command[1:]], input=stdin, env=self.environment, capture_output=True, text=True,
                check=False, timeout=seconds,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise StackError(f"{said}: it did not end within {seconds:g} s") from None
        if check and answer.returncode:
            raise StackError(f"{said}: {(answer.stderr or answer.stdout).strip()}")
        return answer.stdout

    def kubectl(self, *arguments: str, stdin: str = "", check: bool = True) -> str:
        """Run kubectl against this cluster; returns its output."""
        return self.run("kubectl", f"--context={self.context}", *arguments, stdin=stdin, check=check)

    def helm(self, *arguments: str) -> str:
        """Run helm against this cluster; returns its output."""
        return self.run("helm", f"--kube-context={self.context}", *arguments, seconds=1200)

    def take(self, images: Sequence[str]) -> None:
        """Load local images onto the cluster's nodes.

        Raises:
            StackError: loading is not supported for this kind of cluster.
        """
        name = self.context.partition("-")[2]
        if self.kind == "kind":
            self.run("kind", "load", "docker-image", "--name", name, *images)
        elif self.kind == "k3d":
            self.run("k3d", "image", "import", "--cluster", name, *images)
        elif self.kind == "minikube":
            for image in images:
                self.run("minikube", "--profile", self.context, "image", "load", image)
        elif self.kind == "testbed":
            with ThreadPoolExecutor(_AT_ONCE) as pool:  # saving and unpacking use a core each
                list(pool.map(lambda image: self.run(TESTBED / "cluster", "load", image), images))
        elif self.kind != "shared":
            raise StackError(
                f"how images get to the cluster of context {self.context!r} is not known here: push them to a registry "
                "that it reaches, with REGISTRY=registry.example.com/team"
            )


def kind_of(context: str) -> str:
    """Derive the cluster's kind from its context name."""
    for prefix in ("kind", "k3d"):
        if context.startswith(f"{prefix}-"):
            return prefix
    if context in _SHARED_STORES:
        return "shared"
    return "minikube" if context == "minikube" else "other"


def find(context: str = "", is_started: bool = False) -> ClusterTarget:
    """Find the cluster of a context; default: the testbed next to this checkout, else kubectl's current context.

    Args:
        is_started: start the testbed's cluster if it is not running.

    Raises:
        StackError: no cluster is configured.
    """
    if not context and (TESTBED / "cluster").is_file():
        return _testbed(is_started)
    environment = dict(os.environ)
    here = ClusterTarget("", "other", environment)
    context = context or here.run("kubectl", "config", "current-context", check=False).strip()
    if not context:
        raise StackError(
            "kubectl has no context: create a cluster (kind create cluster), or name one with CONTEXT=..."
        )
    return ClusterTarget(context, kind_of(context), environment)


def _testbed(is_started: bool) -> ClusterTarget:
    programs = Path(os.environ.get("TESTBED_HOME", Path.home() / ".cache" / "testbed"))
    environment = os.environ | {
        "KUBECONFIG": str(programs / "run" / "admin.kubeconfig"),
        "PATH": f"{programs / 'bin'}:{os.environ['PATH']}",
    }
    found = ClusterTarget("testbed", "testbed", environment)
    if is_started and " Ready" not in found.run("kubectl", "get", "nodes", check=False):
        subprocess.run([TESTBED / "install"], check=True)
        subprocess.run([TESTBED / "cluster", "up"], check=True)
    return found
