"""Each dependency fails in turn: chat continues, records are kept, and the right alert fires."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from chatbot.store.layout import RETRAIN_HISTORY
from tests.bento.steady import SteadyLoad
from tests.e2e import jobs
from tests.e2e.impatient import Impatient
from tests.e2e.installing import Installed
from tests.e2e.progress import Progress
from tests.e2e.release import counted, is_ready, restarts
from tests.support.drift_verdict import drift_verdict
from tests.support.records import read_records
from tests.support.testbed import Json, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

MESSAGES = {
    "I want a refund": "get_refund",
    "where is my order?": "track_order",
    "I'd like to switch to another account": "switch_account",
}
OUTAGE_SECONDS = 120
LONGEST_SECONDS = 11
"""Longest time that a request waits: CHATBOT_TIMEOUT_SECONDS."""
FAULTS = {"ChatbotStoreUnreachable", "ChatbotErrorBudgetBurnsFast", "ChatbotDown", "ChatbotLogRecordsDropped"}
HTTP, RUNNER = "SupportChatbot", "IntentRunner"
_DROPPED = 'chatbot_log_records_total{outcome="dropped"}'
_FIND = """
import os, pathlib, signal, sys
for folder in pathlib.Path("/proc").iterdir():
    if folder.name.isdecimal() and folder.name != str(os.getpid()):
        if (folder / "comm").read_text().strip() == sys.argv[1]:
            print(folder.name)
"""
_KILL = _FIND.replace("print(folder.name)", "os.kill(int(folder.name), signal.SIGKILL)")
_FILL = """
with open("/var/lib/support-chatbot/filler", "wb", buffering=0) as file:
    try:
        while file.write(bytes(1 << 16)):
            pass
    except OSError as error:
        print(error.strerror)
"""


@pytest.fixture(scope="module")
def alerts(release: Installed, progress: Progress) -> Iterator[Impatient]:
    """A real Prometheus with the shipped rules, and seconds where they have minutes."""
    with progress.step("an impatient Prometheus watches"):
        server = Impatient(release).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def load(release: Installed, alerts: Impatient) -> Iterator[SteadyLoad]:
    """Customers, from the first fault to the last."""
    with SteadyLoad(release.api, clients=8, pause=0.3, messages=MESSAGES) as load:
        yield load


@contextlib.contextmanager
def assert_nothing_fails(load: SteadyLoad, progress: Progress) -> Iterator[None]:
    """No message of the customers, while the block runs."""
    before, answered = len(load.seen.failures), load.seen.total
    yield
    assert load.seen.failures[before:] == [], load.seen
    assert load.seen.total > answered, "there was load"
    progress.say(str(load.seen))


def stored(release: Installed) -> set[str]:
    """The ids of every prediction of the last hour whose record is in the store."""
    now = datetime.now(UTC)
    with release.store("drift") as store:
        return {
            r.prediction_id for r in read_records(store, now - timedelta(hours=1), now + timedelta(minutes=5))
        }


@dataclass
class Ledger:
    """What was answered during the outage, and by whom it may have been lost."""

    began: float
    alone: list[str] = field(default_factory=list)
    """Predictions of the cramped pod's own customers."""
    dropped: int = 0
    """Records that the cramped pod says it lost."""


@pytest.fixture(scope="class")
def cramped(release: Installed, load: SteadyLoad) -> Iterator[str]:
    """Start another pod of the bot before the outage, with its spool on a small volume; return its name."""
    name = f"{release.name}-api-cramped"
    template = release.get("deployment", f"{release.name}-api")["spec"]["template"]
    (api,) = template["spec"]["containers"]
    api["env"].append({"name": "CHATBOT_LOG_MEMORY_MB", "value": "1"})
    (spool,) = [volume for volume in template["spec"]["volumes"] if volume["name"] == "spool"]
    spool["emptyDir"] = {"medium": "Memory", "sizeLimit": "192Mi"}
    content = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": name},
        "spec": template["spec"],
    }
    release.kubectl("create", "-f", "-", stdin=json.dumps(content))
    until("the cramped pod is ready", lambda: is_ready(release.get("pod", name)), 120)
    yield name
    release.kubectl("delete", "pod", name, "--ignore-not-found")


