"""params.yaml and the options that override it: an error names where the value comes from."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

import data.process
import training.train
from chatbot.errors import SettingError
from data.params import DEFAULT_FILE, Params
from data.processing import ProcessParams
from training.gate.params import GateParams
from training.model.params import TrainParams

OPTIONS = {
    "--target 2.0": "more than 0 and less than 1",
    "--target nan": "more than 0 and less than 1",
    "--out-of-scope-share -1.0": "at least 0 and less than 1",
    "--seed -1": "at least 0",
}


@pytest.mark.parametrize("option", OPTIONS)
def test_a_wrong_option_of_training_is_blamed_on_the_option(tmp_path: Path, option: str) -> None:
    file = tmp_path / "params.yaml"
    file.write_text("train: {target: 0.05}\n")
    result = CliRunner().invoke(training.train.main, ["--params", str(file), *option.split()])
    assert result.exit_code == 1
    assert f"{option}: " in result.stderr
    assert f"(allowed: {OPTIONS[option]})" in result.stderr
    assert "params.yaml" not in result.stderr


def test_a_wrong_option_of_processing_is_blamed_on_the_option(tmp_path: Path) -> None:
    result = CliRunner().invoke(data.process.main, ["--similarity", "3", "--out", str(tmp_path / "out")])
    assert "--similarity 3.0: " in result.stderr
    assert "(allowed: more than 0 and at most 1)" in result.stderr


@pytest.mark.parametrize(
    ("kind", "section", "text", "says"),
    [
        (TrainParams, "train", "{target: 2}", r"section `train`: target: 2: .*more than 0 and less than 1"),
        (ProcessParams, "process", "{similarity: 0}", r"section `process`: similarity: 0: .*at most 1"),
        (GateParams, "gate", "{draws: 3}", r"section `gate`: draws: 3: .*at least 100"),
        (TrainParams, "train", "{tarrget: 0.1}", r"section `train`: tarrget: 0.1: Extra inputs"),
        (TrainParams, "train", "[1]", r"section `train` cannot be read"),
    ],
)
def test_a_wrong_value_of_the_file_is_blamed_on_the_file(
    tmp_path: Path, kind: type[Params], section: str, text: str, says: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"{section}: {text}\n")
    with pytest.raises(SettingError, match=r"mine\.yaml.*" + says):
        kind.read(file)


def test_a_right_option_hides_a_wrong_value_of_the_file_and_both_sources_are_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("train: {target: 2, seed: x}\n")
    with pytest.raises(
        SettingError, match=r"mine.yaml, section `train`: seed: 'x'.*; --out-of-scope-share 7: "
    ):
        TrainParams.read(file, {"target": 0.1, "out_of_scope_share": 7, "encoder": None})


def test_a_named_file_must_exist_and_the_default_one_need_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert TrainParams.read(DEFAULT_FILE) == TrainParams()
    with pytest.raises(SettingError, match="parms"):
        TrainParams.read(Path("parms.yaml"))
