"""Bundles in the store: put there whole under their digest, fetched whole and checked against it.

bundles/<bundle digest>/<file>     SHA256SUMS is written last: a bundle without it is not there yet
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot import bundle as bundles
from chatbot.errors import BundleError, SettingError

if TYPE_CHECKING:
    from chatbot.storage import Store

PREFIX = "bundles"
# What a killed fetch left behind is taken away by a later one.
_LEFT_BEHIND_SECONDS = 3600
_DIGEST = re.compile(r"[0-9a-f]{64}")
_REF = re.compile(r"(?P<version>[^@\s]+)@(?P<digest>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which bundle should serve: `<version>@<bundle digest>`, as the annotation and CHATBOT_MODEL hold it."""

    version: str
    """The registry's number, or what a person calls it."""
    digest: str
    """The bundle's digest, 64 hexadecimal digits: what is fetched and checked."""

    @classmethod
    def parse(cls, text: str) -> ModelRef:
        """Raises: SettingError: the text is not `<version>@<bundle digest>`."""
        found = _REF.fullmatch(text.strip())
        if found is None:
            raise SettingError(
                f"{text!r} names no model: `<version>@<bundle digest>` is needed, the digest with its 64 "
                "hexadecimal digits; `python -m training.versions` lists them"
            )
        return cls(found["version"], found["digest"])

    def __str__(self) -> str:
        return f"{self.version}@{self.digest}"


def key(digest: str, name: str) -> str:
    """The key of a bundle's file."""
    return f"{PREFIX}/{digest}/{name}"


def push(store: Store, folder: Path) -> str:
    """Put a bundle into the store; one that is there already is left as it is.

    Returns:
        The bundle's digest.

    Raises:
        BundleError: the folder is no bundle, or is damaged; nothing was written.
        StoreError: the store did not take it; calling again goes on where it stopped.
    """
    digest = bundles.verify(folder)
    if held(store, digest):
        return digest
    for name in bundles.FILES:
        there = store.head(key(digest, name))
        if there is None or there.size != (folder / name).stat().st_size:
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
    from chatbot.storage import Missing

    if not _DIGEST.fullmatch(digest):
        raise BundleError(f"{digest!r} is no bundle's digest: 64 hexadecimal digits are needed")
    final = folder / digest
    if _sound(final, digest):
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
        found = bundles.verify(workplace)
        if found != digest:
            raise BundleError(f"{PREFIX}/{digest} holds the bundle {found}: the store was tampered with")
        workplace.chmod(0o755)
        if final.exists():
            shutil.rmtree(final)
        try:
            workplace.rename(final)
        except OSError:
            if not _sound(final, digest):  # not another process that was quicker
                raise
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return final


def _sound(folder: Path, digest: str) -> bool:
    try:
        return folder.is_dir() and bundles.verify(folder) == digest
    except BundleError:
        return False


def _tidy(folder: Path) -> None:
    for left in folder.glob(".fetch-*"):
        if time.time() - left.stat().st_mtime > _LEFT_BEHIND_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
