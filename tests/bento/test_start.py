"""Starting: at once and whole, or not at all and with one line that says why."""

from __future__ import annotations

import faulthandler
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bento.lifecycle import preflight
from bento.lifecycle.served_model import list_intents
from bento.lifecycle.server_process import ServerProcess
from chatbot.errors import SettingError
from chatbot.model.bundle import load_metadata
from chatbot.settings import RouterSettings, SlotSettings
from tests.bento import bundles
from tests.bento.server import Server
from tests.support.http_server import json_response, serving
from tests.support.requirements import ROOT

pytestmark = pytest.mark.process

BENTOML = str(Path(sys.executable).with_name("bentoml"))
STARTS = {
    "python -m bento": (sys.executable, "-m", "bento"),
    "bentoml serve": (BENTOML, "serve", "bento.service:SupportChatbot"),
}


def test_a_slot_that_only_this_corpus_uses_is_filled_from_the_environment(
    bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_metadata(bundles.needing(bundle_folder, tmp_path / "own", "hotline"))
    with pytest.raises(SettingError, match="CHATBOT_SLOT_HOTLINE"):
        model.router(RouterSettings(), SlotSettings())
    monkeypatch.setenv("CHATBOT_SLOT_HOTLINE", "0800 7654321")
    assert model.router(RouterSettings(), SlotSettings())
    assert any("0800 7654321" in intent.reply for intent in list_intents(model, SlotSettings()))


def test_a_misspelt_slot_is_named_in_the_log_with_the_one_that_was_meant(
    bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own = bundles.needing(bundle_folder, tmp_path / "own", "hotline")
    monkeypatch.setenv("CHATBOT_BUNDLE", str(own))
    monkeypatch.setenv("CHATBOT_LOG_FOLDER", str(tmp_path / "log"))
    for name in ("HOTLINE", "SUPPORT_HOURS", "SUPORT_PHONE", "XYZ"):
        monkeypatch.setenv(f"CHATBOT_SLOT_{name}", "0800 7654321")
    preflight.check()
    assert [record.getMessage() for record in caplog.records] == [
        "CHATBOT_SLOT_SUPORT_PHONE is a slot of no reply: did you mean CHATBOT_SLOT_SUPPORT_PHONE?",
        "CHATBOT_SLOT_XYZ is a slot of no reply",
    ]


def test_a_service_whose_handoffs_reach_nobody_says_so_at_its_start(
    bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CHATBOT_BUNDLE", str(bundle_folder))
    monkeypatch.setenv("CHATBOT_LOG_FOLDER", str(tmp_path / "log"))
    monkeypatch.setenv("CHATBOT_STORE_URL", "none")
    preflight.check()
    (record,) = caplog.records
    assert "CHATBOT_HANDOFF_URL" in record.getMessage()


def _missing(folder: Path) -> None:
    shutil.rmtree(folder)


def _without_its_encoder(folder: Path) -> None:
    (folder / "encoder.onnx").unlink()


def _truncated(folder: Path) -> None:
    os.truncate(folder / "encoder.onnx", 1_000_000)


def _tampered(folder: Path) -> None:
    with (folder / "head.safetensors").open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\x01\x02\x03\x04")


def _without_sums(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()


def refused(tmp_path: Path, command: tuple[str, ...], **environment: str) -> str:
    """The one line with which a start is refused."""
    server = Server(tmp_path, environment, command).launch()
    assert server.process is not None
    code = server.process.wait(30)
    assert code not in (0, None)
    lines = [line for line in server.output.splitlines() if line.strip()]
    assert len(lines) == 1, server.output
    return lines[0]


@pytest.mark.parametrize("harm", [_missing, _without_its_encoder, _truncated, _tampered, _without_sums])
def test_a_bundle_that_is_not_whole_is_refused_with_the_reason_in_one_line(
    tmp_path: Path, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None]
) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(bundle_folder, folder)
    harm(folder)
    monkeypatch.setenv("CHATBOT_BUNDLE", str(folder))
    monkeypatch.setenv("CHATBOT_LOG_FOLDER", str(tmp_path / "log"))
    reason = preflight.PreflightCheck(preflight.check).failure()
    assert reason is not None
    assert str(folder) in reason
    assert "\n" not in reason


def test_a_whole_bundle_is_not_refused(
    tmp_path: Path, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATBOT_BUNDLE", str(bundle_folder))
    monkeypatch.setenv("CHATBOT_LOG_FOLDER", str(tmp_path / "log"))
    assert preflight.PreflightCheck(preflight.check).failure() is None


def test_a_bundle_that_crashes_the_runtime_is_refused_like_any_other() -> None:
    def crash() -> None:
        faulthandler.disable()  # pytest's: its stack trace says nothing new here
        os.kill(os.getpid(), signal.SIGSEGV)

    assert "ended with exit code -11" in (preflight.PreflightCheck(crash).failure() or "")


@pytest.mark.parametrize("command", STARTS)
def test_a_tampered_bundle_stops_the_whole_server_with_one_line(
    tmp_path: Path, bundle_folder: Path, command: str
) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(bundle_folder, folder)
    _tampered(folder)
    line = refused(tmp_path / "server", STARTS[command], CHATBOT_BUNDLE=str(folder))
    assert f"{folder} is damaged: head.safetensors has sha256" in line


def test_a_setting_that_cannot_work_stops_the_start_and_is_named_with_its_value(tmp_path: Path) -> None:
    line = refused(tmp_path, STARTS["python -m bento"], CHATBOT_WORKERS="many", CHATBOT_MAX_BATCH="0")
    assert "CHATBOT_WORKERS='many'" in line
    assert "CHATBOT_MAX_BATCH='0'" in line


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("CHATBOT_STORE_URL", "ftp://x", "CHATBOT_STORE_URL='ftp://x': expected a folder's path"),
        ("CHATBOT_UPLOAD_QUEUE_MB", "big", "CHATBOT_UPLOAD_QUEUE_MB='big'"),
        (
            "CHATBOT_TRUSTED_PROXIES",
            "10.0.0.5/33",
            "CHATBOT_TRUSTED_PROXIES='10.0.0.5/33': Value error, '10.0.0.5/33' does not appear",
        ),
        ("CHATBOT_METRICS_PORT", "3000", "CHATBOT_METRICS_PORT=3000 is CHATBOT_PORT too"),
        ("CHATBOT_PREDICTION_KEY", "short", "CHATBOT_PREDICTION_KEY"),
        ("CHATBOT_HANDOFF_URL", "http://127.0.0.1:9/", "CHATBOT_HANDOFF_SECRET"),
        ("CHATBOT_API_KEYS_FILE", "/nowhere/keys", "CHATBOT_API_KEYS_FILE=/nowhere/keys cannot be read"),
        ("CHATBOT_CORS_ORIGINS", "*", "CHATBOT_CORS_ORIGINS"),
    ],
)
def test_a_setting_that_only_the_workers_use_is_checked_before_they_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv("CHATBOT_LOG_FOLDER", str(tmp_path / "log"))
    monkeypatch.setenv("CHATBOT_BUNDLE", str(tmp_path / "none"))
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingError, match=re.escape(says)):
        preflight.check()


def test_a_port_in_use_is_named_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused(tmp_path, STARTS["python -m bento"], CHATBOT_PORT=str(port))
    assert line == f"support-chatbot: port {port} is in use: set CHATBOT_PORT"


@pytest.mark.parametrize(("host", "asked"), [("0.0.0.0", "127.0.0.1"), ("127.0.0.2", "127.0.0.2")])
def test_the_supervisor_asks_its_server_at_the_address_it_listens_on(host: str, asked: str) -> None:
    with serving(lambda _request: json_response({"bundle_digest": "d" * 64}), asked) as web:
        sleeps = (sys.executable, "-c", "import time; time.sleep(60)")
        ours = ServerProcess(f"1@{'d' * 64}", host, web.port, 60, sleeps)
        other = ServerProcess(f"2@{'e' * 64}", host, web.port, 60, sleeps)
        try:
            assert ours.wait_ready(30) is None
            assert f"/version reports the bundle {'d' * 64}" in (other.wait_ready(0.5) or "")
        finally:
            ours.stop()
            other.stop()


@pytest.mark.parametrize("module", ["bento.service", "bento.keeper"])
def test_a_process_that_does_not_encode_loads_no_inference_engine(module: str) -> None:
    """Each copy costs 20 MB and a fifth of a second of every start."""
    heavy = {"onnxruntime", "tokenizers", "torch", "pandas", "mlflow"}
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
