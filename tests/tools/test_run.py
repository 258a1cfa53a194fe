"""`make run` on other ports: the page talks to the API that stands beside it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools.processes import free_port

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]


def run(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CHATBOT_")}
    return subprocess.run(
        [sys.executable, "-m", "tools.run", "--then", *command],
        cwd=ROOT,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_the_chat_page_follows_the_address_and_port_of_the_api(tmp_path: Path, bundle_folder: Path) -> None:
    port = free_port()
    environment = {
        "CHATBOT_HOST": "127.0.0.2",
        "CHATBOT_PORT": str(port),
        "CHATBOT_UI_ADDRESS": "127.0.0.3",
        "CHATBOT_UI_API_URL": "",
        "CHATBOT_UI_PORT": str(free_port()),
        "CHATBOT_LOG_FOLDER": str(tmp_path),
        "CHATBOT_BUNDLE": str(bundle_folder),
        "CHATBOT_STORE_URL": "none",
        "CHATBOT_RUNNER_WORKERS": "1",
    }
    # The command is started as the page is, with the same environment.
    ask = "import urllib.request as u; from chatbot.settings import ChatPageSettings as s; "
    ask += "print(u.urlopen(s().api_url + '/version').status, s().api_url)"
    done = run(environment, sys.executable, "-c", ask)
    assert done.returncode == 0, done.stderr
    assert f"200 http://127.0.0.2:{port}" in done.stdout
    assert f"http://127.0.0.3:{environment['CHATBOT_UI_PORT']}" in done.stdout


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run({"CHATBOT_PORT": port, "CHATBOT_LOG_FOLDER": str(tmp_path)}, "true")
    assert done.returncode == 1
    assert f"port {port} is in use" in done.stdout
    assert "CHATBOT_PORT" in done.stdout


def test_a_setting_of_the_wrong_type_is_named_in_a_line() -> None:
    done = run({"CHATBOT_PORT": "abc"}, "true")
    assert done.returncode == 1
    assert "CHATBOT_PORT='abc'" in done.stdout
    assert "Traceback" not in done.stderr
