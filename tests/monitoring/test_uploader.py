"""What the log holds comes to the store too, each row once for its readers, whatever is down, full or killed."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chatbot.ids import new_id
from chatbot.records.erasure import mark_forgotten
from chatbot.records.log_store import read_feedback, scan
from chatbot.records.schema import Feedback, Record
from chatbot.settings import LogSettings, StorageSettings, UploadSettings
from chatbot.store import Store, open_store
from monitoring.inference_log.log import InferenceLog
from monitoring.inference_log.upload import main as ship_command
from monitoring.inference_log.upload import ship
from monitoring.inference_log.upload_queue import UploadQueue
from monitoring.inference_log.uploader import Uploader
from tests.monitoring.log_tools import FORK, KEY, REPLY, Waiting, ids_in_csv, make, seal
from tests.support.records import FAR, LONG_AGO, ids, read_records, stored
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.support.minio import Minio

NOW = UploadSettings(part_rows=1, close_seconds=60)
LATER = UploadSettings(close_seconds=60)
"""However busy the machine is, what closing sends is sent."""


class Counts:
    """What metrics would show."""

    def __init__(self) -> None:
        self.rows: Counter[tuple[str, str]] = Counter()
        self.waiting = 0
        self.sent_at = 0.0

    def count(self, kind: str, outcome: str, rows: int) -> None:
        self.rows[kind, outcome] += rows

    def show(self, waiting: int, sent_at: float) -> None:
        self.waiting, self.sent_at = waiting, sent_at


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def store_settings(tmp_path: Path) -> StorageSettings:
    return StorageSettings(url=str(tmp_path / "store"))


@pytest.fixture
def store(store_settings: StorageSettings) -> Store:
    return open_store(store_settings)


def parts(store: Store) -> list[str]:
    return [entry.key for entry in store.list("log/")]


def filled(folder: Path, *batches: list[Record]) -> UploadQueue:
    """An upload queue with a segment for each of these."""
    queue = UploadQueue(folder)
    log = InferenceLog(LogSettings(folder=folder), uploader=Waiting(folder))
    for records in batches:
        log.append(records)
        assert log.drain()
    return queue


def test_what_is_logged_is_in_the_csv_file_and_in_the_store(
    folder: Path, minio: Minio, bucket: str, counts: Counts
) -> None:
    settings = LogSettings(folder=folder)
    uploader = Uploader(settings, NOW, minio.settings(bucket), counts.count, counts.show)
    log = InferenceLog(settings, uploader=uploader)
    records = make(50)
    log.append(records)
    log.append_feedback(Feedback.of(records[0].prediction_id, True))
    log.start()
    store = open_store(minio.settings(bucket))
    eventually(lambda: counts.rows["inference_log", "sent"] == 50 and counts.rows["feedback", "sent"] == 1)
    assert stored(store) == Counter(ids(records))
    assert list(read_feedback(store, LONG_AGO, FAR)) == [records[0].prediction_id]
    assert list(read_records(store)) == records
    later = make(20)
    log.append(later)
    log.close()
    assert stored(store) == Counter(ids(records + later)), "closing sends what is not due yet"
    assert ids_in_csv(folder) == ids(records + later)
    assert UploadQueue(folder).waiting() == []
    assert abs(counts.sent_at - time.time()) < 60
    assert not [name for name, outcome in counts.rows if outcome != "sent"]


@pytest.mark.process
def test_closing_sends_what_could_wait_longer(
    folder: Path, store: Store, store_settings: StorageSettings
) -> None:
    settings = LogSettings(folder=folder)
    log = InferenceLog(settings, uploader=Uploader(settings, LATER, store_settings))
    log.append(records := make(10))
    assert log.drain()
    assert parts(store) == []
    log.close()
    assert stored(store) == Counter(ids(records))


def test_parts_are_made_by_rows_or_by_age_and_not_before(folder: Path, store: Store) -> None:
    queue = filled(folder, make(30), make(30), make(30))
    settings = UploadSettings(part_rows=60, part_seconds=3600)
    assert ship(queue, store, settings).sent == {"inference_log": 90}
    assert len(parts(store)) == 2
    filled(folder, make(30))
    assert ship(queue, store, settings).sent == {}
    time.sleep(0.05)
    assert ship(queue, store, UploadSettings(part_rows=60, part_seconds=0.01)).sent == {"inference_log": 30}
    assert queue.waiting() == []


def test_of_the_feedback_on_a_prediction_that_is_sent_together_the_last_is_sent(
    folder: Path, store: Store
) -> None:
    queue = UploadQueue(folder)
    log = InferenceLog(LogSettings(folder=folder), uploader=Waiting(folder))
    first, second = (record.prediction_id for record in make(2))
    now = datetime.now(UTC)
    for number in range(5):
        for prediction in (first, second):
            when = now + timedelta(milliseconds=number)
            log.append_feedback(Feedback.of(prediction, number == 4, comment=f"{number}", now=when))
    assert log.drain()
    report = ship(queue, store, NOW, everything=True)
    assert report.sent == {"feedback": 2}
    rows = [row for table in scan(store, Feedback, LONG_AGO, FAR) for row in table.to_pylist()]
    assert sorted((row["prediction_id"], row["comment"]) for row in rows) == [(first, "4"), (second, "4")]


def test_a_part_says_its_day_and_rows_of_two_days_go_into_two(folder: Path, store: Store) -> None:
    days = [datetime(2026, 5, day, 12, tzinfo=UTC) for day in (1, 2, 3)]
    records = [Record.of(REPLY, "where is it", new_id(KEY, day.timestamp())) for day in days]
    ship(filled(folder, records), store, NOW)
    assert [key.partition("day=")[2][:10] for key in parts(store)] == [
        "2026-05-01",
        "2026-05-02",
        "2026-05-03",
    ]
    assert list(read_records(store, days[1], days[2])) == records[1:2]


def test_a_store_that_is_down_at_the_start_gets_everything_later(
    folder: Path, own_minio: Minio, counts: Counts
) -> None:
    url = own_minio.new_bucket()
    settings, where = LogSettings(folder=folder), own_minio.settings(url, connect_seconds=0.5, attempts=1)
    own_minio.kill()
    uploader = Uploader(
        settings, UploadSettings(part_rows=1, retry_seconds=0.5), where, counts.count, counts.show
    )
    log = InferenceLog(settings, uploader=uploader)
    log.start()
    records = make(10)
    log.append(records)
    eventually(lambda: counts.rows["inference_log", "spooled"] == 10)
    assert ids_in_csv(folder) == ids(records), "the CSV file does not wait for the store"
    eventually(lambda: counts.waiting == 10)
    own_minio.start()
    eventually(lambda: counts.rows["inference_log", "sent"] == 10)
    log.close()
    assert stored(open_store(where)) == Counter(ids(records))
    assert counts.rows == {("inference_log", "spooled"): 10, ("inference_log", "sent"): 10}


def test_a_store_that_dies_and_freezes_in_the_middle_loses_and_doubles_nothing(
    folder: Path, own_minio: Minio
) -> None:
    url = own_minio.new_bucket()
    # On a busy machine a store that is well may take longer than the impatient one waits.
    store = open_store(own_minio.settings(url))
    impatient = open_store(own_minio.settings(url, connect_seconds=0.5, read_seconds=0.5, attempts=1))
    records = []
    for end in (own_minio.kill, own_minio.stop, own_minio.freeze):
        queue = filled(folder, some := make(40))
        records += some
        assert ship(queue, store, NOW).error == ""
        end()
        queue = filled(folder, some := make(40))
        records += some
        report = ship(queue, impatient, NOW)
        assert own_minio.url in report.error
        assert report.spooled == {"inference_log": 40}
        assert ship(queue, impatient, NOW).spooled == {}, "counted once"
        filled(folder, some := make(5))
        records += some
        assert ship(queue, impatient, NOW).spooled == {"inference_log": 5}, "and those that came since"
        if end == own_minio.freeze:
            own_minio.thaw()
        else:
            own_minio.start()
    assert ship(queue, store, NOW).error == ""
    assert stored(store) == Counter(ids(records))


def test_a_store_that_is_down_too_long_costs_the_oldest_and_they_are_counted(
    folder: Path, own_minio: Minio, counts: Counts
) -> None:
    where = own_minio.settings(own_minio.new_bucket(), connect_seconds=0.5, attempts=1)
    own_minio.kill()
    settings = LogSettings(folder=folder)
    uploader = Uploader(
        settings,
        UploadSettings(queue_mb=1, part_seconds=1e6, close_seconds=60),
        where,
        counts.count,
        counts.show,
    )
    log = InferenceLog(settings, uploader=uploader)
    records = make(120, chars=30_000)
    for start in range(0, 120, 10):
        log.append(records[start : start + 10])
        assert log.drain(), "the CSV file does not wait for the store"
    dropped = counts.rows["inference_log", "dropped"]
    assert 60 < dropped < 100
    assert sum(file.stat().st_size for file in (folder / "to-store").iterdir()) <= 1_000_000
    own_minio.start()
    log.close()
    assert stored(open_store(where)) == Counter(ids(records[dropped:]))
    assert ids_in_csv(folder) == ids(records)


def test_batches_that_wait_are_dropped_before_segments(folder: Path, tmp_path: Path) -> None:
    away = open_store(StorageSettings(url=str(tmp_path / "folder" / "file" / "store")))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("in the way")
    old, new = make(400), make(400)
    queue = filled(folder, old)
    assert ship(queue, away, NOW).spooled == {"inference_log": 400}
    filled(folder, new)
    assert queue.trim(sum(one.size for one in queue.waiting()) - 1) == {"inference_log": 400}
    store = open_store(StorageSettings(url=str(tmp_path / "store")))
    ship(queue, store, NOW)
    assert stored(store) == Counter(ids(new))


def ship_main(environment: dict[str, str], output: Path, *arguments: str) -> None:
    """`python -m monitoring.ship`, in a process of its own."""
    os.environ.update(environment)
    logging.getLogger().handlers.clear()  # pytest's: as without pytest, what is logged goes to stderr
    with output.open("w") as sys.stdout, output.with_suffix(".err").open("w") as sys.stderr:
        code = ship_command(list(arguments))
    sys.exit(code)


def run_ship(environment: dict[str, str], output: Path) -> tuple[int | None, str, str]:
    """Exit code and both outputs of sending all."""
    sender = FORK.Process(target=ship_main, args=(environment, output, "--all"), daemon=True)
    sender.start()
    sender.join(60)
    return sender.exitcode, output.read_text(), output.with_suffix(".err").read_text()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "AWS_SECRET_ACCESS_KEY"),
        ({"CHATBOT_STORE_URL": "s3://not-made"}, "make-bucket"),
        ({"CHATBOT_STORE_URL": "none"}, "CHATBOT_STORE_URL"),
    ],
)
def test_wrong_credentials_and_a_missing_bucket_are_named_and_nothing_is_lost(
    folder: Path, minio: Minio, bucket: str, wrong: dict[str, str], named: str, tmp_path: Path
) -> None:
    queue = filled(folder, records := make(5))
    environment = minio.environment(bucket) | {"CHATBOT_LOG_FOLDER": str(folder)}
    code, said, errors = run_ship(environment | wrong, tmp_path / "output")
    assert code == 1
    assert named in json.loads(said)["error"]
    assert minio.password not in said + errors
    assert sum(one.rows for one in queue.waiting()) == 5
    assert run_ship(environment, tmp_path / "output")[0] == 0
    assert stored(open_store(minio.settings(bucket))) == Counter(ids(records))


def test_a_full_disk_stops_neither_an_answer_nor_what_is_sent_later(small_disk: Path, store: Store) -> None:
    folder = small_disk / "log"
    queue = filled(folder, records := make(60))
    filler = small_disk / "other"
    status = os.statvfs(small_disk)
    filler.write_bytes(b"x" * (status.f_bavail * status.f_bsize))
    report = ship(queue, store, NOW)
    assert "No space left" in report.error
    assert ship(queue, store, NOW).sent == {}
    log = InferenceLog(LogSettings(folder=folder), uploader=Waiting(folder))
    more = make(200)
    for record in more:
        log.append([record])
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    assert log.drain()
    assert ship(queue, store, NOW).error == ""
    assert stored(store) == Counter(ids(records + more))


def test_a_store_whose_disk_is_full_is_named_and_sent_to_again(folder: Path, small_disk: Path) -> None:
    store = open_store(StorageSettings(url=str(small_disk / "store")))
    status = os.statvfs(small_disk)
    (small_disk / "other").write_bytes(b"x" * (status.f_bavail * status.f_bsize - 8_192))
    queue = filled(folder, records := make(1_000))
    assert "No space left" in ship(queue, store, NOW).error
    assert parts(store) == []
    (small_disk / "other").unlink()
    assert ship(queue, store, NOW).error == ""
    assert stored(store) == Counter(ids(records))
    assert [entry.key for entry in store.list()] == parts(store)


class Killed:
    """Kills this process before, half way through, or after its nth step; steps change files or the store."""

    def __init__(self, step: int, when: str) -> None:
        self.left, self.when = step, when
        for name in ("rename", "unlink", "rmdir", "mkdir", "fsync"):
            setattr(os, name, self._wrap(getattr(os, name)))

    def _wrap(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if self.left:
                self.left -= 1
                return call(*args, **kwargs)
            if self.when == "after":
                call(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)

        return wrapped


@pytest.mark.process
@pytest.mark.parametrize("when", ["before", "after"])
def test_sending_killed_at_any_step_neither_loses_nor_doubles_a_record(folder: Path, when: str) -> None:
    step = 0
    while True:
        place = folder / str(step)
        store = open_store(StorageSettings(url=str(place / "store")))
        records = make(9)
        records += [Record.of(REPLY, "x", new_id(KEY, time.time() - 86_400)) for _ in range(3)]
        child = os.fork()
        if child == 0:
            try:
                settings = LogSettings(folder=place / "log")
                log = InferenceLog(settings, uploader=Waiting(place / "log"))
                log.append(records[:6])
                seal(place / "log", log)
                log.append(records[6:])
                seal(place / "log", log)
                Killed(step, when)
                log.drain()
                ship(UploadQueue(place / "log"), store, UploadSettings(part_rows=6))
            finally:
                os._exit(0)
        was_killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        # More comes before the next attempt: what was begun must keep its name and its rows.
        later = make(2)
        log = InferenceLog(LogSettings(folder=place / "log"), uploader=Waiting(place / "log"))
        log.append(later)
        assert log.drain()
        ship(UploadQueue(place / "log"), store, NOW)
        assert stored(store) == Counter(ids(records + later)), f"after step {step}"
        assert Counter(ids_in_csv(place / "log")) == Counter(ids(records + later))
        assert UploadQueue(place / "log").waiting() == []
        left = {path.name for path in (place / "log" / "to-store").iterdir()}
        assert left <= {".lock", ".failed"}
        if not was_killed:
            assert step > 20
            return
        step += 1


def has_come(store: Store, sender: ForkProcess, count: int) -> bool:
    return len(parts(store)) > count or not sender.is_alive()


def test_kill_9_in_the_middle_of_real_uploads_neither_loses_nor_doubles(
    folder: Path, minio: Minio, bucket: str, tmp_path: Path
) -> None:
    store, records = open_store(minio.settings(bucket)), []
    environment = minio.environment(bucket)
    environment |= {"CHATBOT_LOG_FOLDER": str(folder), "CHATBOT_UPLOAD_PART_ROWS": "10"}
    for attempt in range(8):
        filled(folder, *(some := [make(10) for _ in range(10)]))
        records += [record for batch in some for record in batch]
        before = len(parts(store))
        sender = FORK.Process(target=ship_main, args=(environment, tmp_path / "output"), daemon=True)
        sender.start()
        eventually(partial(has_come, store, sender, before + attempt), every=0.005)
        sender.kill()
        sender.join()
    assert ship(UploadQueue(folder), store, NOW).error == ""
    assert stored(store) == Counter(ids(records))
    assert len(parts(store)) == 80, "what was sent twice has the same name"


def test_two_that_send_at_once_are_one(folder: Path, store: Store) -> None:
    queue = filled(folder, records := make(5))
    with queue.lock() as alone:
        assert alone
        assert ship(queue, store, NOW).busy
    assert ship(queue, store, NOW).sent == {"inference_log": 5}
    assert stored(store) == Counter(ids(records))


def test_malformed_lines_are_skipped_and_counted(folder: Path, store: Store) -> None:
    queue = filled(folder, records := make(5))
    [segment] = queue.waiting()
    segment.path.write_bytes(segment.path.read_bytes() + b"nonsense\n" + b"torn")
    report = ship(queue, store, NOW)
    assert (report.damaged, report.error) == (1, "")
    assert stored(store) == Counter(ids(records))


def test_replicas_whose_clocks_differ_are_all_read(tmp_path: Path, store: Store) -> None:
    records: list[Record] = []
    for replica, skew in (("a", 0.0), ("b", 3600.0), ("c", -90_000.0)):
        then = time.time() + skew
        some = [Record.of(REPLY, "where is it", new_id(KEY, then + n)) for n in range(5)]
        ship(filled(tmp_path / replica, some), store, NOW)
        records += some
    assert stored(store) == Counter(ids(records))
    mark_forgotten(store, records[0].prediction_id, datetime.now(UTC))
    assert stored(store) == Counter(ids(records[1:]))
    since = datetime.now(UTC) - timedelta(minutes=30)
    assert ids(list(read_records(store, since, since + timedelta(hours=1)))) == ids(records[1:5])


@pytest.mark.process
def test_a_store_that_failed_is_not_asked_again_at_once(
    folder: Path, counts: Counts, tmp_path: Path, in_place_of_python: Callable[[str], Starts]
) -> None:
    (tmp_path / "file").write_text("in the way")
    where = StorageSettings(url=str(tmp_path / "file" / "store"))
    settings = UploadSettings(part_rows=1, retry_seconds=3600, close_seconds=0.9)
    uploader = Uploader(LogSettings(folder=folder), settings, where, counts.count)
    filled(folder, make(3))
    starts = in_place_of_python(f'exec {sys.executable} "$@"')

    def has_failed() -> bool:
        uploader.tend()
        return bool(counts.rows)

    eventually(has_failed)
    uploader.tend()
    assert counts.rows == {("inference_log", "spooled"): 3}
    assert starts() == 1
    failed = folder / "to-store" / ".failed"
    os.utime(failed, (time.time() - 3601, time.time() - 3601))
    uploader.tend()
    eventually(lambda: starts() == 2)
    uploader.close()


Starts = Callable[[], int]


@pytest.fixture
def in_place_of_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Starts]:
    """Puts a line of shell in Python's place; what it returns says how often that was started."""

    def put(line: str) -> Starts:
        program, started = tmp_path / "python", tmp_path / "started"
        program.write_text(f"#!/bin/sh\necho >> {started}\n{line}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))
        return lambda: len(started.read_text().splitlines()) if started.exists() else 0

    return put


@pytest.mark.process
def test_shutdown_retries_the_upload_until_the_store_is_back(
    folder: Path, counts: Counts, tmp_path: Path
) -> None:
    """A pod is deleted while the store restarts: its last records must not be left on an emptyDir."""
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    where = StorageSettings(url=str(blocked / "store"))
    uploader = Uploader(LogSettings(folder=folder), UploadSettings(close_seconds=60), where, counts.count)
    records = make(5)
    filled(folder, records)
    recovery = threading.Timer(2.0, blocked.unlink)
    recovery.start()
    uploader.close()
    recovery.join()
    assert stored(open_store(where)) == Counter(ids(records))
    assert UploadQueue(folder).waiting() == []


@pytest.mark.process
def test_a_stop_does_not_wait_for_ever(
    folder: Path, in_place_of_python: Callable[[str], Starts], store_settings: StorageSettings
) -> None:
    in_place_of_python("exec sleep 600")
    uploader = Uploader(LogSettings(folder=folder), UploadSettings(close_seconds=0.5), store_settings)
    filled(folder, make(3))
    began = time.monotonic()
    uploader.close()
    assert time.monotonic() - began < 5
    assert len(UploadQueue(folder).waiting()) == 1
