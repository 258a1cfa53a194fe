"""Write files atomically: a reader sees the old file or the new one, even if the writer is killed."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """Replace a file: yield the path of a temporary file beside it, which is renamed if the block succeeds.

    Args:
        path: the file; its folder is created.
        sync: whether the file also survives a power failure (fsync of file and folder).
    """
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield draft
        if sync:
            sync_to_disk(draft)
        draft.replace(path)
        if sync:
            sync_to_disk(path.parent)
    except BaseException:
        # On a full disk even this may fail; the first error is the one to report.
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def write_file(path: Path, content: str | bytes, *, sync: bool = True) -> None:
    """Replace a file by this content (text as UTF-8), like `replacing`."""
    with replacing(path, sync=sync) as draft:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)


def sync_to_disk(path: Path) -> None:
    """Flush a file or a folder to the disk (fsync)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
