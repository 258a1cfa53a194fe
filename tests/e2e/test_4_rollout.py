"""Rollout, rollback, rollback by hand and drain of pods lose no message."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from chatbot.model.ref import ModelRef
from tests.bento.steady import SteadyLoad
from tests.e2e import jobs, models
from tests.e2e.installing import VALUES, Installed
from tests.e2e.progress import Progress
from tests.e2e.release import ANNOTATION, answered
from tests.support import testbed
from tests.support.testbed import Json, until
from tools.generate import chart

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

MESSAGES = {
    "I want a refund": "get_refund",
    "where is my order?": "track_order",
    "how do I change the delivery address of my order": "change_shipping_address",
    "I'd like to switch to another account": "switch_account",
}
ROLLOUT_SECONDS = 25
"""How long a new pod may take where it is known that it never becomes ready."""


@dataclass
class Models:
    """The versions of this story."""

    before: str
    """What the annotation said at the beginning; empty: the bundle inside the image."""
    champion: str
    good: ModelRef
    worse: ModelRef
    damaged: ModelRef
    missing: ModelRef


@pytest.fixture(scope="module")
def made(release: Installed, progress: Progress, tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Versions in store and registry, made of the one that serves."""
    folder = tmp_path_factory.mktemp("models")
    with progress.step("three more versions in store and registry"):
        base = models.serving(release, folder / "serving")
        good = models.publish(release, models.as_good(base, folder / "good"))
        worse = models.publish(release, models.unsure(base, folder / "worse"))
        damaged = models.publish(release, models.as_good(base, folder / "damaged"))
        models.damage(release, damaged)
    missing = ModelRef("99", "f" * 64)
    return Models(release.desired_model(), release.champion(), good, worse, damaged, missing)


@pytest.fixture(scope="module")
def load(release: Installed, made: Models) -> Iterator[SteadyLoad]:
    """Customers, from the first test of this file to the last."""
    with SteadyLoad(release.api, clients=8, pause=0.25, messages=MESSAGES) as load:
        yield load


@pytest.fixture(autouse=True)
def nobody_is_left_without_an_answer(load: SteadyLoad, progress: Progress) -> Iterator[None]:
    """In each of these tests, whatever happens."""
    before, answered = len(load.seen.failures), load.seen.total
    yield
    assert load.seen.failures[before:] == [], load.seen
    assert load.seen.total > answered + 100, "there was load"
    progress.say(str(load.seen))


def served(release: Installed) -> set[str]:
    return {str(version["bundle_digest"]) for version in release.versions()}


def pushed(release: Installed, start: str) -> dict[str, float]:
    """Samples that the pushgateway holds, by their labels."""
    with (
        release.forward(f"service/{release.name}-pushgateway", 9091) as url,
        urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer,
    ):
        lines = answer.read().decode().splitlines()
    found = [line.rpartition(" ") for line in lines if line.startswith(start)]
    return {name: float(value) for name, _, value in found}


def taken_back_for(release: Installed) -> set[str]:
    """The reasons of the last time, as the metric has them."""
    samples = pushed(release, "chatbot_rollback_reason")
    return {name.partition('reason="')[2].partition('"')[0] for name, value in samples.items() if value}


def last_event(release: Installed, reason: str) -> str:
    return str([e for e in release.events() if e["reason"] == reason][-1]["message"])


def upgrade(release: Installed, *more: str) -> None:
    """`helm upgrade` with the values of the install, and some more."""
    release.helm("upgrade", release.name, str(chart.CHART), "-f", str(VALUES), *more)


def test_a_version_is_promoted_although_its_job_was_killed_twice_on_the_way(
    release: Installed, made: Models, load: SteadyLoad, progress: Progress
) -> None:
    job = jobs.start(release, "retrain", jobs.accepted(release, made.good))
    for phase in ("rolling", "watching"):
        until(phase, lambda phase=phase: jobs.state(release).get("phase") == phase, 150)
        progress.say(f"{phase}: kill -9 of the promote container")
        jobs.kill(release, job)
    ended = release.wait_for_job(job)
    assert ended.is_complete, ended
    assert "watching since" in ended.logs["promote"], ended
    assert release.desired_model() == str(made.good)
    assert served(release) == {made.good.digest}
    assert release.champion() == made.good.version
    assert "serves and is champion" in last_event(release, "ModelPromoted")
    load.wait_until(lambda: load.seen.answered[made.good.version] > 100)
    assert len([e for e in release.events() if e["reason"] == "ModelRollout"
                and made.good.digest[:12] in e["message"]]) == 1, "started once, resumed twice"  # fmt: skip


