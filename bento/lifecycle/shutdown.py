"""Ordered graceful shutdown: the runner outlives the HTTP workers, and no process outlives its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import psutil

from bento.lifecycle import workers

_MAX_DELAY_SECONDS = 30.0


def outlive(service: str, drain_seconds: float = 0.0) -> None:
    """Delay this process's SIGTERM and SIGINT until the server has no worker of the given service left.

    Ordered graceful shutdown: BentoML stops both services at the same time, but requests queued in the outer one
    still need the runner. The delay is at most 30 s plus `drain_seconds`.
    """
    max_delay = _MAX_DELAY_SECONDS + drain_seconds
    loop = asyncio.get_running_loop()
    server = psutil.Process(os.getppid())
    stopping: list[asyncio.Task[None]] = []

    async def stop(number: int) -> None:
        until = time.monotonic() + max_delay
        while _has_worker(server, service) and time.monotonic() < until:
            await asyncio.sleep(0.1)
        handlers[number](number, None)

    def delay(number: int, frame: FrameType | None) -> None:
        if not stopping:
            loop.call_soon_threadsafe(lambda: stopping.append(loop.create_task(stop(number))))

    handlers: dict[int, Callable[[int, FrameType | None], object]] = {}
    for number in (signal.SIGTERM, signal.SIGINT):
        handler = signal.getsignal(number)
        if callable(handler):
            handlers[number] = handler
            signal.signal(number, delay)


def _has_worker(server: psutil.Process, service: str) -> bool:
    for process in server.children() if server.is_running() else []:
        with suppress(psutil.Error):
            if workers.is_worker_of(service, process) and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False
