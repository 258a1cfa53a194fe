"""From any file to what training reads: the same input gives the same bytes, and DVC keeps them."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from chatbot.errors import SettingError
from data.digest import corpus_digest
from data.errors import CorpusError
from data.loading import load_corpus
from data.messages import row_hash
from data.process import main as app
from data.processing import CORPUS_COLUMNS, ProcessParams, process, read_processed

ROOT = Path(__file__).resolve().parents[2]
FILES = ("corpus.parquet", "report.json")


def write_corpus(file: Path, extra: str = "") -> Path:
    lines = [
        f"{intent} {row_hash(str(number), intent)[:12]} order {{{{Order Number}}}},{intent}"
        for intent in ("track", "cancel", "out_of_scope")
        for number in range(20)
    ]
    file.write_text("message,intent\n" + "\n".join(lines) + "\n" + extra)
    return file


def run(*arguments: str | Path, code: int = 0) -> str:
    """The command's output, both streams."""
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_the_same_input_gives_the_same_bytes_at_any_place_and_time(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "elsewhere" / "b"]
    for folder in folders:
        folder.mkdir(parents=True)
        run(write_corpus(folder / "corpus.csv"), "--out", folder)
    first = {name: (folders[0] / name).read_bytes() for name in FILES}
    assert first == {name: (folders[1] / name).read_bytes() for name in FILES}
    run(folders[0] / "corpus.csv", "--out", folders[0])
    assert first == {name: (folders[0] / name).read_bytes() for name in FILES}


def test_a_processed_corpus_is_filled_grouped_and_named_by_its_source(tmp_path: Path) -> None:
    twins = ("where is my parcel with the blue shoes", "where is my parcel with the blue shoes?")
    run(write_corpus(tmp_path / "corpus.csv", "".join(f"{m},track\n" for m in twins)), "--out", tmp_path)
    corpus = read_processed(tmp_path)
    assert tuple(corpus.columns) == CORPUS_COLUMNS
    assert len(corpus) == 62
    assert not corpus["message"].str.contains("[{}]").any()
    assert corpus["source"].tolist() == [f"corpus.csv:{line}" for line in range(2, 64)]
    group = corpus.set_index("row_hash")["group"]
    hashes = [row_hash(message, "track") for message in twins]
    assert group[hashes].tolist() == [min(hashes)] * 2, "a group is named by its smallest row hash"
    assert (group.drop(hashes) == group.drop(hashes).index).all()


