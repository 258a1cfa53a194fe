"""Run `make loop` with real MinIO, MLflow, bot and pages, and check the facts of its table, read from the components.

It takes minutes of both cores, so it belongs to `make certify`; `make e2e` runs the same loop on a cluster in CI.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import requirements

pytestmark = [pytest.mark.process, pytest.mark.certify]

ROOT = Path(__file__).resolve().parents[2]
# Beside a dozen other jobs on two cores it took 510 s; docs/results.d/loop.md has what it takes alone.
LONGEST_SECONDS = 900


@dataclass(frozen=True)
class Played:
    """The facts, what stood on the terminal, the loop's folder; and what was seen while it was kept running."""

    said: dict[str, Any]
    terminal: str
    folder: Path
    exit_code: int
    kept_mode: str
    kept_answer: str


@pytest.fixture(scope="module", params=["minio", "folder"])
def played(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, bundle_folder: Path
) -> Played:
    """KEEP=1: played to the end, left running, and stopped with Ctrl-C."""
    if request.param == "minio":
        requirements.program("minio")
    folder = tmp_path_factory.mktemp("loop") / "loop"
    output = folder.with_suffix(".out")
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.loop", "--keep", "--store", request.param, "--folder", str(folder)],
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        until = time.monotonic() + LONGEST_SECONDS
        while "to continue:" not in output.read_text(errors="replace"):
            assert process.poll() is None, output.read_text(errors="replace")
            assert time.monotonic() < until, output.read_text(errors="replace")
            time.sleep(0.5)
        mode = oct((folder / "env").stat().st_mode & 0o777)
        asked = (
            f'set -a; source {folder / "env"}; curl -sS -H "Content-Type: application/json" '
            """-d '{"message": "how much do I get for my old phone"}' "$CHATBOT_UI_API_URL/chat\""""
        )
        answer = subprocess.run(["bash", "-ec", asked], capture_output=True, text=True, check=True).stdout
        process.send_signal(signal.SIGINT)
        code = process.wait(60)
    finally:
        for left in (
            [process, *psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []
        ):
            left.kill()
    said = json.loads((folder / "loop.json").read_text())
    return Played(said, output.read_text(), folder, code, mode, answer)


@pytest.mark.timeout(LONGEST_SECONDS + 60)
def test_the_loop_goes_from_a_first_version_over_a_launch_to_one_that_answers_it(
    played: Played,
) -> None:
    said, terminal = played.said, played.terminal
    steps = {step["step"]: step for step in said["steps"]}
    assert steps["first version"]["champion"] == "1"
    first = steps["first version"]["serves"]
    assert first.startswith("1@")

    day = steps["an ordinary day"]
    assert day["records"] == day["messages"] >= 2000
    check = steps["first drift check"]
    assert (check["baseline"], check["against"]) == (True, ["reference"])
    check = steps["drift check"]
    assert (check["verdict"], check["against"]) == ("green", ["baseline"])

    launch = steps["a product launch"]
    assert launch["messages"] >= 100
    assert launch["human"] > launch["messages"] / 2
    drift = steps["drift check after the launch"]
    assert drift["verdict"] == "red"
    assert drift["red"]
    assert any("trade" in message.lower() for message in drift["examples"])

    waiting = steps["drift asks for a retraining"]
    assert waiting["outcome"] == "needs_review"
    assert waiting["queue"] >= launch["human"] / 2
    assert waiting["again"] == "nothing", "the same drift asks once"
    assert waiting["champion"] == "1"

    review = steps["review"]
    assert "trade" in " ".join(review["words"])
    assert review["accepted"] >= 40

    made = steps["retraining with what was accepted"]
    assert (made["outcome"], made["gate"], made["challenger"]) == ("accepted", "passed", "2")
    assert made["champion"] == "1", "nothing moves before the promotion"

    assert steps["promotion"]["champion"] == "2"
    assert steps["promotion"]["serves"].startswith("2@")
    after = steps["the launch's next day"]
    assert after["version"] == "2"
    assert after["right"] >= after["messages"] / 2
    assert after["wrong"] <= 1

    back = steps["rollback"]
    assert (back["serves"], back["champion"], back["right"]) == (first, "1", 0)
    assert steps["and forward again"]["champion"] == "2"
    assert "what happened" in terminal
    assert all(step["step"] in terminal for step in said["steps"])


def test_what_is_kept_running_answers_until_ctrl_c_and_can_be_played_on_with(played: Played) -> None:
    assert json.loads(played.kept_answer)["model_version"] == "2"
    assert played.kept_mode == "0o600", "it holds the store's password"
    assert "python -m training.versions" in " ".join(played.terminal.split())
    assert played.exit_code == 0


def test_it_leaves_no_process_and_no_secret_behind(played: Played) -> None:
    left = [
        p.info["cmdline"]
        for p in psutil.process_iter(["cmdline", "environ"])
        if _is_of(p, str(played.folder))
    ]
    assert left == []
    assert "http://127.0.0.1:" in played.terminal
    assert not (played.folder / "env").exists()


def _is_of(process: psutil.Process, folder: str) -> bool:
    environment = process.info["environ"] or {}
    return any(value.startswith(folder) for name, value in environment.items() if name.startswith("CHATBOT_"))
