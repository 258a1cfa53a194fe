"""Use the real cluster of ../shared/testbed in tests: up and down, images on its node, kubectl, helm."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO, TypeVar

from tests.support import requirements
from tests.support.requirements import TESTBED
from tools.cluster.target import ClusterTarget

Json = dict[str, Any]
T = TypeVar("T")
Timeout = subprocess.TimeoutExpired

HOME = requirements.TESTBED_HOME
ADMIN = HOME / "run" / "admin.kubeconfig"
LOGS = HOME / "run" / "logs"
_OURS = HOME / "run" / "of-the-tests"


class TestbedError(Exception):
    """The testbed is missing or failed; contains the reason."""

    __test__ = False


def install() -> None:
    """Install what the cluster needs on this machine; idempotent."""
    if not (TESTBED / "install").is_file():
        requirements.lacks("a test cluster", f"these tests need {TESTBED}")
    run(TESTBED / "install", seconds=1200)


@contextlib.contextmanager
def cluster(is_kept: bool = False) -> Iterator[None]:
    """Run the cluster during the block, for any number of concurrent processes.

    The last process takes it down, with everything in it except the images on its node, if the tests started it. A
    cluster that already ran before the first process, or with `is_kept`, is left running.

    Raises:
        TestbedError: it does not start.
    """
    if not (HOME / "bin" / "kubectl").is_file():
        requirements.lacks("a test cluster", f"run {TESTBED / 'install'}")
    with (HOME / "users.lock").open("a") as users:
        while True:
            if _is_alone(users):
                was_up = _is_up()
                run(TESTBED / "cluster", "up", seconds=300)
                if not was_up:
                    _OURS.touch()
            fcntl.flock(users, fcntl.LOCK_SH)
            if _is_up():  # otherwise another process took it down before this one got the lock
                break
        try:
            yield
        finally:
            if not is_kept and _is_alone(users) and is_ours():
                run(TESTBED / "cluster", "down", seconds=180)


def is_ours() -> bool:
    """Return whether the tests started it; then it is taken down when no test uses it any more."""
    return _OURS.exists()


def _is_up() -> bool:
    return ADMIN.is_file() and kubectl("get", "--raw=/readyz", check=False).returncode == 0


def _is_alone(users: TextIO) -> bool:
    """Return whether no other process uses the cluster; others wait until this one releases the lock."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def load(images: Sequence[str]) -> list[str]:
    """Load images of podman's store onto the node if missing or different there, two at a time.

    Any number of processes may do it at once: each image is loaded by one of them, and the others wait for it.

    Returns:
        The images that this process loaded.
    """
    with ThreadPoolExecutor(2) as pool:  # saving and unpacking use a core each
        return [image for image, is_put in zip(images, pool.map(_load, images), strict=True) if is_put]


def _load(image: str) -> bool:
    with locked(f"load-{image}"):
        there = _on_node()
        identity = run("podman", "image", "inspect", "--format", "{{.Id}}", image).stdout.strip()
        is_there = image in there and _configuration(there[image]) == f"sha256:{identity}"
        if not is_there:
            ClusterTarget("testbed", "testbed", dict(os.environ)).take([image])
        return not is_there


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a lock of this machine during the block; one process, or thread, at a time holds the lock of a name."""
    with (HOME / f"{re.sub(r'[^A-Za-z0-9.]+', '-', name)}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ensure_namespace(name: str) -> None:
    """Create a namespace unless it is there; one that terminates is waited for. Safe in several processes at once."""
    with locked(f"namespace-{name}"):
        found = kubectl("get", "namespace", name, "-o=jsonpath={.status.phase}", check=False)
        if found.returncode == 0 and found.stdout == "Active":
            return
        kubectl("wait", "--for=delete", f"namespace/{name}", "--timeout=90s", check=False)
        kubectl("create", "namespace", name)


def _on_node() -> dict[str, str]:
    """Return the manifest digest of each image on the node, by name."""
    return {line.split()[0]: line.split()[2] for line in _ctr("images", "ls").splitlines()[1:]}


def _configuration(manifest: str) -> str:
    """Return the configuration digest of a manifest, which podman calls the image id."""
    return str(json.loads(_ctr("content", "get", manifest))["config"]["digest"])


def _ctr(*arguments: str) -> str:
    return str(run("ctr", "-a", HOME / "run" / "containerd.sock", "-n", "k8s.io", *arguments).stdout)


def kubectl(*arguments: str, stdin: str = "", check: bool = True, seconds: float = 120) -> Any:
    """Run `kubectl` as the administrator; returns its output and exit code."""
    command = [HOME / "bin" / "kubectl", f"--kubeconfig={ADMIN}", *arguments]
    return run(*command, stdin=stdin, check=check, seconds=seconds)


def get(*arguments: str) -> Json:
    """Run `kubectl get ... -o json`."""
    return dict(json.loads(kubectl("get", *arguments, "-o=json").stdout))


def read(path: str) -> Json:
    """Read a path of the API server as the administrator, at an eighth of the CPU of `kubectl get`: for polling.

    Raises:
        OSError: there is no such object, or the API server does not answer.
    """
    config = json.loads(ADMIN.read_text(encoding="utf-8"))
    server, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cafile=server["certificate-authority"])
    context.load_cert_chain(user["client-certificate"], user["client-key"])
    with urllib.request.urlopen(f"{server['server']}{path}", context=context, timeout=30) as answer:
        return dict(json.load(answer))


def helm(*arguments: str, check: bool = True, seconds: float = 900) -> Any:
    """Run `helm` as the administrator."""
    command = [HOME / "bin" / "helm", f"--kubeconfig={ADMIN}", *arguments]
    return run(*command, check=check, seconds=seconds)


def run(*command: object, stdin: str = "", check: bool = True, seconds: float = 120) -> Any:
    """Run a command to completion.

    Raises:
        TestbedError: it failed; contains its output.
    """
    done = subprocess.run(
        [str(c) for c in command], input=stdin, capture_output=True, text=True, check=False, timeout=seconds
    )
    if check and done.returncode:
        said = f"{done.stdout}{done.stderr}".strip()
        raise TestbedError(f"`{' '.join(str(c) for c in command)}` ended with {done.returncode}: {said}")
    return done


def until(what: str, probe: Callable[[], T], seconds: float = 60, every: float = 0.3) -> T:
    """Poll until the probe returns a true value, and return it; its errors count as not yet true."""
    end = time.monotonic() + seconds
    last: object = None
    while True:
        try:
            if found := probe():
                return found
            last = found
        except (TestbedError, Timeout, AssertionError, OSError, KeyError, IndexError, ValueError) as error:
            last = error
        assert time.monotonic() < end, f"{what}: not within {seconds:.0f} s; last: {last!s:.2000}"
        time.sleep(every)


@contextlib.contextmanager
def process(*command: object, log: Path) -> Any:
    """Run a program during the block; its output goes to a file."""
    with log.open("ab") as output:
        running = subprocess.Popen([str(c) for c in command], stdout=output, stderr=subprocess.STDOUT)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(20)
