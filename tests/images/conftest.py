"""The images, built, and containers of them, started as restricted as a cluster would."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

RESTRICTED = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--pids-limit=512",
)
"""How every container is started: what the restricted Pod Security standard and a read-only root leave it."""

Start = Callable[..., str]


def podman(*arguments: str, check: bool = True, seconds: float = 300) -> str:
    """What podman says.

    Raises:
        AssertionError: it failed, with what it said.
    """
    answer = subprocess.run(
        ["podman", *arguments], capture_output=True, text=True, check=False, timeout=seconds
    )
    assert not check or answer.returncode == 0, (
        f"podman {' '.join(arguments)}: {answer.stderr}{answer.stdout}"
    )
    return answer.stdout.strip()


def check_health(container: str, image: str) -> None:
    """Run the image's own health check against a container, out of a second one in its network.

    Args:
        container: its name; empty: none, so that nothing answers. (Podman would start one that was stopped.)
        image: the image whose health check is run.

    Not with `podman healthcheck run`: not every machine lets podman enter a running container.

    Raises:
        AssertionError: the command is missing or fails.
    """
    found = json.loads(podman("image", "inspect", image))[0]
    test = (found.get("HealthCheck") or found.get("Healthcheck") or {}).get("Test") or []
    assert test[:1] == ["CMD"], f"{image} has no health check: {test}"
    podman(
        "run",
        "--rm",
        f"--network=container:{container}" if container else "--network=none",
        *RESTRICTED,
        image,
        *test[1:],
    )


def wait_for(url: str, seconds: float = 120) -> bytes:
    """The answer at a URL, as soon as there is one."""
    until = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bytes(answer.read())
        except (urllib.error.URLError, OSError) as error:
            if time.monotonic() > until:
                raise AssertionError(f"{url} did not answer within {seconds:.0f} s: {error}") from error
            time.sleep(0.5)


def post(url: str, body: dict[str, object]) -> dict[str, object]:
    """The answer to a JSON body."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=15) as answer:
        return dict(json.load(answer))


@pytest.fixture
def start() -> Iterator[Start]:
    """`start(image, *podman_options, command=())`: a restricted container in the background; its name."""
    names: list[str] = []

    def started(image: str, *options: str, command: tuple[str, ...] = ()) -> str:
        name = f"test-{uuid.uuid4().hex[:12]}"
        names.append(name)
        podman("run", "--detach", "--name", name, *RESTRICTED, *options, image, *command)
        return name

    yield started
    for name in names:
        podman("rm", "--force", "--volumes", "--time", "2", name, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for what a test writes."""
    return tmp_path
