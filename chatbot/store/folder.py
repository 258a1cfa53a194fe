"""Folder-backed object store: one file per object, written atomically (temporary file, then rename).

Safe for concurrent use by several processes (flock). Temporary files and the lock file have names that begin with a
dot, which keys do not.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO

from chatbot.errors import Conflict, Denied, Missing, Unreachable
from chatbot.files import replacing, sync_to_disk
from chatbot.store.interface import MAX_OBJECT_BYTES, Entry, check_size
from chatbot.store.keys import check_key, check_prefix

_DRAFTS = ".drafts"
_LOCK = ".lock"
_OLD_SECONDS = 86_400.0


class FolderStore:
    """Implements `chatbot.store.interface.Store` on a folder."""

    def __init__(self, folder: Path) -> None:
        """Configure the store; does not access the file system."""
        self._folder = folder.absolute()
        self._swept = False

    def __str__(self) -> str:
        return str(self._folder)

    def put(self, key: str, content: bytes, *, new: bool = False, etag: str = "") -> str:
        return self._put(key, partial(_write, content), new, etag)

    def put_all(self, contents: Mapping[str, bytes]) -> None:
        """Write several objects, each as `put` does, with one flush of each folder: a third of the processor time."""
        drafts: dict[str, Path] = {}
        with self._named(f"{len(contents)} objects"):
            try:
                for key, content in contents.items():
                    check_key(key)
                    drafts[key] = self._draft(partial(_write, content))
                with self._locked():
                    changed = [self._place(draft, self._path(key), key) for key, draft in drafts.items()]
                for folder in set().union(*changed):
                    sync_to_disk(folder)
            except BaseException:
                for draft in drafts.values():
                    draft.unlink(missing_ok=True)
                raise

    def put_file(self, key: str, path: Path) -> str:
        with path.open("rb") as source:
            return self._put(key, lambda stream: shutil.copyfileobj(source, stream, 1 << 20), False, "")

    def get(self, key: str, *, etag: str = "") -> bytes:
        with self._named(key), self._open(key) as stream:
            if etag and _etag(os.fstat(stream.fileno())) != etag:
                raise Conflict(f"{key} has changed meanwhile: read it again")
            return stream.read()

    def get_file(self, key: str, path: Path, max_bytes: int = MAX_OBJECT_BYTES) -> None:
        with (
            self._named(key),
            self._open(key) as source,
            replacing(path) as draft,
            draft.open("xb") as target,
        ):
            check_size(self, key, os.fstat(source.fileno()).st_size, max_bytes)
            shutil.copyfileobj(source, target, 1 << 20)

    def head(self, key: str) -> Entry | None:
        with self._named(key):
            try:
                status = self._path(key).stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            return _entry(key, status)

    def list(self, prefix: str = "", after: str = "") -> Iterator[Entry]:
        check_prefix(prefix)
        with self._named(prefix):
            yield from self._walk(prefix.rpartition("/")[0], prefix, after)

    def delete(self, key: str) -> None:
        path = self._path(key)
        with self._named(key), contextlib.suppress(FileNotFoundError, NotADirectoryError), self._locked():
            path.unlink()
            # Remove empty folders too: a bucket has none.
            with contextlib.suppress(OSError):
                for parent in path.relative_to(self._folder).parents:
                    if parent != Path():
                        (self._folder / parent).rmdir()

    def _put(self, key: str, write: Callable[[IO[bytes]], object], new: bool, etag: str) -> str:
        path = self._path(key)
        with self._named(key):
            draft = self._draft(write)
            try:
                with self._locked():
                    for folder in self._place(draft, path, key, new, etag):
                        sync_to_disk(folder)
                    return _etag(path.stat())
            except BaseException:
                draft.unlink(missing_ok=True)
                raise

    def _draft(self, write: Callable[[IO[bytes]], object]) -> Path:
        folder = self._folder / _DRAFTS
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
        if not self._swept:
            self._swept = True
            _sweep(folder)
        draft = folder / f"{time.time_ns()}-{secrets.token_hex(4)}"
        # The store holds contact data and the key of staff sessions: not for other users of this machine.
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        with os.fdopen(descriptor, "wb") as stream:
            try:
                write(stream)
                stream.flush()
                os.fsync(stream.fileno())
            except BaseException:
                draft.unlink()
                raise
        return draft

    def _place(self, draft: Path, path: Path, key: str, new: bool = False, etag: str = "") -> set[Path]:
        """Check the condition and rename the draft to its final path; the caller holds the lock.

        Returns: the folders that the caller has to flush to the disk.
        """
        before = path.stat() if path.exists() else None
        if new and before is not None:
            raise Conflict(f"{key} already exists")
        if etag and (before is None or _etag(before) != etag):
            raise Conflict(f"{key} has changed meanwhile: read it again")
        # The ETag contains the time: make it later than the previous one even if the clock was set back.
        now = max(time.time_ns(), before.st_mtime_ns + 1 if before else 0)
        os.utime(draft, ns=(now, now))
        made: list[Path] = []
        if not path.parent.is_dir():
            made = [folder for folder in path.parents if not folder.is_dir()]
            path.parent.mkdir(parents=True, exist_ok=True)
        draft.rename(path)
        return {path.parent, *(folder.parent for folder in made)}

    def _walk(self, folder: str, prefix: str, after: str) -> Iterator[Entry]:
        """Yield the entries below a folder in key order, like S3: `a-b` before `a/b`."""
        try:
            found = list(os.scandir(self._folder / folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        inside = f"{folder}/" if folder else ""
        names = sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in found)
        for name in names:
            key = inside + name
            if name.startswith(".") or not (key.startswith(prefix) or prefix.startswith(key)):
                continue
            if name.endswith("/"):
                if key > after or after.startswith(key):
                    yield from self._walk(key[:-1], prefix, after)
            elif key > after:
                with contextlib.suppress(FileNotFoundError):
                    yield _entry(key, (self._folder / key).stat())

    def _path(self, key: str) -> Path:
        return self._folder / check_key(key)

    def _open(self, key: str) -> IO[bytes]:
        try:
            return self._path(key).open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise Missing(f"{key} does not exist in {self._folder}", {"key": key}) from None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o660)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    @contextlib.contextmanager
    def _named(self, key: str) -> Iterator[None]:
        """Translate OSError into StoreError, naming the key."""
        try:
            yield
        except PermissionError as error:
            raise Denied(f"the store at {self._folder} does not allow {key}: {error}") from error
        except OSError as error:
            raise Unreachable(f"the store at {self._folder} fails at {key}: {error}") from error


def _write(content: bytes, stream: IO[bytes]) -> None:
    stream.write(content)


def _entry(key: str, status: os.stat_result) -> Entry:
    return Entry(key, status.st_size, _etag(status), datetime.fromtimestamp(status.st_mtime, UTC))


def _etag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"


def _sweep(drafts: Path) -> None:
    """Delete the stale temporary files of killed processes."""
    for draft in drafts.iterdir():
        began = draft.name.partition("-")[0]
        if began.isdecimal() and int(began) / 1e9 < time.time() - _OLD_SECONDS:
            draft.unlink(missing_ok=True)
