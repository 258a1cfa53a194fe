"""compose.yaml brings the loop up by itself: bot, pages, MLflow, store, a key a client, version 1 as champion."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from chatbot.errors import Denied
from chatbot.settings import StorageSettings
from chatbot.store import Store, open_store
from tests.images.conftest import podman, post, wait_for
from tests.support import requirements
from tools import images
from tools.generate.compose import new
from tools.images import Image
from tools.processes import free_port

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

# Everything but Grafana: there is none to be had on a machine without a registry. tests/bento/test_dashboards.py
# runs every expression of its dashboards on a real Prometheus.
WITHOUT = "grafana"
PORTS = ("CHATBOT_PORT", "CHATBOT_UI_PORT", "CHATBOT_STAFF_PORT", "CHATBOT_MLFLOW_PORT", "MINIO_PORT",
         "MINIO_CONSOLE_PORT", "PROMETHEUS_PORT")  # fmt: skip
# Where nothing can be pulled: the testbed's MinIO, and images of the programs that Debian installed.
STAND_INS = {
    "minio": ("MINIO_IMAGE", "quay.io/minio/minio:latest", ""),
    "prometheus": ("PROMETHEUS_IMAGE", "docker.io/prom/prometheus:debian", "prometheus"),
    "pushgateway": ("PUSHGATEWAY_IMAGE", "docker.io/prom/pushgateway:debian", "prometheus-pushgateway"),
}


class Compose:
    """The project, up."""

    def __init__(
        self,
        env: Path,
        ports: dict[str, int],
        values: dict[str, str],
        services: tuple[str, ...],
        files: tuple[str, ...],
        name: str,
    ) -> None:
        self.env, self.ports, self.values, self.services = env, ports, values, services
        self.files, self.name = files, name

    def run(self, *arguments: str, check: bool = True) -> str:
        program = str(Path(sys.executable).with_name("podman-compose"))
        command = [program, "--in-pod=false", "-p", self.name, "--env-file", str(self.env)]
        command += [part for file in self.files for part in ("-f", file)]
        answer = subprocess.run(
            [*command, *arguments], cwd=images.ROOT, capture_output=True, text=True, check=False, timeout=1200
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

    def said(self, service: str) -> str:
        """A service's log."""
        return podman("logs", f"{self.name}_{service}_1", check=False)

    def state(self, service: str) -> tuple[str, int]:
        """Whether it runs, and its exit code."""
        found = podman("inspect", f"{self.name}_{service}_1", "--format", "{{json .State}}")
        state = json.loads(found)
        return str(state["Status"]), int(state["ExitCode"])


