"""Erase a person's messages from copies: corpus versions (DVC), reports in the store, artifacts in MLflow.

A corpus version is rewritten: new files without the rows, new pointers in the registry, then the old files are deleted.
In reports and artifacts the text is replaced by `<ERASED>`. A bundle cannot be rewritten, because its digest is its
name: it is listed with the date from which retention deletes it.
"""

from __future__ import annotations

import csv
import hashlib
import html
import io
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from markupsafe import escape

from chatbot.errors import Missing
from chatbot.loop.registry import CORPUS_DIGEST, CORPUS_POINTER, ModelVersion, NotRegistered, RegistryClient
from chatbot.records.erasure import REVIEWED
from chatbot.records.part import to_parquet
from chatbot.store import Entry, Store, find, layout

MARK = "<ERASED>"

_CORPUS, _ROWS = "corpus.parquet", ("rows.parquet", "corpus.parquet")
_PARTS = ("splits.csv", "left_out.csv")
"""Files of earlier releases' corpus versions; the second has messages."""
_TEXT = (".json", ".html", ".yaml", ".csv", ".txt", ".md")
_BUNDLE = "/bundle/"
_MIN_CHARS = 12
"""Shorter texts are replaced only where they are a whole value, so that no other word is damaged."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done to copies: rewritten objects by place, and bundles that expire."""

    rewritten: dict[str, int]
    expiring: tuple[str, ...]


class ErasedTexts:
    """The messages of erased predictions, in the forms in which files contain them."""

    def __init__(self, texts: Collection[str]) -> None:
        marks: dict[bytes, bytes] = {}
        for text in filter(None, texts):
            for quoted in (json.dumps(text), json.dumps(text, ensure_ascii=False)):
                marks[quoted.encode()] = json.dumps(MARK).encode()
            # `escape` is that of the pages' templates: it writes quotes in another way than `html.escape`.
            for escaped in (
                str(escape(text)),
                html.escape(text),
                html.escape(text, quote=False),
                text.replace("&", "&amp;"),
            ):
                marks[f">{escaped}<".encode()] = f">{html.escape(MARK)}<".encode()
                if len(text) >= _MIN_CHARS:
                    marks[escaped.encode()] = html.escape(MARK).encode()
            if len(text) >= _MIN_CHARS:
                for raw in (text, json.dumps(text)[1:-1], text.replace('"', '""')):
                    marks[raw.encode()] = MARK.encode()
        self._marks = dict(sorted(marks.items(), key=lambda one: -len(one[0])))

    def __bool__(self) -> bool:
        return bool(self._marks)

    def without(self, content: bytes) -> bytes:
        """Return the content with each text replaced by the mark."""
        for found, mark in self._marks.items():
            if found in content:
                content = content.replace(found, mark)
        return content


def erase_copies(
    store: Store,
    registry: RegistryClient | None,
    ids: Collection[str],
    texts: Collection[str],
    bundles_days: int,
) -> Erased:
    """Erase the corpus rows of predictions, and their texts in reports and artifacts. Idempotent.

    Args:
        registry: MLflow; None: no server is configured, so that only the store is searched.
        bundles_days: retention of unreferenced bundles.

    Raises: StoreError, RegistryError: the store or MLflow does not respond; run it again.
    """
    sources = frozenset(REVIEWED + some_id for some_id in ids)
    versions = _versions(registry)
    corpora, found = _corpora_with(store, sources)
    expiring: list[str] = []
    if registry is not None:
        _rewrite_corpora(store, registry, versions, corpora, sources)
    else:
        # Not rewritten: versions in an unreachable registry would then refer to deleted files.
        expiring += [f"{key} has rows of it and is kept: MLflow is not a server here" for key in corpora]
    wanted = ErasedTexts({*texts, *found})
    rewritten = {layout.DVC_FILES: len(corpora) if registry else 0, layout.REPORTS: 0, "MLflow": 0}
    if wanted:
        rewritten[layout.REPORTS] = _rewrite_reports(store, wanted)
        expiring += _bundles(store, wanted, versions, bundles_days)
        if registry is not None:
            rewritten["MLflow"], kept = _rewrite_artifacts(registry, wanted, versions)
            expiring += kept
    return Erased(rewritten, tuple(expiring))


