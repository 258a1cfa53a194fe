"""Start BentoML's workers by a fork of the server's process, and replace a dead one at once.

BentoML starts a Python for each worker, which imports for one to two seconds of processor time what its siblings
imported as well, and looks every 10 s for workers that died. A fork has everything in memory, shared with its
siblings until it is written, so a worker that was killed answers again within a second.

Relies on BentoML's and circus's internals: `tests/bento/test_workers.py` fails when an upgrade changes them.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from chatbot.process import die_with_parent

# A worker that dies at this age or earlier may die at every start.
YOUNG_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_FORGET_SECONDS = 60.0
_BUSY_SECONDS = 0.02

_MODULE = "_bentoml_impl.worker.service"
# What workers import late: here once, and shared by all of them.
_PRELOADED = (_MODULE, "_bentoml_impl.server.app", "uvicorn.loops.auto", "onnxruntime", "tokenizers")


def is_worker_of(service: str, process: psutil.Process) -> bool:
    """Whether a process is a worker of a service, by the name that it has in `ps` and `top`."""
    return bool(process.name() == service)


def install() -> None:
    """Make BentoML fork the workers of this process's server; call it once, before the server starts them."""
    from bentoml._internal.utils import circus
    from circus import process

    process.Popen = ForkedWorker
    circus.Arbiter = watchful(circus.Arbiter)  # type: ignore[misc]
    for name in _PRELOADED:
        import_module(name)
    # The garbage collector writes to each object it visits, which would copy the shared pages (copy-on-write).
    gc.collect()
    gc.freeze()
    gc.enable()


class Backoff:
    """Pause before a dead worker is replaced: none, but growing while workers die soon after their start."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deaths: list[float] = []

    def note(self, age: float) -> None:
        """Note the death of a worker, at an age in seconds."""
        if age <= YOUNG_SECONDS:
            self._deaths.append(self._clock())

    def seconds(self) -> float:
        """Return the pause: 0.5 s after one early death within a minute, doubled by each further one, up to 10 s."""
        now = self._clock()
        self._deaths = [moment for moment in self._deaths if now - moment < _FORGET_SECONDS]
        pauses = _FIRST_PAUSE_SECONDS * 2 ** (len(self._deaths) - 1) if self._deaths else 0.0
        return float(min(_LONGEST_PAUSE_SECONDS, pauses))


class ForkedWorker(psutil.Process):  # type: ignore[misc]  # psutil is untyped
    """A worker as a fork of this process, with the interface of `psutil.Popen` that circus uses."""

    stdout = stderr = None

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        preexec_fn: Callable[[], None],
        **_options: object,
    ) -> None:
        """Fork; in the fork, run the worker and exit."""
        sys.stdout.flush()
        sys.stderr.flush()
        # A signal to the fork must wait until it has its own handlers: the parent's would lose it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        parent = os.getpid()
        try:
            pid = os.fork()
        finally:
            if os.getpid() == parent:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if not pid:
            code = 1
            try:
                _reset_signals()
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
                if die_with_parent(parent):
                    preexec_fn()
                    _become_worker(arguments, cwd, env)
                    code = 0
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
            except BaseException:
                traceback.print_exc()
            finally:
                # Nothing of the parent's runs here: neither its callers nor its exit handlers.
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        self.returncode: int | None = None
        super().__init__(pid)

    def poll(self) -> int | None:
        """Return the exit code; None: it is running."""
        with suppress(psutil.TimeoutExpired):
            self.returncode = self.wait(0) or 0
        return self.returncode


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _become_worker(arguments: Sequence[str], cwd: str, env: Mapping[str, str]) -> None:
    """Be what the command line starts: as after an exec, but with the modules that this process has imported."""
    _close_private_descriptors()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    name = next((v for option, v in pairwise(arguments) if option == "--service-name"), "")
    Path("/proc/self/comm").write_text(name)

    from _bentoml_impl.worker.service import main
    from bentoml._internal.log import SERVER_LOGGING_CONFIG
    from prometheus_client import values

    # The loggers of our modules exist already: configured as in a new process, they would say nothing.
    SERVER_LOGGING_CONFIG["disable_existing_loggers"] = False

    # It was imported before BentoML set the folder of the processes' metrics.
    values.ValueClass = values.get_value_class()
    main(list(arguments[arguments.index(_MODULE) + 1 :]), standalone_mode=False)


def _close_private_descriptors() -> None:
    """Close what an exec would close.

    The numbers stay in use: an object of the parent that closes its own one later must not close the worker's.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for number in [int(file.name) for file in Path("/proc/self/fd").iterdir()]:
        with suppress(OSError):  # the list's own
            if number != null and not os.get_inheritable(number):
                os.dup2(null, number, inheritable=False)


def watchful(base: Any) -> Any:
    """Return circus's arbiter, which checks every 10 s, with a check as soon as a worker has died."""
    from circus.exc import ConflictError

    class Watchful(base):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._backoff = Backoff()
            signal.signal(signal.SIGCHLD, lambda *_: self.loop.add_callback_from_signal(self._check_later))

        def _check_later(self) -> None:
            self.loop.call_later(self._backoff.seconds(), self._check)

        def stop(self) -> Any:
            """Stop; while another command runs, wait for its end: circus would drop the signal."""
            try:
                return super().stop()
            except ConflictError:
                return asyncio.ensure_future(self._stop_later())

        async def _stop_later(self) -> None:
            while self._exclusive_running_command is not None:
                await asyncio.sleep(_BUSY_SECONDS)
            await self.stop()

        def reload(self, *_arguments: object, **_options: object) -> None:
            """Do nothing at SIGHUP: another model is served by a new server (`bento.keeper`, a rollout)."""

        async def _check(self) -> None:
            try:
                await self.manage_watchers()
            except ConflictError:  # it starts or stops workers; what died is found by the regular check
                return

        def reap_processes(self) -> None:
            alive = [
                (watcher, worker) for watcher in self.iter_watchers() for worker in watcher.processes.values()
            ]
            super().reap_processes()
            for watcher, worker in alive:
                if worker.pid not in watcher.processes:
                    self._backoff.note(worker.age())
                    if not self._stopping:
                        sys.stderr.write(
                            f"support-chatbot: worker {watcher.name} (process {worker.pid}) died after "
                            f"{worker.age():.0f} s and is replaced\n"
                        )

    return Watchful
