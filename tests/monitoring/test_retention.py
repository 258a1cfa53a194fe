"""What was kept long enough goes; what somebody names, and what is young, stays; and it is said."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chatbot.errors import SettingError
from chatbot.ids import new_id
from chatbot.loop.registry import (
    BUNDLE_DIGEST,
    CORPUS_POINTER,
    ModelVersion,
    NotRegistered,
    RegistryUnavailable,
)
from chatbot.records.shard import Shard
from chatbot.settings import RetentionSettings, TrackingSettings
from chatbot.store import Store
from monitoring.upkeep import retention
from monitoring.upkeep.retention import Named, clean, pointers_here, registry_names
from tests.k8s.memory_api import Registry
from tests.support.registry_server import serve

if TYPE_CHECKING:
    from tests.support.mlflow_server import MlflowServer

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NOBODY = Named(frozenset(), frozenset())
Put = Callable[..., None]


@pytest.fixture
def put(store: Store, tmp_path: Path) -> Put:
    """Puts an object that is so many days old."""

    def put(key: str, age: float = 0, content: bytes = b"x") -> None:
        store.put(key, content)
        then = (NOW - timedelta(days=age)).timestamp()
        os.utime(tmp_path / "store" / key, (then, then))

    return put


def keys(store: Store) -> list[str]:
    return [entry.key for entry in store.list()]


def taken(store: Store, named: Named | None = NOBODY, dry_run: bool = False, **settings: int) -> list[str]:
    before, said = keys(store), []
    clean(store, RetentionSettings(**settings), named, NOW, said.append, dry_run)
    gone = [key for key in before if key not in keys(store)]
    assert len(said) == len(gone) or dry_run
    assert all(any(key in line for line in said) for key in gone)
    return gone


def test_records_feedback_and_handoffs_go_by_the_day_they_are_of(store: Store, put: Put) -> None:
    for prefix in ("log", "feedback", "handoffs"):
        for age in (0, 9, 10, 11, 400):
            put(f"{prefix}/day={(NOW - timedelta(days=age)).date()}/a.parquet")
    gone = taken(store, records_days=10, feedback_days=399, handoffs_days=9)
    assert [key.split("/")[0] for key in gone] == [
        "feedback",
        "handoffs",
        "handoffs",
        "handoffs",
        "log",
        "log",
    ]
    assert f"log/day={(NOW - timedelta(days=10)).date()}/a.parquet" in keys(store)


def test_what_was_done_about_a_handoff_goes_after_it(store: Store, put: Put) -> None:
    """Without its work, a handoff that was answered would be open again until the next run."""
    for hours in range(0, 20 * 24, 5):
        made = NOW - timedelta(hours=hours)
        some_id = new_id(b"k" * 32, made.timestamp())
        put(f"handoffs/day={made:%Y-%m-%d}/{some_id}.json")
        put(f"reviews/handoffs/{some_id}.json")
    taken(store, handoffs_days=9)
    handoffs, work = (
        {entry.key.rpartition("/")[2] for entry in store.list(prefix)}
        for prefix in ("handoffs/", "reviews/handoffs/")
    )
    assert handoffs < work
    assert len(work - handoffs) <= 5, "a day later"
    assert taken(store, handoffs_days=0) == []


@pytest.mark.parametrize(("contacts", "handoffs", "kept"), [(5, 90, 1), (0, 0, 3), (0, 15, 2), (30, 5, 1)])
def test_contact_data_goes_by_its_own_period_and_with_its_handoff_at_the_latest(
    store: Store, put: Put, contacts: int, handoffs: int, kept: int
) -> None:
    for age in (1, 10, 20):
        put(f"contacts/day={(NOW - timedelta(days=age)).date()}/x.json")
    taken(store, contacts_days=contacts, handoffs_days=handoffs)
    assert len(list(store.list("contacts/"))) == kept


def test_zero_days_keep_for_ever_and_a_dry_run_only_says(store: Store, put: Put) -> None:
    put("log/day=2020-01-01/a.parquet")
    put("reports/gate/x/gate.json", 5_000)
    zero = {"records_days": 0, "feedback_days": 0, "handoffs_days": 0, "reports_days": 0, "bundles_days": 0}
    assert taken(store, **zero) == []
    said: list[str] = []
    assert clean(store, RetentionSettings(), NOBODY, NOW, said.append, dry_run=True) == 2
    assert [line.split()[:3] for line in said] == [
        ["would", "take", "log/day=2020-01-01/a.parquet"],
        ["would", "take", "reports/gate/x/gate.json"],
    ]
    assert len(keys(store)) == 2


def test_old_reports_go_and_the_latest_stays_however_old(store: Store, put: Put) -> None:
    for time_, age in (("20250101T000000Z", 500), ("20250601T000000Z", 300)):
        put(f"reports/drift/{time_}/drift.html", age)
        put(f"reports/drift/{time_}/drift.json", age)
    put("reports/drift/latest.json", 300)
    put("reports/gate/old/gate.json", 300)
    put("reports/gate/new/gate.json", 3)
    assert taken(store) == [
        "reports/drift/20250101T000000Z/drift.html",
        "reports/drift/20250101T000000Z/drift.json",
        "reports/gate/old/gate.json",
    ]


def put_bundle(put: Put, digest: str, age: float) -> None:
    for file in ("encoder.onnx", "model.json", "SHA256SUMS"):
        put(f"bundles/{digest}/{file}", age)
    put(f"baselines/{digest}.parquet", age)


def test_an_old_bundle_is_deleted_unless_it_is_referenced(store: Store, put: Put) -> None:
    old, served, before, championed, asked, newest, young = (letter * 64 for letter in "1234567")
    for digest, age in (
        (old, 200),
        (served, 201),
        (before, 202),
        (championed, 203),
        (asked, 204),
        (newest, 199),
    ):
        put_bundle(put, digest, age)
    put_bundle(put, young, 1)
    put("serving.json", content=json.dumps({"model": f"7@{served}", "before": [f"6@{before}"]}).encode())
    put("memory/retrain.json", content=json.dumps({"champion": f"5@{asked}"}).encode())
    named = Named(frozenset({championed}), frozenset())
    put_bundle(put, named_by_drift := "8" * 64, 205)
    put("reports/drift/latest.json", content=json.dumps({"bundle_digest": named_by_drift}).encode())
    assert taken(store, None, bundles_min_count=2) == [], "where nobody can say who names it, it stays"
    gone = taken(store, named, bundles_min_count=2)
    assert gone == [
        f"baselines/{old}.parquet",
        *(f"bundles/{old}/{f}" for f in ("SHA256SUMS", "encoder.onnx", "model.json")),
    ]


def test_the_age_of_a_bundle_is_that_of_its_newest_file(store: Store, put: Put) -> None:
    """A bundle that is uploaded again, after one of its files was deleted, is in use."""
    put_bundle(put, again := "1" * 64, 500)
    put(f"bundles/{again}/SHA256SUMS", 1)
    put_bundle(put, "2" * 64, 400)
    gone = taken(store, bundles_min_count=1)
    assert {key.split("/")[1].removesuffix(".parquet") for key in gone} == {"2" * 64}
    put_bundle(put, "3" * 64, 300)
    assert taken(store, bundles_min_count=2) == [], "both are among the newest"
    put_bundle(put, "4" * 64, 0)
    gone = taken(store, bundles_min_count=1)
    assert {key.split("/")[1].removesuffix(".parquet") for key in gone} == {"3" * 64}, (
        "one young file is enough"
    )


def test_objects_without_a_day_do_not_end_the_search_for_old_ones(store: Store, put: Put) -> None:
    put("log/a-note.txt", 500)
    put(old := "log/day=2020-01-01/a.parquet")
    assert taken(store) == [old]


def test_a_bundle_loses_its_sums_first(store: Store, put: Put) -> None:
    put_bundle(put, "1" * 64, 200)
    put(f"bundles/{'1' * 64}/A", 200)
    put_bundle(put, "2" * 64, 100)
    said: list[str] = []
    clean(store, RetentionSettings(bundles_min_count=1), NOBODY, NOW, said.append)
    assert "SHA256SUMS" in said[0]


def test_corpus_files_that_no_version_names_go_only_where_it_is_asked_for(
    store: Store, put: Put, tmp_path: Path
) -> None:
    folder, inside, here, other = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)
    put(
        f"dvc/files/md5/aa/{'a' * 30}.dir",
        300,
        json.dumps([{"md5": inside, "relpath": "train.parquet"}]).encode(),
    )
    for md5 in (inside, here, other):
        put(f"dvc/files/md5/{md5[:2]}/{md5[2:]}", 300)
    put(f"dvc/files/md5/ee/{'e' * 30}", 1)
    (tmp_path / "dvc.lock").write_text(f"outs:\n- md5: {here}\n")
    named = Named(frozenset(), frozenset({folder}) | pointers_here(tmp_path))
    assert taken(store, named) == []
    assert taken(store, named, corpora_days=30) == [f"dvc/files/md5/dd/{'d' * 30}"]


def test_a_version_without_an_alias_names_its_corpus_and_not_its_bundle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def version(number: str, *aliases: str) -> ModelVersion:
        tags = {BUNDLE_DIGEST: number * 64, CORPUS_POINTER: f'{{"md5": "{number * 32}.dir"}}'}
        return ModelVersion(number, "run", NOW, tags=tags, aliases=aliases)

    class PaperRegistry:
        def __init__(self, _: TrackingSettings) -> None: ...

        def versions(self) -> list[ModelVersion]:
            return [version("3", "challenger"), version("2", "champion"), version("1")]

    monkeypatch.setattr(retention, "RegistryClient", PaperRegistry)
    named = registry_names(TrackingSettings())
    assert named.bundles == {"2" * 64, "3" * 64}
    assert named.corpora == {"1" * 32, "2" * 32, "3" * 32}


def test_the_registry_is_asked_over_http_which_bundles_and_corpora_are_in_use(
    mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    settings = mlflow_server.settings(tmp_path, model=f"kept-{time.time_ns()}")
    with pytest.raises(NotRegistered):
        registry_names(settings)  # there is no such model
    client = MlflowClient(settings.tracking_uri)
    client.create_registered_model(settings.model)
    run = client.create_run(client.create_experiment(settings.model)).info.run_id
    for digest, md5 in (("1", "a"), ("2", "b"), ("3", "c")):
        version = client.create_model_version(settings.model, f"runs:/{run}/bundle", run_id=run)
        client.set_model_version_tag(settings.model, version.version, "bundle_digest", digest * 64)
        pointer = json.dumps({"md5": f"{md5 * 32}.dir", "files": [{"path": "x", "md5": f"{digest * 32}"}]})
        client.set_model_version_tag(settings.model, version.version, "corpus_pointer", pointer)
    client.set_registered_model_alias(settings.model, "champion", "2")
    client.set_registered_model_alias(settings.model, "challenger", "3")
    named = registry_names(settings)
    assert named.bundles == {"2" * 64, "3" * 64}
    assert named.corpora == {letter * 32 for letter in "abc123"}


def test_a_registry_that_cannot_be_asked_keeps_bundles_and_says_so(
    store: Store,
    put: Put,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put_bundle(put, "1" * 64, 10_000)
    put("log/day=2020-01-01/a.parquet")
    monkeypatch.setenv("CHATBOT_STORE_URL", str(tmp_path / "store"))
    monkeypatch.setenv("CHATBOT_RETENTION_BUNDLES_MIN_COUNT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    put_bundle(put, "2" * 64, 1)
    for uri in ("sqlite:///mlflow.db", "http://127.0.0.1:1"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with pytest.raises((SettingError, RegistryUnavailable)):
            registry_names(TrackingSettings())
        assert retention.main([]) == 1
        said = capsys.readouterr().err
        assert uri in said
        assert "No bundle and no corpus is deleted" in said
    assert len([key for key in keys(store) if key.startswith("bundles/")]) == 6
    assert not [key for key in keys(store) if key.startswith("log/")], "what needs no registry is done"


@pytest.mark.process  # serves HTTP
def test_behind_an_mlflow_with_a_login_unused_bundles_are_deleted(
    store: Store, put: Put, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    used, unused, newest = (letter * 64 for letter in "123")
    for digest, age in ((used, 10_000), (unused, 10_000), (newest, 1)):
        put_bundle(put, digest, age)
    registry = Registry({1: used, 2: unused}, {"champion": "1"})
    monkeypatch.setenv("CHATBOT_STORE_URL", str(tmp_path / "store"))
    monkeypatch.setenv("CHATBOT_RETENTION_BUNDLES_MIN_COUNT", "1")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "upkeep")
    with serve(registry, "upkeep", "pass:word") as url:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong")
        assert retention.main([]) == 1
        assert len({key.split("/")[1] for key in keys(store) if key.startswith("bundles/")}) == 3
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pass:word")
        assert retention.main([]) == 0
    assert {key.split("/")[1] for key in keys(store) if key.startswith("bundles/")} == {used, newest}


def test_shards_together_delete_what_one_process_deletes_and_the_first_alone_bundles(
    store: Store, put: Put
) -> None:
    for number in range(12):
        put(f"log/day=2020-01-01/{number}.parquet")
    put(f"bundles/{'0' * 64}/SHA256SUMS", 500)
    put(newest := f"bundles/{'1' * 64}/SHA256SUMS", 1)
    settings = RetentionSettings(records_days=10, bundles_days=10, bundles_min_count=1)
    said: list[list[str]] = []
    for index in (2, 1, 0):
        said.append([])
        clean(store, settings, NOBODY, NOW, said[-1].append, shard=Shard(index, 3))
    assert all(said)
    assert [sum("bundles/" in line for line in lines) for lines in said] == [0, 0, 1]
    assert len({line for lines in said for line in lines}) == sum(map(len, said)) == 13
    assert keys(store) == [newest]


def test_counts_of_a_sharded_drift_check_go_after_a_day(store: Store, put: Put) -> None:
    put("reports/drift/shards/a/0of2.parquet", 1.1)
    put("reports/drift/shards/b/plan.json", 0.9)
    assert taken(store, reports_days=0) == ["reports/drift/shards/a/0of2.parquet"]
    put("reports/drift/shards/a/0of2.parquet", 900)
    assert taken(store, reports_days=1) == ["reports/drift/shards/a/0of2.parquet"]
