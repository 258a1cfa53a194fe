"""Store bundles by content address: push, fetch and verify by digest.

bundles/<bundle digest>/<file>     SHA256SUMS is written last and commits the bundle; without it the bundle is
                                   incomplete; made.json may be missing
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.errors import BundleError, Missing, TooBig
from chatbot.model import bundle as bundles
from chatbot.store import layout

if TYPE_CHECKING:
    from chatbot.store import Store

# Age after which the temporary folder of a killed fetch is deleted by a later fetch.
_LEFT_BEHIND_SECONDS = 3600
_DIGEST = re.compile(r"[0-9a-f]{64}")


def key(digest: str, name: str) -> str:
    """Return the store key of a bundle's file."""
    return layout.bundle_file(digest, name)


def push(store: Store, folder: Path, *, anew: bool = False) -> str:
    """Upload a bundle to the store. Idempotent: a bundle that the store holds is not written again.

    Args:
        store: destination.
        folder: the bundle.
        anew: overwrite every file, to repair a damaged copy.

    Returns:
        The bundle's digest.

    Raises:
        BundleError: the folder is not a bundle, or is damaged; nothing was written.
        StoreError: the upload failed; the next call resumes it.
    """
    digest = bundles.verify(folder)
    if held(store, digest) and not anew:
        return digest
    made = [bundles.MADE] if (folder / bundles.MADE).is_file() else []
    for name in (*made, *bundles.files_of(folder)):
        there = store.head(key(digest, name))
        if anew or there is None or there.size != (folder / name).stat().st_size:
            store.put_file(key(digest, name), folder / name)
    store.put_file(key(digest, bundles.SUMS), folder / bundles.SUMS)
    return digest


def held(store: Store, digest: str) -> bool:
    """Whether the store holds a complete bundle."""
    return store.head(key(digest, bundles.SUMS)) is not None


def fetch(store: Store, digest: str, folder: Path, made: str | None = None) -> Path:
    """Download a bundle to `folder/<digest>` atomically; reuses a valid copy that exists there.

    Args:
        store: source.
        digest: digest of the bundle, 64 hexadecimal digits.
        folder: local bundle cache; one sub-folder per digest.
        made: registered digest of made.json (`ModelVersion.made_digest`, `ModelRef.made`); None or empty: unknown, or
            there is none; made.json is then not fetched, because nothing authenticates it.

    Returns:
        The path of the verified bundle.

    Raises:
        BundleError: the store does not hold this bundle, or its copy is damaged (the first such file is named).
        StoreError: the store does not respond, or denies access.
    """
    if not _DIGEST.fullmatch(digest):
        raise BundleError(f"{digest!r} is not a bundle's digest: 64 hexadecimal digits are needed")
    final = folder / digest
    if sound(final, digest, made):
        return final
    folder.mkdir(parents=True, exist_ok=True)
    _tidy(folder)
    workplace = Path(tempfile.mkdtemp(prefix=".fetch-", dir=folder))
    try:
        _download(store, digest, workplace)
        if made:
            with contextlib.suppress(Missing):
                _get(store, digest, bundles.MADE, workplace)
        bundles.verify_made(workplace, made)
        workplace.chmod(0o755)
        if final.exists():
            shutil.rmtree(final)
        try:
            workplace.rename(final)
        except OSError:
            if not sound(final, digest, made):  # unless a concurrent process fetched it first
                raise
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    return final


def _download(store: Store, digest: str, folder: Path) -> None:
    """Download a bundle's files, and check each before the next: a store that lies gets no more than one file.

    Raises:
        BundleError, StoreError: as `fetch`.
    """
    # SHA256SUMS first: it exists only if the bundle is complete, and the digest is that of its content.
    name = bundles.SUMS
    try:
        _get(store, digest, name, folder)
        try:
            bundles.verify_sums(folder, digest)
        except BundleError as error:
            raise BundleError(
                f"{layout.BUNDLES}{digest} holds another bundle: the store was tampered with ({error})"
            ) from error
        listed = bundles.read_sums(folder)
        for name in sorted(listed, key=bundles.max_bytes):
            _get(store, digest, name, folder)
            bundles.verify_file(folder, name, listed[name])
    except Missing as error:
        raise BundleError(
            f"the store has no {key(digest, name)}: this bundle was never stored completely, or "
            "it was deleted; store it with `python -m training.versions restore`, or choose another"
        ) from error


def _get(store: Store, digest: str, name: str, folder: Path) -> None:
    try:
        store.get_file(key(digest, name), folder / name, bundles.max_bytes(name))
    except TooBig as error:
        raise BundleError(f"the store was tampered with: {error}") from error


def sound(folder: Path, digest: str, made: str | None = None) -> bool:
    """Whether a folder contains the bundle with this digest and all checksums match, made.json's too unless None."""
    try:
        if not folder.is_dir() or bundles.verify(folder) != digest:
            return False
        bundles.verify_made(folder, made)
    except BundleError:
        return False
    return True


def _tidy(folder: Path) -> None:
    for left in folder.glob(".fetch-*"):
        with contextlib.suppress(FileNotFoundError):  # a concurrent process has removed or renamed it
            if time.time() - left.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
