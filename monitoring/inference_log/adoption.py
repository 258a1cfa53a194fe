"""Adopt the queues of replicas that ended, on a volume that all replicas share.

    <volume>/<replica>/.owner                    locked (flock, shared) by every process of the replica while it lives
    <volume>/<replica>/{spool,to-store,handoffs}   its durable queues, as on its own disk

A replica whose `.owner` can be locked exclusively has ended. Its entries are moved into the adopter's own queues, each
by one atomic rename, so that an entry is in exactly one replica's queue at any time, even when a process is killed; the
adopter then drains, uploads and delivers them like its own. The names of segments, parts and handoffs are unique across
replicas and remain, so uploads stay idempotent.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

from chatbot.errors import ChatbotError
from monitoring.inference_log import spool
from monitoring.inference_log.upload_queue import FOLDER as TO_STORE
from monitoring.inference_log.upload_queue import UploadQueue

OWNER = ".owner"
HANDOFFS = tuple(str(Path("handoffs", queue)) for queue in ("spool", "store", "webhook"))
"""Folders of the queues of `monitoring.handoffs`."""
SWEPT = "forgotten.txt"
"""File of the ids that a sweep has erased from the CSV files here (`monitoring.upkeep.local_files`)."""

_DISK_CHECK = "lost+found"
_WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.02


class AlreadyAdopted(ChatbotError):
    """Another replica holds this replica's folder, as while it adopts its queues."""


class Ownership:
    """Marks a log folder as that of a living replica, until `release` or the end of the process."""

    def __init__(self, folder: Path, wait: float = _WAIT_SECONDS) -> None:
        """Lock the folder's `.owner`, together with the replica's other processes.

        Raises:
            AlreadyAdopted: another replica did not finish adopting the folder in `wait` seconds.
            OSError: the folder cannot be created or written.
        """
        until = time.monotonic() + wait
        file = folder / OWNER
        while True:
            file.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # the adopter has just deleted the folder
                self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
                # A file that was deleted meanwhile protects nothing: take the new one.
                if spool.try_lock(self._descriptor, shared=True) and os.fstat(self._descriptor).st_nlink:
                    return
                os.close(self._descriptor)
            if time.monotonic() >= until:
                raise AlreadyAdopted(
                    f"{folder} is held by another replica for more than {wait:g} s: it adopts the queues that "
                    "an earlier replica of this name left, or CHATBOT_LOG_FOLDER is not its own"
                )
            time.sleep(_POLL_SECONDS)

    def release(self) -> None:
        """Let other replicas adopt the data remaining in the folder."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def adopt(folder: Path) -> list[str]:
    """Move the queued entries of all replicas that ended to this replica's queues.

    Args: folder: this replica's log folder; its siblings are those of the other replicas.

    Returns: the names of the replicas that left entries behind.

    Raises: OSError: an entry cannot be moved; it stays where it is, and the next call continues.
    """
    adopted = []
    for entry in sorted(os.scandir(folder.parent), key=lambda entry: entry.name):
        is_other = entry.name not in (folder.name, _DISK_CHECK) and entry.is_dir(follow_symlinks=False)
        if is_other and _adopt_one(folder.parent / entry.name, folder):
            adopted.append(entry.name)
    if adopted:
        # Their rows may have been erased elsewhere meanwhile: the next sweep looks for all erased ids again.
        (folder / SWEPT).unlink(missing_ok=True)
    return adopted


def _adopt_one(orphan: Path, folder: Path) -> bool:
    """Move the entries of a replica that ended and delete its folder; return whether there were any."""
    with contextlib.ExitStack() as held:
        try:
            descriptor = os.open(orphan / OWNER, os.O_RDWR)
        except PermissionError:
            return False  # not a replica's folder
        except FileNotFoundError:
            with contextlib.suppress(OSError):
                orphan.rmdir()  # its adopter was killed just before it did
            return False
        held.callback(os.close, descriptor)
        queue = UploadQueue(orphan)
        # The other two: an upload that the replica started, or an erasure that a person did, may still run.
        if not (
            spool.try_lock(descriptor)
            and os.fstat(descriptor).st_nlink
            and held.enter_context(spool.folder_lock(orphan))
            and held.enter_context(queue.lock())
        ):
            return False
        # Before the moves: a segment that is already in a batch must not be moved beside it.
        queue.clean()
        moved = 0
        for name in (spool.FOLDER, TO_STORE, *HANDOFFS):
            moved += move_entries(orphan / name, folder / name)
        # Only CSV and lock files remain; the CSV rows are in the store or were moved. `.owner` is deleted last: a
        # replica that restarts under this name waits for it. If it writes before `rmdir`, the folder stays.
        for left in orphan.iterdir():
            if left.name != OWNER:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        (orphan / OWNER).unlink()
        with contextlib.suppress(OSError):
            orphan.rmdir()
        return moved > 0


def move_entries(source: Path, target: Path) -> int:
    """Move a queue's entries, each by one atomic rename; return their number."""
    try:
        names = sorted(entry.name for entry in os.scandir(source) if not entry.name.startswith("."))
    except FileNotFoundError:
        return 0
    if names:
        target.mkdir(parents=True, exist_ok=True)
    for name in names:
        # A mark belongs to the dead replica's CSV file: in the adopter's, the segment is not appended at all.
        (source / name).rename(spool.unmarked(target / name))
    return len(names)
