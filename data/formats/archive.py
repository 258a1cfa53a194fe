"""Unpack gz and zip files into a temporary folder, within a limit."""

from __future__ import annotations

import gzip
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path

from data.errors import CorpusError, Problem
from data.rows import Rows

MAX_BYTES = 2 << 30
"""Limit of the unpacked size."""
_MAX_DEPTH = 3
"""Limit of archives in archives: some kB could hold millions of them."""
_depth: ContextVar[int] = ContextVar("depth", default=0)


@contextmanager
def _unpacked(path: Path, unpack: Callable[[Path], Path]) -> Iterator[Path]:
    if _depth.get() == _MAX_DEPTH:
        raise CorpusError(
            [Problem(str(path), None, f"archives in archives: {_MAX_DEPTH} levels are the most")]
        )
    before = _depth.set(_depth.get() + 1)
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        try:
            yield unpack(Path(folder))
        except (
            OSError,
            EOFError,
            zlib.error,
            zipfile.BadZipFile,
            RuntimeError,
            NotImplementedError,
            ValueError,
        ) as error:
            raise CorpusError([Problem(str(path), None, f"cannot be unpacked: {error}")]) from None
        finally:
            _depth.reset(before)


def read_gzip(path: Path, read: Callable[[Path], Rows]) -> Rows:
    """Read a compressed file as what its name says without `.gz`."""

    def unpack(folder: Path) -> Path:
        inner = folder / path.stem
        with gzip.open(path) as source, inner.open("wb") as target:
            _copy(source, target, MAX_BYTES)
        return inner

    with _unpacked(path, unpack) as inner:
        return _renamed(read, inner, path)


def read_zip(path: Path, read: Callable[[Path], Rows]) -> Rows:
    """Read an archive as a folder, or as the file that it holds alone."""

    def unpack(folder: Path) -> Path:
        left = MAX_BYTES
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                target = folder / member.filename
                hidden = any(part.startswith((".", "__MACOSX")) for part in Path(member.filename).parts)
                if member.is_dir() or hidden or not target.resolve().is_relative_to(folder.resolve()):
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, target.open("wb") as file:
                    left -= _copy(source, file, left)
        while len(inside := list(folder.iterdir())) == 1:
            folder = inside[0]
            if folder.is_file():
                break
        return folder

    with _unpacked(path, unpack) as inner:
        return _renamed(read, inner, path)


def _copy(source: object, target: object, limit: int) -> int:
    copied = 0
    while chunk := source.read(1 << 20):  # type: ignore[attr-defined]
        copied += len(chunk)
        if copied > limit:
            raise OSError(f"more than {MAX_BYTES:,} bytes unpacked")
        target.write(chunk)  # type: ignore[attr-defined]
    return copied


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
