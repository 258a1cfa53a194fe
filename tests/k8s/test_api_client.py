"""Errors of the API server, the status of a rollout, and counters of restarted pods; in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from chatbot.errors import Conflict, Denied, Missing, StoreError, Unreachable
from chatbot.settings import KubernetesSettings
from k8s.api.client import Cluster, ClusterError
from k8s.api.deployment import Deployment
from k8s.rollout.pods import PodReader
from tests.k8s.memory_api import DEPLOYMENT, Call, ErrorResponse, Process, World

pytestmark = pytest.mark.usefixtures("pod_environment")


def cluster_answering(status: int) -> tuple[Cluster, Process]:
    process = World().process()

    def refuse(call: Call) -> None:
        raise ErrorResponse(status)

    process.before.append(refuse)
    return Cluster(KubernetesSettings(), process), process


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ClusterError),
        (401, Denied),
        (403, Denied),
        (404, Missing),
        (409, Conflict),
        (422, ClusterError),
        (429, Unreachable),
        (500, Unreachable),
        (502, Unreachable),
        (503, Unreachable),
        (504, Unreachable),
    ],
)
def test_only_transient_errors_are_retried(status: int, kind: type[StoreError]) -> None:
    cluster, process = cluster_answering(status)
    with pytest.raises(StoreError, match="GET deployments/api in namespace here") as error:
        cluster.get("deployments", "api")
    assert type(error.value) is kind
    assert "as the test said" in str(error.value)
    # For 20 seconds, with waits of 0.5 to 4 seconds.
    assert len(process.calls) in (range(6, 12) if kind is Unreachable else [1])
    assert "secret" not in str(error.value), "the token is not said"


def test_a_server_that_recovers_in_time_is_retried_until_it_answers() -> None:
    world = World()
    process = world.process()

    def refuse(call: Call) -> None:
        if call.number <= 5:
            raise OSError("refused")

    process.before.append(refuse)
    found = Cluster(KubernetesSettings(), process).get("deployments", DEPLOYMENT)
    assert found["metadata"]["name"] == DEPLOYMENT


def test_a_watch_is_read_for_as_long_as_it_lasts_and_nothing_is_retried_unasked() -> None:
    process = World().process()
    asked: list[tuple[Any, Any]] = []
    request = process.request

    def recorded(pool: Any, method: str, url: str, **options: Any) -> Any:
        asked.append((pool, options["timeout"]))
        return request(pool, method, url, **options)

    process.request = recorded  # type: ignore[method-assign]
    settings = KubernetesSettings()
    assert (
        next(Cluster(settings, process).watch_deployment(DEPLOYMENT, 300))["metadata"]["name"] == DEPLOYMENT
    )
    [(pool, timeout)] = asked
    assert (timeout.connect_timeout, timeout.read_timeout) == (5, 305)
    assert pool.connection_pool_kw["retries"].total is False, "the runtime retries, within its own time limit"


def test_an_unreachable_server_is_reported_with_its_address(tmp_path: Path) -> None:
    """On the real network: no process listens on this port."""
    file = tmp_path / "kubeconfig"
    file.write_text(file.read_text().replace("http://api.test", "http://127.0.0.1:9"))
    settings = KubernetesSettings(patience_seconds=0)
    with pytest.raises(
        Unreachable, match=r"the API server at http://127\.0\.0\.1:9 does not answer .*tries again"
    ):
        Cluster(settings).get("deployments", "api")


READY: dict[str, Any] = {
    "observedGeneration": 3,
    "replicas": 2,
    "updatedReplicas": 2,
    "availableReplicas": 2,
    "conditions": [{"type": "Progressing", "reason": "NewReplicaSetAvailable"}],
}
LATE = [{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "it is late"}]


@pytest.mark.parametrize(
    ("status", "spec", "done", "failure"),
    [
        (READY, {}, True, ""),
        (READY | {"observedGeneration": 4}, {}, True, ""),
        (READY | {"observedGeneration": 2}, {}, False, ""),
        (READY | {"observedGeneration": 2, "conditions": LATE}, {}, False, ""),
        (READY | {"updatedReplicas": 1}, {}, False, ""),
        (READY | {"replicas": 3}, {}, False, ""),
        (READY | {"availableReplicas": 1}, {}, False, ""),
        (READY | {"updatedReplicas": 1, "conditions": LATE}, {}, False, "it is late"),
        (READY, {"paused": True}, False, "the Deployment is paused: kubectl rollout resume"),
        (READY, {"replicas": 3}, False, ""),
        (None, {}, False, ""),
    ],
)
def test_a_rollout_is_done_when_all_replicas_are_new_and_available_and_no_old_one_is_left(
    status: dict[str, Any] | None, spec: dict[str, Any], done: bool, failure: str
) -> None:
    content = {"metadata": {"name": "api", "generation": 3}, "spec": {"replicas": 2} | spec, "status": status}
    rollout = Deployment(content).rollout_status()
    assert (rollout.done, rollout.failure) == (done, failure)
    assert rollout.summary


def read_deployment(world: World) -> tuple[Deployment, Cluster]:
    cluster = Cluster(KubernetesSettings(), world.process())
    return Deployment(cluster.get("deployments", DEPLOYMENT)), cluster


def test_only_running_pods_of_the_current_template_that_are_not_terminating_are_listed() -> None:
    world = World(replicas=2)
    pods = world.api.list("pods")
    other = {"metadata": {"name": "other", "labels": {"app.kubernetes.io/name": "api"}}, "status": {}}
    world.api.put("pods", other)
    deployment, cluster = read_deployment(world)
    assert {pod.name for pod in deployment.pods(cluster)} == {pod["metadata"]["name"] for pod in pods}
    world.api.patch("pods", pods[0]["metadata"]["name"], {"metadata": {"deletionTimestamp": "now"}})
    assert [pod.name for pod in deployment.pods(cluster)] == [pods[1]["metadata"]["name"]]
    world.api.patch("pods", pods[1]["metadata"]["name"], {"status": {"phase": "Pending"}})
    assert deployment.pods(cluster) == []


def test_a_replica_set_of_another_owner_is_ignored() -> None:
    world = World()
    (found,) = world.api.list("replicasets")
    world.api.patch(
        "replicasets", found["metadata"]["name"], {"metadata": {"ownerReferences": [{"uid": "x"}]}}
    )
    deployment, cluster = read_deployment(world)
    assert deployment.pods(cluster) == []


def test_counters_of_restarted_containers_and_deleted_pods_are_kept() -> None:
    world = World(replicas=2)
    deployment, cluster = read_deployment(world)
    reader = PodReader(KubernetesSettings(request_seconds=5), world.process())
    pods = deployment.pods(cluster)
    first, answered = reader.read_counters(pods)
    assert answered == 2
    restarted = world.pods[pods[0].address]
    counted = 200 * (world.clock.seconds - (restarted.since or 0))
    restarted.since = world.clock.seconds
    second, _ = reader.read_counters(pods)
    assert second.messages == first.messages
    world.clock.advance(1)
    third, answered = reader.read_counters(pods[:1])
    assert answered == 1
    assert third.messages == first.messages + 200
    assert counted > 1000


def test_a_pod_that_does_not_answer_is_not_counted_as_answering() -> None:
    world = World()
    deployment, cluster = read_deployment(world)
    process = world.process()

    def refuse(call: Call) -> None:
        raise OSError("refused")

    process.before.append(refuse)
    reader = PodReader(KubernetesSettings(request_seconds=5), process)
    counters, answered = reader.read_counters(deployment.pods(cluster))
    assert (counters.messages, answered) == (0, 0)
    assert list(reader.bundle_digests(deployment.pods(cluster)).values()) == [""]


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"null", b"[" * 100_000, b"<html>"])
def test_a_pod_that_answers_with_something_else_serves_no_known_bundle(body: bytes) -> None:
    deployment, cluster = read_deployment(World(replicas=1))

    class Network:
        def map_concurrently(self, act: Any, items: Any) -> list[Any]:
            return [act(item) for item in items]

        def fetch(self, request: Any, seconds: float) -> bytes:
            return body

    reader = PodReader(KubernetesSettings(), cast(Any, Network()))
    assert list(reader.bundle_digests(deployment.pods(cluster)).values()) == [""]


def test_pods_are_read_on_their_ports_with_the_apis_key(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None]] = []
    world = World(replicas=1)
    deployment, cluster = read_deployment(world)

    class Network:
        def map_concurrently(self, act: Any, items: Any) -> list[Any]:
            return [act(item) for item in items]

        def fetch(self, request: Any, seconds: float) -> bytes:
            asked.append((request.full_url.rpartition(":")[2], request.get_header("Authorization")))
            return b""

    pods = deployment.pods(cluster)
    monkeypatch.setenv("CHATBOT_API_KEY", "chatbot_secret")
    for settings in (KubernetesSettings(), KubernetesSettings(metrics_port=9464)):
        reader = PodReader(settings, cast(Any, Network()))
        reader.bundle_digests(pods)
        reader.read_counters(pods)
    assert asked == [
        (place, "Bearer chatbot_secret")
        for place in ("3000/version", "3000/metrics", "3000/version", "9464/metrics")
    ]
