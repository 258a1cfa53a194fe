"""Compaction leaves each row to be read once: killed anywhere, run twice at once, parts coming late or again."""

from __future__ import annotations

import os
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chatbot.ids import new_id
from chatbot.records.erasure import mark_forgotten
from chatbot.records.log_store import read_feedback, read_part, scan, write_part
from chatbot.records.part import InvalidPart, encode, to_table
from chatbot.records.schema import Feedback, Record
from chatbot.records.shard import COMPACTED, Shard
from chatbot.settings import StorageSettings
from chatbot.store import Store, open_store
from chatbot.store.folder import FolderStore
from monitoring.upkeep.compaction import compact
from monitoring.upkeep.erasure import forget
from tests.monitoring.log_tools import KEY, REPLY
from tests.support.records import FAR, LONG_AGO, ids, read_records, stored
from tests.support.store import overtaken

DAY = datetime(2026, 3, 1, tzinfo=UTC)
LATER = DAY + timedelta(days=2)


def make(count: int, session: str = "", when: datetime = DAY) -> list[Record]:
    return [
        Record.of(REPLY, "where", new_id(KEY, when.timestamp() + n), session_id=session) for n in range(count)
    ]


def put(store: Store, name: str, records: list[Record]) -> list[Record]:
    write_part(store, Record, records[0].timestamp.date(), name, records)
    return records


def keys(store: Store) -> list[str]:
    return [entry.key.rpartition("/")[2] for entry in store.list("log/")]


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.process)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return open_store(StorageSettings(url=str(tmp_path / "store")))
    minio: Any = request.getfixturevalue("minio")
    return open_store(minio.settings(request.getfixturevalue("bucket")))


@pytest.fixture
def folder_store(tmp_path: Path) -> Store:
    return FolderStore(tmp_path / "store")


def test_many_small_parts_become_few_and_nothing_else_changes(store: Store) -> None:
    records = [record for n in range(20) for record in put(store, f"r-{n:02d}", make(10))]
    feedback = [Feedback.of(record.prediction_id, True, now=DAY) for record in records]
    for n in range(4):
        write_part(store, Feedback, DAY.date(), f"f-{n}", feedback[n::4])
    before = list(read_records(store))
    done = compact(store, LATER, part_rows=100)
    assert (len(done.made), len(done.deleted)) == (4, 24)
    assert all(name.startswith(COMPACTED) for name in keys(store))
    assert sorted(ids(before)) == sorted(ids(list(read_records(store))))
    assert {r.prediction_id: r for r in before} == {r.prediction_id: r for r in read_records(store)}
    assert set(read_feedback(store, LONG_AGO, FAR)) == set(ids(records))
    again = compact(store, LATER, part_rows=100)
    assert (again.made, again.deleted) == ([], [])


def test_rows_erased_while_their_parts_are_merged_are_not_in_the_merged_part(folder_store: Store) -> None:
    store, records = (
        folder_store,
        [record for n in range(2) for record in put(folder_store, f"r{n}", make(3))],
    )
    erased = records[1].prediction_id

    def erase(key: str) -> None:
        """Rewrite the parts after compaction has read them."""
        if COMPACTED in key:
            forget(store, erased, DAY)

    [made] = compact(overtaken(store, put=erase), LATER).made
    kept = read_part(store, Record, made).table["prediction_id"].to_pylist()
    assert kept == [one for one in ids(records) if one != erased]


def test_a_day_that_is_not_over_is_not_compacted(folder_store: Store) -> None:
    put(folder_store, "a", make(2))
    put(folder_store, "b", make(2))
    for now in (DAY, DAY + timedelta(hours=23), DAY + timedelta(days=1, minutes=59)):
        assert compact(folder_store, now).made == []
    assert len(compact(folder_store, DAY + timedelta(days=1, minutes=61)).made) == 1


def test_parts_that_come_late_or_again_after_compaction_are_read_once_and_compacted(
    folder_store: Store,
) -> None:
    first = put(folder_store, "a", make(5)) + put(folder_store, "b", make(5))
    compact(folder_store, LATER)
    again, late = first[:5], make(3)
    put(folder_store, "a", again)
    put(folder_store, "late", late)
    assert stored(folder_store) == Counter(ids(first + late))
    done = compact(folder_store, LATER)
    assert stored(folder_store) == Counter(ids(first + late))
    assert len(keys(folder_store)) == 1
    assert len(done.made) == 1


