"""Erase a person's messages from copies: corpus versions (DVC), reports in the store, artifacts in MLflow.

A corpus version is rewritten: new files without the rows, then new pointers in the registry. In reports and artifacts
the text is replaced by `<ERASED>`. The old files of the corpora are deleted last, because a run after a kill finds the
messages in them. A bundle cannot be rewritten, because its digest is its name: it is listed with the date from which
retention deletes it.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import html
import io
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from markupsafe import escape

from chatbot.errors import Missing
from chatbot.loop.drift_verdict import DriftVerdict
from chatbot.loop.registry import CORPUS_DIGEST, CORPUS_POINTER, ModelVersion, NotRegistered, RegistryClient
from chatbot.records.erasure import REVIEWED
from chatbot.records.part import to_parquet
from chatbot.store import Entry, Store, find, get_all, layout

MARK = "<ERASED>"

_CORPUS, _ROWS = "corpus.parquet", ("rows.parquet", "corpus.parquet")
_PARTS = ("splits.csv", "left_out.csv")
"""Files of earlier releases' corpus versions; the second has messages."""
_TEXT = (".json", ".html", ".yaml", ".csv", ".txt", ".md")
_BUNDLE = "/bundle/"
Folders = dict[str, list[dict[str, str]]]
"""Files of each corpus version, path and MD5 sum, by the key of its list."""
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
    versions, folders = _versions(registry), _folders(store)
    corpora, found = _corpora_with(store, folders, sources)
    unlisted, more = _unlisted_with(store, folders, sources, frozenset().union(*corpora.values()))
    expiring: list[str] = []
    if registry is not None:
        for key, hashes in corpora.items():
            _rewrite_corpus(store, registry, versions, key, folders[key], sources, hashes)
    else:
        # Not rewritten: versions in an unreachable registry would then refer to deleted files.
        expiring += [f"{key} has rows of it and is kept: MLflow is not a server here" for key in corpora]
    wanted = ErasedTexts({*texts, *found, *more, *_messages_in_reports(store, ids)})
    rewritten = {layout.DVC_FILES: len(corpora) if registry else 0, layout.REPORTS: 0, "MLflow": 0}
    if wanted:
        rewritten[layout.REPORTS] = _rewrite_reports(store, wanted)
        expiring += _bundles(store, wanted, versions, bundles_days)
        if registry is not None:
            rewritten["MLflow"], kept = _rewrite_artifacts(registry, wanted, versions)
            expiring += kept
    for key in unlisted:
        store.delete(key)
    if registry is not None:
        _delete_corpora(store, {key: folders[key] for key in corpora})
    return Erased(rewritten, tuple(expiring))


def _versions(registry: RegistryClient | None) -> list[ModelVersion]:
    try:
        return registry.versions() if registry is not None else []
    except NotRegistered:
        return []


def _corpora_with(
    store: Store, folders: Folders, sources: Collection[str]
) -> tuple[dict[str, frozenset[str]], set[str]]:
    """Find the corpus versions with a row of these sources.

    Returns: by key of the version's list of files, the hashes of those rows; and the messages of the rows.
    """
    known: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    found: dict[str, frozenset[str]] = {}
    messages: set[str] = set()
    for key, files in folders.items():
        for file in files:
            if file["relpath"] in _ROWS:
                md5 = file["md5"]
                if md5 not in known:
                    known[md5] = _rows_of(store, layout.corpus_file(md5), sources)
                if known[md5][0]:
                    found[key] = found.get(key, frozenset()) | known[md5][0]
                    messages |= known[md5][1]
    return found, messages


def _unlisted_with(
    store: Store, folders: Folders, sources: Collection[str], hashes: frozenset[str]
) -> tuple[list[str], set[str]]:
    """Find files with a row of these sources that no version lists: left by a killed erasure or a killed push.

    `hashes` are those of the rows in listed files.

    Returns: their keys, in the order of deletion; and the messages of the rows.
    """
    listed = {layout.corpus_file(file["md5"]) for files in folders.values() for file in files}
    others = [e.key for e in store.list(layout.DVC_FILES) if e.key not in {*listed, *folders}]
    tables = {key: rows for key in others if (rows := _rows_of(store, key, sources))[0]}
    hashes = hashes.union(*(found for found, _ in tables.values()))
    parts = [
        key
        for key in (others if hashes else ())
        if key not in tables
        and any(
            line.split(b",")[0].decode("utf-8", "replace") in hashes
            for line in (find(store, key) or b"").splitlines()
        )
    ]
    return [*parts, *tables], {message for _, messages in tables.values() for message in messages}


def _delete_corpora(store: Store, corpora: Folders) -> None:
    """Delete corpus versions: their lists, then the files with rows that no other version lists.

    The lists first, so that no list names a deleted file. A run after a kill finds the files by their rows
    (`_unlisted_with`), and those with hashes alone by the hashes of these rows: tables are deleted last.
    """
    for key in corpora:
        store.delete(key)
    listed = {file["md5"] for files in _folders(store).values() for file in files}
    for names in (_PARTS, _ROWS):
        for file in (file for files in corpora.values() for file in files):
            if file["relpath"] in names and file["md5"] not in listed:
                store.delete(layout.corpus_file(file["md5"]))


def _folders(store: Store) -> Folders:
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
        # A missing or damaged file stays listed: a pull names it.
        with contextlib.suppress(pa.ArrowInvalid):
            if name in _ROWS:
                content = _without_rows(content, sources)
                md5 = _put(store, content, "")
            elif name in _PARTS and content:
                content = _without_lines(content, hashes)
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


def _rows_of(store: Store, key: str, sources: Collection[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the hashes and the messages of a corpus file's rows of these sources; of another file none."""
    try:
        table = pq.read_table(io.BytesIO(store.get(key)))
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


def _messages_in_reports(store: Store, ids: Collection[str]) -> Iterator[str]:
    """Yield the messages of predictions in drift reports: a report may be written after the records are erased."""
    keys = (entry.key for entry in store.list(layout.DRIFT_REPORTS) if entry.key.endswith(".json"))
    for content in get_all(store, keys).values():
        with contextlib.suppress(ValueError):  # of a sharded check, not a verdict
            for example in DriftVerdict.model_validate_json(content).contributors.messages:
                if example.prediction_id in ids and example.message != MARK:
                    yield example.message


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
