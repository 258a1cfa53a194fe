"""No library reports to its makers: in no image and in no program."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from chatbot import telemetry
from tests.support.requirements import ROOT

COMMANDS = {
    "bento/Dockerfile.template": {"BENTOML_DO_NOT_TRACK"},
    "monitoring/Dockerfile": set(),
    "training/Dockerfile": {"DVC_NO_ANALYTICS", "ITERATIVE_DO_NOT_TRACK"},
    "training/mlflow.Dockerfile": {"MLFLOW_DISABLE_TELEMETRY"},
    "ui/Dockerfile": {"STREAMLIT_BROWSER_GATHER_USAGE_STATS"},
    "ui/staff.Dockerfile": {"STREAMLIT_BROWSER_GATHER_USAGE_STATS"},
}
"""The variables of the libraries whose own commands run in an image: everything else there imports `chatbot` first."""
LIBRARIES = ("bentoml", "dvc", "evidently", "huggingface_hub", "mlflow", "onnxruntime", "streamlit")
IMPORTED = """
import json, os, sys
import {module}
off, libraries = json.loads(sys.argv[1])
assert off.items() <= os.environ.items(), os.environ
assert not sys.modules.keys() & set(libraries), "too late: these read the variables when they are imported"
"""
ASKED = """
import importlib.metadata, importlib.util, os, sys
import chatbot
for name in ("evidently", "mlflow"):  # not executed: their __init__ imports everything, which takes ten seconds
    sys.modules[name] = importlib.util.module_from_spec(importlib.util.find_spec(name))
    sys.modules[name].__version__ = importlib.metadata.version(name)
from bentoml._internal.utils.analytics.usage_stats import do_not_track
assert do_not_track()
from dvc.analytics import is_enabled
assert not is_enabled()
from huggingface_hub.constants import HF_HUB_DISABLE_TELEMETRY
assert HF_HUB_DISABLE_TELEMETRY
import mlflow.environment_variables as mlflow
assert mlflow.MLFLOW_DISABLE_TELEMETRY.get()
import evidently.telemetry, iterative_telemetry
assert not evidently.telemetry.event_logger.is_enabled()
assert not iterative_telemetry.IterativeTelemetryLogger("test", "0", enabled=lambda: True).is_enabled()
from streamlit import config
option = config._config_options_template["browser.gatherUsageStats"]
assert os.environ[option.env_var] == "false"  # what `streamlit run` reads
"""


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in telemetry.OFF and name != "CI"}


def test_an_image_turns_it_off_for_the_library_whose_command_runs_in_it_and_starts_a_program_of_ours() -> (
    None
):
    assert {str(f.relative_to(ROOT)) for f in ROOT.glob("*/*ockerfile*")} == set(COMMANDS)
    for file, names in COMMANDS.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        lines = re.findall(r"^ +(\w+)=(\S+) ", text, re.MULTILINE)
        found = {name: value for name, value in lines if name in telemetry.OFF}
        assert found == {name: telemetry.OFF[name] for name in names}, file
        assert re.search(rf'^CMD \["python", "-m", "{file.partition("/")[0]}\b', text, re.MULTILINE), file


@pytest.mark.process
@pytest.mark.parametrize(
    "module",
    # Where a package itself turns it off, all its programs do.
    ["bento", "training", "monitoring", "k8s.cli", "ui.__main__", "data"],
)
def test_every_program_turns_it_off_before_it_imports_a_library_that_reports(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED.format(module=module), json.dumps([telemetry.OFF, LIBRARIES])],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.process
def test_the_libraries_say_that_it_is_off() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKED], cwd=ROOT, env=clean_environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_value_from_outside_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    monkeypatch.delenv("DVC_NO_ANALYTICS", raising=False)
    telemetry.turn_off()
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "false"
    assert os.environ["DVC_NO_ANALYTICS"] == "1"