@pytest.mark.parametrize(("rows", "parts"), [(4, 1), (5, 2)])
def test_a_compacted_part_is_merged_with_a_late_one_until_it_is_half_full(
    folder_store: Store, rows: int, parts: int
) -> None:
    put(folder_store, "a", first := make(rows))
    compact(folder_store, LATER, part_rows=10)
    put(folder_store, "late", late := make(1))
    compact(folder_store, LATER, part_rows=10)
    assert len(keys(folder_store)) == parts
    assert stored(folder_store) == Counter(ids(first + late))


def test_compactions_that_overlap_become_one_in_which_each_row_is_once(folder_store: Store) -> None:
    sources = {name: put(folder_store, name, make(4)) for name in "abcd"}
    for number, names in enumerate(("ab", "bc")):
        table = to_table(Record, [record for name in names for record in sources[name]])
        key = f"log/day={DAY.date()}/{COMPACTED}{number}.parquet"
        folder_store.put(key, encode(table, [(name, 4) for name in names]))
    compact(folder_store, LATER)
    assert len(keys(folder_store)) == 1
    [table] = scan(folder_store, Record, LONG_AGO, FAR, ["prediction_id"])
    found = table["prediction_id"].to_pylist()
    assert Counter(found) == Counter(ids([record for records in sources.values() for record in records]))


def test_a_damaged_part_that_several_shards_may_have_is_reported_by_one(folder_store: Store) -> None:
    for name in "abcdefgh":
        put(folder_store, name, make(1))
    folder_store.put(f"log/day={DAY.date()}/{COMPACTED}x.parquet", b"PAR1 and no more")
    done = [compact(folder_store, LATER, shard=Shard(index, 2)) for index in range(2)]
    assert [len(one.damaged) for one in done] == [1, 0]


def test_a_merged_part_that_reads_back_differently_costs_no_row(folder_store: Store) -> None:
    records = put(folder_store, "a", make(3)) + put(folder_store, "b", make(3))

    class Forgetful:
        """Keeps another part than it was given."""

        def __getattr__(self, name: str) -> Any:
            return getattr(folder_store, name)

        def put(self, key: str, content: bytes, **options: Any) -> str:
            return folder_store.put(key, encode(to_table(Record, records[:1]), [("a", 1)]), **options)

    with pytest.raises(InvalidPart, match="reads back differently: nothing was deleted"):
        compact(Forgetful(), LATER)
    assert {"a.parquet", "b.parquet"} <= set(keys(folder_store))


def test_a_damaged_part_is_kept_and_named_and_affects_no_other(folder_store: Store) -> None:
    put(folder_store, "a", some := make(5))
    put(folder_store, "c", more := make(5))
    folder_store.put(f"log/day={DAY.date()}/b.parquet", b"PAR1 and no more")
    done = compact(folder_store, LATER)
    assert list(done.damaged) == [f"log/day={DAY.date()}/b.parquet"]
    assert folder_store.head(f"log/day={DAY.date()}/b.parquet") is not None
    assert stored(folder_store) == Counter(ids(some + more))


def test_forgotten_rows_are_left_out_for_good(folder_store: Store) -> None:
    session = "0123456789abcdef"
    kept = put(folder_store, "a", make(5))
    put(folder_store, "b", gone := make(5, session))
    put(folder_store, "c", others := make(2))
    mark_forgotten(folder_store, session, DAY)
    mark_forgotten(folder_store, others[0].prediction_id, DAY)
    compact(folder_store, LATER)
    folder_store.delete(f"forgotten/{session}.json")
    folder_store.delete(f"forgotten/{others[0].prediction_id}.json")
    assert stored(folder_store) == Counter(ids(kept + others[1:]))
    put(folder_store, "b", gone)
    assert stored(folder_store) == Counter(ids(kept + others[1:])), "sent again, it does not come back"


