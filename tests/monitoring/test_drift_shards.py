"""A drift check in several processes gives the verdict of one, whichever of them are killed and run again."""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from chatbot.errors import StoreError
from chatbot.loop.drift_verdict import DriftVerdict
from chatbot.model import bundle, bundle_store
from chatbot.records.erasure import mark_forgotten
from chatbot.records.log_store import scan, write_part
from chatbot.records.schema import Feedback, Record
from chatbot.records.shard import Shard
from chatbot.settings import DriftSettings, ServiceSettings, StorageSettings
from chatbot.store import Store, open_store
from monitoring.drift import run as drift_run
from monitoring.drift.run import DriftResult, check
from monitoring.drift.shards import ShardsDiffer, check_shard
from monitoring.drift.source import StoreSource
from monitoring.upkeep.compaction import compact
from tests.monitoring.drift_traffic import NOW, shifted, traffic
from tests.support.records import read_records
from tests.support.store import overtaken

SERVICE = ServiceSettings(bundle=None, model="")
SETTINGS = DriftSettings()
PARTS = 12


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No bundle beside: the version that serves is that of the newest record."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def window(bundle_folder: Path) -> list[Record]:
    """Live records with scores and embeddings of real messages; on the last day a quarter is of one intent."""
    table = pq.read_table(bundle_folder / bundle.REFERENCE).to_pylist()
    generator = random.Random(1)
    few = [row for row in table if row["intent"] == table[0]["intent"]]
    before = traffic(2_600, 1, NOW - timedelta(days=4), NOW - timedelta(days=2))
    last = traffic(1_500, 2, NOW - timedelta(hours=20), NOW - timedelta(minutes=1))
    return [as_live(record, generator.choice(table)) for record in before] + [
        as_live(record, generator.choice(few if generator.random() < 0.25 else table)) for record in last
    ]


def as_live(record: Record, row: dict[str, Any]) -> Record:
    names = ("intent", "confidence", "scope", "chars", "words", "non_letter_share", "upper_share")
    return replace(record, **{name: row[name] for name in names}, summary=tuple(row["summary"]))


@pytest.fixture(scope="module")
def fresh(
    window: list[Record], bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, DriftResult]:
    """A store without a baseline, and the verdict of one process there."""
    folder = tmp_path_factory.mktemp("fresh") / "store"
    fill(folder, window, bundle_folder)
    copy = shutil.copytree(folder, folder.with_name("copy"))
    return folder, single(open_store(StorageSettings(url=str(copy))), folder)


@pytest.fixture(scope="module")
def frozen(fresh: tuple[Path, DriftResult]) -> tuple[Path, DriftResult]:
    """The same store with the baseline that one process froze, and the verdict of one process there."""
    folder = fresh[0].with_name("copy")
    return folder, single(open_store(StorageSettings(url=str(folder))), folder)


@pytest.fixture
def store(frozen: tuple[Path, DriftResult], tmp_path: Path) -> Store:
    return open_store(StorageSettings(url=str(shutil.copytree(frozen[0], tmp_path / "store"))))


@pytest.fixture
def expected(frozen: tuple[Path, DriftResult]) -> DriftVerdict:
    return frozen[1].verdict


def fill(folder: Path, records: list[Record], bundle_folder: Path) -> None:
    """A log of many parts: uploaded twice, half of it compacted, with feedback, other versions and a wrong clock."""
    store = open_store(StorageSettings(url=str(folder)))
    digest = bundle_store.push(store, bundle_folder)
    other = traffic(200, 5, NOW - timedelta(hours=20), NOW - timedelta(hours=2), 1.0, "v6")
    ahead = shifted(traffic(30, 3, NOW - timedelta(minutes=5), NOW), timedelta(hours=3))
    whole = [*(replace(record, bundle_digest=digest) for record in records), *other, *ahead]
    put(store, whole, 0)
    compact(store, NOW - timedelta(days=1))
    put(store, whole, 1)  # again, as an upload whose answer was lost
    for place in range(6):
        said = [
            Feedback(record.timestamp + timedelta(minutes=1), record.prediction_id, number % 3 != 0)
            for number, record in enumerate(records[place::6])
            if number % 2
        ]
        for day in sorted({one.timestamp.date() for one in said}):
            write_part(store, Feedback, day, f"f{place}", [f for f in said if f.timestamp.date() == day])


