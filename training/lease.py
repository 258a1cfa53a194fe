"""One at a time: a lease in the store that its holder renews, and that a killed holder cannot keep.

No clock of one machine is compared with another's: whoever finds a lease watches it for its own length. Renewed in
that time, it is held; not renewed, its holder is gone. On the holder's own machine its process is looked up instead.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from chatbot.errors import ChatbotError, Conflict, Missing, StoreError
from chatbot.storage import Store

_LOOKS = 20
_BEATS = 3


class BusyError(ChatbotError):
    """Somebody else holds the lease: who, and since when by their own clock, is in the text."""

    status = 409
    type = "busy"


class LostError(ChatbotError):
    """The lease was taken over while this process was silent: what it did is left to the one that took it."""

    status = 409
    type = "lease_lost"


class Lease:
    """To be used as a context; `check` before every step that others would see."""

    def __init__(self, store: Store, key: str, seconds: float) -> None:
        """Asks for nothing yet.

        Args:
            key: where it lies in the store.
            seconds: how long it holds without being renewed; it is renewed three times as often.
        """
        self._store = store
        self._key = key
        self._seconds = seconds
        self._me = {**_process(), "id": secrets.token_hex(8)}
        self._etag = ""
        self._renewed = 0.0
        self._beats = 0
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Lease:
        """Raises: BusyError: somebody holds it. StoreError: the store does not answer."""
        while not self._take():
            pass
        self._renewed = time.monotonic()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with contextlib.suppress(StoreError):
            found = self._store.head(self._key)
            if found is not None and found.etag == self._etag:
                self._store.delete(self._key)

    def check(self) -> None:
        """Raises: LostError: it is not held any more."""
        if self._lost.is_set() or time.monotonic() - self._renewed > self._seconds:
            raise LostError(
                f"the lease {self._key} was lost: another process may have taken over; run it again"
            )

    def _take(self) -> bool:
        """Take it, if nobody holds it; False: look again.

        Raises:
            BusyError: somebody does.
        """
        found = self._store.head(self._key)
        if found is None:
            return self._put(new=True)
        try:
            holder = json.loads(self._store.get(self._key, etag=found.etag) or b"{}")
        except (Conflict, Missing):
            return False
        except ValueError:
            holder = {}
        if not _is_gone(holder):
            until = time.monotonic() + self._seconds
            while time.monotonic() < until:
                time.sleep(self._seconds / _LOOKS)
                now = self._store.head(self._key)
                if now is None:
                    return False
                if now.etag != found.etag:
                    raise BusyError(
                        f"busy: process {holder.get('pid')} on {holder.get('host')} holds {self._key} since "
                        f"{holder.get('since')}",
                        holder,
                    )
        return self._put(etag=found.etag)

    def _put(self, *, new: bool = False, etag: str = "") -> bool:
        """Write it where nobody was quicker."""
        try:
            self._etag = self._store.put(self._key, self._content(), new=new, etag=etag)
        except Conflict:
            return False
        return True

    def _renew(self) -> None:
        while not self._stop.wait(self._seconds / _BEATS):
            try:
                self._etag = self._store.put(self._key, self._content(), etag=self._etag)
                self._renewed = time.monotonic()
            except Conflict:
                self._lost.set()
                return
            except StoreError:
                # Tried again at the next beat: `check` says when it is too late.
                continue

    def _content(self) -> bytes:
        self._beats += 1
        return json.dumps({**self._me, "beat": self._beats}).encode()


def _process() -> dict[str, Any]:
    """What tells this process from every other, here and elsewhere."""
    return {
        "host": socket.gethostname(),
        "boot": _read("/proc/sys/kernel/random/boot_id"),
        "space": _space(),
        "pid": os.getpid(),
        "began": _began(os.getpid()),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _is_gone(holder: dict[str, Any]) -> bool:
    """Whether the holder was a process of this machine that runs no more."""
    here = _process()
    if not here["boot"] or any(holder.get(name) != here[name] for name in ("host", "boot", "space")):
        return False
    return _began(int(holder.get("pid", 0))) != holder.get("began")


def _began(pid: int) -> str:
    """When a process began, in ticks since boot; empty where there is none."""
    fields = _read(f"/proc/{pid}/stat").rpartition(") ")[2].split(" ")
    return fields[19] if len(fields) > 19 else ""


def _space() -> str:
    """Which processes this one can see: numbers of another container say nothing here."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
