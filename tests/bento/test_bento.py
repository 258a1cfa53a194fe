"""The Bento: built offline, it answers anywhere with nothing beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bento.http.api_keys import make_key
from tests.bento.server import ROOT, Server

pytestmark = pytest.mark.process

BENTOML = str(Path(sys.executable).with_name("bentoml"))


def test_a_bento_carries_everything_and_answers_from_another_folder(tmp_path: Path) -> None:
    home = tmp_path / "server" / "bentoml"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("CHATBOT_", "PYTHONPATH"))}
    environment |= {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    built = subprocess.run(
        [BENTOML, "build", "--output", "tag"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    tag = built.stdout.strip().rpartition("__tag__:")[2]
    source = home / "bentos" / tag.replace(":", "/") / "src"
    packed = {str(file.relative_to(source)) for file in source.rglob("*") if file.is_file()}
    assert {"models/current/encoder.onnx", "models/current/rules.yaml", "pyproject.toml"} <= packed
    assert {name.split("/")[0] for name in packed} == {
        "bento", "chatbot", "models", "monitoring", "pyproject.toml", "requirements", "bentofile.yaml",
    }  # fmt: skip
    assert not [name for name in packed if "__pycache__" in name]
    assert "torch" not in (source.parent / "env" / "python" / "requirements.txt").read_text()

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    key, entry = make_key("page", ["chat"])
    (elsewhere / "keys").write_text(f"{entry}\n")
    server = Server(
        tmp_path / "server",
        # Relative to the folder in which it is started: its workers run in the Bento's.
        {"PYTHONPATH": "", "CHATBOT_RUNNER_WORKERS": "1", "CHATBOT_API_KEYS_FILE": "keys"},
        (BENTOML, "serve", tag),
        cwd=elsewhere,
    )
    try:
        server.start()
        status, reply = server.post("/chat", {"message": "I want a refund"}, key=key)
        assert status == 200
        assert reply["source"] in ("model", "clarify", "human")
        assert server.logged_ids()[str(reply["prediction_id"])] == 1
        assert server.post("/chat", {"message": "I want a refund"})[0] == 401
        assert list(elsewhere.iterdir()) == [elsewhere / "keys"]
    finally:
        server.stop()
