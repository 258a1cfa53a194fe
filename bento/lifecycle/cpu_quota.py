"""Determine the usable CPU cores: the machine's, limited by CPU affinity and cgroup quotas."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")


def usable_cores(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> int:
    """Return the number of usable cores, at least one: a quota of 1.5 cores counts as two, one of 0.25 as one.

    `os.cpu_count()` returns the node's cores even inside a pod limited to one: that many encoders would compete
    for it and be throttled together.
    """
    cores = float(len(os.sched_getaffinity(0)))
    quota = _quota(proc, cgroups)
    return max(1, int(min(cores, cores if quota is None else quota) + 0.5))


def _quota(proc: Path, cgroups: Path) -> float | None:
    """Return the smallest CPU quota from this process's cgroup up to the root, in cores; None: no quota."""
    try:
        lines = proc.read_text().splitlines()
    except OSError:
        return None
    quotas = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, read = cgroups, _quota_v2
        elif "cpu" in controllers.split(","):
            root, read = cgroups / "cpu", _quota_v1
        else:
            continue
        folder = root / path.lstrip("/")
        # Inside a container the path may be the host's and not exist here: the root is the container's own cgroup.
        for place in (folder, *folder.parents):
            quotas.append(read(place))
            if place == root:
                break
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota_v2(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def _quota_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        return None if quota <= 0 else quota / int((folder / "cpu.cfs_period_us").read_text())
    except (OSError, ValueError):
        return None
