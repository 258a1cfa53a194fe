"""The number of runner workers follows what the process may use, not what the machine has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bento.lifecycle.cpu_quota import usable_cores


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


def tree(root: Path, files: dict[str, str]) -> tuple[Path, Path]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root / "proc", root / "cgroup"


def test_without_a_quota_every_core_of_the_affinity_counts(tmp_path: Path) -> None:
    assert usable_cores(*tree(tmp_path, {"proc": "0::/pod\n", "cgroup/pod/cpu.max": "max 100000\n"})) == 8
    assert usable_cores(tmp_path / "nothing", tmp_path) == 8


@pytest.mark.parametrize(
    ("quota", "cores"), [(25_000, 1), (100_000, 1), (150_000, 2), (400_000, 4), (6_400_000, 8)]
)
def test_a_pods_cpu_limit_is_obeyed(tmp_path: Path, quota: int, cores: int) -> None:
    assert usable_cores(*tree(tmp_path, {"proc": "0::/\n", "cgroup/cpu.max": f"{quota} 100000\n"})) == cores


def test_a_limit_above_in_the_tree_counts_too(tmp_path: Path) -> None:
    files = {"proc": "0::/a/b\n", "cgroup/a/cpu.max": "200000 100000", "cgroup/a/b/cpu.max": "max 100000"}
    assert usable_cores(*tree(tmp_path, files)) == 2


def test_the_older_kind_of_cgroup_is_understood(tmp_path: Path) -> None:
    files = {
        "proc": "5:cpuset:/x\n4:cpu,cpuacct:/docker/1\n0::/\n",
        "cgroup/cpu/cpu.cfs_quota_us": "300000",
        "cgroup/cpu/cpu.cfs_period_us": "100000",
    }
    assert usable_cores(*tree(tmp_path, files)) == 3
    (tmp_path / "cgroup/cpu/cpu.cfs_quota_us").write_text("-1")
    assert usable_cores(tmp_path / "proc", tmp_path / "cgroup") == 8
