"""No record of an answer is lost: pods deleted under load, all at once, without a store, at an uninstall.

Every test counts the ids that customers were answered with against the rows of the store.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.bento.steady import SteadyLoad
from tests.e2e import installing
from tests.e2e.installing import VALUES
from tests.e2e.progress import Progress
from tests.e2e.release import Release
from tests.support.records import read_records
from tests.support.testbed import until
from tools.generate import chart

pytestmark = [pytest.mark.e2e, pytest.mark.certify, pytest.mark.timeout(900)]

OUTAGE_SECONDS = float(os.environ.get("E2E_OUTAGE_SECONDS", "30"))
"""Without the store, while pods leave; `make certify` takes the ten minutes of docs/operations/records.md."""
ONLY_THE_BOT = [
    f"--set={part}.enabled=false"
    for part in (
        "chatPage",
        "staffPages",
        "mlflow",
        "pushgateway",
        "driftCheck",
        "upkeep",
        "retrain",
        "admissionPolicy",
    )
]
BOT = "--selector=app.kubernetes.io/component=api"
SHARED = ["--set=api.spool.persistent=true,api.spool.accessMode=ReadWriteOnce"]  # the testbed has one node
HURRIED = [*SHARED, "--set=api.settings.CHATBOT_UPLOAD_CLOSE_SECONDS=2"]


class Ledger:
    """The ids that customers were answered with, and what the store has of them."""

    def __init__(self, release: Release, progress: Progress) -> None:
        self.release = release
        self.progress = progress
        self.answered: list[str] = []

    def load(self, clients: int = 6, pause: float = 0.05) -> SteadyLoad:
        return SteadyLoad(self.release.api, clients=clients, pause=pause, is_busy=True)

    def close(self, load: SteadyLoad) -> None:
        """Add what a load was answered."""
        self.answered += load.seen.predictions
        self.progress.say(str(load.seen).partition("\n")[0])

    def missing(self) -> set[str]:
        return set(self.answered) - set(self._stored())

    def assert_balanced(self, seconds: float = 90) -> None:
        """Until every answered id is in the store; and each is there once."""
        try:
            until("every record is in the store", lambda: not self.missing(), seconds, every=2)
        finally:
            self.progress.say(f"{len(self.answered)} answered, {len(self.missing())} missing")
        twice = [one for one, count in self._stored().items() if count > 1]
        assert twice == []

    def _stored(self) -> Counter[str]:
        now = datetime.now(UTC)
        with self.release.store() as store:
            rows = read_records(store, now - timedelta(hours=2), now + timedelta(minutes=5))
            return Counter(row.prediction_id for row in rows)


def upgrade(release: Release, *more: str) -> None:
    """As installed, and with these."""
    release.helm(
        "upgrade", "--install", release.name, str(chart.CHART), "-f", str(VALUES), *ONLY_THE_BOT, *more,
        "--wait", "--timeout=400s",
    )  # fmt: skip
    release.roll_out("api")


@pytest.fixture(scope="module")
def release(cluster: None, progress: Progress) -> Iterator[Release]:
    """The bot and its store alone, in a namespace of its own."""
    release = Release("records", "records")
    installing.uninstall(release)
    installing.make_namespace(release.namespace)
    with progress.step("the bot and its store"):
        upgrade(release)
    yield release
    installing.drop(release)


@pytest.fixture(scope="module")
def ledger(release: Release, progress: Progress) -> Ledger:
    return Ledger(release, progress)


def test_pods_deleted_under_load_three_times_in_a_row(release: Release, ledger: Ledger) -> None:
    with ledger.load() as load:
        for _ in range(3):
            release.kubectl("delete", "pod", release.ready("api")[0]["metadata"]["name"], "--wait=false")
            release.roll_out("api")
    ledger.close(load)
    assert load.seen.failures == [], load.seen
    ledger.assert_balanced()


def test_pods_deleted_under_load_at_the_cpu_limit(release: Release, ledger: Ledger) -> None:
    upgrade(release, "--set=api.resources.limits.cpu=300m")
    for _ in range(3):
        with ledger.load(clients=24, pause=0.0) as load:
            release.kubectl("delete", "pod", release.ready("api")[0]["metadata"]["name"], seconds=240)
            release.roll_out("api")
        ledger.close(load)
    ledger.assert_balanced()


def test_a_drained_node_evicts_the_bot_and_its_store_at_once(release: Release, ledger: Ledger) -> None:
    upgrade(release)
    with ledger.load() as load:
        load.wait_until(lambda: load.seen.total > 100)
        # What `kubectl drain` does without a PodDisruptionBudget; other releases of these tests share the node.
        release.kubectl("delete", "pods", "--all", seconds=300)
        release.roll_out("minio")
        release.roll_out("api")
    ledger.close(load)
    ledger.assert_balanced()


def test_an_upgrade_of_everything_at_once(release: Release, ledger: Ledger) -> None:
    with ledger.load() as load:
        upgrade(release, "--set=pod.annotations.upgrade=again")
    ledger.close(load)
    assert load.seen.failures == [], load.seen
    ledger.assert_balanced()


def test_an_uninstall_drains_the_bot_before_its_store_goes(release: Release, ledger: Ledger) -> None:
    with ledger.load() as load:
        load.wait_until(lambda: load.seen.total > 100)
        release.helm("uninstall", release.name, "--wait", "--timeout=300s")
    ledger.close(load)
    left = release.kubectl("get", "serviceaccounts,roles,rolebindings,jobs", "-o=name")
    assert "drain" not in left, "the hook's account is gone with it"
    upgrade(release)
    ledger.assert_balanced()


def test_pods_that_leave_while_the_store_is_away_leave_their_spool_to_others(
    release: Release, ledger: Ledger, progress: Progress
) -> None:
    upgrade(release, *HURRIED)
    release.kubectl("scale", f"deployment/{release.name}-minio", "--replicas=0")
    release.kubectl("delete", "pod", "--selector=app.kubernetes.io/component=minio", "--grace-period=1")
    until_back = time.monotonic() + OUTAGE_SECONDS
    with progress.step(f"{OUTAGE_SECONDS:g} s without the store"), ledger.load() as load:
        while time.monotonic() < until_back:
            release.kubectl("delete", "pod", release.ready("api")[0]["metadata"]["name"], "--wait=false")
            release.roll_out("api")
    ledger.close(load)
    assert load.seen.failures == [], load.seen
    assert ledger.release.pods("api"), "the bot serves"
    release.kubectl("scale", f"deployment/{release.name}-minio", "--replicas=1")
    release.roll_out("minio")
    ledger.assert_balanced(seconds=180)


def test_killed_without_a_word_a_pod_leaves_its_spool_to_others(release: Release, ledger: Ledger) -> None:
    upgrade(release, *HURRIED)
    with ledger.load() as load:
        load.wait_until(lambda: load.seen.total > 100)
        release.kubectl("delete", "pods", BOT, "--grace-period=0", "--force", seconds=240)
        release.roll_out("api")
    ledger.close(load)
    ledger.assert_balanced(seconds=180)
