"""The testbed's cluster, for the chart's tests."""

from __future__ import annotations

import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tools import chart

TESTBED = chart.ROOT.parent / "shared" / "testbed"


def kubectl(*arguments: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    """`kubectl` on the testbed's cluster."""
    home = Path.home() / ".cache" / "testbed"
    said = subprocess.run([TESTBED / "cluster", "env"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"KUBECONFIG=['\"]?([^'\"\n;]+)", said)
    environment = os.environ | {"KUBECONFIG": found[1] if found else ""}
    answer = subprocess.run(
        [home / "bin" / "kubectl", *arguments],
        input=stdin, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert not check or answer.returncode == 0, answer.stderr
    return answer


@contextmanager
def namespace_of_the_testbed() -> Iterator[str]:
    """A namespace on the real cluster; the cluster is taken down again if it was not up before."""
    if not (TESTBED / "cluster").is_file():
        pytest.fail(f"the testbed is missing: there is no {TESTBED}", pytrace=False)
    up = kubectl("get", "nodes", check=False).returncode == 0
    if not up:
        subprocess.run([TESTBED / "cluster", "up"], check=True, timeout=180)
    name = f"chart-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    try:
        yield name
    finally:
        kubectl("delete", "namespace", name, "--wait=false", check=False)
        if not up:
            subprocess.run([TESTBED / "cluster", "down"], check=True, timeout=120)