def test_the_order_of_the_rows_changes_no_group(tmp_path: Path) -> None:
    rows = load_corpus(
        write_corpus(tmp_path / "corpus.csv", "where is it now,track\nwhere is it now?,track\n")
    )
    done, other = process(rows), process(rows.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(
        other.sort_values("row_hash", ignore_index=True), done.sort_values("row_hash", ignore_index=True)
    )


def test_the_report_counts_what_was_written(tmp_path: Path) -> None:
    output = run(write_corpus(tmp_path / "corpus.csv", "once only,rare\n"), "--out", tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    corpus = read_processed(tmp_path)
    assert report["rows"] == len(corpus) == 61
    assert report["per_intent"] == {"track": 20, "cancel": 20, "out_of_scope": 20, "rare": 1}
    assert report["groups"] == corpus["group"].nunique()
    assert report["warnings"][0]["reason"].startswith("intent 'rare' has 1 message")
    assert "corpus.csv:62: intent 'rare' has 1 message" in output
    assert str(tmp_path / "corpus.parquet") in output


def test_an_error_is_printed_with_all_others_and_nothing_is_written(tmp_path: Path) -> None:
    file = write_corpus(tmp_path / "corpus.csv", ",track\nno intent,\n")
    output = run(file, "--out", tmp_path / "out", code=1)
    assert f"{file}:62: the message is empty" in output
    assert f"{file}:63: the intent is empty" in output
    assert "2 errors" in output
    assert "Traceback" not in output
    assert not (tmp_path / "out").exists()


def test_two_labels_stop_a_strict_run_only(tmp_path: Path) -> None:
    file = write_corpus(tmp_path / "corpus.csv", "stop it,track\nstop it,cancel\n")
    assert "'stop it' is labelled cancel here, track at corpus.csv:62" in run(file, "--out", tmp_path / "a")
    assert "'stop it' is labelled cancel" in run(file, "--out", tmp_path / "b", "--strict", code=1)
    assert not (tmp_path / "b").exists()


def test_parameters_come_from_params_yaml_and_an_option_wins(tmp_path: Path) -> None:
    file, params = write_corpus(tmp_path / "corpus.csv"), tmp_path / "params.yaml"
    params.write_text("process: {seed: 3}\ntrain: {c: 10}\n")
    run(file, "--out", tmp_path / "a", "--params", params, "--similarity", "0.9")
    report = json.loads((tmp_path / "a" / "report.json").read_text())
    assert report["params"] == {"seed": 3, "similarity": 0.9}


def test_a_parameter_that_cannot_work_is_refused_with_its_value(tmp_path: Path) -> None:
    file, params = write_corpus(tmp_path / "corpus.csv"), tmp_path / "params.yaml"
    assert "--similarity 1.5" in run(file, "--out", tmp_path / "a", "--similarity", "1.5", code=1)
    params.write_text("process: {similarty: 0.5}\n")
    assert "similarty" in run(file, "--out", tmp_path / "a", "--params", params, code=1)
    with pytest.raises(SettingError, match=r"none\.yaml: section `process` cannot be read"):
        ProcessParams.read(tmp_path / "none.yaml")
    params.write_text("train: {}\n")
    assert ProcessParams.read(params) == ProcessParams()


def test_the_defaults_are_those_of_params_yaml() -> None:
    assert ProcessParams.read(ROOT / "params.yaml") == ProcessParams()


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus.csv")
    assert "cannot be made a folder" in run(corpus, "--out", corpus, code=1)


def test_an_invalid_processed_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no such file: make it with `python -m data\.process`"):
        read_processed(tmp_path)
    pd.DataFrame({"message": ["a"], "intent": ["b"]}).to_parquet(tmp_path / "corpus.parquet")
    with pytest.raises(CorpusError, match="no column category, group"):
        read_processed(tmp_path / "corpus.parquet")


@pytest.mark.parametrize("seed", range(4))
def test_a_small_and_messy_corpus_is_processed_whole(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    rows = [
        (
            f"{row_hash(str(number), str(intent))[: draw.randint(1, 20)]}{draw.choice(MESS)}",
            f"intent {intent}",
        )
        for intent in range(draw.randint(20, 60))
        for number in range(draw.choice([1, 1, 2, 3, 9, 10, 40, 100]))
    ]
    draw.shuffle(rows)
    mark, end = draw.choice(",;\t|"), draw.choice(["\n", "\r\n"])
    quoted = [mark.join(f'"{field.replace(chr(34), chr(34) * 2)}"' for field in row) for row in rows]
    file = tmp_path / "messy.csv"
    text = end.join([f" Text{mark}note{mark}LABEL".replace(f"note{mark}", ""), *quoted, "", ""])
    file.write_bytes(text.encode(draw.choice(["utf-8", "utf-8-sig"])))
    run(file, "--out", tmp_path)
    corpus = read_processed(tmp_path)
    assert sorted(corpus["intent"]) == sorted(intent for _, intent in rows)
    assert sorted(corpus["row_hash"]) == sorted(row_hash(m, i) for m, i in rows)


MESS = (
    "",
    "?!",
    " \u2026",
    "\n\nsent from my phone",
    " \U0001f621\U0001f621",
    ' "quoted"',
    "; or, else",
    "\t",
    " l'été",
    "ПРИВЕТ",
)


@pytest.mark.process
def test_the_command_runs_as_a_file_from_the_root(tmp_path: Path) -> None:
    file = write_corpus(tmp_path / "corpus.csv")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "data/process.py", str(file), "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "60" in done.stdout
    assert len(read_processed(tmp_path)) == 60


@pytest.mark.process
def test_dvc_gives_the_corpus_digest_and_does_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvc.repo import Repo

    beside = shutil.ignore_patterns("processed", "corpus", "raw", "__pycache__")
    for name in ("data", "chatbot"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=beside)
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["process"]
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"process": stage}}))
    intents, processed = tmp_path / "data" / "corpus" / "intents", tmp_path / "data" / "processed"
    intents.mkdir(parents=True)
    for intent in ("track", "cancel"):
        lines = "".join(f"  {row_hash(str(number), intent)}\n" for number in range(20))
        (intents / f"{intent}.yaml").write_text(f"intent: {intent}\nmessages: |\n{lines}")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir(tmp_path)
    repo = Repo.init(str(tmp_path), no_scm=True)

    assert [done.name for done in repo.reproduce()] == ["process"]
    outs = yaml.safe_load((tmp_path / "dvc.lock").read_text())["stages"]["process"]["outs"]
    digests = {Path(out["path"]).name: out["md5"] for out in outs}
    assert sorted(digests) == sorted(FILES)
    assert {name: corpus_digest(processed / name) for name in FILES} == digests
    assert repo.reproduce() == []
