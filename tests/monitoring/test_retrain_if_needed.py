"""A red verdict becomes one retraining, on a real MinIO; the command that retrains is a program that counts itself."""

from __future__ import annotations

import json
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chatbot.errors import StoreError
from chatbot.interrupt import exit_on_interrupt
from chatbot.loop.drift_verdict import Check, DriftVerdict, Window
from chatbot.loop.retrain_history import RetrainHistory
from chatbot.settings import StorageSettings
from chatbot.store import Store, open_store
from chatbot.store.layout import DRIFT_VERDICT, RETRAIN_HISTORY, RETRAIN_REQUEST_LEASE
from monitoring.retrain_if_needed import RetrainFailed, retrain_if_needed
from tests.monitoring.log_tools import FORK
from tests.support.lease import lease_holder
from tests.support.minio import Minio
from tests.support.waiting import eventually

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PROGRAM = """
import json, signal, sys, pathlib, time
runs = pathlib.Path(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(runs.with_name("terminated").touch()))
with runs.open("a") as file:
    file.write("run\\n")
if sys.argv[2] == "slow":
    until = time.monotonic() + 60
    while not runs.with_name("go on").exists() and time.monotonic() < until:
        time.sleep(0.02)
out = pathlib.Path(sys.argv[sys.argv.index("--out") + 1])
failed = sys.argv[2] == "fail"
out.write_text(json.dumps({"outcome": "accepted" if failed else sys.argv[2]}))
sys.exit(failed)
"""


@pytest.fixture
def store(minio: Minio, bucket: str) -> Store:
    return open_store(minio.settings(bucket))


class Retraining:
    """A program in the place of `training.retrain`, and how often it ran."""

    def __init__(self, folder: Path) -> None:
        self.file, self.count, self.out = folder / "retrain.py", folder / "runs", folder / "retrain.json"
        self.file.write_text(PROGRAM)

    def command(self, outcome: str) -> tuple[str, ...]:
        return (sys.executable, str(self.file), str(self.count), outcome)

    @property
    def runs(self) -> int:
        return len(self.count.read_text().splitlines()) if self.count.exists() else 0


@pytest.fixture
def retraining(tmp_path: Path) -> Retraining:
    return Retraining(tmp_path)


def put_verdict(store: Store, colour: str = "red", names: tuple[str, ...] = ("messages",)) -> None:
    checks = [
        Check(
            name=n,
            against="baseline",
            statistic=1,
            effect=1,
            threshold=0.5,
            red=True,
            alarms=True,
            sentence="!",
        )
        for n in names
    ]
    window = Window(since=NOW - DAY, until=NOW, records=1_000)
    made = DriftVerdict(
        verdict=colour, made=NOW, model_version="7", bundle_digest="a" * 64, window=window, checks=checks
    )
    store.put(DRIFT_VERDICT, made.model_dump_json().encode())


def accept(store: Store, name: str, verdict: str = "accept") -> None:
    decision = {"item_id": name, "verdict": verdict, "message": "hi there", "intent": "greeting"}
    store.put(f"reviews/{name}.json", json.dumps(decision).encode())


def test_a_red_verdict_retrains_once_for_the_same_drift(store: Store, retraining: Retraining) -> None:
    put_verdict(store)
    first = retrain_if_needed(store, retraining.command("needs_review"), retraining.out, NOW, DAY)
    assert first[0] == "needs_review"
    again = retrain_if_needed(store, retraining.command("needs_review"), retraining.out, NOW + 9 * DAY, DAY)
    assert again[0] == "nothing"
    assert "same drift" in again[1]
    assert retraining.runs == 1


def test_what_people_accepted_since_is_reason_to_try_again_and_a_rejection_is_not(
    store: Store, retraining: Retraining
) -> None:
    put_verdict(store)
    retrain_if_needed(store, retraining.command("needs_review"), retraining.out, NOW, DAY)
    accept(store, "one", "reject")
    retrain_if_needed(store, retraining.command("accepted"), retraining.out, NOW + 2 * DAY, DAY)
    assert retraining.runs == 1
    accept(store, "two")
    done = retrain_if_needed(store, retraining.command("accepted"), retraining.out, NOW + 2 * DAY, DAY)
    assert done[0] == "accepted"
    assert retraining.runs == 2


