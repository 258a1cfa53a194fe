"""One at a time: a lease is renewed while its holder lives, and taken over when it does not."""

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
from chatbot.store import Store, open_store
from tests.support.minio import Minio
from training.retraining.lease import BusyError, Lease, LostError

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
KEY = "memory/retrain-lease.json"
HOLD = """
import sys, time
from chatbot.settings import StorageSettings
from chatbot.store import open_store
from training.retraining.lease import Lease
with Lease(open_store(StorageSettings(url=sys.argv[1])), "memory/retrain-lease.json", 60):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["s3", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return open_store(StorageSettings(url=str(tmp_path / "store")))
    minio: Minio = request.getfixturevalue("minio")
    return open_store(minio.settings(request.getfixturevalue("bucket")))


def elsewhere(store: Store) -> None:
    """Make the holder one of another machine, whose process cannot be looked up from here."""
    held = json.loads(store.get(KEY))
    store.put(KEY, json.dumps({**held, "host": "elsewhere"}).encode())


def test_while_it_is_held_nobody_else_gets_it_and_afterwards_anybody(store: Store) -> None:
    with Lease(store, KEY, 1.0) as held:
        with pytest.raises(BusyError, match=f"process {os.getpid()}"), Lease(store, KEY, 1.0):
            pytest.fail("two hold it")
        held.check()
    assert store.head(KEY) is None
    with Lease(store, KEY, 1.0) as held:
        held.check()


def test_a_lease_that_nobody_renews_is_taken_over_after_its_length(store: Store) -> None:
    store.put(KEY, json.dumps({"host": "elsewhere", "pid": 1, "since": "2999-01-01T00:00:00Z"}).encode())
    began = time.monotonic()
    with Lease(store, KEY, 1.5) as held:
        held.check()
    assert 1.5 <= time.monotonic() - began < 10, "not sooner, and the clock in it does not matter"


def test_a_killed_holder_of_this_machine_is_seen_to_be_gone_at_once(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    store = open_store(StorageSettings(url=url))
    assert store.head(KEY) is not None
    began = time.monotonic()
    with Lease(store, KEY, 60.0) as held:
        held.check()
    assert time.monotonic() - began < 5


def test_one_that_was_silent_too_long_learns_that_it_lost_it_and_leaves_the_other_alone(store: Store) -> None:
    with Lease(store, KEY, 0.6) as slept:
        elsewhere(store)
        time.sleep(1.0)
        with pytest.raises(LostError):
            slept.check()
        there = store.head(KEY)
    assert there is not None
    assert store.head(KEY) is not None, "it is not the loser's to take away"


def test_while_the_store_is_away_it_holds_for_its_length_and_no_longer(own_minio: Minio) -> None:
    settings = own_minio.settings(own_minio.new_bucket(), attempts=1, connect_seconds=0.3, read_seconds=0.5)
    with Lease(open_store(settings), KEY, 2.0) as held:
        own_minio.kill()
        time.sleep(0.5)
        held.check()
        time.sleep(2.5)
        with pytest.raises(LostError):
            held.check()
    with pytest.raises(Unreachable), Lease(open_store(settings), KEY, 2.0):
        pytest.fail("nobody can hold it")