@pytest.fixture(scope="class")
def outage(release: Installed, cramped: str, alerts: Impatient, progress: Progress) -> Iterator[Ledger]:
    """MinIO is gone until the last test brings it back."""
    # The first records after a silence are older than the store's last word, until they are sent.
    until("all is well", lambda: not alerts.firing() & FAULTS, 60)
    progress.say("MinIO is taken away")
    release.kubectl("scale", f"deployment/{release.name}-minio", "--replicas=0")
    # Not as a drained node does it, where it serves on while bots leave.
    release.kubectl("delete", "pod", "--selector=app.kubernetes.io/component=minio", "--grace-period=1")
    yield Ledger(time.monotonic())
    release.kubectl("scale", f"deployment/{release.name}-minio", "--replicas=1")
    release.roll_out("minio")


class TestWithoutTheStore:
    """Two minutes without MinIO, in which more goes wrong."""

    def test_chat_continues_without_the_store_and_an_alert_fires(
        self, outage: Ledger, load: SteadyLoad, alerts: Impatient, progress: Progress
    ) -> None:
        with assert_nothing_fails(load, progress):
            alerts.wait_for("ChatbotStoreUnreachable")

    def test_a_full_disk_stops_no_answer_and_the_alerts_say_what_waits_and_what_is_lost(
        self,
        release: Installed,
        cramped: str,
        outage: Ledger,
        load: SteadyLoad,
        alerts: Impatient,
        progress: Progress,
    ) -> None:
        assert "No space left" in release.run_in(cramped, "python", "-c", _FILL)
        url = f"http://{release.get('pod', cramped)['status']['podIP']}:3000"
        with (
            assert_nothing_fails(load, progress),
            SteadyLoad(url, clients=6, pause=0.03, messages=MESSAGES) as alone,
            assert_nothing_fails(alone, progress),
        ):
            # Records are lost once a megabyte of them waits in memory: how soon depends on the machine.
            alerts.wait_for("ChatbotLogRecordsDropped", 240)
        release.run_in(cramped, "rm", "/var/lib/support-chatbot/filler")
        alerts.wait_for_end("ChatbotLogRecordsDropped")
        outage.alone = alone.seen.predictions
        outage.dropped = int(counted(release.get("pod", cramped), _DROPPED))
        assert outage.dropped > 0

    @pytest.mark.parametrize("service", [HTTP, RUNNER])
    def test_a_process_that_is_killed_costs_what_it_had_in_hand_and_is_there_again(
        self,
        release: Installed,
        outage: Ledger,
        load: SteadyLoad,
        alerts: Impatient,
        progress: Progress,
        service: str,
    ) -> None:
        pod = next(p for p in release.ready("api") if "cramped" not in p["metadata"]["name"])
        name, answered, failed = pod["metadata"]["name"], load.seen.total, len(load.seen.failures)
        before = pids(release, name, service)
        alerts.wait_for_end("ChatbotProcessDied")
        began = time.monotonic()
        release.run_in(name, "python", "-c", _KILL, service)
        until("another process", lambda: (now := pids(release, name, service)) and now.isdisjoint(before), 30)
        until("the pod answers", lambda: is_up(pod), 30)
        took = time.monotonic() - began
        alerts.wait_for("ChatbotProcessDied", since=began)
        time.sleep(LONGEST_SECONDS)  # requests sent in between are answered or have timed out
        failures = load.seen.failures[failed:]
        progress.say(
            f"{service} of {name}: {took:.1f} s, {len(failures)} of {load.seen.total - answered} failed"
        )
        with assert_nothing_fails(load, progress):
            since = load.seen.total
            load.wait_until(lambda: load.seen.total > since + 100)
        assert took < 30
        assert len(failures) < (load.seen.total - answered) / 4, load.seen
        (same,) = [p for p in release.pods("api") if p["metadata"]["name"] == name]
        assert restarts(same) == restarts(pod), "the container lives on"

    def test_when_the_store_is_back_it_is_given_every_record_but_those_that_were_counted_as_lost(
        self, release: Installed, outage: Ledger, load: SteadyLoad, alerts: Impatient, progress: Progress
    ) -> None:
        with assert_nothing_fails(load, progress):
            time.sleep(max(0.0, OUTAGE_SECONDS - (time.monotonic() - outage.began)))
            answered = {*load.seen.predictions, *outage.alone}
            release.kubectl("scale", f"deployment/{release.name}-minio", "--replicas=1")
            release.roll_out("minio")
            alerts.wait_for_end("ChatbotStoreUnreachable")
            until_then = time.monotonic() + 60
            while (
                len(missing := answered - stored(release)) > outage.dropped and time.monotonic() < until_then
            ):
                time.sleep(3)
        progress.say(f"{len(answered)} answered, {len(missing)} lost, {outage.dropped} counted as lost")
        assert len(missing) == outage.dropped


