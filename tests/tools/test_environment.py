"""compose.yaml and its environment files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from bento.lifecycle.server_process import stop_seconds
from chatbot.settings import ServiceSettings, UploadSettings
from tests.support.requirements import program
from tests.support.waiting import eventually
from tools.generate import compose
from training.retrain import main as app

COMPOSE = yaml.safe_load((compose.ROOT / "compose.yaml").read_text())


def test_the_example_holds_no_secret() -> None:
    text = compose.example()
    for name in compose.MADE:
        assert re.search(rf"^{name}=$", text, re.MULTILINE), name


def test_every_service_of_ours_reads_settings_env() -> None:
    ours = {name: s for name, s in COMPOSE["services"].items() if "IMAGE_PREFIX" in s["image"]}
    ours.pop("bundle")  # copies the image's bundle and reads no setting
    assert len(ours) >= 8
    for name, service in ours.items():
        assert service["env_file"] == [{"path": "${SETTINGS_FILE:-settings.env}", "required": False}], name


def test_a_secret_reaches_only_the_service_that_needs_it() -> None:
    for secret, service in (("CHATBOT_PREDICTION_KEY", "api"), ("CHATBOT_STAFF_TOKEN", "staff")):
        knows = {name for name, s in COMPOSE["services"].items() if secret in str(s.get("environment"))}
        assert knows == {service}


def test_a_stopped_api_has_time_to_upload_its_records_before_compose_kills_it() -> None:
    grace = float(COMPOSE["services"]["api"]["stop_grace_period"].removesuffix("s"))
    assert grace > stop_seconds(ServiceSettings(), UploadSettings()), "the keeper stops its server first"


def test_compose_asks_for_nothing_that_the_example_does_not_name() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (compose.ROOT / "compose.yaml").read_text()))
    named = set(re.findall(r"^#?(\w+)=", compose.example(), re.MULTILINE))
    assert {
        name for name in asked if not name.startswith("STORE_KEY_") and not name.endswith("_IMAGE")
    } <= named


def test_a_new_env_makes_each_secret_once_and_keeps_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("GRAFANA_PASSWORD=mine\nCHATBOT_UI_LANGUAGE=de\n")
    made = compose.new(file)
    assert sorted([*made, "GRAFANA_PASSWORD"]) == sorted(compose.MADE)
    first = file.read_text()
    assert first.startswith("GRAFANA_PASSWORD=mine\nCHATBOT_UI_LANGUAGE=de\n")
    assert file.stat().st_mode & 0o777 == 0o600
    values = dict(line.split("=", 1) for line in first.splitlines())
    assert len({values[name] for name in made}) == len(made)
    assert compose.new(file) == []
    assert file.read_text() == first


def test_every_service_is_read_only_without_privileges() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name


def test_every_image_is_pinned() -> None:
    for name, service in COMPOSE["services"].items():
        default = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", service["image"])
        assert re.search(r"(:v?\d[\w.-]*|:RELEASE[\w.-]*)(@sha256:[0-9a-f]{64})?$", default), (name, default)


def test_the_staff_pages_listen_on_loopback_only() -> None:
    assert all(port.startswith("127.0.0.1:") for port in COMPOSE["services"]["staff"]["ports"])


def test_only_minio_and_its_setup_know_the_root_key() -> None:
    knows = {
        name
        for name, service in COMPOSE["services"].items()
        if "ROOT_PASSWORD" in str(service.get("environment"))
    }
    assert knows == {"minio", "minio-setup"}


def test_compose_and_the_chart_pin_the_same_minio() -> None:
    values = yaml.safe_load((compose.ROOT / "helm" / "support-chatbot" / "values.yaml").read_text())
    image = values["minio"]["image"]
    pinned = f"{image['repository']}:{image['tag']}@{image['digest']}"
    assert pinned in COMPOSE["services"]["minio"]["image"]


def test_no_variable_that_mlflow_reads_itself_is_empty() -> None:
    for name, service in COMPOSE["services"].items():
        for variable, value in (service.get("environment") or {}).items():
            assert not (variable.startswith("MLFLOW_") and value.endswith(":-}")), (name, variable)


def test_metrics_of_the_api_are_not_published_and_prometheus_reads_them() -> None:
    api = COMPOSE["services"]["api"]
    port = api["environment"]["CHATBOT_METRICS_PORT"]
    assert not any(published.endswith(f":{port}") for published in api["ports"])
    prometheus = yaml.safe_load((compose.ROOT / "monitoring" / "prometheus" / "prometheus.yml").read_text())
    [job] = [job for job in prometheus["scrape_configs"] if job["job_name"] == "support-chatbot-api"]
    assert job["static_configs"] == [{"targets": [f"api:{port}"]}]


def test_keys_in_compose_are_a_mounted_folder_for_the_api_and_one_key_for_the_page() -> None:
    keys = yaml.safe_load((compose.ROOT / "compose.api-keys.yaml").read_text())["services"]
    assert set(keys) == {"api", "ui"}
    folder, mounted, mode = keys["api"]["volumes"][0].rsplit(":", 2)
    assert (Path(mounted, "keys").as_posix(), mode) == (
        keys["api"]["environment"]["CHATBOT_API_KEYS_FILE"],
        "ro",
    )
    assert folder == "${API_KEYS_FOLDER:-./api-keys}"
    assert "CHATBOT_API_KEY" in keys["ui"]["environment"]
    asked = set(re.findall(r"\$\{(\w+)", (compose.ROOT / "compose.api-keys.yaml").read_text()))
    assert asked <= set(re.findall(r"^#?(\w+)=", compose.example(), re.MULTILINE))


@pytest.mark.parametrize(
    "page",
    [
        "compose.corpus.yaml",
        "compose.api-keys.yaml",
        "docs/operations/compose.md",
        "docs/operations/access.md",
    ],
)
def test_where_a_file_is_added_to_compose_podman_composes_way_is_named(page: str) -> None:
    """It ignores `COMPOSE_FILE` in .env without a word: the API would be open."""
    assert "export COMPOSE_FILE=" in (compose.ROOT / page).read_text()


@pytest.mark.process
@pytest.mark.parametrize(
    ("added", "expected"),
    [("compose.api-keys.yaml", "CHATBOT_API_KEYS_FILE:"), ("compose.corpus.yaml", "CORPUS: my.csv")],
)
def test_podman_compose_adds_the_file_that_is_exported(added: str, expected: str, tmp_path: Path) -> None:
    program("podman")
    for name in ("compose.yaml", added):
        shutil.copy(compose.ROOT / name, tmp_path)
    secrets = re.findall(r"\$\{(\w+):\?", (tmp_path / "compose.yaml").read_text())
    lines = [f"{name}=x" for name in (*secrets, "CHATBOT_API_KEY")] + ["CORPUS=my.csv"]
    (tmp_path / ".env").write_text("\n".join(lines))
    answer = subprocess.run(
        [Path(sys.executable).with_name("podman-compose"), "config"],
        cwd=tmp_path,
        env={**os.environ, "COMPOSE_FILE": f"compose.yaml:{added}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    assert expected in answer.stdout


def test_an_own_corpus_in_compose_is_a_mounted_folder_that_one_service_trains_and_rolls_out() -> None:
    text = (compose.ROOT / "compose.corpus.yaml").read_text()
    services = yaml.safe_load(text)["services"]
    assert set(services) == {"register"}
    register = services["register"]
    assert register["volumes"] == [
        *COMPOSE["services"]["register"]["volumes"],
        "${CORPUS_FOLDER:-./corpus}:/corpus:ro",
    ]
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", text))
    assert asked <= set(re.findall(r"^#?(\w+)=", compose.example(), re.MULTILINE))


@pytest.mark.process
def test_the_own_corpus_of_compose_is_trained_with_the_options_that_the_commands_have(tmp_path: Path) -> None:
    """The script of the service, with a program that notes what it is asked in place of Python."""
    with _register(tmp_path, f'printf "%s|" "$@" >> {tmp_path}/asked\necho >> {tmp_path}/asked') as shell:
        assert shell.wait(30) == 0
    retrain, promote = [line.split("|")[:-1] for line in (tmp_path / "asked").read_text().splitlines()]
    assert retrain[:4] == ["-m", "training.retrain", "--from", "/corpus/my file.csv"]
    assert retrain[-4:] == ["--message-column", "The text", "--encoding", "cp1252"]
    assert retrain[retrain.index("--replies") + 1] == ""
    assert promote == ["-m", "training.promote", "--result", "retrain.json"]
    known = {option for parameter in get_command(app).params for option in parameter.opts}
    assert {word for word in retrain if word.startswith("--")} <= known


@pytest.mark.process
def test_a_stop_of_the_own_corpus_s_training_reaches_it_and_waits_for_it(tmp_path: Path) -> None:
    """Otherwise the container is killed, and the next training waits until the lease has expired."""
    trap = f"trap 'sleep 0.3; touch {tmp_path}/released; exit 143' TERM"
    runs = f"touch {tmp_path}/begun; while true; do sleep 0.05; done"
    with _register(tmp_path, f"echo $2 >> {tmp_path}/asked; {trap}; {runs}") as shell:
        eventually((tmp_path / "begun").exists)
        shell.terminate()
        assert shell.wait(30) == 143
    assert (tmp_path / "released").exists()
    assert (tmp_path / "asked").read_text() == "training.retrain\n"


@pytest.mark.process
def test_a_training_of_the_own_corpus_that_fails_is_not_rolled_out(tmp_path: Path) -> None:
    with _register(tmp_path, f"echo $2 >> {tmp_path}/asked; exit 1") as shell:
        assert shell.wait(30) == 1
    assert (tmp_path / "asked").read_text() == "training.retrain\n"


def _register(tmp_path: Path, python: str) -> subprocess.Popen[bytes]:
    """Start the script of the service with a shell script in place of Python."""
    services = yaml.safe_load((compose.ROOT / "compose.corpus.yaml").read_text())["services"]
    shell, options, script = services["register"]["command"]
    assert (shell, options) == ("sh", "-euc")
    program = tmp_path / "bin" / "python"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{python}\n")
    program.chmod(0o755)
    variables = {
        "CORPUS": "my file.csv",
        "REPLIES": "",
        "TRAIN": "--message-column 'The text' --encoding cp1252",
    }
    environment = {"PATH": f"{program.parent}:/usr/bin:/bin", **variables}
    return subprocess.Popen([shell, options, script.replace("$$", "$")], cwd=tmp_path, env=environment)
