"""`helm install` with the defaults ends in a bot that answers, and in nothing that a careful cluster would refuse."""

from __future__ import annotations

import pytest

from tests.e2e.installing import Installed
from tests.e2e.release import is_ready, restarts
from tests.support import testbed

# The first test waits for what all share: images built and on the node, the release installed.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

SLOWEST = 180
COMPONENTS = ("api", "page", "staff", "mlflow", "minio", "pushgateway")


def test_the_first_answer_comes_within_three_minutes(release: Installed) -> None:
    assert release.first_answer_seconds <= SLOWEST


@pytest.mark.parametrize("component", COMPONENTS)
def test_after_wait_every_pod_is_ready_and_none_was_restarted(release: Installed, component: str) -> None:
    pods = release.pods(component)
    assert pods
    assert [pod["metadata"]["name"] for pod in pods if not is_ready(pod)] == []
    assert {pod["metadata"]["name"]: restarts(pod) for pod in pods if restarts(pod)} == {}


def test_two_pods_of_the_bot_answer_with_the_bundle_of_their_image(release: Installed) -> None:
    said = release.versions()
    assert len(said) >= 2
    assert len({version["bundle_digest"] for version in said}) == 1
    assert release.desired_model() == ""


def test_the_images_bundle_is_version_1_and_champion(release: Installed) -> None:
    with release.registry() as registry:
        first = registry.get("1")
    assert "champion" in first.aliases
    assert {version["bundle_digest"] for version in release.versions()} == {first.bundle_digest}
    with release.store("drift") as store:
        assert store.head(f"bundles/{first.bundle_digest}/SHA256SUMS") is not None


def test_every_pod_is_in_a_namespace_that_enforces_the_restricted_standard(release: Installed) -> None:
    labels = testbed.get("namespace", release.namespace)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in release.pods()} >= set(
        COMPONENTS
    )


def test_every_container_has_a_root_that_cannot_be_written_and_an_account_only_where_it_acts(
    release: Installed,
) -> None:
    mounted = set()
    for pod in release.pods():
        spec = pod["spec"]
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            name = f"{pod['metadata']['labels']['app.kubernetes.io/component']}/{container['name']}"
            assert container["securityContext"]["readOnlyRootFilesystem"], name
            paths = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
            if any("serviceaccount" in path for path in paths):
                mounted.add(name)
    assert mounted <= {"bootstrap/secrets", "bootstrap/promote", "drift/trigger", "retrain/promote"}


def test_the_notes_say_how_to_chat_and_where_to_look(release: Installed) -> None:
    notes = release.helm("get", "notes", release.name).stdout
    for said in (
        "port-forward svc/support-bot-page",
        "curl -s",
        "Drift check now",
        "Roll back",
        "A pod is not ready?",
    ):
        assert said in notes
