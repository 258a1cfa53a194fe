"""What the tests do, as they do it: one line each on the terminal, with the time since the beginning."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_BEGAN = time.monotonic()


class Progress:
    """Writes past pytest's capturing: who waits for minutes sees for what."""

    def __init__(self, config: pytest.Config) -> None:
        self._reporter = config.pluginmanager.getplugin("terminalreporter")
        self._worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        self._capture = config.pluginmanager.getplugin("capturemanager")

    def say(self, text: str) -> None:
        """A line."""
        line = f"  [{self._worker}{time.monotonic() - _BEGAN:7.1f} s] {text}"
        with self._capture.global_and_fixture_disabled():
            if self._worker:  # its reporter writes nowhere
                sys.stderr.write(f"{line}\n")
                return
            self._reporter.ensure_newline()
            self._reporter.write_line(line)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """A line before and one after, with how long it took."""
        self.say(f"{text} ...")
        began = time.monotonic()
        try:
            yield
        except BaseException as error:
            self.say(f"{text}: FAILED after {time.monotonic() - began:.1f} s: {type(error).__name__}")
            raise
        self.say(f"{text}: {time.monotonic() - began:.1f} s")
