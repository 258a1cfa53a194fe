"""Compute DVC's digest of a file without DVC."""

from __future__ import annotations

import hashlib
from pathlib import Path


def corpus_digest(path: Path | str) -> str:
    """Return DVC's digest of a file: the MD5 of its bytes, 32 hexadecimal digits (`outs.md5` in dvc.lock)."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
