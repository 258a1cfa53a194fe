"""What a replica leaves on a shared volume is sent by another one, once, whoever is killed when."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chatbot.records.log_store import read_records
from chatbot.settings import HandoffSettings, LogSettings, StorageSettings, UploadSettings
from chatbot.store import Store, StoreError, open_store
from monitoring.handoffs.log import HandoffLog, StoreTarget
from monitoring.inference_log import adoption, spool
from monitoring.inference_log import log as logger
from monitoring.inference_log.adoption import AdoptedError, Ownership, adopt
from monitoring.inference_log.log import InferenceLog
from monitoring.inference_log.upload import ship
from monitoring.inference_log.upload_queue import Outbox
from tests.monitoring import handoff_tools
from tests.monitoring.log_tools import Waiting, ids, make
from tests.monitoring.test_shipper import FAR, LONG_AGO


class Killed(BaseException):
    """Ends the process: nothing but the kernel releases its locks."""


class Refusing:
    """A store that is unavailable."""

    def __getattr__(self, name: str) -> Any:
        raise StoreError("the store does not answer")


pytestmark = pytest.mark.usefixtures("no_fsync")


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    return tmp_path / "volume"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(StorageSettings(url=str(tmp_path / "store")))


def replica(volume: Path, name: str, adopts: bool = True) -> InferenceLog:
    """The log of one replica; it uploads when the test says so."""
    folder = volume / name
    log = InferenceLog(LogSettings(folder=folder, adopt=adopts), shipper=Waiting(folder))
    log._ownership = Ownership(folder) if adopts else None
    return log


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def send(volume: Path, name: str, store: Store) -> str:
    return ship(Outbox(volume / name), store, UploadSettings(), everything=True).error


def stored(store: Store) -> Counter[str]:
    return Counter(record.prediction_id for record in read_records(store, LONG_AGO, FAR))


def end(log: InferenceLog) -> None:
    """Kill a replica: nothing is flushed, closed or sent, the kernel releases its locks."""
    for stream in (log._log, log._feedback):
        if stream._writer._descriptor >= 0:
            os.close(stream._writer._descriptor)
            stream._writer._descriptor = -1
    log._release()


def leave_everything(volume: Path, store: Store) -> tuple[list[str], list[str]]:
    """A replica killed with an entry in each of its queues; the ids of its records and of its handoffs."""
    log = replica(volume, "gone")
    records = make(8)
    log.append(records[:2])
    log.drain()
    send(volume, "gone", Refusing())  # type: ignore[arg-type]  # leaves a batch
    log.append(records[2:4])
    log.drain()  # a segment that waits for the store
    log.append(records[4:6])
    with spool.folder_lock(volume / "gone"):
        log.drain()  # sealed, not drained
    (sealed,) = spool.segments(volume / "gone", "inference_log")
    spool.mark(sealed, 1, 0)  # a drain was killed half way
    log.append(records[6:])  # being written
    handoffs = handoff_tools.make(4)
    given = HandoffLog(volume / "gone", HandoffSettings(), {"store": StoreTarget(Refusing())})  # type: ignore[arg-type]
    given.append(handoffs[:2])
    given.sort()
    given.append(handoffs[2:])
    os.close(given._stream._writer._descriptor)
    end(log)
    return ids(records), [handoff.prediction_id for handoff in handoffs]


def deliver(volume: Path, name: str, store: Store) -> None:
    log = HandoffLog(volume / name, HandoffSettings(), {"store": StoreTarget(store)})
    log.sort()
    for delivery in log._deliveries:
        delivery.deliver()
        delivery.close(0.1)


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
    records, handoffs = leave_everything(tmp_path / "as left", store)
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
        end(first)
        # The second adopts what the first left, and what was left of the other.
        adopt(volume / "second")
        assert second.drain()
        assert send(volume, "second", store) == ""
        deliver(volume, "second", store)
        assert stored(store) == Counter(records)
        found = [Path(entry.key).stem for entry in store.list("handoffs/")]
        assert sorted(found) == sorted(handoffs)
        assert names(volume) == ["second"]
        end(second)
        if done:
            break
    assert killed > 15


def test_a_living_replica_keeps_its_queues(volume: Path) -> None:
    living, other = replica(volume, "living"), replica(volume, "other")
    living.append(make(3))
    assert adopt(volume / "other") == []
    end(living)
    assert adopt(volume / "other") == ["living"]
    end(other)


def test_a_replica_with_two_processes_lives_until_both_have_ended(volume: Path) -> None:
    one, two, other = replica(volume, "pod"), replica(volume, "pod"), replica(volume, "other")
    one.append(make(1))
    end(one)
    assert adopt(volume / "other") == []
    end(two)
    assert adopt(volume / "other") == ["pod"]
    end(other)


def test_a_folder_that_is_being_adopted_is_adopted_by_no_other_and_waited_for(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replica(volume, "gone")
    gone.append(make(2))
    end(gone)
    one, two = replica(volume, "one"), replica(volume, "two")
    move, seen = adoption._move, []

    def meanwhile(source: Path, target: Path) -> int:
        if not seen:
            seen.append(adopt(volume / "two"))
            with pytest.raises(AdoptedError, match="gone is held by another replica"):
                Ownership(volume / "gone", wait=0.05)
        return move(source, target)

    monkeypatch.setattr(adoption, "_move", meanwhile)
    assert adopt(volume / "one") == ["gone"]
    assert seen == [[]]
    again = replica(volume, "gone")  # restarted under its name
    again.append(make(1))
    assert adopt(volume / "two") == []
    for log in (one, two, again):
        end(log)


def test_a_replica_that_restarts_while_its_folder_is_deleted_has_a_folder(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replica(volume, "gone")
    end(gone)
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
    end(restarted[0])
    assert adopt(volume / "other") == ["gone"]
    end(other)


def test_ten_minutes_without_the_store_while_replicas_come_and_go_lose_nothing(
    volume: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger, "ADOPT_SECONDS", 0.0)
    answered: list[str] = []
    before: InferenceLog | None = None
    for minute in range(10):
        log = replica(volume, f"pod-{minute}")
        for _ in range(3):
            records = make(4)
            log.append(records)
            answered += ids(records)
            assert log.drain()
            assert send(volume, f"pod-{minute}", Refusing())  # type: ignore[arg-type]
        if before is not None:
            before.close() if minute % 2 else end(before)
        before = log
    assert before is not None
    assert before.drain()
    assert send(volume, "pod-9", store) == ""
    assert stored(store) == Counter(answered)
    end(before)


def test_other_folders_of_the_volume_are_left_alone(volume: Path) -> None:
    own = replica(volume, "own")
    (volume / "lost+found").mkdir()
    (volume / "notes.txt").write_text("mine")
    assert adopt(volume / "own") == []
    assert names(volume) == ["lost+found", "notes.txt", "own"]
    end(own)
