"""Who reaches whom: asked from inside the real pods, and from pods that carry the labels of those that come and go."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from tests.e2e.release import Release
from tests.support import testbed
from tests.support.testbed import Json
from tools.images import full_name

Target = tuple[str, int]

_ASK = """
import concurrent.futures, json, socket, sys
def ask(target):
    try:
        socket.create_connection(target, timeout=3).close()
        return True
    except OSError:
        return False
targets = json.loads(sys.argv[1])
with concurrent.futures.ThreadPoolExecutor(32) as workers:
    found = workers.map(ask, map(tuple, targets.values()))
    print(json.dumps(dict(zip(targets, found))))
"""
LISTEN = """
import socket, sys, time
listening = [socket.create_server(("", int(port)), backlog=64) for port in sys.argv[2:]]
time.sleep(float(sys.argv[1]))
"""
_RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def probe(namespace: str, name: str, labels: Mapping[str, str], *listens: int) -> Json:
    """Create a pod that sends requests on demand and is never ready, so that no Service routes to it.

    Args:
        listens: ports that it listens on.
    """
    ports = [str(port) for port in listens]
    container = {
        "name": "probe",
        "image": full_name("monitor"),
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", LISTEN, "900", *ports],
        "readinessProbe": {"exec": {"command": ["false"]}, "periodSeconds": 300},
        "resources": {"requests": {"cpu": "1m", "memory": "16Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"probe-{name}",
            "namespace": namespace,
            "labels": dict(labels) | {"e2e": "probe"},
        },
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": _RESTRICTED,
            "containers": [container],
        },
    }


@contextmanager
def running(*pods: Json) -> Iterator[None]:
    """These pods, while the block runs, in namespaces that are created where they are missing, and kept."""
    wanted = {pod["metadata"]["namespace"] for pod in pods}
    for name in sorted(wanted):
        testbed.ensure_namespace(name)
    content = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(pods)})
    try:
        # Without the schema of every resource, which a busy API server does not send in time; it validates itself.
        testbed.kubectl("apply", "--validate=false", "-f", "-", stdin=content)
        for name in sorted(wanted):
            testbed.kubectl(f"-n={name}", "wait", "pods", "--selector=e2e=probe", "--timeout=90s",
                            "--for=jsonpath={.status.phase}=Running")  # fmt: skip
        time.sleep(2)  # the network hears of the pods about a second after they run
        yield
    finally:
        testbed.kubectl("delete", "-f", "-", "--ignore-not-found", "--wait=false", "--grace-period=0", "--force",
                        stdin=content)  # fmt: skip


def reached(sources: Mapping[str, tuple[str, str]], targets: Mapping[str, Target]) -> dict[str, set[str]]:
    """Which of the targets each source reaches.

    Args:
        sources: namespace, and pod or `deployment/...`, by name.
        targets: host and port, by name.
    """

    def ask(source: tuple[str, str]) -> set[str]:
        namespace, pod = source
        command = ["python", "-c", _ASK, json.dumps(targets)]
        said = testbed.kubectl(f"-n={namespace}", "exec", pod, "--", *command).stdout
        return {name for name, is_open in json.loads(said).items() if is_open}

    with ThreadPoolExecutor(4) as workers:
        return dict(zip(sources, workers.map(ask, sources.values()), strict=True))


def listeners(release: Release, pod: str) -> set[int]:
    """Ports on which a pod can be reached from outside of it, loopback left out."""
    said = release.run_in(pod, "cat", "/proc/net/tcp", "/proc/net/tcp6")
    rows = [line.split() for line in said.splitlines() if ":" in line]
    is_open = [row[1].rpartition(":") for row in rows if row[3] == "0A"]
    return {int(port, 16) for address, _, port in is_open if address not in _LOOPBACK}


_LOOPBACK = ("0100007F", "00000000000000000000000001000000")
