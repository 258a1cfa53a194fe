"""Check requirements of tests: a missing one skips the test and says how to get it; with STRICT=1 it fails."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT.parent / "shared" / "cases"
"""Inputs that people really have, each with the right outcome; kept beside the project."""
TESTBED = ROOT.parent / "shared" / "testbed"
TESTBED_HOME = Path(os.environ.get("TESTBED_HOME", Path.home() / ".cache" / "testbed"))
STRICT = os.environ.get("STRICT", "").lower() not in ("", "0", "false", "no")
"""Whether a missing requirement is a failure, as in CI, where nothing may be skipped."""

_REMEDIES = {
    "chromium": "make setup",
    "faketime": "make setup",
    "npm": "make setup",
    "prometheus": "make setup",
    "prometheus-pushgateway": "make setup",
    "promtool": "make setup (it comes with prometheus)",
    "minio": "put MinIO's server program on the PATH (https://github.com/minio/minio)",
    "mc": "put MinIO's client mc on the PATH (https://github.com/minio/mc)",
    "helm": "put Helm 4 on the PATH (https://helm.sh/docs/intro/install)",
    "kubectl": "put kubectl on the PATH (https://kubernetes.io/docs/tasks/tools)",
    "skaffold": "put Skaffold on the PATH (https://skaffold.dev/docs/install)",
    "podman": "apt-get install podman, or your distribution's package (https://podman.io/docs/installation)",
    "java": "make setup",
    "node": "make setup (it comes with npm)",
    "curl": "make setup",
}

_ALSO_CALLED = {"chromium": ("chromium-browser", "google-chrome")}


def lacks(what: str, remedy: str) -> NoReturn:
    """Skip the test, or fail it with STRICT=1.

    Args:
        what: the missing requirement, as the summary counts it.
        remedy: how to get it.
    """
    reason = " ".join(f"{what} is missing: {remedy}".split())
    if STRICT:
        pytest.fail(f"{reason} (STRICT=1: what cannot be checked fails)", pytrace=False)
    pytest.skip(reason)


def find(name: str) -> Path | None:
    """Return a program from the PATH or the testbed, or None."""
    for one in (name, *_ALSO_CALLED.get(name, ())):
        if found := shutil.which(one):
            return Path(found)
    beside = TESTBED_HOME / "bin" / name
    return beside if os.access(beside, os.X_OK) else None


def program(name: str) -> Path:
    """Return a program that a test needs; skips the test if it is missing."""
    return find(name) or lacks(name, _REMEDIES[name])


def cases() -> Path:
    """Return the folder of the input cases; skips the test if it is missing."""
    if not CASES.is_dir():
        lacks("the folder of input cases", f"it is not published; where {CASES} is, as in CI, this is tested")
    return CASES
