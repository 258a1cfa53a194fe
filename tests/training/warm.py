"""Processes that are forked from one with the imports done: `python -m module` spends seconds on them each time.

They are processes of their own, with their own environment, and can be killed. That the commands also begin from
nothing is tested where `subprocess` starts them, and by the loop.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What the commands import, but for their own modules, which are run as `__main__`.
_IMPORTED = [
    "training.retraining.run",
    "training.retraining.bootstrap",
    "training.rollout.single_machine",
    "training.corpus.versions",
    "mlflow.tracking",
    "dvc.cli.parser",
    "dvc.commands.data_sync",
    "dvc.repo.add",
    "dvc.repo.graph",
    "dvc.scm",
    "dvc.stage.serialize",
    "dvc_s3",
    "networkx",
    "ruamel.yaml",
    "s3fs",
    "scmrepo.git",
]
_forks = multiprocessing.get_context("forkserver")
_own_forks = multiprocessing.get_context("fork")


class Command:
    """`python -m module arguments`, as far as its tests use a `subprocess.Popen[str]`; its output lies in files."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        *,
        is_here_warm: bool = False,
    ) -> None:
        """Start it; `is_here_warm`: forked from this process, which was itself forked from the warm one."""
        _forks.set_forkserver_preload(_IMPORTED)
        self._args = [module, *arguments]
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        self._files = [Path(self._folder.name) / name for name in ("stdout", "stderr")]
        self._process = (_own_forks if is_here_warm else _forks).Process(
            target=run_module, args=(self._args, cwd, dict(environment), self._files), daemon=False
        )
        with pytest.MonkeyPatch.context() as patch:
            # The process that is forked from finds the modules by it.
            patch.setenv("PYTHONPATH", str(ROOT))
            self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None while it runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        """Raises: TimeoutExpired: it runs on."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self._args, timeout or 0)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end. Returns: what it wrote to standard output and to standard error."""
        self.wait(timeout)
        stdout, stderr = (file.read_text(errors="replace") for file in self._files)
        return stdout, stderr


def run(
    module: str,
    arguments: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    seconds: float,
    *,
    is_here_warm: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run a module to its end, as `subprocess.run` would.

    Raises:
        subprocess.TimeoutExpired: it did not end in time, and was killed.
    """
    command = Command(module, arguments, cwd, environment, is_here_warm=is_here_warm)
    try:
        stdout, stderr = command.communicate(seconds)
    except subprocess.TimeoutExpired:
        command.kill()
        raise
    return subprocess.CompletedProcess([module, *arguments], command.wait(), stdout, stderr)


def dvc(
    root: Path, arguments: Sequence[str], environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """In the place of `training.corpus.dvc.call`."""
    return run("dvc", arguments, root, environment, seconds)


def dvc_from_here(
    root: Path, arguments: Sequence[str], environment: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """In the place of `training.corpus.dvc.call`, in a process that was forked from the warm one."""
    return run("dvc", arguments, root, environment, seconds, is_here_warm=True)


def run_module(command: list[str], cwd: Path, environment: dict[str, str], files: list[Path]) -> None:
    """In the forked process: become `python -m`."""
    for descriptor, file in enumerate(files, start=1):
        opened = os.open(file, os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = command
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)
