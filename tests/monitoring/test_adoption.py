"""What a replica leaves on a shared volume is sent by another one, once, whoever is killed when."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from chatbot.records.schema import Record, header, to_line
from chatbot.settings import HandoffSettings, LogSettings, UploadSettings
from chatbot.store import Store, StoreError
from monitoring.handoffs.log import HandoffLog, StoreTarget
from monitoring.inference_log import adoption, spool
from monitoring.inference_log import log as logger
from monitoring.inference_log.adoption import AlreadyAdopted, Ownership, adopt
from monitoring.inference_log.log import InferenceLog
from monitoring.inference_log.spool import SegmentWriter
from monitoring.inference_log.upload import ship
from monitoring.inference_log.upload_queue import UploadQueue
from tests.monitoring import handoff_tools
from tests.monitoring.log_tools import Waiting, make
from tests.support.records import ids, stored
from tests.support.waiting import eventually


class Killed(BaseException):
    """Ends the process: nothing but the kernel releases its locks."""


class Refusing:
    """A store that is unavailable."""

    def __getattr__(self, name: str) -> Any:
        raise StoreError("the store does not answer")


REFUSING = cast(Store, Refusing())


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    return tmp_path / "volume"


class Replica:
    """A replica with one process, which the test kills, and which drains and uploads when the test says so."""

    def __init__(self, volume: Path, name: str) -> None:
        self.folder = volume / name
        self.owner = Ownership(self.folder)
        self.writer = SegmentWriter(self.folder, "inference_log", header(Record))

    def append(self, records: Sequence[Record]) -> None:
        self.writer.write([to_line(record).encode() for record in records])

    def drain(self) -> None:
        self.writer.seal()
        assert InferenceLog(LogSettings(folder=self.folder), uploader=Waiting(self.folder)).drain()

    def send(self, store: Store) -> str:
        return ship(UploadQueue(self.folder), store, UploadSettings(), everything=True).error

    def kill(self) -> None:
        """Nothing is flushed, sealed or sent; the kernel releases the locks."""
        self.writer.abandon()
        self.owner.release()


def replica(volume: Path, name: str) -> Replica:
    return Replica(volume, name)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def leave_everything(volume: Path) -> tuple[list[str], list[str]]:
    """A replica killed with an entry in each of its queues; the ids of its records and of its handoffs."""
    gone = replica(volume, "gone")
    records = make(8)
    gone.append(records[:2])
    gone.drain()
    assert gone.send(REFUSING)  # leaves a batch
    gone.append(records[2:4])
    gone.drain()  # a segment that waits for the store
    gone.append(records[4:6])
    gone.writer.seal()
    (sealed,) = spool.segments(gone.folder, "inference_log")
    spool.mark(sealed, 1, 0)  # a drain was killed half way
    gone.append(records[6:])  # being written
    handoffs = handoff_tools.make(4)
    log = HandoffLog(gone.folder, HandoffSettings(), {"store": StoreTarget(REFUSING)})
    log.append(handoffs[:2])
    log.sort()
    writing = SegmentWriter(gone.folder / "handoffs", "handoff", "", ".jsonl")
    writing.write([handoff.body() + b"\n" for handoff in handoffs[2:]])
    writing.abandon()
    gone.kill()
    return ids(records), [handoff.prediction_id for handoff in handoffs]


def deliver(folder: Path, store: Store) -> None:
    HandoffLog(folder, HandoffSettings(), {"store": StoreTarget(store)}).close()


STEPS = ("rename", "unlink", "rmdir", "open")


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int | None], list[int]]]:
    """`killed_at(n)`: the nth step that changes a file, and all after it, kill the process; None: no more."""
    real = {name: getattr(os, name) for name in STEPS}
    count = [0]

    def begin(step: int | None) -> list[int]:
        count[0] = 0

        def wrap(name: str) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                if step is not None and count[0] >= step:
                    raise Killed
                count[0] += 1
                return real[name](*args, **kwargs)

            return call

        for name in STEPS:
            monkeypatch.setattr(os, name, real[name] if step is None else wrap(name))
        return count

    yield begin
    begin(None)


def test_all_that_a_replica_left_is_sent_once_wherever_its_adopters_are_killed(
    tmp_path: Path, store: Store, killed_at: Callable[[int | None], list[int]]
) -> None:
    records, handoffs = leave_everything(tmp_path / "as left")
    killed = 0
    for step in range(1000):
        volume = tmp_path / "volume"
        shutil.rmtree(volume, ignore_errors=True)
        shutil.rmtree(tmp_path / "store", ignore_errors=True)
        shutil.copytree(tmp_path / "as left", volume)
        first, second = replica(volume, "first"), replica(volume, "second")
        killed_at(step)
        try:
            adopt(volume / "first")
        except Killed:
            killed += 1
        finally:
            done = killed == step
            killed_at(None)
        first.kill()
        # The second adopts what the first left, and what was left of the other.
        adopt(volume / "second")
        second.drain()
        assert second.send(store) == ""
        deliver(second.folder, store)
        assert stored(store) == Counter(records)
        found = [Path(entry.key).stem for entry in store.list("handoffs/")]
        assert sorted(found) == sorted(handoffs)
        assert names(volume) == ["second"]
        second.kill()
        if done:
            break
    assert killed > 15


def test_a_living_replica_keeps_its_queues(volume: Path) -> None:
    living, other = replica(volume, "living"), replica(volume, "other")
    living.append(make(3))
    assert adopt(volume / "other") == []
    living.kill()
    assert adopt(volume / "other") == ["living"]
    other.kill()


def test_a_replica_with_two_processes_lives_until_both_have_ended(volume: Path) -> None:
    one, two, other = replica(volume, "pod"), replica(volume, "pod"), replica(volume, "other")
    one.append(make(1))
    one.kill()
    assert adopt(volume / "other") == []
    two.kill()
    assert adopt(volume / "other") == ["pod"]
    other.kill()


def test_a_folder_that_is_being_adopted_is_adopted_by_no_other_and_waited_for(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replica(volume, "gone")
    gone.append(make(2))
    gone.kill()
    one, two = replica(volume, "one"), replica(volume, "two")
    move, seen = adoption.move_entries, []

    def meanwhile(source: Path, target: Path) -> int:
        if not seen:
            seen.append(adopt(volume / "two"))
            with pytest.raises(AlreadyAdopted, match="gone is held by another replica"):
                Ownership(volume / "gone", wait=0.05)
        return move(source, target)

    monkeypatch.setattr(adoption, "move_entries", meanwhile)
    assert adopt(volume / "one") == ["gone"]
    assert seen == [[]]
    again = replica(volume, "gone")  # restarted under its name
    again.append(make(1))
    assert adopt(volume / "two") == []
    for log in (one, two, again):
        log.kill()


def test_a_replica_that_restarts_while_its_folder_is_deleted_has_a_folder(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replica(volume, "gone")
    gone.kill()
    other = replica(volume, "other")
    unlink, restarted = Path.unlink, []

    def restart(self: Path, missing_ok: bool = False) -> None:
        unlink(self, missing_ok)
        if self.name == adoption.OWNER and not restarted:
            restarted.append(replica(volume, "gone"))
            restarted[0].append(make(1))

    monkeypatch.setattr(Path, "unlink", restart)
    adopt(volume / "other")
    assert len(spool.segments(volume / "gone", "inference_log")) == 1
    assert adopt(volume / "other") == []
    restarted[0].kill()
    assert adopt(volume / "other") == ["gone"]
    other.kill()


def test_ten_minutes_without_the_store_while_replicas_come_and_go_lose_nothing(
    volume: Path, store: Store
) -> None:
    answered: list[str] = []
    before: Replica | None = None
    for minute in range(10):
        pod = replica(volume, f"pod-{minute}")
        for _ in range(3):
            records = make(4)
            pod.append(records)
            answered += ids(records)
            pod.drain()
            assert pod.send(REFUSING)
        if before is not None:
            if minute % 2:
                before.append(more := make(2))  # killed with a segment that is being written
                answered += ids(more)
            before.kill()
            adopt(pod.folder)
        before = pod
    assert before is not None
    before.drain()
    assert before.send(store) == ""
    assert stored(store) == Counter(answered)
    assert names(volume) == ["pod-9"]
    before.kill()


def test_the_log_adopts_while_it_drains_where_its_settings_say_so(
    volume: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logger, "ADOPT_SECONDS", 0.0)
    for adopts, left in ((False, ["gone", "own"]), (True, ["own"])):
        gone = replica(volume, "gone")
        gone.append(make(3))
        gone.kill()
        own = volume / "own"
        log = InferenceLog(LogSettings(folder=own, adopt=adopts), uploader=Waiting(own))
        log.start()
        eventually(lambda left=left, own=own: names(volume) == left and (own / "spool" / ".lock").exists())
        log.close()
        assert names(volume) == left
    assert "gone ended and left records or handoffs" in caplog.text
    assert adopt(volume / "other") == ["own"], "a log that is closed leaves its folder to others"


def test_other_folders_of_the_volume_are_left_alone(volume: Path) -> None:
    own = replica(volume, "own")
    (volume / "lost+found").mkdir()
    (volume / "notes.txt").write_text("mine")
    assert adopt(volume / "own") == []
    assert names(volume) == ["lost+found", "notes.txt", "own"]
    own.kill()
