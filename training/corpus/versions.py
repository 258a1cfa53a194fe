"""Push and pull corpus versions: all corpus files a retraining needs, in DVC without git, named by a pointer.

The registry stores the pointer with the version that was trained on this corpus.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from chatbot.errors import ChatbotError
from chatbot.settings import StorageSettings
from chatbot.store import Missing, Store, layout, open_store
from data.declarations import DECLARED_FILE
from data.digest import corpus_digest
from data.processing import CORPUS_FILE, REPORT_FILE
from training.corpus import dvc
from training.corpus.dvc import DvcFailed

ROWS_FILE, REPLIES_FILE, RULES_FILE = "rows.parquet", "replies.yaml", "rules.yaml"
FILES = (ROWS_FILE, CORPUS_FILE, REPORT_FILE, REPLIES_FILE, RULES_FILE)
"""rows: the corpus before placeholders are filled; the others as in `data.process` and
in a bundle, replies without examples. Changes that were declared with the corpus are in DECLARED_FILE beside them."""
_NAME = "corpus"


class VersionDamaged(ChatbotError):
    """A corpus version cannot be restored as it was pushed; each faulty object is named with its path and digest."""

    status = 503
    type = "corpus_version"


class File(BaseModel):
    """One file of a corpus version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    md5: str
    size: int


class Pointer(BaseModel):
    """Pointer to a corpus version: what DVC needs to pull it, and the digests that verify it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    format: Literal[1] = 1
    corpus_digest: str
    """DVC's digest of corpus.parquet; a bundle trained on it carries the same digest."""
    md5: str
    """DVC's digest of the folder, `<32 digits>.dir`."""
    files: tuple[File, ...]

    @classmethod
    def parse(cls, text: str) -> Pointer:
        """Raises: VersionDamaged: the text is not a pointer."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise VersionDamaged(
                f"{text[:80]!r} is not a pointer of a corpus version: {error.errors()[0]['msg']}"
            ) from error

    def __str__(self) -> str:
        return self.model_dump_json()


def push(settings: StorageSettings, folder: Path) -> Pointer:
    """Push the files of a folder to the store as a corpus version; idempotent: equal files, same version.

    The objects are read back and compared afterwards, so that every named version can be pulled.

    Raises: VersionDamaged: a file is missing, or the store does not return what was written.
    """
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise VersionDamaged(f"{folder} is not a corpus version: {', '.join(missing)} is missing")
    dvc.check_store(settings)
    store = open_store(settings)
    with tempfile.TemporaryDirectory(prefix="corpus-push-") as scratch:
        root = Path(scratch)
        dvc.write_config(root, settings, local=False)
        (root / _NAME).mkdir()
        for name in (*FILES, *([DECLARED_FILE] if (folder / DECLARED_FILE).is_file() else [])):
            shutil.copyfile(folder / name, root / _NAME / name)
        dvc.run(root, "add", _NAME)
        pointer = _pointer(root)
        if faults := examine(store, pointer):
            # DVC does not verify existing objects, and if the list exists it assumes that all listed objects exist:
            # delete damaged or incomplete objects first.
            for key in {*faults, layout.corpus_file(pointer.md5)}:
                store.delete(key)
            dvc.run(root, "push")
            faults = examine(store, pointer)
    if faults:
        raise VersionDamaged(f"{store} does not store objects reliably: {'; '.join(faults.values())}", faults)
    return pointer


def pull(settings: StorageSettings, pointer: Pointer, folder: Path) -> Path:
    """Pull a corpus version into a folder, all or nothing; an identical folder is reused.

    Raises: VersionDamaged: an object is missing or damaged; each is named with its path and digest.
    """
    if not _differences(folder, pointer):
        return folder
    dvc.check_store(settings)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        root = Path(scratch)
        dvc.write_config(root, settings, local=False)
        out = {"md5": pointer.md5, "nfiles": len(pointer.files), "hash": "md5", "path": _NAME}
        (root / f"{_NAME}.dvc").write_text(yaml.safe_dump({"outs": [out]}), encoding="utf-8")
        failure: DvcFailed | None = None
        try:
            dvc.run(root, "pull")
        except DvcFailed as error:
            failure = error
        differences = _differences(root / _NAME, pointer)
        if failure or differences:
            store = open_store(settings)
            if faults := examine(store, pointer):
                raise VersionDamaged(
                    f"the corpus version {pointer.md5} cannot be restored from {store}: {'; '.join(faults.values())}. "
                    "Push it again from an intact copy, or restore the store's backup",
                    faults,
                ) from failure
            raise VersionDamaged(
                f"the corpus version {pointer.md5} is intact in {store}, but cannot be written to {folder.parent}: "
                f"{failure or '; '.join(differences)}"
            ) from failure
        if folder.exists():
            shutil.rmtree(folder)
        (root / _NAME).rename(folder)
    return folder


def examine(store: Store, pointer: Pointer) -> dict[str, str]:
    """Verify a corpus version in the store: by key, path and digest of each faulty object with the fault."""
    faults: dict[str, str] = {}
    expected = [(f"{_NAME}/", pointer.md5), *((f"{_NAME}/{file.path}", file.md5) for file in pointer.files)]
    for path, digest in expected:
        key = layout.corpus_file(digest)
        try:
            found = hashlib.md5(store.get(key), usedforsecurity=False).hexdigest()
        except Missing:
            faults[key] = f"{path} (md5 {digest}) is missing: {key} does not exist"
            continue
        if found != digest.removesuffix(".dir"):
            faults[key] = f"{path} (md5 {digest}) is damaged: {key} has md5 {found}"
    return faults


def _pointer(root: Path) -> Pointer:
    """Build the pointer of a folder that DVC has just added."""
    added = yaml.safe_load((root / f"{_NAME}.dvc").read_text(encoding="utf-8"))["outs"][0]
    cached = root / ".dvc" / "cache" / "files" / "md5" / added["md5"][:2] / added["md5"][2:]
    listed = json.loads(cached.read_text(encoding="utf-8"))
    files = tuple(
        File(path=entry["relpath"], md5=entry["md5"], size=(root / _NAME / entry["relpath"]).stat().st_size)
        for entry in listed
    )
    return Pointer(corpus_digest=corpus_digest(root / _NAME / CORPUS_FILE), md5=added["md5"], files=files)


def _differences(folder: Path, pointer: Pointer) -> list[str]:
    """List how a folder differs from this corpus version."""
    wrong: list[str] = []
    for file in pointer.files:
        path = folder / file.path
        if not path.is_file():
            wrong.append(f"{_NAME}/{file.path} (md5 {file.md5}) is missing")
        elif (found := corpus_digest(path)) != file.md5:
            wrong.append(f"{_NAME}/{file.path} (md5 {file.md5}) has md5 {found}")
    return wrong
