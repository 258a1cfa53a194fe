"""Describe the measurement's environment: processor, load by other processes, memory of a process tree."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
# Instruction sets that determine int8 speed: VNNI and AMX have int8 dot products, AVX2 has none.
INT8_FLAGS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8", "amx_tile")

MB = 1_000_000
_SETTLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Machine:
    """The processor's name under Linux, and its flags relevant to int8 arithmetic."""

    processor: str
    cores: int
    flags: tuple[str, ...]
    missing_flags: tuple[str, ...]
    memory_gb: float
    python: str

    @classmethod
    def this(cls) -> Machine:
        text = (_PROC / "cpuinfo").read_text()
        fields = {
            key.strip(): value.strip()
            for key, _, value in (line.partition(":") for line in text.splitlines())
        }
        found = set(fields.get("flags", fields.get("Features", "")).split())
        total = int((_PROC / "meminfo").read_text().split()[1])
        return cls(
            processor=fields.get("model name", platform.machine()),
            cores=len(os.sched_getaffinity(0)),
            flags=tuple(flag for flag in INT8_FLAGS if flag in found),
            missing_flags=tuple(flag for flag in INT8_FLAGS if flag not in found),
            memory_gb=round(total / 1e6, 1),
            python=platform.python_version(),
        )

    def describe(self) -> str:
        """Return a one-line description."""
        missing = ", ".join(self.missing_flags) or "none"
        return (
            f"{self.processor}, {self.cores} cores, {self.memory_gb:g} GB; "
            f"int8 flags: {', '.join(self.flags) or 'none'} (missing: {missing}); Python {self.python}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for the JSON result."""
        return asdict(self)


def busy_cores(seconds: float = 1.0) -> float:
    """Return how many cores are busy with other processes, or other guests of the same host, at present."""
    before = _ticks()
    time.sleep(seconds)
    after = _ticks()
    passed = [b - a for a, b in zip(before, after, strict=True)]
    idle = passed[3] + passed[4]
    return round((os.cpu_count() or 1) * (1 - idle / max(1, sum(passed))), 2)


def _ticks() -> list[int]:
    """Read the CPU counters: user, nice, system, idle, iowait, irq, softirq, steal."""
    return [int(value) for value in (_PROC / "stat").read_text().splitlines()[0].split()[1:9]]


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one process, in bytes: resident, and with shared pages counted proportionally."""

    pid: int
    name: str
    """Short name of the process: a worker's is that of its service."""
    command: str
    rss: int
    pss: int


def tree_memory(root: int) -> list[Memory]:
    """Return the memory of a process and all its descendants; skips processes that end meanwhile."""
    found = []
    for pid in _tree(root):
        try:
            command = (
                (_PROC / str(pid) / "cmdline")
                .read_bytes()
                .replace(b"\0", b" ")
                .decode(errors="replace")
                .strip()
            )
            name = (_PROC / str(pid) / "comm").read_text().strip()
            lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]
        except OSError:
            continue
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB")}
        rss, pss = (1024 * kilobytes.get(kind, 0) for kind in ("Rss", "Pss"))
        found.append(Memory(pid, name, command, rss, pss))
    return found


def settle(root: int, most_seconds: float = 30.0) -> None:
    """Wait until a server's processes are idle: it answers before all its workers have started."""
    until = time.monotonic() + most_seconds
    before = _processor_ticks(root)
    while time.monotonic() < until:
        time.sleep(_SETTLE_SECONDS)
        now = _processor_ticks(root)
        if now - before <= _SETTLE_SECONDS * os.sysconf("SC_CLK_TCK") * 0.1:
            return
        before = now


def processor_seconds(root: int) -> float:
    """Return the processor time that a process and its living descendants have used so far, in seconds."""
    return _processor_ticks(root) / os.sysconf("SC_CLK_TCK")


def _processor_ticks(root: int) -> int:
    ticks = 0
    for pid in _tree(root):
        with suppress(OSError):
            fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks


def _tree(root: int) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            try:
                # The parenthesised name may contain spaces; the fields after the last parenthesis do not.
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children.get(pid, [])
