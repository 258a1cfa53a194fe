"""The images hold what they need and no more, and work with nothing but a temporary file system to write to."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.images.conftest import RESTRICTED, Start, check_health, podman, post, wait_for
from tools.images import DOCKERFILES, Image
from tools.processes import free_port
from training.model.encoder.export import ENOUGH_PROOF

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

NAMES = list(DOCKERFILES)


def run(image: Image, *command: str, check: bool = True) -> str:
    """A restricted container's output."""
    return podman("run", "--rm", "--network=none", *RESTRICTED, image.name, *command, check=check)


@pytest.mark.parametrize("name", NAMES)
def test_an_image_runs_as_a_numeric_user_that_is_not_root(built: dict[str, Image], name: str) -> None:
    user = podman("image", "inspect", built[name].name, "--format", "{{.Config.User}}")
    assert user == "10001:10001"
    assert run(built[name], "id", "-u") == "10001"


@pytest.mark.parametrize("name", NAMES)
def test_an_images_root_is_read_only(built: dict[str, Image], name: str) -> None:
    assert "Read-only file system" in run(built[name], "sh", "-c", "touch /app/x 2>&1 || true")


@pytest.mark.parametrize("name", NAMES)
def test_an_image_holds_no_tools_to_build_with(built: dict[str, Image], name: str) -> None:
    found = run(
        built[name],
        "sh",
        "-c",
        "for p in gcc cc g++ make uv git /opt/venv/bin/pip; do command -v $p; done; true",
    )
    assert found == ""


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_an_image_belongs_to_the_user_that_runs_it(built: dict[str, Image], name: str) -> None:
    script = "find /app /opt/venv \\( -user 10001 -o -perm -o+w ! -type l \\) | head -5"
    assert run(built[name], "sh", "-c", script) == ""


@pytest.mark.parametrize("name", NAMES)
def test_every_file_of_an_image_can_be_read_by_that_user(built: dict[str, Image], name: str) -> None:
    assert run(built[name], "sh", "-c", "find /app /opt/venv ! -readable | head -5") == ""


def test_only_the_training_image_holds_torch(built: dict[str, Image]) -> None:
    looked = "import importlib.util as u; print(u.find_spec('torch') is not None)"
    holds = {name for name, image in built.items() if run(image, "python", "-c", looked) == "True"}
    assert holds == {"train"}
    version = run(
        built["train"], "python", "-c", "import torch; print(torch.__version__, torch.cuda.is_available())"
    )
    assert version.endswith("+cpu False")


def test_a_training_finds_the_default_encoder_exported(built: dict[str, Image]) -> None:
    program = (
        "import sys; from pathlib import Path; from training.model.encoder.export import DEFAULT_ENCODER, export\n"
        "found = export(DEFAULT_ENCODER, Path('/tmp/none'), ['a'], ['a'])\n"
        "encoded = len(found.load().encode(['hi']).vectors)\n"
        "print(found.folder.parent, found.proof.messages, encoded, 'torch' in sys.modules)"
    )
    folder, messages, encoded, has_torch = run(built["train"], "python", "-c", program).split()
    assert (folder, encoded, has_torch) == ("/app/encoders", "1", "False")
    assert int(messages) >= ENOUGH_PROOF


def test_dvc_needs_no_more_than_a_temporary_folder(built: dict[str, Image]) -> None:
    script = "mkdir -p /tmp/w/c; cd /tmp/w; echo x > c/x; dvc init --quiet --no-scm; dvc add --quiet c; ls"
    assert run(built["train"], "sh", "-ec", script).split() == ["c", "c.dvc"]


def test_the_serving_image_is_small(built: dict[str, Image]) -> None:
    assert built["api"].bytes <= 700e6


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("train", "training.retrain"),
        ("train", "training.review"),
        ("train", "training.versions"),
        ("monitor", "monitoring.drift_report"),
        ("monitor", "monitoring.compact"),
        ("monitor", "monitoring.retention"),
        ("monitor", "k8s.rollback"),
        ("mlflow", "training.mlflow_server"),
    ],
)
def test_a_command_finds_everything_it_imports(built: dict[str, Image], name: str, module: str) -> None:
    assert "usage" in run(built[name], "python", "-m", module, "--help").lower()


def test_evidently_is_whole_in_the_image_of_the_drift_check(built: dict[str, Image]) -> None:
    program = "from evidently.presets import DataDriftPreset; print(type(DataDriftPreset()).__name__)"
    assert run(built["monitor"], "python", "-c", program) == "DataDriftPreset"


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("k8s.trigger", "no drift verdict"),
        ("k8s.promote", "no account on a Kubernetes cluster"),
        ("k8s.secrets", "no account on a Kubernetes cluster"),
    ],
)
def test_what_acts_says_in_one_line_what_it_lacks(built: dict[str, Image], module: str, reason: str) -> None:
    command = [
        "podman",
        "run",
        "--rm",
        "--network=none",
        *RESTRICTED,
        built["monitor"].name,
        "python",
        "-m",
        module,
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert reason in answer.stderr
    assert "Traceback" not in answer.stderr


def test_the_bot_answers_from_its_image_alone(built: dict[str, Image], start: Start) -> None:
    port = free_port()
    name = start(
        built["api"].name,
        f"--publish=127.0.0.1:{port}:3000",
        "--env=CHATBOT_STORE_URL=none",
        "--env=CHATBOT_RUNNER_WORKERS=1",
        "--volume=/var/lib/support-chatbot",
    )
    wait_for(f"http://127.0.0.1:{port}/readyz")
    reply = post(f"http://127.0.0.1:{port}/chat", {"message": "I want a refund"})
    assert reply["intent"] == "get_refund"
    assert reply["response"]
    assert json.loads(wait_for(f"http://127.0.0.1:{port}/version"))["model_version"] == reply["model_version"]
    check_health(name, built["api"].name)
    podman("stop", "--time", "30", name)
    assert podman("inspect", name, "--format", "{{.State.ExitCode}}") == "0"


@pytest.mark.parametrize(
    ("name", "port", "path", "options"),
    [
        ("ui", 8501, "/_stcore/health", ()),
        (
            "staff",
            8502,
            "/_stcore/health",
            ("--env=CHATBOT_STAFF_TOKEN=0123456789abcdef0123", "--env=CHATBOT_STORE_URL=/tmp/s"),
        ),
        ("mlflow", 5000, "/health", ("--env=CHATBOT_STORE_URL=/tmp/s", "--volume=/var/lib/support-chatbot")),
    ],
)
def test_a_page_answers_from_its_image_alone(
    built: dict[str, Image],
    start: Start,
    name: str,
    port: int,
    path: str,
    options: tuple[str, ...],
) -> None:
    here = free_port()
    container = start(built[name].name, f"--publish=127.0.0.1:{here}:{port}", *options)
    wait_for(f"http://127.0.0.1:{here}{path}")
    check_health(container, built[name].name)
    podman("stop", "--time", "10", container)
    with pytest.raises(AssertionError):
        check_health("", built[name].name)
