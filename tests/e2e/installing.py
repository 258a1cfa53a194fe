"""The release that scenarios share: installed once in each process, kept between runs where that is asked for."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from pathlib import Path

from tests.e2e import images
from tests.e2e.progress import Progress
from tests.e2e.release import Release
from tests.support import testbed
from tests.support.requirements import ROOT
from tests.support.testbed import TestbedError, until
from tools.generate import chart

VALUES = Path(__file__).with_name("values.yaml")
NAME = "support-bot"
NAMESPACE = NAME + os.environ.get("PYTEST_XDIST_WORKER", "").replace("gw", "-")
"""One for each worker of pytest-xdist."""
_MADE_OF, _FIRST, _WHOLE = "e2e/made-of", "e2e/first-answer-seconds", "e2e/helm-install-seconds"


class Installed(Release):
    """The shared release, and how long it took to come."""

    first_answer_seconds: float
    """From `helm install` to the first answer over the Service."""
    install_seconds: float
    """Until `helm install --wait` came back."""


def install(progress: Progress, is_kept: bool) -> Installed:
    """Install the chart with its defaults, or take what an earlier run left if it is made of the same.

    Raises:
        TestbedError: helm gave up: what it said.
    """
    release = Installed(NAME, NAMESPACE)
    made_of = _made_of()
    there = testbed.kubectl("get", "namespace", NAMESPACE, "-o=json", check=False)
    if there.returncode == 0:
        notes = json.loads(there.stdout)["metadata"].get("annotations", {})
        if is_kept and notes.get(_MADE_OF) == made_of and _WHOLE in notes:
            release.first_answer_seconds = float(notes[_FIRST])
            release.install_seconds = float(notes[_WHOLE])
            progress.say(f"release {NAME} of an earlier run is taken as it is (E2E_KEEP)")
            return release
        with progress.step("taking away what an earlier run left"):
            uninstall(release)
    make_namespace(NAMESPACE)
    with progress.step("helm install with the defaults, --wait"):
        _timed_install(release)
    progress.say(
        f"first answer after {release.first_answer_seconds:.1f} s, all ready after {release.install_seconds:.1f} s"
    )
    with progress.step("version 1 is registered and champion"):
        wait_for_bootstrap(release)
    # Last: an installation that stopped half-way is not taken again.
    seconds = {_FIRST: release.first_answer_seconds, _WHOLE: release.install_seconds}
    notes = [f"{key}={value:.1f}" for key, value in seconds.items()]
    testbed.kubectl("annotate", "namespace", NAMESPACE, f"{_MADE_OF}={made_of}", *notes)
    return release


def make_namespace(name: str) -> None:
    """A namespace that enforces the restricted Pod Security standard."""
    testbed.kubectl("create", "namespace", name)
    testbed.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")


def wait_for_bootstrap(release: Release, seconds: float = 240) -> None:
    """Until the newest bootstrap Job is complete."""
    ended = release.wait_for_job(release.jobs("bootstrap")[-1], seconds)
    assert ended.is_complete, ended


def uninstall(release: Release) -> None:
    """Release, volumes, secrets, namespace."""
    release.helm("uninstall", release.name, "--wait", "--ignore-not-found", check=False, seconds=300)
    testbed.kubectl("delete", "namespace", release.namespace, "--ignore-not-found", "--wait", seconds=300)


def drop(release: Release) -> None:
    """Uninstall without waiting until the pods and the namespace are deleted."""
    release.helm("uninstall", release.name, "--ignore-not-found", check=False, seconds=300)
    testbed.kubectl("delete", "namespace", release.namespace, "--ignore-not-found", "--wait=false")


def leave(release: Release) -> None:
    """`uninstall`, unless the cluster goes with the tests anyway."""
    if not testbed.is_ours():
        uninstall(release)


def _timed_install(release: Installed) -> None:
    began = time.monotonic()
    seen: list[float] = []

    def ask_until_answered() -> None:
        until("the first answer", lambda: release.ask("I want a refund")["response"], 420, every=0.5)
        seen.append(time.monotonic() - began)

    asking = threading.Thread(target=ask_until_answered, daemon=True)
    asking.start()
    release.helm(
        "install", NAME, str(chart.CHART), "-f", str(VALUES), "--wait", "--timeout=400s", seconds=420
    )
    release.install_seconds = time.monotonic() - began
    asking.join(30)
    if not seen:
        raise TestbedError(
            "helm install says that all is ready, and the bot does not answer over its Service"
        )
    release.first_answer_seconds = seen[0]


def _made_of() -> str:
    """A digest of the chart, these values and the images on the node."""
    digest = hashlib.sha256()
    for file in sorted([*chart.CHART.rglob("*"), VALUES]):
        if file.is_file():
            digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    for name in images.all_images():
        digest.update(testbed.run("podman", "image", "inspect", "--format", "{{.Id}}", name).stdout.encode())
    return digest.hexdigest()[:32]
