"""Bundles in the store: put there whole under their digest, fetched whole and checked against it.

bundles/<bundle digest>/<file>     SHA256SUMS is written last: a bundle without it is not there yet; made.json may
                                   be missing
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot import bundle as bundles
from chatbot.errors import BundleError, Missing
from chatbot.model_ref import ModelRef as ModelRef

if TYPE_CHECKING:
    from chatbot.storage import Store

__all__ = ["PREFIX", "ModelRef", "fetch", "held", "key", "push", "sound"]

PREFIX = "bundles"
# What a killed fetch left behind is taken away by a later one.
_LEFT_BEHIND_SECONDS = 3600
_DIGEST = re.compile(r"[0-9a-f]{64}")


def key(digest: str, name: str) -> str:
    """The key of a bundle's file."""
    return f"{PREFIX}/{digest}/{name}"


def push(store: Store, folder: Path, *, anew: bool = False) -> str:
    """Put a bundle into the store; one that is there already is left as it is.

    Args:
        anew: write every file again, over what may be damaged there.

    Returns:
        The bundle's digest.

    Raises:
        BundleError: the folder is no bundle, or is damaged; nothing was written.
        StoreError: the store did not take it; calling again goes on where it stopped.
    """
    digest = bundles.verify(folder)
    if held(store, digest) and not anew:
        return digest
    made = [bundles.MADE] if (folder / bundles.MADE).is_file() else []
    for name in (*made, *bundles.FILES):
        there = store.head(key(digest, name))
        if anew or there is None or there.size != (folder / name).stat().st_size:
            store.put_file(key(digest, name), folder / name)
    store.put_file(key(digest, bundles.SUMS), folder / bundles.SUMS)
    return digest


def held(store: Store, digest: str) -> bool:
    """Whether the store holds the whole of a bundle."""
    return store.head(key(digest, bundles.SUMS)) is not None


def fetch(store: Store, digest: str, folder: Path) -> Path:
    """Fetch a bundle into `folder/<digest>`, whole or not at all; one that lies there and is sound is taken.

    Args:
        digest: the bundle's, 64 hexadecimal digits.
        folder: where bundles are kept, each in a folder named by its digest.

    Returns:
        The bundle's folder, verified.

    Raises:
        BundleError: the store has no such bundle, or what it has is damaged (each file named).
        StoreError: the store does not answer, or refuses.
    """
    if not _DIGEST.fullmatch(digest):
        raise BundleError(f"{digest!r} is no bundle's digest: 64 hexadecimal digits are needed")
    final = folder / digest
    if sound(final, digest):
        return final
    folder.mkdir(parents=True, exist_ok=True)
    _tidy(folder)
    workplace = Path(tempfile.mkdtemp(prefix=".fetch-", dir=folder))
    try:
        # The list first: it is what says that the bundle is whole.
        for name in (bundles.SUMS, *bundles.FILES):
            try:
                store.get_file(key(digest, name), workplace / name)
            except Missing as error:
                raise BundleError(
                    f"the store has no {key(digest, name)}: this bundle was never put there whole, or was "
                    "taken away; put it there with `python -m training.versions restore`, or choose another"
                ) from error
        with contextlib.suppress(Missing):
            store.get_file(key(digest, bundles.MADE), workplace / bundles.MADE)
        found = bundles.verify(workplace)
        if found != digest:
            raise BundleError(f"{PREFIX}/{digest} holds the bundle {found}: the store was tampered with")
        workplace.chmod(0o755)
        if final.exists():
            shutil.rmtree(final)
        try:
            workplace.rename(final)
        except OSError:
            if not sound(final, digest):  # not another process that was quicker
                raise
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return final


def sound(folder: Path, digest: str) -> bool:
    """Whether a folder is this bundle, with every file as it should be."""
    try:
        return folder.is_dir() and bundles.verify(folder) == digest
    except BundleError:
        return False


def _tidy(folder: Path) -> None:
    for left in folder.glob(".fetch-*"):
        if time.time() - left.stat().st_mtime > _LEFT_BEHIND_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
