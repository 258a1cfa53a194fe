"""Lease in the object store: renewed while its holder lives, taken over once expired; mostly on a simulated clock."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chatbot.errors import Unreachable
from chatbot.settings import StorageSettings
from chatbot.store import Entry, Store, open_store
from chatbot.store.folder import FolderStore
from chatbot.store.lease import LeaseHeld, LeaseLost, StoreLease
from tests.k8s.memory_api import Clock, Process, World
from tests.support.lease import lease_holder
from tests.support.minio import Minio

ROOT = Path(__file__).resolve().parents[2]
KEY = "memory/lease.json"
SECONDS = 6.0
HOLD = """
import sys, time
from chatbot.settings import StorageSettings
from chatbot.store import open_store
from chatbot.store.lease import StoreLease
with StoreLease(open_store(StorageSettings(url=sys.argv[1])), "memory/lease.json", 1.5):
    print("held", flush=True)
    time.sleep(60)
"""


class FailingStore(FolderStore):
    """A folder that is unreachable on demand."""

    is_down = False

    def head(self, key: str) -> Entry | None:
        if self.is_down:
            raise Unreachable("the store is down")
        return super().head(key)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def store(tmp_path: Path) -> FailingStore:
    return FailingStore(tmp_path / "store")


def create_lease(store: Store, process: Process, wait: float = 0.0) -> StoreLease:
    return StoreLease(store, KEY, SECONDS, wait, process)


def elapsed(clock: Clock, started_at: float) -> float:
    return clock.seconds - started_at


def test_a_live_holder_keeps_the_lease_however_long_another_waits(world: World, store: Store) -> None:
    holder = world.process()
    with create_lease(store, holder) as lease:
        started_at = world.clock.seconds
        with (
            pytest.raises(LeaseHeld, match=f"{KEY} is held by {holder.holder}-.*, who is alive"),
            create_lease(store, world.process(), 60),
        ):
            pytest.fail("two hold it")
        assert 60 <= elapsed(world.clock, started_at) < 65
        lease.check()
    assert lease_holder(store, KEY) == ""
    started_at = world.clock.seconds
    with create_lease(store, world.process()) as lease:
        lease.check()
    assert elapsed(world.clock, started_at) == 0, "a released lease is acquired at once"


def test_without_waiting_a_live_holder_is_reported_after_its_next_renewal(world: World, store: Store) -> None:
    with create_lease(store, world.process()):
        started_at = world.clock.seconds
        with pytest.raises(LeaseHeld), create_lease(store, world.process()):
            pytest.fail("two hold it")
        assert elapsed(world.clock, started_at) < SECONDS / 2


def test_two_leases_of_one_process_exclude_each_other(world: World, store: Store) -> None:
    process = world.process()
    with create_lease(store, process), pytest.raises(LeaseHeld), create_lease(store, process):
        pytest.fail("two hold it")


@pytest.mark.parametrize("skew", [-86_400.0, 0.0, 86_400.0])
def test_the_lease_of_a_dead_holder_expires_after_its_duration_whatever_the_clock_skew(
    world: World, store: Store, skew: float
) -> None:
    crashed = world.process(skew)
    create_lease(store, crashed).__enter__()
    crashed.is_dead = True
    started_at = world.clock.seconds
    with create_lease(store, world.process()) as lease:
        assert SECONDS <= elapsed(world.clock, started_at) <= SECONDS + 1
        lease.check()


def test_the_duration_that_the_holder_recorded_counts(world: World, store: Store) -> None:
    crashed = world.process()
    StoreLease(store, KEY, 40, runtime=crashed).__enter__()
    crashed.is_dead = True
    started_at = world.clock.seconds
    with create_lease(store, world.process()):
        assert elapsed(world.clock, started_at) >= 40


@pytest.mark.parametrize(
    "content",
    [b'{"host": "elsewhere", "pid": 1, "since": "2999-01-01T00:00:00Z", "id": "x", "beat": 3}', b"", b"[]"],
)
def test_a_lease_of_an_earlier_format_expires_too(world: World, store: Store, content: bytes) -> None:
    store.put(KEY, content)
    started_at = world.clock.seconds
    with create_lease(store, world.process()):
        assert SECONDS <= elapsed(world.clock, started_at) <= SECONDS + 1


def test_only_one_of_two_successors_acquires_an_expired_lease(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashed = world.process()
    create_lease(store, crashed).__enter__()
    crashed.is_dead = True
    winner = create_lease(store, world.process())
    put, raced = store.put, []

    def race(key: str, content: bytes, *, new: bool = False, etag: str = "") -> str:
        if not raced:
            raced.append(True)
            put(key, json.dumps({"holder": winner.holder, "seconds": 1e6}).encode(), etag=etag)
        return put(key, content, new=new, etag=etag)

    monkeypatch.setattr(store, "put", race)
    world.clock.at(
        10, lambda: put(KEY, json.dumps({"holder": winner.holder, "seconds": 1e6, "x": 1}).encode())
    )
    with pytest.raises(LeaseHeld, match=winner.holder), create_lease(store, world.process()):
        pytest.fail("two hold it")


def test_a_holder_suspended_past_the_expiry_learns_it_and_does_not_release_its_successors_lease(
    world: World, store: Store
) -> None:
    slept = world.process()
    with create_lease(store, slept) as lease:
        slept.is_suspended = True
        world.clock.advance(SECONDS + 0.1)
        with pytest.raises(LeaseLost, match="it was not renewed in time"):
            lease.check()
        successor = create_lease(store, world.process())
        successor.__enter__()
    assert lease_holder(store, KEY) == successor.holder
    successor.check()


def test_a_holder_whose_lease_was_taken_stops_at_its_next_renewal(world: World, store: Store) -> None:
    with create_lease(store, world.process()) as lease:
        store.put(KEY, json.dumps({"holder": "usurper", "seconds": 60}).encode())
        world.clock.advance(SECONDS / 3 + 0.1)
        with pytest.raises(LeaseLost, match="usurper holds it"):
            lease.check()
    assert lease_holder(store, KEY) == "usurper"


def test_a_lease_runs_from_before_its_renewal_was_sent_however_late_the_answer_comes(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = world.process()
    put = store.put

    def put_and_answer_late(key: str, content: bytes, *, new: bool = False, etag: str = "") -> str:
        written = put(key, content, new=new, etag=etag)
        world.clock.seconds += SECONDS + 1  # another process has seen it unchanged for its whole duration
        return written

    monkeypatch.setattr(store, "put", put_and_answer_late)
    lease = create_lease(store, slow)
    lease.__enter__()
    with pytest.raises(LeaseLost, match="it was not renewed in time"):
        lease.check()


@pytest.mark.parametrize(("outage_seconds", "is_kept"), [(SECONDS / 2, True), (SECONDS * 2, False)])
def test_an_outage_of_the_store_loses_the_lease_only_after_its_duration(
    world: World, store: FailingStore, outage_seconds: float, is_kept: bool
) -> None:
    with create_lease(store, world.process()) as lease:
        store.is_down = True
        world.clock.advance(outage_seconds)
        store.is_down = False
        world.clock.advance(SECONDS / 3)
        if is_kept:
            lease.check()
        else:
            with pytest.raises(LeaseLost):
                lease.check()
        store.is_down = True  # a lease that cannot be released expires
    with pytest.raises(Unreachable), create_lease(store, world.process()):
        pytest.fail("nobody can hold it")


@pytest.mark.process  # a real MinIO
@pytest.mark.parametrize("kind", ["s3", "folder"])
def test_on_a_real_store_and_clock_one_process_holds_it_and_a_killed_one_frees_it_after_its_duration(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if kind == "folder":
        settings, environment = StorageSettings(url=str(tmp_path / "store")), {}
    else:
        minio: Minio = request.getfixturevalue("minio")
        bucket = request.getfixturevalue("bucket")
        settings, environment = minio.settings(bucket), minio.environment(bucket)
    store = open_store(settings)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, settings.url],
        cwd=ROOT,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(LeaseHeld, match=f"-{process.pid}-"), StoreLease(store, KEY, 1.5):
            pytest.fail("two hold it")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert f"-{process.pid}-" in lease_holder(store, KEY)
    began = time.monotonic()
    with StoreLease(store, KEY, 1.5) as lease:
        assert time.monotonic() - began >= 1.5
        lease.check()
    assert lease_holder(store, KEY) == ""
