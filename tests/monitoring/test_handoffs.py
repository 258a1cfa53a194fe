"""A handoff reaches the webhook and the store, at least once, whatever fails; and it slows no answer."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from chatbot.errors import SettingError
from chatbot.records.handoff import Handoff, key_of, parse
from chatbot.settings import HandoffSettings
from chatbot.store import Store, open_store
from monitoring.handoffs import delivery
from monitoring.handoffs.delivery import NotDelivered
from monitoring.handoffs.log import HandoffLog, targets_of
from monitoring.handoffs.webhook import Webhook
from tests.monitoring.handoff_tools import make
from tests.monitoring.handoff_worker import hand_over
from tests.monitoring.log_tools import FORK
from tests.monitoring.receiver import SECRET, Receiver
from tests.support.waiting import eventually

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from tests.support.minio import Minio


class Counts:
    """What a log said became of its handoffs."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.waiting: dict[str, int] = {}

    def count(self, to: str, outcome: str, count: int) -> None:
        self.outcomes[to, outcome] += count

    def show(self, to: str, waiting: int, oldest: float) -> None:
        self.waiting[to] = waiting


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver().start()
    yield receiver
    receiver.stop()


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def begin(
    folder: Path, receiver: Receiver, store: Store, counts: Counts
) -> Iterator[Callable[..., HandoffLog]]:
    """Starts a log, impatient, with the given settings; closed at the end."""
    begun: list[HandoffLog] = []

    def begin(to: Store | None = store, start: bool = True, **more: Any) -> HandoffLog:
        told = {
            "url": receiver.url,
            "secret": SecretStr(SECRET),
            "retry_seconds": 0.05,
            "timeout_seconds": 1.0,
        }
        settings = HandoffSettings(**(told | more))
        log = HandoffLog(folder, settings, targets_of(settings, to), counts.count, counts.show)
        begun.append(log)
        if start:
            log.start()
        return log

    yield begin
    for log in begun:
        log.close()


def stored(store: Store) -> dict[str, Handoff]:
    found = (parse(store.get(entry.key), entry.key) for entry in store.list("handoffs/"))
    return {handoff.prediction_id: handoff for handoff in found}


def test_a_handoff_is_posted_with_a_signature_and_stored_identically(
    begin: Callable[..., HandoffLog], receiver: Receiver, store: Store, counts: Counts
) -> None:
    (handoff,) = make(1)
    begin().append([handoff])
    receiver.wait(1)
    eventually(lambda: stored(store))
    assert stored(store) == {handoff.prediction_id: handoff}
    assert receiver.bodies == [store.get(key_of(handoff.prediction_id))]
    assert receiver.taken[0]["type"] == "handoff.created"
    assert receiver.taken[0]["data"]["intents"][0]["intent"] == "place_order"
    assert receiver.paths == ["/handoffs?team=support"]
    assert not receiver.forged
    eventually(lambda: counts.outcomes["webhook", "delivered"] == 1 == counts.outcomes["store", "delivered"])


def test_a_receiver_that_fails_is_asked_again_until_it_takes_each_handoff_once(
    begin: Callable[..., HandoffLog], receiver: Receiver, counts: Counts, folder: Path
) -> None:
    receiver.answers.extend([500, 503, 429, 502])
    handoffs = make(5)
    begin().append(handoffs)
    receiver.wait(5)
    assert receiver.ids == Counter(handoff.prediction_id for handoff in handoffs)
    eventually(lambda: counts.waiting == {"webhook": 0, "store": 0})
    assert counts.outcomes["webhook", "failed"] == 4
    assert not list(folder.rglob("*.json"))


def test_a_receiver_that_hangs_slows_no_append_and_keeps_nothing_from_the_store(
    begin: Callable[..., HandoffLog], receiver: Receiver, store: Store, counts: Counts
) -> None:
    receiver.delay = 30
    log = begin()
    handoffs = make(50)
    took: list[float] = []
    for handoff in handoffs:
        began = time.perf_counter()
        log.append([handoff])
        took.append(time.perf_counter() - began)
        time.sleep(0.005)
    # The receiver delays an answer by 30 seconds; what waits for it waits for its time limit, a second.
    assert sorted(took)[-3] < 0.5
    assert sum(took) < 10
    eventually(lambda: len(stored(store)) == 50)
    eventually(lambda: counts.outcomes["webhook", "failed"] > 0)
    eventually(lambda: counts.waiting.get("webhook") == 50)
    receiver.delay = 0
    receiver.wait(50)


def test_a_handoff_that_the_receiver_refuses_keeps_no_other_back(
    begin: Callable[..., HandoffLog], receiver: Receiver, counts: Counts
) -> None:
    handoffs = make(6)
    refused = handoffs[0].prediction_id
    receiver.refuse.add(refused)
    begin().append(handoffs)
    receiver.wait(5)
    assert refused not in receiver.ids
    eventually(lambda: counts.waiting.get("webhook") == 1)
    receiver.refuse.clear()
    receiver.wait(6)


