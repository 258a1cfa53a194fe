"""Give a corpus to a cluster as a ConfigMap, for `make cluster CORPUS=...`: checked, compressed, at most 1 MiB."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data.columns import Columns
from data.decisions import DECISIONS_FILE, beside
from data.declarations import DECLARED_FILE
from data.folder import visible_files
from data.loading import load_checked
from data.replies import read_replies
from tools.cluster.target import StackError

CONFIG_MAP = "support-bot-corpus"
MAX_BYTES = 1_000_000
"""Of a ConfigMap's content; the API server refuses more than 1 MiB."""

_COMPRESSED = {".gz", ".zip", ".xlsx", ".xlsm", ".parquet"}
_SECRET_STEMS = frozenset(("credentials", "endpoints"))
"""Files of a Rasa project that hold passwords and tokens, and no corpus."""


@dataclass(frozen=True, slots=True)
class PackedCorpus:
    """Files of the ConfigMap, and the values of the chart that name them."""

    files: Mapping[str, bytes]
    values: tuple[str, ...]

    def config_map(self) -> str:
        """Return the ConfigMap as JSON."""
        content = {name: base64.b64encode(data).decode() for name, data in self.files.items()}
        return json.dumps(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CONFIG_MAP}, "binaryData": content}
        )


def pack(corpus: Path, replies: Path | None, columns: Columns | None = None) -> PackedCorpus:
    """Check a corpus and its replies, and pack them with the decisions and declared changes of the corpus.

    Raises:
        CorpusError: the corpus or the replies cannot be used; every reason is listed.
        StackError: they are too large for a ConfigMap.
    """
    columns = columns or Columns()
    load_checked(corpus, columns)
    if replies is not None:
        read_replies(replies)
    name, content = _packed(corpus)
    files = {name: content}
    values = [f"--set-string=corpus.configMap={CONFIG_MAP}", f"--set-string=corpus.path={name}"]
    for key, column in (("messageColumn", columns.message), ("intentColumn", columns.intent)):
        if column is not None:
            values.append(f"--set-string=corpus.{key}={_escaped(column)}")
    for file in (DECISIONS_FILE, DECLARED_FILE):
        if (path := beside(corpus, file)).is_file():
            files[beside(Path(name), file).name] = path.read_bytes()
    if replies is not None:
        # Replies are read by their suffix: a single file stays as it is.
        own, text = _packed(replies) if replies.is_dir() else (replies.name, replies.read_bytes())
        files[f"replies-{_key(own)}"] = text
        values.append(f"--set-string=corpus.replies=replies-{_key(own)}")
    size = sum(map(len, files.values()))
    if size > MAX_BYTES:
        raise StackError(
            f"{corpus} has {size:,} bytes compressed, and a ConfigMap holds {MAX_BYTES:,}: put it into the store or "
            "onto a volume, and name it with corpus.storeKey or corpus.existingClaim (docs/kubernetes.md)"
        )
    return PackedCorpus(files, tuple(values))


def _packed(path: Path) -> tuple[str, bytes]:
    """Return a key and the content: a folder as zip, a file that is not compressed yet as gzip."""
    if path.is_dir():
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in visible_files(path):  # hidden ones, such as .env, stay on this machine
                if file.stem.lower() in _SECRET_STEMS:
                    continue
                member = zipfile.ZipInfo(file.relative_to(path).as_posix())  # without the file's date
                archive.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED)
        return f"{_key(path.resolve().name)}.zip", packed.getvalue()
    if path.suffix.lower() in _COMPRESSED:
        return _key(path.name), path.read_bytes()
    return f"{_key(path.name)}.gz", gzip.compress(path.read_bytes(), mtime=0)


def _escaped(value: str) -> str:
    """Return a value as `helm --set-string` reads it: commas separate values, backslashes escape."""
    return value.replace("\\", "\\\\").replace(",", "\\,")


def _key(name: str) -> str:
    """Return a name that a ConfigMap accepts as a key."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name)