@pytest.mark.parametrize("colour", ["green", "silent"])
def test_without_drift_nothing_runs(store: Store, retraining: Retraining, colour: str) -> None:
    put_verdict(store, colour)
    assert retrain_if_needed(store, retraining.command("accepted"), retraining.out, NOW, DAY)[0] == "nothing"
    assert retraining.runs == 0


def test_the_cool_down_holds(store: Store, retraining: Retraining) -> None:
    put_verdict(store)
    retrain_if_needed(store, retraining.command("refused"), retraining.out, NOW, DAY)
    put_verdict(store, names=("messages", "words"))
    soon = retrain_if_needed(store, retraining.command("refused"), retraining.out, NOW + 0.5 * DAY, DAY)
    assert "cool-down" in soon[1]
    later = retrain_if_needed(store, retraining.command("refused"), retraining.out, NOW + DAY, DAY)
    assert later[0] == "refused"


def test_a_request_that_is_dated_in_the_future_does_not_hide_the_last_one(
    store: Store, retraining: Retraining
) -> None:
    put_verdict(store)
    retrain_if_needed(store, retraining.command("refused"), retraining.out, NOW + 99 * DAY, DAY)
    for after, outcome in ((0, "refused"), (0.5, "nothing"), (1, "refused")):
        put_verdict(store, names=("messages", f"words {after}"))
        found = retrain_if_needed(
            store, retraining.command("refused"), retraining.out, NOW + after * DAY, DAY
        )
        assert found[0] == outcome


def test_a_failed_retraining_is_reported_and_repeated_after_the_cool_down(
    store: Store, retraining: Retraining
) -> None:
    put_verdict(store)
    with pytest.raises(RetrainFailed, match="failed"):
        retrain_if_needed(store, retraining.command("fail"), retraining.out, NOW, DAY)
    assert RetrainHistory.model_validate_json(store.get(RETRAIN_HISTORY)).asked[-1].outcome == "failed"
    assert retrain_if_needed(store, retraining.command("accepted"), retraining.out, NOW, DAY)[0] == "nothing"
    later = retrain_if_needed(store, retraining.command("accepted"), retraining.out, NOW + DAY, DAY)
    assert later[0] == "accepted"


def test_two_at_once_are_one_retraining(
    minio: Minio, bucket: str, store: Store, retraining: Retraining
) -> None:
    put_verdict(store)
    arguments = (minio.settings(bucket), retraining.command("slow"), retraining.out)
    first = FORK.Process(target=_retrain, args=arguments, daemon=True)
    first.start()
    eventually(lambda: retraining.runs, 30)
    second = retrain_if_needed(store, retraining.command("slow"), retraining.out, NOW, DAY, None, 2)
    retraining.count.with_name("go on").touch()
    first.join(30)
    assert first.exitcode == 0
    assert second[0] == "running"
    assert retraining.runs == 1


def test_sigterm_reaches_the_retraining_and_releases_the_lease(
    minio: Minio, bucket: str, store: Store, retraining: Retraining
) -> None:
    put_verdict(store)
    arguments = (minio.settings(bucket), retraining.command("slow"), retraining.out)
    process = FORK.Process(target=_retrain_until_stopped, args=arguments, daemon=True)
    process.start()
    eventually(lambda: retraining.runs, 30)
    process.terminate()
    process.join(30)
    assert process.exitcode == 128 + signal.SIGTERM
    assert retraining.count.with_name("terminated").exists()
    assert lease_holder(store, RETRAIN_REQUEST_LEASE) == ""


def _retrain_until_stopped(settings: StorageSettings, command: tuple[str, ...], out: Path) -> None:
    exit_on_interrupt()
    _retrain(settings, command, out)


def _retrain(settings: StorageSettings, command: tuple[str, ...], out: Path) -> None:
    retrain_if_needed(open_store(settings), command, out, NOW, DAY, None, 2)


def test_no_verdict_says_which_command_writes_it(store: Store, retraining: Retraining) -> None:
    with pytest.raises(StoreError, match=r"monitoring\.drift_report"):
        retrain_if_needed(store, retraining.command("accepted"), retraining.out, NOW, DAY)