def test_the_receivers_retry_after_is_respected(begin: Callable[..., HandoffLog], receiver: Receiver) -> None:
    receiver.answers.append((429, {"retry-after": "1"}))
    began = time.monotonic()
    begin().append(make(3))
    receiver.wait(3)
    assert time.monotonic() - began > 0.9
    assert len(receiver.seen) == 4


@pytest.mark.parametrize("said", ["inf", "1e300", "Mon, 01 Jan 9999 00:00:00 GMT"])
def test_a_retry_after_without_end_delays_a_handoff_by_an_hour_at_most(receiver: Receiver, said: str) -> None:
    receiver.answers.append((503, {"retry-after": said}))
    webhook = Webhook(HandoffSettings(url=receiver.url, secret=SecretStr(SECRET)))
    with pytest.raises(NotDelivered) as refused:
        webhook.send("id", b"{}")
    webhook.close()
    assert 0 < refused.value.wait <= 3600


def test_a_redirect_is_not_followed(begin: Callable[..., HandoffLog], receiver: Receiver) -> None:
    receiver.answers.append((307, {"location": "/elsewhere"}))
    begin().append(make(1))
    receiver.wait(1)
    assert set(receiver.paths) == {"/handoffs?team=support"}


def test_a_receiver_that_was_unavailable_is_retried_by_a_later_process(
    begin: Callable[..., HandoffLog], receiver: Receiver, counts: Counts
) -> None:
    receiver.stop()
    first = begin()
    first.append(make(3))
    eventually(lambda: counts.outcomes["webhook", "failed"] > 1)
    first.close()
    assert counts.waiting["webhook"] == 3
    receiver.start()
    begin()
    receiver.wait(3)


def test_of_two_processes_that_share_the_folder_one_delivers(
    begin: Callable[..., HandoffLog], receiver: Receiver
) -> None:
    # A busy machine may take a second for an answer: what is not answered in time is delivered again.
    logs = [begin(timeout_seconds=30.0), begin(timeout_seconds=30.0)]
    handoffs = make(40)
    for number, handoff in enumerate(handoffs):
        logs[number % 2].append([handoff])
        time.sleep(0.01)
    receiver.wait(40)
    time.sleep(3 * delivery.POLL_SECONDS)  # were there another one, it would deliver again
    assert set(receiver.ids.values()) == {1}
    logs[0].close()
    logs[1].append(more := make(3))
    receiver.wait(43)
    assert {handoff.prediction_id for handoff in more} <= set(receiver.ids)


def test_of_the_processes_that_share_the_folder_one_counts_what_waits_on_disk(
    folder: Path, receiver: Receiver, counts: Counts
) -> None:
    settings = HandoffSettings(url="http://127.0.0.1:9", secret=SecretStr(SECRET), retry_seconds=60)
    other = Counts()
    logs = [
        HandoffLog(folder, settings, targets_of(settings, None), c.count, c.show) for c in (counts, other)
    ]
    for log in logs:
        log.start()
    logs[0].append(make(5))

    def total() -> int:
        return counts.waiting.get("webhook", 0) + other.waiting.get("webhook", 0)

    eventually(lambda: total() == 5)
    assert not (counts.waiting.get("webhook") and other.waiting.get("webhook")), "both count"
    first, second = (logs[0], other) if counts.waiting["webhook"] else (logs[1], counts)
    first.close()
    eventually(lambda: second.waiting["webhook"] == 5)
    for log in logs:
        log.close()


def test_close_is_idempotent_while_a_handoff_is_due(folder: Path, counts: Counts) -> None:
    settings = HandoffSettings(url="http://127.0.0.1:9", secret=SecretStr(SECRET), retry_seconds=0.001)
    log = HandoffLog(folder, settings, targets_of(settings, None), counts.count, counts.show)
    log.append(make(1))
    log.close()
    time.sleep(0.01)
    log.close()
    assert counts.waiting["webhook"] == 1


def test_the_oldest_are_dropped_and_counted_when_there_are_too_many(
    begin: Callable[..., HandoffLog], receiver: Receiver, counts: Counts
) -> None:
    receiver.stop()
    old = make(2)
    large = [h.model_copy(update={"message": "x" * 300_000}) for h in make(5)]
    log = begin(queue_mb=1)
    log.append([*old, *large])
    eventually(lambda: counts.outcomes["webhook", "dropped"] == 4)
    receiver.start()
    receiver.wait(3)
    assert set(receiver.ids) == {handoff.prediction_id for handoff in large[-3:]}


