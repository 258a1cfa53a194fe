"""The baseline covers the daily rhythm: a uniform sample of a version's first day, not its first minutes."""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from chatbot.loop.drift_verdict import DriftVerdict
from chatbot.records.log_store import write_part
from chatbot.records.schema import Record
from chatbot.records.shard import Shard
from chatbot.settings import DriftSettings, ServiceSettings, StorageSettings
from chatbot.store import Store, open_store
from monitoring.drift.run import check
from monitoring.drift.shards import check_shard
from monitoring.drift.source import StoreSource
from tests.monitoring.drift_traffic import NOW, traffic

SERVICE = ServiceSettings(bundle=None, model="")
SETTINGS = DriftSettings()
BEGIN = NOW - timedelta(days=10)
HOUR = timedelta(hours=1)
PARTS = 5


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No bundle beside: the version that serves is that of the newest record."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def rhythm() -> list[Record]:
    """Two days of 6,000 records, that begin with a half-day mostly of one intent; another half-day follows."""
    generator = random.Random(1)

    def is_kept(record: Record) -> bool:
        wave = math.sin(2 * math.pi * ((record.timestamp - BEGIN) / timedelta(days=1)))
        sign = {"track_order": 1, "invoice": -1}.get(record.intent, 0)
        return generator.random() < 0.5 + 0.45 * sign * wave

    return [record for record in traffic(24_000, 3, BEGIN, BEGIN + timedelta(days=2)) if is_kept(record)]


def fill(store: Store, records: list[Record], until: datetime) -> None:
    """Upload what the bot has logged until then, as several sources."""
    for part in range(PARTS):
        rows = [record for record in records[part::PARTS] if record.timestamp < until]
        for day in {row.timestamp.date() for row in rows}:
            write_part(store, Record, day, f"r{part}-{day}", [r for r in rows if r.timestamp.date() == day])


def opened(folder: Path) -> Store:
    return open_store(StorageSettings(url=str(folder)))


def look(store: Store, now: datetime, settings: DriftSettings = SETTINGS) -> DriftVerdict:
    return check(StoreSource(store), store, settings, SERVICE, Path("log"), now).verdict


def frozen(store: Store) -> list[str]:
    return [entry.key for entry in store.list("baselines/")]


def test_a_daily_rhythm_is_no_drift_on_the_second_day(rhythm: list[Record], tmp_path: Path) -> None:
    store, found = opened(tmp_path / "store"), {}
    for hours in (6, 18, 24, 30, 36, 42, 48):
        now = BEGIN + hours * HOUR
        fill(store, rhythm, now)
        found[hours] = look(store, now)
        assert bool(frozen(store)) == (hours > 24), hours
    assert {found[hours].verdict for hours in (6, 18, 24)} == {"silent"}
    for hours in (36, 42, 48):
        assert found[hours].verdict == "green", found[hours].sentence
        assert {made.against for made in found[hours].checks} == {"baseline"}
        assert found[hours].window.records > 5_500, "a whole day"


@pytest.mark.parametrize("count", [2, 3])
def test_shards_freeze_the_baseline_of_one_process(rhythm: list[Record], count: int, tmp_path: Path) -> None:
    now = BEGIN + timedelta(days=2)
    one, many = opened(tmp_path / "one"), opened(tmp_path / "many")
    for store in (one, many):
        fill(store, rhythm, now)
    look(one, now)
    for index in range(count):
        check_shard(many, SETTINGS, SERVICE, tmp_path, now, Shard(index, count), "run")
    [key] = frozen(one)
    assert many.get(key) == one.get(key)


def test_a_quiet_sites_baseline_is_its_first_records_once_they_are_enough(tmp_path: Path) -> None:
    """300 records a day."""
    store, records = opened(tmp_path / "store"), traffic(3_000, 5, BEGIN, NOW)
    records = sorted(records, key=lambda record: record.timestamp)
    full = records[SETTINGS.baseline_records - 1].timestamp
    fill(store, records, full)
    look(store, full)
    assert not frozen(store)
    fill(store, records, NOW)
    look(store, NOW)
    [key] = frozen(store)
    table = pq.read_table(tmp_path / "store" / key)
    assert table.num_rows == SETTINGS.baseline_records
    assert sorted(table["intent"].to_pylist()) == sorted(r.intent for r in records[: table.num_rows])


def test_many_records_within_an_hour_are_no_baseline_before_the_day_is_over(tmp_path: Path) -> None:
    store, records = opened(tmp_path / "store"), traffic(2_500, 5, BEGIN, BEGIN + HOUR)
    fill(store, records, NOW)
    look(store, BEGIN + 23 * HOUR)
    assert not frozen(store)
    check_shard(store, SETTINGS, SERVICE, tmp_path, BEGIN + 23 * HOUR, Shard(0, 1), "run")
    written = [entry.key for entry in store.list("reports/drift/shards/")]
    assert len(written) == 2, f"no records of a day that is not over: {written}"
    look(store, BEGIN + 25 * HOUR)
    assert frozen(store)


def test_a_shorter_baseline_by_setting_is_frozen_at_once_and_left_out_of_the_windows(tmp_path: Path) -> None:
    store = opened(tmp_path / "store")
    records = traffic(2_000, 5, BEGIN, BEGIN + HOUR) + traffic(700, 6, BEGIN + HOUR, BEGIN + 2 * HOUR)
    fill(store, records, BEGIN + HOUR)
    settings = DriftSettings(baseline_hours=0)
    look(store, BEGIN + HOUR, settings)
    assert frozen(store)
    fill(store, records, NOW)
    found = look(store, BEGIN + 2 * HOUR, settings)
    assert (found.verdict, found.window.records) == ("green", 700)