def put(store: Store, records: list[Record], start: int) -> None:
    for part in range(start, PARTS, start + 1):
        rows = records[part::PARTS]
        for day in sorted({record.timestamp.date() for record in rows}):
            write_part(store, Record, day, f"r{part}-{day}", [r for r in rows if r.timestamp.date() == day])


def single(store: Store, folder: Path) -> DriftResult:
    with contextlib.chdir(folder):
        return check(StoreSource(store), store, SETTINGS, SERVICE, folder, NOW)


def shard(store: Store, folder: Path, text: str, run: str = "run") -> DriftResult | None:
    return check_shard(store, SETTINGS, SERVICE, folder, NOW, Shard.parse(text), run)


def sharded(store: Store, folder: Path, count: int, run: str) -> DriftResult:
    *silent, last = [shard(store, folder, f"{index}/{count}", run) for index in range(count)]
    assert silent == [None] * (count - 1)
    assert last is not None
    return last


def assert_same(one: DriftVerdict, other: DriftVerdict) -> None:
    """Equal to rounding: checks, window, contributors, sentence."""
    assert one.checks
    assert [check.name for check in one.checks] == [check.name for check in other.checks]
    assert numbers(one.model_dump()) == pytest.approx(numbers(other.model_dump()), rel=1e-9, nan_ok=True)
    assert texts(one.model_dump()) == texts(other.model_dump())


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list | tuple):
        for each in sorted(value.items()) if isinstance(value, dict) else value:
            yield from leaves(each)
    else:
        yield value


def numbers(value: Any) -> list[float]:
    return [each for each in leaves(value) if isinstance(each, float | int)]


def texts(value: Any) -> list[Any]:
    return [each for each in leaves(value) if not isinstance(each, float | int)]


@pytest.mark.parametrize("count", [2, 5])
def test_the_merged_verdict_equals_that_of_one_process(
    count: int, fresh: tuple[Path, DriftResult], frozen: tuple[Path, DriftResult], tmp_path: Path
) -> None:
    many = open_store(StorageSettings(url=str(shutil.copytree(fresh[0], tmp_path / "store"))))
    assert_same(sharded(many, tmp_path, count, "first").verdict, fresh[1].verdict)
    (baseline,) = many.list("baselines/")
    assert many.get(baseline.key) == (frozen[0] / baseline.key).read_bytes()
    merged, alone = sharded(many, tmp_path, count, "second"), frozen[1]
    assert alone.verdict.verdict == "red"
    assert alone.verdict.window.records == 1_500
    assert alone.verdict.window.others == {"v6": 200}
    assert alone.verdict.window.ahead == 30
    assert {found.name for found in alone.verdict.checks} >= {"messages", "new_kind", "feedback", "topic"}
    assert_same(merged.verdict, alone.verdict)
    assert merged.notes[1:] == alone.notes[1:]
    assert merged.sample is not None
    assert alone.sample is not None
    np.testing.assert_array_equal(merged.sample.summary, alone.sample.summary)