def test_what_a_full_disk_does_not_take_waits_and_is_delivered_when_there_is_room(
    small_disk: Path, receiver: Receiver, store: Store, counts: Counts
) -> None:
    settings = HandoffSettings(url=receiver.url, secret=SecretStr(SECRET), retry_seconds=0.05)
    log = HandoffLog(small_disk / "log", settings, targets_of(settings, store), counts.count, counts.show)
    handoffs = [h.model_copy(update={"message": "x" * 3_000}) for h in make(40)]
    for handoff in handoffs:
        log.append([handoff])
    assert not log.sort()
    log.start()
    # On disk or in memory, all of them wait; sorted in part, one may be counted on disk twice.
    eventually(lambda: set(counts.waiting) == {"webhook", "store"} and min(counts.waiting.values()) >= 40)
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    receiver.wait(40)
    log.close()
    assert len(stored(store)) == 40
    assert counts.waiting == {"webhook": 0, "store": 0}


@pytest.mark.parametrize("delay", [0.0, 0.02])
def test_a_sender_that_is_killed_loses_no_handoff(
    begin: Callable[..., HandoffLog],
    receiver: Receiver,
    store: Store,
    tmp_path: Path,
    folder: Path,
    delay: float,
) -> None:
    receiver.delay = delay
    settings = HandoffSettings(
        url=receiver.url, secret=SecretStr(SECRET), retry_seconds=0.05, timeout_seconds=2
    )
    output = tmp_path / "handed"
    output.touch()

    def lines() -> list[str]:
        # A line that was cut off with its writer was never read by a customer.
        return [name for name in output.read_text().splitlines() if len(name) == 34]

    def has(count: int) -> bool:
        return len(lines()) >= count

    handed: list[str] = []
    for _ in range(3):
        arguments = (folder, settings, tmp_path / "store", output)
        worker = FORK.Process(target=hand_over, args=arguments, daemon=True)
        worker.start()
        try:
            eventually(partial(has, len(handed) + 150), 60)
        finally:
            worker.kill()
            worker.join()
        handed = lines()
    assert len(handed) >= 450
    receiver.delay = 0
    begin()
    receiver.wait(len(handed), 60)
    assert set(handed) <= set(receiver.ids)
    eventually(lambda: set(handed) <= set(stored(store)))
    assert not receiver.forged


def test_a_store_that_was_unavailable_receives_its_handoffs_later(
    begin: Callable[..., HandoffLog], own_minio: Minio, receiver: Receiver, counts: Counts
) -> None:
    url = own_minio.new_bucket()
    store = open_store(own_minio.settings(url, connect_seconds=0.5, read_seconds=1.0, attempts=1))
    own_minio.stop()
    begin(store).append(make(3))
    receiver.wait(3)
    eventually(lambda: counts.outcomes["store", "failed"] > 0)
    own_minio.start()
    eventually(lambda: counts.waiting.get("store") == 0, 30)
    assert len(stored(store)) == 3


def test_a_store_on_this_machine_takes_handoffs_without_a_queue_and_from_it_after_a_failure(
    begin: Callable[..., HandoffLog], store: Store, folder: Path, tmp_path: Path, counts: Counts
) -> None:
    log = begin(url="", start=False)
    first, second = make(2)
    log.append([first])
    assert log.sort()
    assert set(stored(store)) == {first.prediction_id}
    assert counts.outcomes == {("store", "delivered"): 1}
    (tmp_path / "store").rename(tmp_path / "away")
    (tmp_path / "store").touch()  # not a folder
    log.append([second])
    assert log.sort()
    queue = folder / "handoffs" / "store"
    assert [file.stem for file in queue.glob("*.json")] == [second.prediction_id]
    (tmp_path / "store").unlink()
    (tmp_path / "away").rename(tmp_path / "store")
    log.start()
    eventually(lambda: set(stored(store)) == {first.prediction_id, second.prediction_id})
    eventually(lambda: not list(queue.glob("*.json")))


def test_a_malformed_handoff_does_not_block_others(
    begin: Callable[..., HandoffLog], receiver: Receiver, folder: Path
) -> None:
    first, last = make(2)
    log = begin(start=False)
    spooled = folder / "handoffs" / "spool" / "handoff-0000000000001-host-1-000001.jsonl"
    spooled.parent.mkdir(parents=True)
    spooled.write_bytes(first.body() + b"\nno handoff\n" + last.body() + b"\n" + first.body()[:100])
    log.start()
    receiver.wait(2)
    eventually(lambda: not spooled.exists())
    assert not list(spooled.parent.glob("*.jsonl"))


def test_without_a_secret_nothing_is_posted_and_the_setting_is_named() -> None:
    for secret in ("", "short", "whsec_short"):
        with pytest.raises(SettingError, match="CHATBOT_HANDOFF_SECRET"):
            targets_of(HandoffSettings(url="http://127.0.0.1:9/", secret=SecretStr(secret)), None)


def test_with_neither_webhook_nor_store_nothing_is_written_and_each_handoff_counts_as_dropped(
    folder: Path, counts: Counts
) -> None:
    log = HandoffLog(folder, HandoffSettings(), targets_of(HandoffSettings(), None), counts.count)
    log.start()
    log.append(make(1))
    log.append(make(2))
    log.append([])
    log.close()
    assert not folder.exists()
    assert counts.outcomes == {("none", "dropped"): 3}
