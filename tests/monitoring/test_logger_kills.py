"""Whatever is killed, and wherever: no record of an answer that was sent is lost, and none is doubled."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from chatbot.records.schema import Record, header, to_line
from chatbot.settings import LogSettings
from monitoring.inference_log import csv_file, spool
from monitoring.inference_log.log import InferenceLog
from monitoring.inference_log.reader import read_log
from tests.monitoring.log_tools import Worker, ids, ids_in_csv, make, read_ids, seal

pytestmark = pytest.mark.process


def test_kill_9_of_every_process_under_load_loses_no_answered_record_and_doubles_none(folder: Path) -> None:
    answered: list[str] = []
    draw = random.Random(1)
    for _ in range(2):
        workers = [Worker(folder, batch) for batch in (1, 7, 32)]
        for worker in workers:
            worker.wait_for_answers(200)
        time.sleep(draw.uniform(0, 0.4))
        for worker in workers:
            answered += worker.end(signal.SIGKILL)
        assert not set(answered) - set(read_ids(folder)), "readers find them before anybody drains"
    log = InferenceLog(LogSettings(folder=folder))
    assert log.drain()
    logged = Counter(ids_in_csv(folder))
    assert not set(answered) - set(logged)
    assert max(logged.values()) == 1
    assert Counter(read_ids(folder)) == logged
    # Written and killed before saying so: at most the batch that each process was at.
    assert len(logged) - len(answered) <= 2 * (1 + 7 + 32)


def test_kill_term_of_every_process_under_load_leaves_every_record_in_the_csv_file(folder: Path) -> None:
    workers = [Worker(folder, batch) for batch in (1, 8, 16)]
    for worker in workers:
        worker.wait_for_answers(200)
    answered = [made_id for worker in workers for made_id in worker.end(signal.SIGTERM)]
    assert [worker.process.exitcode for worker in workers] == [0, 0, 0]
    assert sorted(ids_in_csv(folder)) == sorted(answered)


def test_what_a_process_is_writing_is_left_to_it_until_it_is_dead(folder: Path, log: InferenceLog) -> None:
    worker = Worker(folder, 1, drain=False)
    worker.wait_for_answers(10)
    log.drain()
    assert ids_in_csv(folder) == []
    assert set(worker.answered()) <= set(read_ids(folder)), "readers find it nevertheless"
    answered = worker.end(signal.SIGKILL)
    log.drain()
    assert set(answered) <= set(ids_in_csv(folder))


class Killed:
    """Kills this process at its nth step, or half way through it; steps are what changes files."""

    STEPS = ("open", "rename", "write", "unlink", "truncate")

    def __init__(self, step: int, when: str) -> None:
        self.left = step
        self.when = when
        for name in self.STEPS:
            setattr(os, name, self._wrap(name, getattr(os, name)))

    def _wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if self.left:
                self.left -= 1
                return call(*args, **kwargs)
            if self.when == "half way" and name == "write":
                call(args[0], args[1][: len(args[1]) // 2])
            elif self.when == "after":
                call(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)

        return wrapped


def killed_drain(folder: Path, records: Sequence[Record], step: int, when: str, **settings: Any) -> bool:
    """A process logs records, drains, and is killed at a step; whether there was such a step."""
    child = os.fork()
    if child == 0:
        try:
            log = InferenceLog(LogSettings(folder=folder, **settings))
            for batch in (records[: len(records) // 2], records[len(records) // 2 :]):
                log.append(batch)
                seal(folder, log)
            Killed(step, when)
            log.drain()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("when", ["before", "half way", "after"])
def test_a_drain_killed_at_any_step_neither_loses_nor_doubles_a_record(folder: Path, when: str) -> None:
    step = 0
    while True:
        place = folder / str(step)
        others = InferenceLog(LogSettings(folder=place))
        first, later, killed = make(3), make(3), make(20)
        # A segment that is begun before and sealed after: it must not be put behind a half-written one.
        others.append(first)
        was_killed = killed_drain(place, killed, step, when)
        assert Counter(read_ids(place)) == Counter(ids([*first, *killed])), f"read after step {step}"
        others.append(later)
        assert others.drain()
        assert Counter(ids_in_csv(place)) == Counter(ids([*first, *killed, *later])), f"drained after {step}"
        if not was_killed:
            assert step > 8
            return
        step += 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_drain_killed_while_it_puts_files_aside_keeps_every_kept_record(folder: Path, when: str) -> None:
    records = make(22, chars=100_000)
    step = 0
    while True:
        place = folder / str(step)
        was_killed = killed_drain(place, records, step, when, rotate_mb=1)
        log = InferenceLog(LogSettings(folder=place, rotate_mb=1))
        assert log.drain()
        assert ids_in_csv(place) == read_ids(place) == ids(records)
        if not was_killed:
            assert len(csv_file.put_aside(place / "inference_log.csv")) == 2
            return
        step += 1


def half_drained(folder: Path, records: Sequence[Record]) -> Path:
    """A log that was killed half way through a write into the CSV file."""
    for step in count():
        place = folder / f"half-{step}"
        assert killed_drain(place, records, step, "half way")
        for segment in spool.segments(place, "inference_log"):
            marked = spool.read_mark(segment)
            if marked and (place / "inference_log.csv").stat().st_size > marked[1]:
                return place


def test_a_recovery_that_is_killed_can_be_recovered_from(folder: Path) -> None:
    records = make(20)
    half = half_drained(folder, records)
    for step in count():
        place = shutil.copytree(half, folder / str(step))
        _mark_copy(place)
        was_killed = [killed_drain(place, [], step, when) for when in ("half way", "after", "before")]
        assert InferenceLog(LogSettings(folder=place)).drain()
        assert ids_in_csv(place) == ids(records)
        if not any(was_killed):
            return


def _mark_copy(folder: Path) -> None:
    """Let the mark on the half drained segment name the copy of the CSV file."""
    [segment] = [s for s in spool.segments(folder, "inference_log") if spool.read_mark(s)]
    _, length = spool.read_mark(segment) or (0, 0)
    spool.mark(segment, (folder / "inference_log.csv").stat().st_ino, length)


def test_a_csv_file_that_was_moved_away_after_a_kill_is_not_cut(folder: Path) -> None:
    records = make(20)
    place = half_drained(folder, records)
    others = make(50)
    (place / "inference_log.csv").rename(place / "kept by somebody.csv")
    (place / "inference_log.csv").write_text(header(Record) + "".join(map(to_line, others)))
    assert InferenceLog(LogSettings(folder=place)).drain()
    assert ids_in_csv(place) == ids(others + records)


def test_a_torn_last_line_is_left_out_and_counted(folder: Path, log: InferenceLog) -> None:
    whole, torn, later = make(3), make(1), make(2)
    (folder / spool.FOLDER).mkdir(parents=True)
    cut = to_line(torn[0]).encode()[:-20]
    segment = folder / spool.FOLDER / "inference_log-0000000000001-gone-1-000001.csv"
    segment.write_bytes((header(Record) + "".join(map(to_line, whole))).encode() + cut)
    log.append(later)
    skipped: list[tuple[Path, int]] = []
    assert ids([*read_log(folder, lambda file, line, _: skipped.append((file, line)))]) == ids(whole + later)
    assert skipped == [(segment, 5)]
    assert log.drain()
    assert ids_in_csv(folder) == ids(whole + later)
    assert log.counts.torn == 1


def test_a_forked_child_writes_its_own_segment_and_not_its_parents(folder: Path, log: InferenceLog) -> None:
    parent, child = make(2), make(3)
    log.append(parent[:1])
    with _forked(lambda: log.append(child)):
        assert len(spool.segments(folder, "inference_log")) == 2
        log.append(parent[1:])
        # The child lives and has inherited the parent's files: they must be drained all the same.
        log.drain()
        assert ids_in_csv(folder) == ids(parent)
        assert Counter(read_ids(folder)) == Counter(ids(parent + child))
    log.drain()
    assert Counter(ids_in_csv(folder)) == Counter(ids(parent + child))
    assert log.counts.written == 2


def test_a_child_forked_in_the_middle_of_a_drain_does_not_keep_the_log_from_being_drained(
    folder: Path, log: InferenceLog
) -> None:
    records = make(1)
    log.append(records)
    with spool.folder_lock(folder) as alone:
        assert alone
        forked = _forked(lambda: None)
        forked.__enter__()
    assert log.drain()
    assert ids_in_csv(folder) == ids(records)
    forked.__exit__(None, None, None)


@contextmanager
def _forked(work: Callable[[], None]) -> Iterator[None]:
    """A child that has done its work and lives until the block ends, then is killed."""
    done, tell = os.pipe()
    child = os.fork()
    if child == 0:
        work()
        os.write(tell, b"x")
        time.sleep(60)
        os._exit(0)
    os.read(done, 1)
    yield
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(done)
    os.close(tell)