def test_shards_that_are_killed_and_run_again_change_nothing(
    store: Store,
    expected: DriftVerdict,
    window: list[Record],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert shard(store, tmp_path, "0/3") is None
    with monkeypatch.context() as patch:
        # Killed when it has counted, and nothing of it is in the store.
        patch.setattr("monitoring.drift.shards._parquet", killed)
        with pytest.raises(StoreError):
            shard(store, tmp_path, "1/3")
    assert shard(store, tmp_path, "2/3") is None
    with monkeypatch.context() as patch:
        # Killed after its summary, before the verdict.
        patch.setattr("monitoring.drift.shards.judge", killed)
        with pytest.raises(StoreError):
            shard(store, tmp_path, "1/3")
    # Counted once: what is uploaded meanwhile is of the next check, and no shard reads again.
    put(store, shifted(window, timedelta(minutes=-1)), 0)
    monkeypatch.setattr(drift_run, "read", killed)
    for index in (1, 0, 2):
        found = shard(store, tmp_path, f"{index}/3")
        assert found is not None
        assert_same(found.verdict, expected)


def killed(*_: object, **__: object) -> None:
    raise StoreError("killed")


def test_a_compaction_between_two_shards_neither_hides_nor_doubles_a_record(
    store: Store, expected: DriftVerdict, tmp_path: Path
) -> None:
    assert shard(store, tmp_path, "0/3") is None
    for index in range(2):
        compact(store, NOW + timedelta(days=2), part_rows=300, shard=Shard(index, 2))
    assert shard(store, tmp_path, "1/3") is None
    compact(store, NOW + timedelta(days=2))
    found = shard(store, tmp_path, "2/3")
    assert found is not None
    assert_same(found.verdict, expected)


def test_messages_erased_between_counting_and_verdict_are_not_shown(
    store: Store, expected: DriftVerdict, tmp_path: Path
) -> None:
    shown = {example.prediction_id for example in expected.contributors.messages}
    assert shown
    assert shard(store, tmp_path, "0/2") is None
    for one in shown:
        mark_forgotten(store, one, NOW)
    found = shard(store, tmp_path, "1/2")
    assert found is not None
    assert found.verdict.verdict == "red"
    assert not shown & {example.prediction_id for example in found.verdict.contributors.messages}


def test_messages_erased_while_one_process_reads_the_records_are_not_shown(
    store: Store, expected: DriftVerdict, tmp_path: Path
) -> None:
    shown = {example.prediction_id for example in expected.contributors.messages}

    def erase(key: str) -> None:
        """Come while the records of the window are read: after the feedback."""
        read.add(key.split("/")[0])
        if key.startswith("log/") and "feedback" in read and not erased:
            erased.update(shown)
            for one in shown:
                mark_forgotten(store, one, NOW)

    read: set[str] = set()
    erased: set[str] = set()
    found = single(overtaken(store, get=erase), tmp_path).verdict
    assert erased
    assert found.verdict == "red"
    assert found.contributors.messages
    assert not {example.prediction_id for example in found.contributors.messages} & erased


def test_shards_whose_baseline_is_replaced_between_them_do_not_merge(store: Store, tmp_path: Path) -> None:
    (baseline,) = store.list("baselines/")
    assert shard(store, tmp_path, "0/2") is None
    store.delete(baseline.key)
    with pytest.raises(ShardsDiffer, match="Run it again"):
        shard(store, tmp_path, "1/2")


def test_a_check_whose_report_was_not_written_runs_again_after_it_has_frozen_the_baseline(
    fresh: tuple[Path, DriftResult], tmp_path: Path
) -> None:
    many = open_store(StorageSettings(url=str(shutil.copytree(fresh[0], tmp_path / "store"))))
    assert shard(many, tmp_path, "0/2") is None
    assert shard(many, tmp_path, "1/2") is not None
    assert list(many.list("baselines/"))
    for index in range(2):
        again = shard(many, tmp_path, f"{index}/2")
        assert again is not None
        assert_same(again.verdict, fresh[1].verdict)
        assert again.notes[1:] == fresh[1].notes[1:]


@pytest.fixture(scope="module", params=[None, 2, 3])
def compacted(
    request: pytest.FixtureRequest, window: list[Record], tmp_path_factory: pytest.TempPathFactory
) -> Store:
    """A log that so many shards compacted, of which a part was uploaded again afterwards; tests only read it."""
    store = open_store(StorageSettings(url=str(tmp_path_factory.mktemp("compacted") / "store")))
    put(store, window, 0)
    for index in range(request.param or 0):
        compact(store, NOW + timedelta(days=2), part_rows=300, shard=Shard(index, request.param))
    put(store, window, 2)
    return store


@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_shards_share_the_log_without_gap_or_overlap(
    count: int, compacted: Store, window: list[Record]
) -> None:
    begin, end = NOW - timedelta(days=30), NOW + timedelta(days=1)
    read = [
        one
        for index in range(count)
        for table in scan(compacted, Record, begin, end, ["prediction_id"], shard=Shard(index, count))
        for one in table["prediction_id"].to_pylist()
    ]
    assert sorted(read) == sorted(record.prediction_id for record in window)


def test_two_compactions_of_one_shard_each_leave_what_one_compaction_leaves(
    window: list[Record], tmp_path: Path
) -> None:
    store = open_store(StorageSettings(url=str(tmp_path / "store")))
    put(store, window, 0)
    later = NOW + timedelta(days=2)
    made = [compact(store, later, shard=Shard(index, 2)).made for index in (0, 1)]
    assert all(made)
    assert [entry.key for entry in store.list("log/")] == sorted([*made[0], *made[1]])
    again = [compact(store, later, shard=Shard(index, 2)) for index in (0, 1)]
    assert not any(done.made or done.deleted for done in again)
    records = [r.prediction_id for r in read_records(store, NOW - timedelta(days=30), later)]
    assert sorted(records) == sorted(record.prediction_id for record in window)
    # Another number of shards reads them and leaves them; one process merges them.
    assert not any(compact(store, later, shard=Shard(index, 3)).deleted for index in range(3))
