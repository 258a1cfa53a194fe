"""What the commands of `training` have in common: Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from training.interrupt import EXIT_CODE

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.process
@pytest.mark.parametrize("module", ["training.versions", "training.retrain", "training.review"])
def test_ctrl_c_while_a_command_imports_its_libraries_is_one_line(module: str) -> None:
    """A process of its own: a signal during imports cannot be had in this one."""
    command = [sys.executable, "-X", "importtime", "-m", module]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines = iter(process.stderr.readline, "")
    next(line for line in lines if "training.interrupt" in line)
    next(lines)  # an import after it: the handler is installed
    process.send_signal(signal.SIGINT)
    said = [line for line in lines if not line.startswith("import time:")]
    assert process.wait(30) == EXIT_CODE
    assert said == ["interrupted\n"]
