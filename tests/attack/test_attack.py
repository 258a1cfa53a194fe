"""The short form of `make attack`: the service withstands each attack on a small scale."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attack.report import Finding, require, run, table
from tests.attack.target import SHORT, Target


@pytest.mark.process
@pytest.mark.timeout(300)
def test_the_service_withstands_a_short_attack(bundle_folder: Path, tmp_path: Path) -> None:
    from tests.attack.__main__ import attack

    results = attack(bundle_folder, tmp_path, SHORT)
    assert [f"{result.name}: {result.said}" for result in results if not result.held] == []


def test_a_finding_and_a_check_that_breaks_are_reported_and_the_others_still_run(tmp_path: Path) -> None:
    def finds(_: Target) -> str:
        require(False, "a hole")
        return ""

    def breaks(_: Target) -> str:
        raise OSError("no socket")

    target = Target(server=None, bundle=tmp_path, folder=tmp_path, scale=SHORT)  # type: ignore[arg-type]
    results = run((("finds", finds), ("breaks", breaks), ("holds", lambda _: "all well")), target)
    assert [(result.held, result.said) for result in results] == [
        (False, "a hole"),
        (False, "the check broke: OSError: no socket"),
        (True, "all well"),
    ]
    assert "| finds | FOUND | a hole |" in table(results)
    with pytest.raises(Finding):
        require(0, "zero")
