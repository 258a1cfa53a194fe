"""Each pod reaches what it needs and nothing else, in the release's namespace and out of it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.e2e import flows
from tests.e2e.flows import Target
from tests.e2e.installing import VALUES, Installed
from tests.e2e.progress import Progress
from tests.support import testbed
from tests.support.testbed import until
from tools.generate import chart

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

RUNS = ("api", "page", "staff", "mlflow")
"""Asked from inside their own pods; the others come and go, or hold no Python."""
COMES = ("drift", "upkeep", "retrain", "bootstrap", "test", "minio", "pushgateway")
ANOTHER_PORT, ELSEWHERE_PORT, SERVER_PORT = 4000, 8080, 6443
OPEN = {"the bot", "the chat page"}
OUTSIDE = {"the API server", "elsewhere", "elsewhere, on the API server's port"}
REACHES = {
    "api": {"MinIO"},
    "page": {"the bot"},
    "staff": {"MinIO", "MLflow"},
    "mlflow": {"MinIO"},
    "drift": {"the bot", "MinIO", "the pushgateway", "the API server"},
    "upkeep": {"MinIO", "MLflow"},
    "retrain": {"the bot", "MinIO", "MLflow", "the pushgateway", "the API server"},
    "bootstrap": {"the bot", "MinIO", "MLflow", "the pushgateway", "the API server"},
    "test": {"the bot"},
    "minio": set(),
    "pushgateway": set(),
    "a stranger": OPEN | OUTSIDE,
    "a stranger of another namespace": OPEN | OUTSIDE,
    "Prometheus": OPEN | OUTSIDE | {"MinIO", "the pushgateway"},
}
ITSELF = {
    "api": {"the bot", "another port of the bot"},
    "page": {"the chat page"},
    "staff": {"the staff pages"},
    "mlflow": {"MLflow"},
}
"""Whether a pod reaches its own Service says nothing: it may be itself."""


@dataclass
class Network:
    """Who asks and who is asked."""

    sources: dict[str, tuple[str, str]]
    targets: dict[str, Target]


@pytest.fixture(scope="module")
def network(release: Installed, progress: Progress) -> Iterator[Network]:
    """Set the API server's address; start probes with the labels of each client and server, and without."""
    server = testbed.get("endpointslices", "-n=default", "--selector=kubernetes.io/service-name=kubernetes")
    address = server["items"][0]["endpoints"][0]["addresses"][0]
    ours = {"app.kubernetes.io/name": "support-chatbot", "app.kubernetes.io/instance": release.name}
    pods = [flows.probe(release.namespace, c, ours | {"app.kubernetes.io/component": c}) for c in COMES]
    pods += [
        flows.probe(release.namespace, "stranger", {}),
        flows.probe("elsewhere", "stranger", {}),
        flows.probe("elsewhere", "listener", {}, ELSEWHERE_PORT, SERVER_PORT),
        flows.probe("monitoring", "prometheus", {}),
    ]
    sources = {c: (release.namespace, f"deployment/{release.name}-{c}") for c in RUNS}
    sources |= {c: (release.namespace, f"probe-{c}") for c in COMES}
    sources["a stranger"] = (release.namespace, "probe-stranger")
    sources["a stranger of another namespace"] = ("elsewhere", "probe-stranger")
    sources["Prometheus"] = ("monitoring", "probe-prometheus")

    def service(component: str, port: int) -> Target:
        return f"{release.name}-{component}.{release.namespace}.svc.cluster.local", port

    with (
        progress.step("probes, and what they ask"),
        with_value(release, f"networkPolicy.apiServer={{{address}/32}}"),
        flows.running(*pods),
    ):
        listener = testbed.get("pod", "probe-listener", "-n=elsewhere")["status"]["podIP"]
        api = release.ready("api")[0]
        with listening(release, api["metadata"]["name"], ANOTHER_PORT):
            targets = {
                "the bot": service("api", 3000),
                "another port of the bot": (api["status"]["podIP"], ANOTHER_PORT),
                "the chat page": service("page", 8501),
                "the staff pages": service("staff", 8502),
                "MLflow": service("mlflow", 5000),
                "MinIO": service("minio", 9000),
                "MinIO's console": service("minio", 9001),
                "the pushgateway": service("pushgateway", 9091),
                "the API server": ("kubernetes.default.svc.cluster.local", 443),
                "elsewhere": (listener, ELSEWHERE_PORT),
                "elsewhere, on the API server's port": (listener, SERVER_PORT),
            }
            yield Network(sources, targets)


@contextmanager
def with_value(release: Installed, value: str) -> Iterator[None]:
    """The release with a value more, while the block runs: none of its pods is touched by it."""
    command = ("upgrade", release.name, str(chart.CHART), "-f", str(VALUES))
    pods = {pod["metadata"]["uid"] for pod in release.pods("api")}
    release.helm(*command, "--set", value)
    try:
        yield
    finally:
        release.helm(*command)
    assert pods & {pod["metadata"]["uid"] for pod in release.pods("api")}


@contextmanager
def listening(release: Installed, pod: str, port: int) -> Iterator[None]:
    """One more port of a real pod on which somebody listens, as the runner would if it did not use a socket file."""
    command = [testbed.HOME / "bin" / "kubectl", f"--kubeconfig={testbed.ADMIN}", f"-n={release.namespace}", "exec",
               pod, "--", "python", "-c", flows.LISTEN, "60", str(port)]  # fmt: skip
    with subprocess.Popen([str(c) for c in command]) as process:
        until("it listens", lambda: port in flows.listeners(release, pod), 20)
        try:
            yield
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def reached(network: Network) -> dict[str, set[str]]:
    """What each reaches, all asked at once."""
    return flows.reached(network.sources, network.targets)


@pytest.mark.parametrize("source", REACHES)
def test_a_pod_reaches_what_it_needs_and_nothing_else(reached: dict[str, set[str]], source: str) -> None:
    assert reached[source] - ITSELF.get(source, set()) == REACHES[source]


def test_nothing_of_the_bot_listens_but_its_api_and_its_metrics(release: Installed, network: Network) -> None:
    for pod in release.ready("api"):
        assert flows.listeners(release, pod["metadata"]["name"]) - {ANOTHER_PORT} == {3000, 9464}


def test_every_flow_that_the_chart_names_is_one_that_was_tried(release: Installed) -> None:
    named = {policy["metadata"]["name"].removeprefix(f"{release.name}-").removesuffix("-out")
             for policy in release.items("networkpolicies")}  # fmt: skip
    assert named == {
        "deny-all", "to-dns", "clients-to-api", "prometheus-to-api", "test-to-api", "page-to-api", "jobs-to-api",
        "clients-to-page", "clients-to-minio", "prometheus-to-minio", "clients-to-mlflow", "jobs-to-pushgateway",
        "prometheus-to-pushgateway", "jobs-to-api-server",
    }  # fmt: skip
