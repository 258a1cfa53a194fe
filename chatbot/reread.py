"""Read a file again when it changes, so that a rotated secret needs no restart."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from chatbot.errors import SettingError

REFRESH_SECONDS = 1.0

T = TypeVar("T")

logger = logging.getLogger(__name__)


class RereadFile(Generic[T]):
    """A value read from the file that a setting names; a change is in force within REFRESH_SECONDS. Thread-safe.

    Once read, a file that becomes missing or invalid leaves the last valid value in force, and is logged once.
    """

    def __init__(
        self,
        variable: str,
        file: Path,
        parse: Callable[[str], T],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the file.

        Args:
            variable: the setting that names the file, for errors.
            file: the file, UTF-8.
            parse: returns the value of a content; raises SettingError, without repeating what may be a secret.
            clock: monotonic time in seconds.

        Raises:
            SettingError: the file is missing, unreadable or invalid.
        """
        self._name = f"{variable}={file}"
        self._file = file
        self._parse = parse
        self._clock = clock
        self._lock = threading.Lock()
        self._checked = clock()
        self._state = self._stat()
        self._value = self._read()
        self._is_valid = True

    @property
    def value(self) -> T:
        """Return the value, from the file as it was at most REFRESH_SECONDS ago."""
        self._refresh()
        return self._value

    @property
    def is_valid(self) -> bool:
        """Return whether the file was valid at most REFRESH_SECONDS ago; if not, an earlier value stays in force."""
        self._refresh()
        return self._is_valid

    def _refresh(self) -> None:
        if self._clock() - self._checked >= REFRESH_SECONDS:
            with self._lock:
                self._read_again()

    def _read_again(self) -> None:
        self._checked = self._clock()
        state = self._stat()
        if state == self._state:
            return
        self._state = state
        try:
            self._value = self._read()
        except SettingError as error:
            self._is_valid = False
            logger.error("%s; what was read before stays in force", error)
        else:
            self._is_valid = True
            logger.warning("%s was read again", self._name)

    def _stat(self) -> tuple[int, ...]:
        try:
            status = self._file.stat()
        except OSError:
            return ()
        # Kubernetes replaces a mounted Secret by another file, which may be of the same size and second.
        return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)

    def _read(self) -> T:
        try:
            content = self._file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{self._name} cannot be read: {error}") from None
        try:
            return self._parse(content)
        except SettingError as error:
            raise SettingError(f"{self._name}: {error}") from None
