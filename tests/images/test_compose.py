"""compose.yaml brings the loop up by itself: bot, pages, MLflow, store, a key a client, version 1 as champion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chatbot.errors import Denied
from chatbot.settings import StorageSettings
from chatbot.storage import Store, open_store
from images.conftest import podman, post, wait_for
from tools import environment, images
from tools.images import Image

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

PROJECT = "test-compose"
# Prometheus, Grafana and the pushgateway are other people's images: what they read is tested where they are.
SERVICES = ("minio", "minio-setup", "mlflow", "api", "ui", "staff", "bundle", "register")


class Compose:
    """The project, up."""

    def __init__(self, env: Path, ports: dict[str, int], values: dict[str, str]) -> None:
        self.env, self.ports, self.values = env, ports, values

    def run(self, *arguments: str, check: bool = True) -> str:
        program = str(Path(sys.executable).with_name("podman-compose"))
        command = [
            program,
            "--in-pod=false",
            "-p",
            PROJECT,
            "--env-file",
            str(self.env),
            "-f",
            "compose.yaml",
        ]
        answer = subprocess.run(
            [*command, *arguments], cwd=images.ROOT, capture_output=True, text=True, check=False, timeout=600
        )
        assert not check or answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def url(self, variable: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.ports[variable]}{path}"

    def store(self, client: str, monkeypatch: pytest.MonkeyPatch) -> Store:
        """The store, opened with a client's key."""
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", client)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", self.values[f"STORE_SECRET_{client.upper()}"])
        return open_store(StorageSettings(url="s3://support-chatbot", endpoint=self.url("MINIO_PORT")))


@pytest.fixture(scope="module")
def compose(built: dict[str, Image], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    import socket

    if (
        podman("info", "--format", "{{.Host.NetworkBackend}}") == "cni"
        and not Path("/usr/lib/cni/dnsname").exists()
    ):
        pytest.fail(
            "podman's containers cannot find each other by name: apt-get install "
            "golang-github-containernetworking-plugin-dnsname, as `make e2e` does",
            pytrace=False,
        )
    env = tmp_path_factory.mktemp("compose") / ".env"
    environment.new(env)
    ports = {}
    for name in ("CHATBOT_PORT", "CHATBOT_UI_PORT", "CHATBOT_STAFF_PORT", "CHATBOT_MLFLOW_PORT", "MINIO_PORT",
                 "MINIO_CONSOLE_PORT"):  # fmt: skip
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports[name] = int(probe.getsockname()[1])
    more = {**{name: str(port) for name, port in ports.items()}, "CHATBOT_SHIP_PART_SECONDS": "1"}
    more |= {"CHATBOT_RUNNER_WORKERS": "1", "IMAGE_TAG": images.tag()}
    pinned = environment.COMPOSE_MINIO
    if subprocess.run(["podman", "image", "exists", pinned], check=False).returncode and not os.environ.get(
        "MINIO_IMAGE"
    ):
        more["MINIO_IMAGE"] = "quay.io/minio/minio:latest"  # the testbed's, where nothing can be pulled
    with env.open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in more.items())
    values = dict(line.split("=", 1) for line in env.read_text().splitlines() if "=" in line)
    project = Compose(env, ports, values)
    project.run("down", "--volumes", check=False)
    project.run("up", "--detach", "--no-build", *SERVICES)
    try:
        yield project
    finally:
        for service in SERVICES:
            said = podman("logs", "--tail", "15", f"{PROJECT}_{service}_1", check=False)
            sys.stdout.write(f"== {service}\n{said}\n")
        project.run("down", "--volumes", "--timeout", "5", check=False)


def test_the_bot_answers_and_the_pages_are_there(compose: Compose) -> None:
    wait_for(compose.url("CHATBOT_PORT", "/readyz"))
    assert (
        post(compose.url("CHATBOT_PORT", "/chat"), {"message": "I want a refund"})["intent"] == "get_refund"
    )
    wait_for(compose.url("CHATBOT_UI_PORT", "/_stcore/health"))
    wait_for(compose.url("CHATBOT_STAFF_PORT", "/_stcore/health"))


def test_the_images_bundle_becomes_version_1_and_champion(compose: Compose) -> None:
    wait_for(compose.url("CHATBOT_MLFLOW_PORT", "/health"))
    version = until(lambda: _champion(compose), 240)
    served = json.loads(wait_for(compose.url("CHATBOT_PORT", "/version")))
    tags = {tag["key"]: tag["value"] for tag in version["tags"]}
    assert version["version"] == "1"
    assert tags["bundle_digest"] == served["bundle_digest"]


def test_what_the_bot_saw_reaches_the_store(compose: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    post(compose.url("CHATBOT_PORT", "/chat"), {"message": "where is my order"})
    store = compose.store("drift", monkeypatch)
    assert until(lambda: list(store.list("log/")), 60)


def test_a_clients_key_opens_its_own_prefixes_and_no_other(
    compose: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(lambda: _champion(compose), 240)
    api = compose.store("api", monkeypatch)
    assert list(api.list("bundles/"))
    for key in ("log/", "reviews/", "dvc/", "mlflow/", "memory/"):
        with pytest.raises(Denied):
            list(api.list(key))
    with pytest.raises(Denied):
        api.put("bundles/mine", b"x")
    staff = compose.store("staff", monkeypatch)
    assert list(staff.list("bundles/"))
    for key in ("log/mine", "bundles/mine", "serving.json", "memory/mine"):
        with pytest.raises(Denied):
            staff.put(key, b"x")


def until(found: Callable[[], Any], seconds: float) -> Any:
    """What is found, as soon as it is."""
    end = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < end, "it did not come about in time: the containers' logs stand below"
        time.sleep(1)
    return result


def _champion(compose: Compose) -> dict[str, Any] | None:
    url = compose.url(
        "CHATBOT_MLFLOW_PORT", "/api/2.0/mlflow/registered-models/alias?name=support-chatbot&alias=champion"
    )
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return dict(json.load(answer)["model_version"])
    except OSError:
        return None