def test_a_reader_at_any_moment_of_a_compaction_sees_each_row_once(folder_store: Store) -> None:
    records = [record for n in range(6) for record in put(folder_store, f"r-{n}", make(3))]
    looks: list[Counter[str]] = []
    begun = scan(folder_store, Record, LONG_AGO, FAR, ["prediction_id"])
    found = next(begun)["prediction_id"].to_pylist()

    def look(_key: str) -> None:
        looks.append(stored(folder_store))

    compact(overtaken(folder_store, put=look, delete=look), LATER)
    assert len(looks) > 6
    assert all(look == Counter(ids(records)) for look in looks)
    for table in begun:
        found += table["prediction_id"].to_pylist()
    assert Counter(found) == Counter(ids(records)), "one that began before it, too"


def test_two_compactions_at_once_lose_and_double_nothing(folder_store: Store) -> None:
    records = [record for n in range(6) for record in put(folder_store, f"r-{n}", make(3))]
    late = make(2)

    done: list[object] = []

    def do_all(_key: str) -> None:
        """Before anything is put, another one has done all, with a part more."""
        if not done:
            done.append(late)
            put(folder_store, "late", late)
            compact(folder_store, LATER)

    compact(overtaken(folder_store, put=do_all), LATER)
    assert stored(folder_store) == Counter(ids(records + late))
    put(folder_store, "more", more := make(1))
    compact(folder_store, LATER)
    assert stored(folder_store) == Counter(ids(records + late + more))
    assert len(keys(folder_store)) == 1, "what both made is one again"


@pytest.mark.process
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_compaction_killed_at_any_step_leaves_each_row_to_be_read_once(tmp_path: Path, when: str) -> None:
    step = 0
    while True:
        store = open_store(StorageSettings(url=str(tmp_path / str(step))))
        records = [record for n in range(4) for record in put(store, f"r-{n}", make(3))]
        child = os.fork()
        if child == 0:
            try:
                left = step

                def maybe_die(name: str, call: Any) -> Any:
                    def wrapped(*args: Any, **kwargs: Any) -> Any:
                        nonlocal left
                        left -= 1
                        if left < 0:
                            if when == "after":
                                call(*args, **kwargs)
                            os.kill(os.getpid(), signal.SIGKILL)
                        return call(*args, **kwargs)

                    return wrapped

                for name in ("rename", "unlink", "rmdir", "fsync"):
                    setattr(os, name, maybe_die(name, getattr(os, name)))
                compact(store, LATER)
            finally:
                os._exit(0)
        was_killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        assert stored(store) == Counter(ids(records)), f"after step {step}"
        compact(store, LATER)
        assert stored(store) == Counter(ids(records))
        assert len(keys(store)) == 1
        if not was_killed:
            assert step > 6
            return
        step += 1


def feedback_rows(store: Store) -> list[tuple[object, ...]]:
    """Prediction, time and comment of every row of feedback in the store, each row as it is stored."""
    tables = scan(store, Feedback, LONG_AGO, FAR)
    rows = [row for table in tables for row in table.to_pylist()]
    return sorted((row["prediction_id"], row["timestamp"], row["comment"]) for row in rows)


def test_of_the_feedback_on_a_prediction_the_store_keeps_the_last(folder_store: Store) -> None:
    one, two = (record.prediction_id for record in make(2))
    minutes = [DAY + timedelta(minutes=n) for n in range(6)]
    said = [Feedback.of(one, n % 2 == 0, comment=f"{n}", now=when) for n, when in enumerate(minutes)]
    other = Feedback.of(two, True, comment="other", now=DAY)
    # The parts of several replicas, not in order of time.
    for name, rows in (("a", [said[5], said[1]]), ("b", [said[0], other]), ("c", said[2:5])):
        write_part(folder_store, Feedback, DAY.date(), name, rows)
    assert len(feedback_rows(folder_store)) == 7
    compact(folder_store, LATER)
    assert feedback_rows(folder_store) == [(one, minutes[5], "5"), (two, DAY, "other")]
    assert read_feedback(folder_store, LONG_AGO, FAR) == {one: said[5], two: other}
    write_part(folder_store, Feedback, DAY.date(), "a", [said[5], said[1]])  # uploaded again
    compact(folder_store, LATER)
    assert feedback_rows(folder_store) == [(one, minutes[5], "5"), (two, DAY, "other")]