def _versions(registry: RegistryClient | None) -> list[ModelVersion]:
    try:
        return registry.versions() if registry is not None else []
    except NotRegistered:
        return []


def _corpora_with(store: Store, sources: Collection[str]) -> tuple[dict[str, frozenset[str]], set[str]]:
    """Find the corpus versions with a row of these sources.

    Returns: by key of the version's list of files, the hashes of those rows; and the messages of the rows.
    """
    known: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    found: dict[str, frozenset[str]] = {}
    messages: set[str] = set()
    for key, files in _folders(store).items():
        for file in files:
            if file["relpath"] in _ROWS:
                md5 = file["md5"]
                if md5 not in known:
                    known[md5] = _rows_of(store, md5, sources)
                if known[md5][0]:
                    found[key] = found.get(key, frozenset()) | known[md5][0]
                    messages |= known[md5][1]
    return found, messages


def _rewrite_corpora(
    store: Store,
    registry: RegistryClient,
    versions: Collection[ModelVersion],
    corpora: Mapping[str, frozenset[str]],
    sources: Collection[str],
) -> None:
    """Rewrite corpus versions without the rows, and delete the old files that no other version has."""
    folders = _folders(store)
    for key, hashes in corpora.items():
        _rewrite_corpus(store, registry, versions, key, folders[key], sources, hashes)
    still = {file["md5"] for key, files in _folders(store).items() if key not in corpora for file in files}
    for key in corpora:
        for file in folders[key]:
            if file["relpath"] in (*_ROWS, *_PARTS) and file["md5"] not in still:
                store.delete(layout.corpus_file(file["md5"]))
        # Last: after a kill, the next run finds the version by its list.
        store.delete(key)


def _folders(store: Store) -> dict[str, list[dict[str, str]]]:
    """Return the files of each corpus version, by the key of its list."""
    entries = (entry for entry in store.list(layout.DVC_FILES) if entry.key.endswith(".dir"))
    return {entry.key: _listed(store, entry) for entry in entries}


def _rewrite_corpus(
    store: Store,
    registry: RegistryClient,
    versions: Collection[ModelVersion],
    key: str,
    files: list[dict[str, str]],
    sources: Collection[str],
    hashes: Collection[str],
) -> None:
    """Write a corpus version without the rows, then point the registry's versions to it."""
    old = key.removeprefix(layout.DVC_FILES).replace("/", "")
    fresh, sizes = [], {}
    for file in files:
        name, md5 = file["relpath"], file["md5"]
        content = find(store, layout.corpus_file(md5)) or b""
        if name in _ROWS:
            content = _without_rows(content, sources)
        elif name in _PARTS:
            content = _without_lines(content, hashes)
        if name in (*_ROWS, *_PARTS):
            md5 = _put(store, content, "")
        sizes[name] = len(content)
        fresh.append({"md5": md5, "relpath": name})
    listed = json.dumps(sorted(fresh, key=lambda one: one["relpath"]), sort_keys=True).encode()
    new = _put(store, listed, ".dir")
    corpus = next(file["md5"] for file in fresh if file["relpath"] == _CORPUS)
    for version in versions:
        if old not in version.corpus_pointer:
            continue
        pointer = json.loads(version.corpus_pointer)
        pointer["md5"], pointer["corpus_digest"] = new, corpus
        sized = ((one["relpath"], one["md5"], sizes[one["relpath"]]) for one in fresh)
        pointer["files"] = [{"path": path, "md5": md5, "size": size} for path, md5, size in sized]
        # The digest first: a run after a kill skips versions whose pointer is new already.
        registry.set_tag(version.number, CORPUS_DIGEST, corpus)
        registry.set_tag(version.number, CORPUS_POINTER, json.dumps(pointer, separators=(",", ":")))


