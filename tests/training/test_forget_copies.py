"""After an erasure the person is found in no bucket, artifact or database of a real MinIO and a real MLflow."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from chatbot.loop.registry import CHAMPION, RegistryClient
from chatbot.records.erasure import mark_forgotten
from chatbot.store import layout
from monitoring.upkeep.copies import MARK, erase_copies
from tests.support.mlflow_server import MlflowServer
from tests.training.loop_world import GIFTS, World
from training.corpus.files import read_rows
from training.tracking.client import connected

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

GONE, STAYS = "p007", "p006"


def everything(world: World, server: MlflowServer) -> Iterator[tuple[str, bytes]]:
    """Where, and what is readable there: objects (Parquet decoded), artifacts, MLflow's database."""
    for entry in world.store.list():
        if not entry.key.startswith(layout.TOMBSTONES):
            yield entry.key, _readable(world.store.get(entry.key))
    registry = RegistryClient(world.config.tracking)
    for version in world.registry.versions():
        for path in registry.artifacts(_run_folder(world, version.run_id)):
            yield path, _readable(registry.artifact(path))
    yield "database", (server.folder / "mlflow.db").read_bytes()


def _readable(content: bytes) -> bytes:
    is_table = content.startswith(b"PAR1")
    return str(pq.read_table(io.BytesIO(content)).to_pylist()).encode() if is_table else content


def test_a_person_is_found_in_no_copy_after_the_erasure(world: World, mlflow_server: MlflowServer) -> None:
    world.first()
    world.accept_gifts()
    second = world.registry.get(world.retrain().challenger.split("@")[0])  # type: ignore[union-attr]
    world.registry.set_alias(CHAMPION, second.number)
    message = GIFTS[7]
    world.store.put("reports/drift/2026-01-01/drift.html", f"<li>{message}</li>".encode())
    with_artifact = f"{_run_folder(world, second.run_id)}/gate/seen.json"
    registry = RegistryClient(world.config.tracking)
    registry.put_artifact(with_artifact, json.dumps({"messages": [message, GIFTS[6]]}).encode())
    before = dict(everything(world, mlflow_server))
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
    after = dict(everything(world, mlflow_server))
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
