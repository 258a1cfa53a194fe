"""Describe the measurement's environment: processor, load by other processes, memory of a process tree."""

from __future__ import annotations

import os
import platform
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

# Instruction sets that determine int8 speed: VNNI and AMX have int8 dot products, AVX2 has none.
INT8_FLAGS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8", "amx_tile")

MB = 1_000_000
_SETTLE_SECONDS, _MOST_SETTLE_SECONDS = 0.5, 30.0


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
        text = Path("/proc/cpuinfo").read_text()
        fields = {
            key.strip(): value.strip()
            for key, _, value in (line.partition(":") for line in text.splitlines())
        }
        found = set(fields.get("flags", fields.get("Features", "")).split())
        return cls(
            processor=fields.get("model name", platform.machine()),
            cores=len(os.sched_getaffinity(0)),
            flags=tuple(flag for flag in INT8_FLAGS if flag in found),
            missing_flags=tuple(flag for flag in INT8_FLAGS if flag not in found),
            memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
            python=platform.python_version(),
        )

    def describe(self) -> str:
        """Return a one-line description."""
        missing = ", ".join(self.missing_flags) or "none"
        return (
            f"{self.processor}, {self.cores} cores, {self.memory_gb:g} GB; "
            f"int8 flags: {', '.join(self.flags) or 'none'} (missing: {missing}); Python {self.python}"
        )


def busy_cores() -> float:
    """Return how many cores are busy with other processes, or other guests of the same host, at present."""
    return round((os.cpu_count() or 1) * float(psutil.cpu_percent(1.0)) / 100, 2)


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
    for process in _tree(root):
        with suppress(psutil.Error):
            used = process.memory_full_info()
            command = " ".join(process.cmdline())
            found.append(Memory(process.pid, process.name(), command, used.rss, used.pss))
    return found


def settle(root: int) -> None:
    """Wait until a server's processes are idle: it answers before all its workers have started."""
    until = time.monotonic() + _MOST_SETTLE_SECONDS
    before = processor_seconds(root)
    while time.monotonic() < until:
        time.sleep(_SETTLE_SECONDS)
        now = processor_seconds(root)
        if now - before <= 0.1 * _SETTLE_SECONDS:
            return
        before = now


def processor_seconds(root: int) -> float:
    """Return the processor time that a process and its living descendants have used so far, in seconds."""
    seconds = 0.0
    for process in _tree(root):
        with suppress(psutil.Error):
            used = process.cpu_times()
            seconds += used.user + used.system
    return seconds


def _tree(root: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(root)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