def _listed(store: Store, entry: Entry) -> list[dict[str, str]]:
    try:
        return [dict(one) for one in json.loads(store.get(entry.key))]
    except (Missing, ValueError, TypeError):
        return []


def _put(store: Store, content: bytes, suffix: str) -> str:
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix
    store.put(layout.corpus_file(digest), content)
    return digest


def _rows_of(store: Store, md5: str, sources: Collection[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the hashes and the messages of a corpus file's rows of these sources."""
    try:
        table = pq.read_table(io.BytesIO(store.get(layout.corpus_file(md5))))
        rows = table.filter(pc.is_in(table["source"], pa.array(sorted(sources), pa.string())))
        return frozenset(rows["row_hash"].to_pylist()), frozenset(rows["message"].to_pylist())
    except (Missing, pa.ArrowException, KeyError):
        return frozenset(), frozenset()


def _without_rows(content: bytes, sources: Collection[str]) -> bytes:
    table = pq.read_table(io.BytesIO(content))
    gone = pc.is_in(table["source"], pa.array(sorted(sources), pa.string()))
    return to_parquet(table.filter(pc.invert(gone)))


def _without_lines(content: bytes, hashes: Collection[str]) -> bytes:
    written = io.StringIO()
    rows = csv.reader(io.StringIO(content.decode(), newline=""))
    csv.writer(written, lineterminator="\n").writerows(row for row in rows if not row or row[0] not in hashes)
    return written.getvalue().encode()


def _with_texts(store: Store, prefix: str, texts: ErasedTexts) -> Iterator[tuple[Entry, bytes]]:
    """Yield each object below a prefix that contains a text, with its content after removal of the text."""
    for entry in store.list(prefix):
        if entry.key.endswith(_TEXT):
            content = find(store, entry.key) or b""
            if (kept := texts.without(content)) != content:
                yield entry, kept


def _rewrite_reports(store: Store, texts: ErasedTexts) -> int:
    count = 0
    for entry, kept in _with_texts(store, layout.REPORTS, texts):
        store.put(entry.key, kept, etag=entry.etag)
        count += 1
    return count


def _bundles(
    store: Store, texts: ErasedTexts, versions: Collection[ModelVersion], days: int
) -> Iterator[str]:
    """Yield a line for each bundle that contains a text."""
    named = {version.bundle_digest: version for version in versions}
    for entry, _ in _with_texts(store, layout.BUNDLES, texts):
        version = named.get(entry.key.split("/")[1])
        if version is not None and version.aliases:
            when = f"when another version is {' and '.join(version.aliases)}; retrain to replace it"
        elif days:
            when = f"on {entry.modified + timedelta(days=days):%Y-%m-%d}, with CHATBOT_RETENTION_BUNDLES_DAYS"
        else:
            when = "never: CHATBOT_RETENTION_BUNDLES_DAYS is 0"
        yield f"{entry.key} expires {when}"


def _rewrite_artifacts(
    registry: RegistryClient, texts: ErasedTexts, versions: Collection[ModelVersion]
) -> tuple[int, list[str]]:
    """Rewrite MLflow's artifacts; return their number, and a line for each file of a bundle with a text."""
    count, kept = 0, []
    for path in registry.artifacts():
        if not path.endswith(_TEXT):
            continue
        content = registry.artifact(path)
        if (fresh := texts.without(content)) == content:
            continue
        if _BUNDLE in path:
            number = next((v.number for v in versions if v.run_id and v.run_id in path), "")
            until = f"version {number or '(unregistered)'} is deleted in MLflow"
            kept.append(f"MLflow's {path} is kept until {until}")
        else:
            registry.put_artifact(path, fresh)
            count += 1
    return count, kept
