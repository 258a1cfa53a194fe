"""The real cluster of ../shared/testbed, for tests: up and down, images on its node, kubectl, helm."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeVar

from tests.support import requirements
from tests.support.requirements import TESTBED
from tools.cluster.target import Target

Json = dict[str, Any]
T = TypeVar("T")
Timeout = subprocess.TimeoutExpired

HOME = requirements.TESTBED_HOME
ADMIN = HOME / "run" / "admin.kubeconfig"
LOGS = HOME / "run" / "logs"
_OURS = HOME / "run" / "of-the-tests"


class TestbedError(Exception):
    """This machine has no testbed, or it does not do what it should: says which."""

    __test__ = False


def install() -> None:
    """Install what the cluster needs on this machine; idempotent."""
    if not (TESTBED / "install").is_file():
        requirements.lacks("a test cluster", f"these tests need {TESTBED}")
    run(TESTBED / "install", seconds=1200)


@contextlib.contextmanager
def cluster(is_kept: bool = False) -> Iterator[None]:
    """The cluster, up while the block runs, for any number of processes at a time.

    The last of them takes it down, with all that is in it but the images on its node, if it was none of theirs when
    the first came; not if it is to be kept.

    Raises:
        TestbedError: it does not come up.
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
            if _is_up():  # else it was taken down before the lock was ours
                break
        try:
            yield
        finally:
            if not is_kept and _is_alone(users) and is_ours():
                run(TESTBED / "cluster", "down", seconds=180)


def is_ours() -> bool:
    """Whether tests started it: it goes, with all that is in it, when no test uses it any more."""
    return _OURS.exists()


def _is_up() -> bool:
    return ADMIN.is_file() and kubectl("get", "--raw=/readyz", check=False).returncode == 0


def _is_alone(users: TextIO) -> bool:
    """Whether no other process uses the cluster; none can begin to before this one says so."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def load(images: Sequence[str]) -> list[str]:
    """Put images of podman's store on the node, where other ones are there, or none. Returns: those that were put."""
    there = _on_node()
    put = []
    for image in images:
        identity = run("podman", "image", "inspect", "--format", "{{.Id}}", image).stdout.strip()
        if image not in there or _configuration(there[image]) != f"sha256:{identity}":
            put.append(image)
    Target("testbed", "testbed", dict(os.environ)).take(put)
    return put


def _on_node() -> dict[str, str]:
    """Manifest digest by name."""
    return {line.split()[0]: line.split()[2] for line in _ctr("images", "ls").splitlines()[1:]}


def _configuration(manifest: str) -> str:
    """The digest that podman calls the image's id."""
    return str(json.loads(_ctr("content", "get", manifest))["config"]["digest"])


def _ctr(*arguments: str) -> str:
    return str(run("ctr", "-a", HOME / "run" / "containerd.sock", "-n", "k8s.io", *arguments).stdout)


def kubectl(*arguments: str, stdin: str = "", check: bool = True, seconds: float = 120) -> Any:
    """`kubectl` as the administrator; what it said and its code."""
    command = [HOME / "bin" / "kubectl", f"--kubeconfig={ADMIN}", *arguments]
    return run(*command, stdin=stdin, check=check, seconds=seconds)


def get(*arguments: str) -> Json:
    """`kubectl get ... -o json`."""
    return dict(json.loads(kubectl("get", *arguments, "-o=json").stdout))


def helm(*arguments: str, check: bool = True, seconds: float = 900) -> Any:
    """`helm` as the administrator."""
    command = [HOME / "bin" / "helm", f"--kubeconfig={ADMIN}", *arguments]
    return run(*command, check=check, seconds=seconds)


def run(*command: object, stdin: str = "", check: bool = True, seconds: float = 120) -> Any:
    """A command, waited for.

    Raises:
        TestbedError: it failed: all that it said.
    """
    done = subprocess.run(
        [str(c) for c in command], input=stdin, capture_output=True, text=True, check=False, timeout=seconds
    )
    if check and done.returncode:
        said = f"{done.stdout}{done.stderr}".strip()
        raise TestbedError(f"`{' '.join(str(c) for c in command)}` ended with {done.returncode}: {said}")
    return done


def until(what: str, probe: Callable[[], T], seconds: float = 60, every: float = 0.3) -> T:
    """What the probe returns as soon as it is true; what it cannot do yet counts as not yet."""
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
    """A program, while the block runs; its output goes to a file."""
    with log.open("ab") as output:
        running = subprocess.Popen([str(c) for c in command], stdout=output, stderr=subprocess.STDOUT)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(20)
