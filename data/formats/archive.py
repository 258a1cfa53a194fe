"""Unpack compressed files, zip and tar archives into a temporary folder, within a limit."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from data.errors import CorpusError, Problem
from data.rows import Rows

MAX_BYTES = 2 << 30
"""Limit of the unpacked size, that of archives in the archive included."""
_MAX_DEPTH = 3
"""Limit of archives in archives: some kB could hold millions of them."""


@dataclass
class _Budget:
    """What archives in each other may still unpack."""

    depth: int = 0
    left: int = field(default_factory=lambda: MAX_BYTES)


_budget: ContextVar[_Budget | None] = ContextVar("budget", default=None)


@contextmanager
def _unpacked(path: Path, unpack: Callable[[Path, _Budget], Path]) -> Iterator[Path]:
    budget = _budget.get() or _Budget()
    if budget.depth == _MAX_DEPTH:
        raise CorpusError.at(path, None, f"archives in archives: {_MAX_DEPTH} levels are the most")
    budget.depth += 1
    before = _budget.set(budget)
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        try:
            yield unpack(Path(folder), budget)
        except (
            OSError,
            EOFError,
            zlib.error,
            lzma.LZMAError,
            zipfile.BadZipFile,
            tarfile.TarError,
            RuntimeError,
            NotImplementedError,
            ValueError,
        ) as error:
            raise CorpusError.at(path, None, f"cannot be unpacked: {error}") from None
        finally:
            budget.depth -= 1
            _budget.reset(before)


def read_compressed(path: Path, read: Callable[[Path], Rows]) -> Rows:
    """Read a compressed file as what its name says without `.gz`, `.bz2` or `.xz`."""

    def unpack(folder: Path, budget: _Budget) -> Path:
        inner = folder / path.stem
        with _OPEN[path.suffix.lower()](path) as source, inner.open("wb") as target:
            _copy(source, target, budget)
        return inner

    with _unpacked(path, unpack) as inner:
        return _renamed(read, inner, path)


_OPEN: dict[str, Callable[[Path], IO[bytes]]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}  # type: ignore[dict-item]
COMPRESSED, PACKED = tuple(_OPEN), (".zip", ".tar", ".tgz")
"""Suffixes of files that are compressed, and of archives."""


def read_archive(path: Path, read: Callable[[Path], Rows]) -> Rows:
    """Read a zip or tar archive as a folder, or as the file that it holds alone.

    Raises: CorpusError: not an archive, or two files in it have one name.
    """
    members = _zipped if path.suffix.lower() == ".zip" else _tarred
    outside: list[str] = []

    def unpack(folder: Path, budget: _Budget) -> Path:
        for name, source in members(path):
            target = folder / name
            parts = [part for part in Path(name).parts if part != ".."]
            if any(part.startswith((".", "__MACOSX")) for part in parts):
                continue
            if source is None or not target.resolve().is_relative_to(folder.resolve()):
                outside.append(name)
                continue
            if target.exists():
                raise ValueError(f"two files in it have the name {name!r}: pack it again")
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                _copy(source, file, budget)
        while len(inside := list(folder.iterdir())) == 1:
            folder = inside[0]
            if folder.is_file():
                break
        return folder

    with _unpacked(path, unpack) as inner:
        result = _renamed(read, inner, path)
    if outside:
        reason = (
            f"not taken: {len(outside):,} links, or files whose names lead out of the archive, "
            f"such as {outside[0]!r}"
        )
        result.notices.append(Problem(str(path), None, reason))
    return result


def _zipped(path: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                with archive.open(member) as source:
                    yield member.filename, source


def _tarred(path: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Yield the files of an archive, compressed or not; None: a link or a device, which may lead outside."""
    with tarfile.open(path) as archive:
        for member in archive:
            if not member.isdir():
                yield member.name, archive.extractfile(member) if member.isfile() else None


def _copy(source: IO[bytes], target: IO[bytes], budget: _Budget) -> None:
    while chunk := source.read(1 << 20):
        budget.left -= len(chunk)
        if budget.left < 0:
            raise OSError(f"more than {MAX_BYTES:,} bytes unpacked")
        target.write(chunk)


def _renamed(read: Callable[[Path], Rows], inner: Path, shown: Path) -> Rows:
    """Read an unpacked file or folder; problems name the archive."""

    def rename(problems: list[Problem]) -> list[Problem]:
        return [
            replace(problem, file=problem.file.replace(str(inner), str(shown), 1)) for problem in problems
        ]

    try:
        result = read(inner)
    except CorpusError as error:
        raise CorpusError(rename(list(error.problems))) from None
    result.problems, result.notices = rename(result.problems), rename(result.notices)
    result.beside = {file.replace(str(inner), str(shown), 1): c for file, c in result.beside.items()}
    return result
