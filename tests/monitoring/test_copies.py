"""Erasure from corpus versions and MLflow's artifacts, against a folder and a registry in memory."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chatbot.errors import Conflict
from chatbot.ids import new_id
from chatbot.loop.registry import CORPUS_DIGEST, CORPUS_POINTER, ModelVersion, RegistryClient
from chatbot.runtime import Runtime
from chatbot.settings import StorageSettings
from chatbot.store import Store, layout, open_store
from monitoring.upkeep.copies import MARK, erase_copies
from monitoring.upkeep.erasure import Forgotten, forget
from tests.support.drift_verdict import drift_verdict
from tests.support.store import overtaken

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
THEIRS, OTHERS = "where is my blue lamp", "where is my red lamp"


@dataclass
class PaperRegistry:
    """Versions with their tags, and artifacts by path."""

    pointers: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    tags: dict[tuple[str, str], str] = field(default_factory=dict)
    before_write: Callable[[], None] = lambda: None

    def versions(self) -> list[ModelVersion]:
        made = datetime(2026, 1, 1, tzinfo=UTC)
        one = ModelVersion("1", "run1", made)
        return [
            replace(one, number=n, tags={CORPUS_POINTER: self.tags.get((n, CORPUS_POINTER), pointer)})
            for n, pointer in self.pointers.items()
        ]

    def set_tag(self, number: str, key: str, value: str) -> None:
        self.before_write()
        self.tags[number, key] = value

    def artifacts(self, folder: str = "") -> Iterator[str]:
        yield from self.files

    def artifact(self, path: str) -> bytes:
        return self.files[path]

    def put_artifact(self, path: str, content: bytes) -> None:
        self.before_write()
        self.files[path] = content


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(StorageSettings(url=str(tmp_path)))


def add(store: Store, content: bytes, suffix: str = "") -> str:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix
    store.put(layout.corpus_file(md5), content)
    return md5


def corpus_of(*rows: tuple[str, str]) -> bytes:
    """Rows of source and message; the message is its own hash."""
    columns = {
        "message": [m for _, m in rows], "source": [s for s, _ in rows], "row_hash": [m for _, m in rows],
    }  # fmt: skip
    written = io.BytesIO()
    pq.write_table(pa.table(columns), written)
    return written.getvalue()


def push(store: Store, *rows: tuple[str, str], most: int | None = None) -> str:
    """A corpus version as DVC stores it, processed from the first `most` rows; returns its pointer."""
    lines = "".join(f"{message},0,train\n" for _, message in rows)
    files = {
        "corpus.parquet": corpus_of(*rows[:most]),
        "rows.parquet": corpus_of(*rows),
        "splits.csv": f"row_hash,group,part\n{lines}".encode(),
        "rules.yaml": b"[]\n",
    }
    listed = [{"md5": add(store, content), "relpath": name} for name, content in files.items()]
    md5 = add(store, json.dumps(listed).encode(), ".dir")
    named = [
        {"path": one["relpath"], "md5": one["md5"], "size": len(files[one["relpath"]])} for one in listed
    ]
    return json.dumps({"format": 1, "corpus_digest": listed[0]["md5"], "md5": md5, "files": named})


def pulled(store: Store, pointer: str) -> dict[str, Any]:
    """Files of a version, each verified by its digest."""
    content = {}
    told = json.loads(pointer)
    listed = json.loads(store.get(layout.corpus_file(told["md5"])))
    assert {(one["relpath"], one["md5"]) for one in listed} == {(f["path"], f["md5"]) for f in told["files"]}
    for file in told["files"]:
        body = store.get(layout.corpus_file(file["md5"]))
        assert hashlib.md5(body, usedforsecurity=False).hexdigest() == file["md5"]
        assert len(body) == file["size"]
        content[file["path"]] = body
    assert told["corpus_digest"] == next(f["md5"] for f in told["files"] if f["path"] == "corpus.parquet")
    return content


def everything(store: Store) -> str:
    contents = [store.get(entry.key) for entry in store.list()]
    tables = [pq.read_table(io.BytesIO(c)).to_pylist() for c in contents if c.startswith(b"PAR1")]
    return f"{tables}{contents}"


def test_versions_are_rewritten_and_named_anew_and_what_others_wrote_stays(store: Store) -> None:
    own, theirs, others = ("corpus", "hello"), ("review:p1", THEIRS), ("review:p2", OTHERS)
    before = push(store, own)
    registry = PaperRegistry({"1": before, "2": push(store, own, theirs, others)})
    registry.files = {
        "1/run1/artifacts/gate/gate.html": f"<li>{THEIRS}</li><li>{OTHERS}</li>".encode(),
        "1/run1/artifacts/picture.png": THEIRS.encode(),
        "1/run1/artifacts/bundle/replies.yaml": f"examples: [{THEIRS}]".encode(),
    }
    done = erase_copies(store, cast(RegistryClient, registry), {"p1"}, set(), 90)
    assert done.rewritten == {layout.DVC_FILES: 1, layout.REPORTS: 0, "MLflow": 1}
    assert [line.split(" is kept")[0] for line in done.expiring] == [
        "MLflow's 1/run1/artifacts/bundle/replies.yaml"
    ]
    assert THEIRS not in everything(store)
    assert "review:p1" not in everything(store)
    assert (
        registry.files["1/run1/artifacts/gate/gate.html"]
        == f"<li>&lt;ERASED&gt;</li><li>{OTHERS}</li>".encode()
    )
    pointers = {version.number: version.corpus_pointer for version in registry.versions()}
    assert pointers["1"] == before
    files = pulled(store, pointers["2"])
    assert pq.read_table(io.BytesIO(files["rows.parquet"]))["source"].to_pylist() == ["corpus", "review:p2"]
    assert THEIRS not in files["splits.csv"].decode()
    assert registry.tags["2", CORPUS_DIGEST] == json.loads(pointers["2"])["corpus_digest"]
    assert MARK.encode() not in files["rules.yaml"]
    again = erase_copies(store, cast(RegistryClient, registry), {"p1"}, {THEIRS}, 90)
    assert sum(again.rewritten.values()) == 0


def test_a_report_that_is_written_meanwhile_is_not_overwritten(store: Store) -> None:
    store.put(key := "reports/drift/latest.json", json.dumps([THEIRS]).encode())

    newer = overtaken(store, put=lambda key: store.put(key, b"a newer report"))
    with pytest.raises(Conflict):
        erase_copies(newer, None, {"p1"}, {THEIRS}, 90)
    assert store.get(key) == b"a newer report"


def test_a_report_written_after_an_erasure_is_erased_by_the_next_run_by_the_prediction_that_it_names(
    store: Store,
) -> None:
    """The record, in which the message was found, is erased by then."""
    examples = [
        {"message": message, "prediction_id": one, "intent": "", "confidence": 0.5, "weight": 1.0}
        for one, message in (("p1", THEIRS), ("p2", OTHERS))
    ]
    content = json.dumps(drift_verdict("1", "", ()) | {"contributors": {"messages": examples}})
    for key in ("2026-03-01T00-00-00Z/drift.json", "latest.json", "2026-03-01T00-00-00Z/drift.html"):
        store.put(f"reports/drift/{key}", (content if "json" in key else f"<li>{THEIRS}</li>").encode())
    store.put("reports/drift/shards/run/plan.json", b"[]")
    for found in (3, 0):
        assert erase_copies(store, None, {"p1"}, set(), 90).rewritten[layout.REPORTS] == found
    assert THEIRS not in everything(store)
    assert OTHERS in store.get("reports/drift/latest.json").decode()


def test_without_a_server_no_corpus_is_changed_and_each_is_listed(store: Store) -> None:
    pointer = push(store, ("review:p1", THEIRS))
    before = everything(store)
    done = erase_copies(store, None, {"p1"}, set(), 90)
    assert everything(store) == before
    assert layout.corpus_file(json.loads(pointer)["md5"]) in done.expiring[0]


class Killed(BaseException):
    """Ends a run, as a kill does: no handler of errors continues."""


def test_an_erasure_that_is_killed_before_any_write_is_completed_by_the_next_run(tmp_path: Path) -> None:
    own, theirs, others = ("corpus", "hello"), ("review:p1", THEIRS), ("review:p2", OTHERS)
    kills = 0
    while True:
        store = open_store(StorageSettings(url=str(tmp_path / str(kills))))
        pointers = (
            push(store, own),
            push(store, own, theirs, others),
            push(store, own, others, theirs, most=2),
        )
        registry = PaperRegistry({str(number): pointer for number, pointer in enumerate(pointers)})
        page = json.dumps([THEIRS]).encode()
        registry.files["0/run1/artifacts/gate/gate.json"] = page
        store.put("reports/gate/digest/gate.json", page)
        writes = itertools.count()

        def write(*_: object, limit: int = kills, writes: Iterator[int] = writes) -> None:
            if next(writes) == limit:
                raise Killed

        registry.before_write = write
        client = cast(RegistryClient, registry)
        try:
            erase_copies(overtaken(store, put=write, delete=write), client, {"p1"}, set(), 90)
            break
        except Killed:
            kills += 1
        registry.before_write = lambda: None
        erase_copies(store, client, {"p1"}, set(), 90)
        left = everything(store) + str(registry.files)
        assert THEIRS not in left, kills
        assert "review:p1" not in left, kills
        for version in registry.versions():
            assert b"hello" in pulled(store, version.corpus_pointer)["splits.csv"], kills
    assert kills > 15


def test_a_file_that_a_version_lists_and_the_store_lacks_does_not_stop_the_erasure(store: Store) -> None:
    pointer = json.loads(
        push(store, ("corpus", "hello"), ("review:p1", THEIRS), ("review:p2", OTHERS), most=2)
    )
    registry = PaperRegistry({"1": json.dumps(pointer)})
    lost = {file["path"]: file["md5"] for file in pointer["files"]}["rows.parquet"]
    store.delete(layout.corpus_file(lost))
    erase_copies(store, cast(RegistryClient, registry), {"p1"}, set(), 90)
    assert THEIRS not in everything(store)
    [version] = registry.versions()
    named = {file["path"]: file["md5"] for file in json.loads(version.corpus_pointer)["files"]}
    assert named["rows.parquet"] == lost, "a pull names it"
    assert store.head(layout.corpus_file(named["corpus.parquet"])) is not None


def test_a_killed_push_of_a_corpus_leaves_no_message_behind(store: Store) -> None:
    add(store, corpus_of(("review:p1", THEIRS)))
    add(store, f"row_hash,message\n{THEIRS},x\n".encode())
    other = add(store, corpus_of(("review:p2", OTHERS)))
    erase_copies(store, None, {"p1"}, set(), 90)
    assert [entry.key for entry in store.list()] == [layout.corpus_file(other)]


def test_of_two_erasures_at_once_one_rewrites_copies_after_the_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the second deletes the corpus that the first is about to point to."""
    monkeypatch.setattr(Runtime, "sleep", lambda *_: time.sleep(0.01))  # between two looks at the lease
    first, second = (new_id(b"k" * 32, DAY.timestamp() + number) for number in range(2))
    pointer = push(store, ("corpus", "hello"), (f"review:{first}", THEIRS), (f"review:{second}", OTHERS))
    registry = PaperRegistry({"1": pointer})
    client = cast(RegistryClient, registry)
    waits = threading.Event()
    others = overtaken(store, head=lambda key: waits.set() if key == layout.ERASURE_LEASE else None)
    with ThreadPoolExecutor() as threads:

        def start() -> None:
            registry.before_write = lambda: None
            other = threads.submit(forget, others, second, DAY, client)
            other.add_done_callback(lambda _: waits.set())
            started.append(other)
            assert waits.wait(30)

        started: list[Future[Forgotten]] = []
        registry.before_write = start
        forget(store, first, DAY, client)
        [other] = started
        other.result(30)
    [version] = registry.versions()
    rows = pq.read_table(io.BytesIO(pulled(store, version.corpus_pointer)["rows.parquet"]))
    assert rows["source"].to_pylist() == ["corpus"]
    assert not any(one in everything(store) for one in (THEIRS, OTHERS))