def test_a_helm_upgrade_keeps_the_serving_version(release: Installed, made: Models) -> None:
    before = {pod["metadata"]["name"] for pod in release.pods("api")}
    upgrade(release, "--set-string=api.pod.annotations.upgraded=yes")
    release.roll_out("api")
    pods = release.ready("api")
    assert {pod["metadata"]["name"] for pod in pods}.isdisjoint(before), (
        "the upgrade was one of the pods, too"
    )
    assert {pod["metadata"]["annotations"]["upgraded"] for pod in pods} == {"yes"}
    assert release.desired_model() == str(made.good)
    assert served(release) == {made.good.digest}


@pytest.mark.parametrize(
    ("which", "reason"),
    [("missing", "the store has no bundles/"), ("damaged", "head.safetensors has sha256")],
)
def test_a_bundle_that_cannot_serve_is_taken_back_with_its_reason_and_the_old_pods_go_on(
    release: Installed, made: Models, which: str, reason: str
) -> None:
    model: ModelRef = getattr(made, which)
    before = {pod["metadata"]["name"] for pod in release.ready("api")}
    result = jobs.accepted(release, model)
    job = jobs.start(release, "retrain", result, CHATBOT_K8S_ROLLOUT_SECONDS=ROLLOUT_SECONDS)

    def last_words() -> str:
        (pod,) = [
            p for p in release.pods("api") if p["metadata"]["annotations"].get(ANNOTATION) == str(model)
        ]
        status = pod["status"]["containerStatuses"][0]
        assert not status["ready"]
        ended = status["state"].get("terminated") or status["lastState"]["terminated"]
        name = pod["metadata"]["name"]
        log = release.logs(name, "api", "--previous") + release.logs(name, "api")
        assert reason in log, log
        return str(ended["message"])

    assert reason in until("the new pod says why it refuses", last_words, ROLLOUT_SECONDS + 90)
    ended = release.wait_for_job(job)
    assert ended.is_complete, ended
    assert release.desired_model() == str(made.good)
    assert {pod["metadata"]["name"] for pod in release.ready("api")} == before
    assert reason in last_event(release, "ModelTakenBack")
    assert taken_back_for(release) == {"not_ready"}
    assert release.champion() == made.good.version
    again = jobs.run(release, "retrain", result)
    assert "was rolled back before" in again.logs["promote"], again


def test_a_version_that_is_ready_and_worse_on_live_metrics_is_taken_back(
    release: Installed, made: Models, load: SteadyLoad
) -> None:
    ended = jobs.run(release, "retrain", jobs.accepted(release, made.worse))
    assert ended.is_complete, ended
    assert load.seen.answered[made.worse.version] > 50, "it had its chance"
    assert release.desired_model() == str(made.good)
    assert served(release) == {made.good.digest}
    assert release.champion() == made.good.version
    why = last_event(release, "ModelTakenBack")
    assert "handoffs" in why
    assert "with the version before" in why
    assert "handoffs" in taken_back_for(release)
    assert [v for k, v in pushed(release, "chatbot_rollout_timestamp_seconds{").items() if "taken_back" in k]


def test_a_person_rolls_back_with_one_command(release: Installed, made: Models, load: SteadyLoad) -> None:
    output = release.roll_back(made.champion)
    assert "ModelRolledBack" in output
    assert release.desired_model().partition("@")[0] == made.champion
    assert served(release) == {ModelRef.parse(release.desired_model()).digest}
    assert release.champion() == made.champion
    load.wait_until(lambda: load.seen.answered[made.champion] > 50)
    again = jobs.run(release, "retrain", jobs.accepted(release, made.good))
    assert "was rolled back before" in again.logs["promote"], again


