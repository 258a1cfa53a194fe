"""After an erasure the person is found in no bucket, artifact or database of a real MinIO and a real MLflow."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from chatbot.loop.registry import CHAMPION, RegistryClient
from chatbot.records.erasure import mark_forgotten
from chatbot.store import Entry, Store, layout, open_store
from monitoring.upkeep.copies import MARK, erase_copies
from tests.support.minio import Minio
from tests.support.mlflow_server import MlflowServer
from tests.training.loop_world import GIFTS, World
from training.corpus.files import read_rows
from training.tracking.client import connected

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

GONE, STAYS = "p007", "p006"


class Everything:
    """Where, and what is readable there: objects (Parquet decoded), artifacts, MLflow's database.

    What has the same ETag is read once: each bundle has the encoder, in the store and as an artifact.
    """

    def __init__(self, world: World, server: MlflowServer, artifacts: Store) -> None:
        """`artifacts`: the bucket in which the server keeps them."""
        self._world, self._server, self._artifacts = world, server, artifacts
        self._read: dict[str, bytes] = {}

    def read(self) -> dict[str, bytes]:
        """Return what there is now."""
        found = {
            entry.key: self._content(self._world.store, entry)
            for entry in self._world.store.list()
            if not entry.key.startswith(layout.TOMBSTONES)
        }
        registry = RegistryClient(self._world.config.tracking)
        for version in self._world.registry.versions():
            folder = _run_folder(self._world, version.run_id)
            objects = {entry.key: entry for entry in self._artifacts.list(f"{layout.MLFLOW}/{folder}/")}
            paths = list(registry.artifacts(folder))
            assert objects.keys() == {f"{layout.MLFLOW}/{path}" for path in paths}
            for path in paths:
                found[path] = self._content(self._artifacts, objects[f"{layout.MLFLOW}/{path}"])
        return found | {"database": (self._server.folder / "mlflow.db").read_bytes()}

    def _content(self, store: Store, entry: Entry) -> bytes:
        if entry.etag not in self._read:
            self._read[entry.etag] = _readable(store.get(entry.key))
        return self._read[entry.etag]


def _readable(content: bytes) -> bytes:
    is_table = content.startswith(b"PAR1")
    return str(pq.read_table(io.BytesIO(content)).to_pylist()).encode() if is_table else content


def test_a_person_is_found_in_no_copy_after_the_erasure(
    world: World, minio: Minio, mlflow_server: MlflowServer
) -> None:
    everything = Everything(
        world, mlflow_server, open_store(minio.settings(mlflow_server.store["CHATBOT_STORE_URL"]))
    )
    world.first()
    world.accept_gifts()
    second = world.registry.get(world.retrain().challenger.split("@")[0])  # type: ignore[union-attr]
    world.registry.set_alias(CHAMPION, second.number)
    message = GIFTS[7]
    world.store.put("reports/drift/2026-01-01/drift.html", f"<li>{message}</li>".encode())
    with_artifact = f"{_run_folder(world, second.run_id)}/gate/seen.json"
    registry = RegistryClient(world.config.tracking)
    registry.put_artifact(with_artifact, json.dumps({"messages": [message, GIFTS[6]]}).encode())
    before = everything.read()
    assert [place for place in before if "dvc/" in place and f"review:{GONE}".encode() in before[place]]
    assert not [place for place in before if "bundle" in place and message.encode() in before[place]]

    mark_forgotten(world.store, GONE, datetime.now(UTC))
    for name in list(world.store.list(layout.REVIEWS)):
        if GONE in name.key:
            world.store.delete(name.key)  # what `forget` does before
    done = erase_copies(world.store, registry, {GONE}, {message}, 90)

    assert done.rewritten == {
        layout.DVC_FILES: 1,
        layout.REPORTS: done.rewritten[layout.REPORTS],
        "MLflow": 1,
    }
    assert done.expiring == ()
    after = everything.read()
    found = [
        place
        for place, text in after.items()
        if f"review:{GONE}".encode() in text or message.encode() in text
    ]
    assert found == []
    assert json.loads(after[with_artifact]) == {"messages": [MARK, GIFTS[6]]}
    # What others wrote stays, and every version can be pulled and verified.
    folder = world.corpus_of(second.number)
    for file in (folder / "rows.parquet", folder / "corpus.parquet"):
        assert f"review:{STAYS}" in set(read_rows(file)["source"])
    for version in world.registry.versions():
        assert json.loads(version.corpus_pointer)["corpus_digest"] == version.corpus_digest
    again = erase_copies(world.store, registry, {GONE}, {message}, 90)
    assert sum(again.rewritten.values()) == 0, "again does no harm"
    assert world.retrain().outcome == "needs_review", "the champion's corpus is already without it"


def _run_folder(world: World, run_id: str) -> str:
    with connected(world.config.tracking) as client:
        return f"{client.get_run(run_id).info.experiment_id}/{run_id}/artifacts"
