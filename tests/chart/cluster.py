"""A namespace on the testbed's cluster, for the chart's tests."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support import testbed
from tests.support.testbed import TestbedError, kubectl

__all__ = ["kubectl", "namespace_of_the_testbed"]


@contextmanager
def namespace_of_the_testbed() -> Iterator[str]:
    """A namespace on the real cluster."""
    name = f"chart-{uuid.uuid4().hex[:8]}"
    try:
        with testbed.cluster():
            kubectl("create", "namespace", name)
            kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
            try:
                yield name
            finally:
                kubectl("delete", "namespace", name, "--wait=false", check=False)
    except TestbedError as error:
        pytest.fail(str(error), pytrace=False)