def red(release: Installed) -> Json:
    """A drift verdict that asks for a retraining of what serves."""
    (digest,) = {str(version["bundle_digest"]) for version in release.versions()}
    # Another drift than any before.
    return drift_verdict(release.champion(), digest, (f"scope.{int(time.time())}",))


HURRY = {
    "CHATBOT_K8S_PATIENCE_SECONDS": 4,
    "CHATBOT_K8S_REQUEST_SECONDS": 2,
    "CHATBOT_K8S_LEASE_SECONDS": 3,
}


@pytest.fixture
def verdict(release: Installed) -> Iterator[Json]:
    """A red one; what is remembered of it is forgotten afterwards."""
    with release.store() as store:
        before = store.get(RETRAIN_HISTORY) if store.head(RETRAIN_HISTORY) else None
    yield red(release)
    with release.store() as store:
        store.delete(RETRAIN_HISTORY) if before is None else store.put(RETRAIN_HISTORY, before)


def test_a_drift_check_that_does_not_reach_the_api_server_says_so_and_alerts(
    release: Installed, verdict: Json, load: SteadyLoad, alerts: Impatient, progress: Progress
) -> None:
    before = release.jobs("retrain")
    with assert_nothing_fails(load, progress), no_way_to_the_api_server(release, "drift"):
        ended = jobs.run(release, "drift", verdict, retries=0, **HURRY)
        assert not ended.is_complete
        assert "the API server at https://" in ended.logs["trigger"], ended
        assert "does not answer" in ended.logs["trigger"], ended
        assert "Traceback" not in ended.logs["trigger"], ended
        alerts.wait_for("ChatbotTriggerFailed")
    assert release.jobs("retrain") == before


def test_a_retraining_without_mlflow_alerts_and_goes_on_by_itself_when_mlflow_is_back(
    release: Installed, verdict: Json, load: SteadyLoad, alerts: Impatient, progress: Progress
) -> None:
    before = set(release.jobs("retrain"))
    with assert_nothing_fails(load, progress):
        release.kubectl("scale", f"deployment/{release.name}-mlflow", "--replicas=0")
        release.kubectl("rollout", "status", f"deployment/{release.name}-mlflow")
        try:
            asked = jobs.run(release, "drift", verdict, retries=0, **HURRY)
            assert asked.is_complete, asked
            (job,) = set(release.jobs("retrain")) - before
            alerts.wait_for_end("ChatbotTriggerFailed")
            alerts.wait_for("ChatbotRetrainFailed", 90)
            until("the Job says why", lambda: "MLflow" in release.job_logs(job)["retrain"], 60)
        finally:
            release.kubectl("scale", f"deployment/{release.name}-mlflow", "--replicas=1")
            release.roll_out("mlflow")
        ended = release.wait_for_job(job)
        assert ended.is_complete, ended
        assert "needs_review" in ended.logs["retrain"], ended
        alerts.wait_for_end("ChatbotRetrainFailed")


@contextlib.contextmanager
def no_way_to_the_api_server(release: Installed, component: str) -> Iterator[None]:
    """The network policy that lets a component's pods reach the API server leaves them out."""
    name = f"{release.name}-jobs-to-api-server"
    policy = release.get("networkpolicy", name)
    (those,) = policy["spec"]["podSelector"]["matchExpressions"]
    less = {**those, "values": [value for value in those["values"] if value != component]}

    def patch(expression: Json) -> None:
        content = {"spec": {"podSelector": {"matchExpressions": [expression]}}}
        release.kubectl("patch", "networkpolicy", name, "--type=merge", f"--patch={json.dumps(content)}")

    patch(less)
    try:
        time.sleep(3)  # the network hears of it about a second later
        yield
    finally:
        patch(those)


def pids(release: Installed, pod: str, service: str) -> set[str]:
    """The processes of a pod that do this."""
    return set(release.run_in(pod, "python", "-c", _FIND, service).split())


def is_up(pod: Json) -> bool:
    """Whether a pod says that it answers messages."""
    with urllib.request.urlopen(f"http://{pod['status']['podIP']}:3000/readyz", timeout=5) as answer:
        return int(answer.status) == 200