@pytest.fixture(scope="module")
def compose(built: dict[str, Image], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    with up("test-compose", tmp_path_factory.mktemp("compose"), ("compose.yaml",)) as project:
        yield project


@contextmanager
def up(name: str, folder: Path, files: tuple[str, ...], **more: str) -> Iterator[Compose]:
    """Start all services, with variables of `.env` besides its own; at the end print their logs and remove them."""
    if (
        podman("info", "--format", "{{.Host.NetworkBackend}}") == "cni"
        and not Path("/usr/lib/cni/dnsname").exists()
    ):
        pytest.fail(
            "podman's containers cannot find each other by name: apt-get install "
            "golang-github-containernetworking-plugin-dnsname, as `make testbed` does",
            pytrace=False,
        )
    services = yaml.safe_load((images.ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    env = folder / ".env"
    new(env)
    ports = {name: free_port() for name in PORTS}
    settings = folder / "settings.env"
    settings.write_text("CHATBOT_UPLOAD_PART_SECONDS=3\nCHATBOT_RUNNER_WORKERS=1\n", encoding="utf-8")
    more |= {**{name: str(port) for name, port in ports.items()}, "SETTINGS_FILE": str(settings)}
    more |= {"IMAGE_TAG": images.tag()}
    more |= _stand_ins(services, folder)
    with env.open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in more.items())
    values = dict(line.split("=", 1) for line in env.read_text().splitlines() if "=" in line)
    project = Compose(env, ports, values, tuple(each for each in services if each != WITHOUT), files, name)
    project.run("down", "--volumes", check=False)
    try:
        project.run("up", "--detach", "--no-build", *project.services)
        yield project
    finally:
        for service in project.services:
            said = podman("logs", "--tail", "15", f"{name}_{service}_1", check=False)
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


def test_prometheus_scrapes_the_bot_the_pushgateway_and_the_store_and_has_their_figures(
    compose: Compose,
) -> None:
    post(compose.url("CHATBOT_PORT", "/chat"), {"message": "where is my order"})
    jobs = ("support-chatbot-api", "support-chatbot-pushgateway", "support-chatbot-minio")
    up = until(lambda: _samples(compose, "up == 1", least=len(jobs)), 120)
    assert {sample["metric"]["job"] for sample in up} == set(jobs)
    (answered,) = until(lambda: _samples(compose, "sum(chatbot_predictions_total) > 0"), 60)
    assert float(answered["value"][1]) >= 1
    assert until(lambda: _samples(compose, "minio_cluster_health_status"), 60)
    with urllib.request.urlopen(compose.url("PROMETHEUS_PORT", "/api/v1/rules"), timeout=10) as answer:
        groups = json.load(answer)["data"]["groups"]
    assert len(groups) >= 3, "the alerts are loaded"


def test_the_drift_check_runs_by_itself_and_its_verdict_reaches_store_and_prometheus(
    compose: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = compose.store("drift", monkeypatch)
    until(lambda: store.head("reports/drift/latest.json"), 240)
    verdict = json.loads(store.get("reports/drift/latest.json"))
    assert verdict["verdict"] == "silent", "too few messages to speak"
    assert until(lambda: _samples(compose, 'chatbot_drift_verdict{verdict="silent"} == 1'), 120)


def test_the_retraining_looks_at_the_verdict_and_the_upkeep_is_done(compose: Compose) -> None:
    assert until(lambda: "the drift verdict is silent: nothing to do" in compose.said("retrain"), 300)
    assert until(lambda: "were given back" in compose.said("upkeep"), 300)


def test_no_service_dies_and_none_is_started_again_for_ever(compose: Compose) -> None:
    """`minio-setup`, `bundle` and `register` are done once; the others go on."""
    done = {"minio-setup", "bundle", "register"}
    until(lambda: all(compose.state(name) == ("exited", 0) for name in done), 240)
    running = {name: compose.state(name) for name in compose.services if name not in done}
    assert set(running.values()) == {("running", 0)}, running


@pytest.mark.certify
def test_an_own_corpus_is_trained_and_served_with_its_replies(
    built: dict[str, Image], tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    intents = {"grooming": "my dog's coat needs a {} cut", "boarding": "can my cat stay {} nights with you"}
    words = (
        "short",
        "summer",
        "puppy",
        "full",
        "two",
        "three",
        "ten",
        "some",
        "few",
        "quick",
        "winter",
        "new",
    )
    rows = [f"{message.format(word)},{intent}" for intent, message in intents.items() for word in words]
    (corpus / "pets.csv").write_text("message,intent\n" + "\n".join(rows) + "\n", encoding="utf-8")
    replies = "intent,reply\ngrooming,We cut on weekdays.\nboarding,Our rooms are warm.\n"
    (corpus / "replies.csv").write_text(replies, encoding="utf-8")
    corpus.chmod(0o755)
    files = ("compose.yaml", "compose.corpus.yaml")
    variables = {"CORPUS": "pets.csv", "REPLIES": "replies.csv", "CORPUS_FOLDER": str(corpus)}
    with up("test-compose-corpus", tmp_path, files, **variables) as project:
        url = project.url("CHATBOT_PORT", "/version")
        wait_for(url)
        shipped = json.loads(wait_for(url))["bundle_digest"]
        until(lambda: project.state("register") == ("exited", 0), 600)
        until(lambda: json.loads(wait_for(url))["bundle_digest"] != shipped, 120)
        answer = post(project.url("CHATBOT_PORT", "/chat"), {"message": "my dog's coat needs a short cut"})
        assert answer["intent"] == "grooming"
        assert answer["response"] == "We cut on weekdays."


def until(found: Callable[[], Any], seconds: float) -> Any:
    """What is found, as soon as it is."""
    end = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < end, "it did not come about in time: the containers' logs stand below"
        time.sleep(1)
    return result


def _samples(compose: Compose, expression: str, least: int = 1) -> list[dict[str, Any]]:
    """What Prometheus answers; nothing while that are fewer than so many."""
    url = compose.url("PROMETHEUS_PORT", f"/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            found = list(json.load(answer)["data"]["result"])
    except OSError:
        return []
    return found if len(found) >= least else []


def _stand_ins(services: dict[str, Any], folder: Path) -> dict[str, str]:
    """For images that are not on this machine and were not named: what it has in their place."""
    given = {}
    for service, (variable, name, program) in STAND_INS.items():
        pinned = services[service]["image"].removeprefix(f"${{{variable}:-").removesuffix("}")
        if os.environ.get(variable) or not _missing(pinned):
            continue
        given[variable] = name
        if program and _missing(name):
            found = str(requirements.program(program))
            context = folder / program
            context.mkdir()
            shutil.copy2(found, context / program)
            (context / "Dockerfile").write_text(
                f'FROM docker.io/library/debian:bookworm-slim\nCOPY {program} /usr/bin/\nENTRYPOINT ["{program}"]\n'
            )
            podman("build", "--quiet", "--tag", name, str(context))
    return given


def _missing(image: str) -> bool:
    return subprocess.run(["podman", "image", "exists", image], check=False).returncode != 0


def _champion(compose: Compose) -> dict[str, Any] | None:
    url = compose.url(
        "CHATBOT_MLFLOW_PORT", "/api/2.0/mlflow/registered-models/alias?name=support-chatbot&alias=champion"
    )
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return dict(json.load(answer)["model_version"])
    except OSError:
        return None
