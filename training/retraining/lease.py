"""Mutual exclusion through a lease in the object store: renewed by its holder, expired when the holder dies.

Clocks of different machines are not compared. A process that finds a lease observes it for the lease
duration: if the ETag changes, the holder is alive; if not, the lease is expired. On the holder's own machine,
`/proc` shows at once whether the process is still running. All writes are compare-and-swap on the ETag
(optimistic concurrency).
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
from chatbot.store import Store

_LOOKS = 20
_BEATS = 3


class BusyError(ChatbotError):
    """Another live process holds the lease; the text names it, and the start time by its own clock."""

    status = 409
    type = "busy"


class LostError(ChatbotError):
    """The lease was not renewed in time; another process may hold it and resume the work."""

    status = 409
    type = "lease_lost"


class Lease:
    """Acquires, renews and releases a lease: `with Lease(...) as lease:`.

    Call `lease.check()` before every externally visible step.
    """

    def __init__(self, store: Store, key: str, seconds: float) -> None:
        """Configure the lease; sends no request.

        Args:
            store: the store that contains the lease.
            key: store key of the lease.
            seconds: lease duration; the lease is renewed three times per duration.
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
        """Acquire the lease if it is free or expired, and start renewing it.

        Raises:
            BusyError: a live process holds it.
            StoreError: the store is unavailable.
        """
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
        """Raises: LostError: the lease is no longer held."""
        if self._lost.is_set() or time.monotonic() - self._renewed > self._seconds:
            raise LostError(
                f"the lease {self._key} was lost: another process may have taken over; run it again"
            )

    def _take(self) -> bool:
        """Acquire the lease if it is free or expired.

        Returns:
            False: the lease changed concurrently; read it again.

        Raises:
            BusyError: a live process holds it.
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
        """Write the lease by compare-and-swap; return False on a conflict."""
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
                # The next renewal retries; `check` detects the expiry.
                continue

    def _content(self) -> bytes:
        self._beats += 1
        return json.dumps({**self._me, "beat": self._beats}).encode()


def _process() -> dict[str, Any]:
    """Return an identity that is unique to this process across machines, boots and PID namespaces."""
    return {
        "host": socket.gethostname(),
        "boot": _read("/proc/sys/kernel/random/boot_id"),
        "space": _space(),
        "pid": os.getpid(),
        "began": _began(os.getpid()),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _is_gone(holder: dict[str, Any]) -> bool:
    """Whether the holder was a process in this PID namespace that is no longer running."""
    here = _process()
    if not here["boot"] or any(holder.get(name) != here[name] for name in ("host", "boot", "space")):
        return False
    return _began(int(holder.get("pid", 0))) != holder.get("began")


def _began(pid: int) -> str:
    """Return the start time of a process in clock ticks since boot; empty if there is no such process."""
    fields = _read(f"/proc/{pid}/stat").rpartition(") ")[2].split(" ")
    return fields[19] if len(fields) > 19 else ""


def _space() -> str:
    """Return the PID namespace of this process: PIDs of another container are not comparable."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
