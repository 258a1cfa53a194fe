"""Fixtures: a real cluster for the session, a namespace per test, a real MLflow and a real Pushgateway."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.k8s.harness import prepare_environment, write_retrain_result
from tests.k8s.kube_api import Api, digest
from tests.k8s.kube_testbed import IMAGE, Namespace
from tests.k8s.memory_api import ref
from tests.support import testbed
from tests.support.mlflow_server import MlflowServer
from tests.support.prometheus_server import Pushgateway
from tests.support.testbed import TestbedError

VERSIONS = 9


@pytest.fixture
def pod_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set the environment of a pod; for `memory_api`."""
    prepare_environment(monkeypatch, tmp_path)


@pytest.fixture
def accepted_version_2(pod_environment: None, tmp_path: Path) -> None:
    """Produce version 2 by a retraining."""
    write_retrain_result(tmp_path, ref(2))


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """Start the cluster."""
    try:
        with testbed.cluster():
            testbed.load([IMAGE])
            yield
    except TestbedError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def namespace(cluster: None, tmp_path: Path) -> Iterator[Namespace]:
    """Create a namespace for this test and delete it afterwards."""
    made = Namespace(f"test-{secrets.token_hex(4)}", tmp_path).make()
    yield made
    made.delete()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """Start a real MLflow for these tests, in which version N of the model has bundle N."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("kube-mlflow")
    server = MlflowServer(folder, {"CHATBOT_STORE_URL": str(folder / "artifacts")})
    try:
        server.start()
        client = MlflowClient(server.url)
        client.create_registered_model("support-chatbot")
        run = client.create_run("0").info
        for number in range(1, VERSIONS + 1):
            tags = {"bundle_digest": digest(number if number > 1 else 0)}
            client.create_model_version("support-chatbot", f"{run.artifact_uri}/bundle", run.run_id, tags)
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a real Pushgateway; yield its address."""
    server = Pushgateway(tmp_path_factory.mktemp("pushgateway")).start()
    yield server.url
    server.stop()


@pytest.fixture
def api(namespace: Namespace, registry: MlflowServer, gateway: str) -> Api:
    """Return the API's Deployment, not created yet, and a registry in which version 1 is champion."""
    from mlflow import MlflowClient

    namespace.mlflow, namespace.pushgateway = registry.url, gateway
    MlflowClient(registry.url).set_registered_model_alias("support-chatbot", "champion", "1")
    return Api(namespace)