def test_after_a_rollout_undo_the_next_run_lets_the_rest_agree(
    release: Installed, made: Models, load: SteadyLoad
) -> None:
    release.kubectl("rollout", "undo", f"deployment/{release.name}-api")
    release.roll_out("api")
    assert release.desired_model() == str(made.good), "what served before the roll-back"
    ended = jobs.run(release, "retrain", {"outcome": "needs_review"})
    assert "ChampionFollows" in ended.logs["promote"], ended
    assert release.champion() == made.good.version
    assert served(release) == {made.good.digest}
    told = [name for name, value in pushed(release, "chatbot_desired_model_info").items() if value]
    assert any(made.good.digest in name for name in told), told


@contextmanager
def asking_directly(address: str) -> Iterator[Callable[[], list[str]]]:
    """A client with one connection to one pod, which says what each answer's Connection header was."""
    said: list[str] = []
    stop = threading.Event()

    def ask() -> None:
        import http.client

        connection = http.client.HTTPConnection(address, 3000, timeout=10)
        while not stop.wait(0.1):
            try:
                connection.request(
                    "POST", "/chat", json.dumps({"message": "I want a refund"}), {"Content-Type": "application/json"}
                )  # fmt: skip
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                said.append(type(error).__name__)
                return
            said.append(answer.headers.get("Connection", ""))
            if said[-1] == "close":
                return

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield lambda: said
    finally:
        stop.set()
        thread.join(15)


def busiest(release: Installed) -> Json:
    """The pod that most of the clients talk to: a connection goes to a pod by chance, and stays."""
    before = [(pod, answered(pod)) for pod in release.ready("api")]
    time.sleep(2)
    return max(((answered(pod) - count, pod) for pod, count in before), key=lambda found: found[0])[1]


def test_a_pod_that_is_deleted_tells_its_clients_before_it_closes(
    release: Installed, load: SteadyLoad
) -> None:
    pod = busiest(release)
    closing = load.seen.closing
    with asking_directly(pod["status"]["podIP"]) as said:
        until("an answer", said, 10)
        release.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
        until("the last word of that pod", lambda: said()[-1] != "" and said(), 20)
    assert said()[-1] == "close", said()
    until("two pods again", lambda: len(release.ready("api")) >= 2, 90)
    until("the pod is gone", lambda: pod["metadata"]["name"] not in _names(release), 90)
    assert load.seen.closing > closing, "responses through the Service say `Connection: close` too"


def test_one_pod_after_the_other_is_evicted_and_never_two_at_once(release: Installed) -> None:
    until("two pods", lambda: len(release.ready("api")) >= 2, 90)
    pods = release.ready("api")[:2]
    first, second = [pod["metadata"]["name"] for pod in pods]
    with asking_directly(pods[0]["status"]["podIP"]) as said:
        until("an answer", said, 10)
        assert _evict(release, first) == ""
        assert "disruption budget" in _evict(release, second), "the other one has to wait"
        began = time.monotonic()
        until("the other one may go, too", lambda: _evict(release, second) == "", 120, every=1)
        assert time.monotonic() - began > 1
    assert said()[-1] == "close", said()
    until("two new pods", lambda: len(set(_ready_names(release)) - {first, second}) >= 2, 120)
    until("the old ones are gone", lambda: {first, second}.isdisjoint(_names(release)), 90)


def test_at_the_end_all_is_as_it_was(release: Installed, made: Models) -> None:
    upgrade(release)
    release.roll_back(made.before or "image")
    release.roll_out("api")
    assert release.desired_model() == made.before
    assert release.champion() == made.champion
    assert "upgraded" not in json.dumps([pod["metadata"] for pod in release.ready("api")])


def _names(release: Installed) -> list[str]:
    return [pod["metadata"]["name"] for pod in release.pods("api", is_leaving=True)]


def _ready_names(release: Installed) -> list[str]:
    return [pod["metadata"]["name"] for pod in release.ready("api")]


def _evict(release: Installed, pod: str) -> str:
    """What the API server said to it; empty: it goes."""
    content = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": release.namespace},
    }
    path = f"/api/v1/namespaces/{release.namespace}/pods/{pod}/eviction"
    answer = testbed.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(content), check=False)
    return str(answer.stderr).strip() if answer.returncode else ""
