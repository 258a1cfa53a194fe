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
from data.messages import row_hash
from data.process import app
from data.processing import CORPUS_COLUMNS, ProcessParams, read_params, read_processed, read_splits

ROOT = Path(__file__).resolve().parents[2]
FILES = ("corpus.parquet", "splits.csv", "left_out.csv", "report.json")


def write_corpus(file: Path, extra: str = "") -> Path:
    lines = [
        f"{intent} {row_hash(str(number), intent)[:12]} order {{{{Order Number}}}},{intent}"
        for intent in ("track", "cancel", "out_of_scope")
        for number in range(20)
    ]
    file.write_text("message,intent\n" + "\n".join(lines) + "\n" + extra)
    return file


PARTS = ("--test-share", "0.2")
"""Of a corpus with a fixed test part."""


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


def test_a_processed_corpus_is_filled_split_and_named_by_its_source(tmp_path: Path) -> None:
    run(write_corpus(tmp_path / "corpus.csv"), "--out", tmp_path, *PARTS)
    corpus = read_processed(tmp_path)
    assert tuple(corpus.columns) == CORPUS_COLUMNS
    assert len(corpus) == 60
    assert not corpus["message"].str.contains("[{}]").any()
    assert set(corpus["part"]) == {"train", "test"}
    assert set(corpus.loc[corpus["intent"] == "out_of_scope", "part"]) == {"train", "test"}
    assert corpus["source"].tolist() == [f"corpus.csv:{line}" for line in range(2, 62)]
    splits = read_splits(tmp_path / "splits.csv")
    assert splits is not None
    merged = corpus.merge(splits, on="row_hash", suffixes=("", "_kept"))
    assert (merged["part"] == merged["part_kept"]).all()
    assert (merged["group"] == merged["group_kept"]).all()


def test_the_report_counts_what_was_written(tmp_path: Path) -> None:
    output = run(write_corpus(tmp_path / "corpus.csv", "once only,rare\n"), "--out", tmp_path, *PARTS)
    report = json.loads((tmp_path / "report.json").read_text())
    corpus = read_processed(tmp_path)
    assert report["rows"] == len(corpus) == 61
    assert report["parts"] == corpus["part"].value_counts().to_dict()
    assert report["per_intent"]["rare"] == {"train": 1, "test": 0}
    assert report["groups"] == corpus["group"].nunique()
    assert report["warnings"][0]["reason"].startswith("intent 'rare' has 1 message")
    assert "corpus.csv:62: intent 'rare' has 1 message" in output
    assert str(tmp_path / "corpus.parquet") in output


def test_a_grown_corpus_keeps_its_parts_and_lists_what_it_left_out(tmp_path: Path) -> None:
    train, test = (
        "where is my parcel with shoes that i ordered in may",
        "where is my parcel with shoes that i ordered in july",
    )
    bridge = "=where is my parcel with shoes that i ordered in may july"
    file = write_corpus(tmp_path / "corpus.csv", f"{train},track\n{test},track\n")
    run(file, "--out", tmp_path, *PARTS)
    splits = pd.read_csv(tmp_path / "splits.csv", dtype="str").set_index("row_hash")
    for message, part in ((train, "train"), (test, "test")):
        splits.loc[row_hash(message, "track"), "group"] = row_hash(message, "track")
        splits.loc[row_hash(message, "track"), "part"] = part
    splits.to_csv(tmp_path / "splits.csv")
    earlier = splits["part"].to_dict()

    run(write_corpus(file, f"{train},track\n{test},track\n{bridge},track\n"), "--out", tmp_path, *PARTS)
    corpus = read_processed(tmp_path)
    assert corpus.set_index("row_hash")["part"].to_dict() == earlier
    left_out = pd.read_csv(tmp_path / "left_out.csv")
    assert left_out["message"].tolist() == [f"'{bridge}"], "a formula to the spreadsheet of who reads it"
    report = json.loads((tmp_path / "report.json").read_text())
    assert [row["source"] for row in report["left_out"]] == ["corpus.csv:64"]


def test_without_a_test_share_every_row_teaches_also_those_that_had_a_test_part(tmp_path: Path) -> None:
    file = write_corpus(tmp_path / "corpus.csv")
    run(file, "--out", tmp_path, *PARTS)
    splits = read_splits(tmp_path / "splits.csv")
    assert splits is not None
    assert "test" in set(splits["part"])
    run(file, "--out", tmp_path)
    corpus, now = read_processed(tmp_path), read_splits(tmp_path / "splits.csv")
    assert now is not None
    assert set(corpus["part"]) == set(now["part"]) == {"train"}
    assert now["group"].tolist() == splits["group"].tolist()


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
    params.write_text("process: {seed: 3, test_share: 0.0}\ntrain: {c: 10}\n")
    run(file, "--out", tmp_path / "a", "--params", params, "--similarity", "0.9")
    report = json.loads((tmp_path / "a" / "report.json").read_text())
    assert report["params"] == {"seed": 3, "test_share": 0.0, "similarity": 0.9}
    assert report["parts"] == {"train": 60, "test": 0}


def test_a_parameter_that_cannot_work_is_refused_with_its_value(tmp_path: Path) -> None:
    file, params = write_corpus(tmp_path / "corpus.csv"), tmp_path / "params.yaml"
    assert "--test-share 1.5" in run(file, "--out", tmp_path / "a", "--test-share", "1.5", code=1)
    params.write_text("process: {tset_share: 0.5}\n")
    assert "tset_share" in run(file, "--out", tmp_path / "a", "--params", params, code=1)
    with pytest.raises(SettingError, match=r"none\.yaml: section `process` cannot be read"):
        read_params(tmp_path / "none.yaml")
    params.write_text("train: {}\n")
    assert read_params(params) == ProcessParams()


def test_the_defaults_are_those_of_params_yaml() -> None:
    assert read_params(ROOT / "params.yaml") == ProcessParams()


def test_a_splits_file_that_was_tampered_with_is_refused_by_line(tmp_path: Path) -> None:
    file, splits = write_corpus(tmp_path / "corpus.csv"), tmp_path / "splits.csv"
    run(file, "--out", tmp_path, *PARTS)
    header, first, second, *_ = splits.read_text().splitlines()
    row, group, part = first.split(",")
    other = {"train": "test", "test": "train"}[part]
    splits.write_text(
        "\n".join([header, first, first, "x,y,train", second.replace(second.split(",")[2], "tune")])
    )
    output = run(file, "--out", tmp_path, *PARTS, code=1)
    for line, reason in (
        (3, f"row {row} occurs twice"),
        (4, "'x,y,train' is not a row hash"),
        (5, "tune' is not a row"),
    ):
        assert f"splits.csv:{line}: " in output
        assert reason in output
    splits.write_text(f"{header}\n{first}\n{'0' * 32},{group},{other}\n")
    assert f"splits.csv:3: group {group} is in train and in test" in run(
        file, "--out", tmp_path, *PARTS, code=1
    )
    splits.write_text("hash,part\n")
    assert "splits.csv:1: the columns are 'hash,part'" in run(file, "--out", tmp_path, *PARTS, code=1)


def test_a_splits_file_that_is_missing_and_a_folder_that_is_a_file_are_named(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.csv"
    corpus.write_text(
        "message,intent\nwhere is it,track\nwhere is my parcel,track\nstop it,cancel\nend it,cancel\n"
    )
    done = CliRunner(env={"COLUMNS": "300"}).invoke(
        app, [str(corpus), "--splits", str(tmp_path / "nope.csv"), "--out", str(tmp_path / "out")]
    )
    assert done.exit_code == 1
    assert "nope.csv: no such file (--splits)" in done.output
    assert not (tmp_path / "out").exists()
    done = CliRunner(env={"COLUMNS": "300"}).invoke(app, [str(corpus), "--out", str(corpus)])
    assert done.exit_code == 1
    assert "cannot be made a folder" in done.output


def test_an_intent_that_lost_its_train_rows_is_warned_of(tmp_path: Path) -> None:
    file = write_corpus(tmp_path / "corpus.csv")
    run(file, "--out", tmp_path, *PARTS)
    corpus = read_processed(tmp_path)
    kept = corpus[(corpus["intent"] != "track") | (corpus["part"] == "test")]
    lines = file.read_text().splitlines()
    numbers = [0, *(int(source.split(":")[1]) - 1 for source in kept["source"])]
    file.write_text("\n".join(lines[number] for number in numbers))
    assert "intent 'track' has no row in train any more" in run(file, "--out", tmp_path, *PARTS)


def test_an_invalid_processed_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no such file: make it with `python -m data\.process`"):
        read_processed(tmp_path)
    pd.DataFrame({"message": ["a"], "intent": ["b"]}).to_parquet(tmp_path / "corpus.parquet")
    with pytest.raises(CorpusError, match="no column category, part, group"):
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
    assert set(corpus.loc[corpus["part"] == "train", "intent"]) == {intent for _, intent in rows}
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
def test_dvc_keeps_the_parts_gives_the_corpus_digest_and_does_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvc.repo import Repo

    beside = shutil.ignore_patterns("processed", "corpus", "raw", "__pycache__")
    for name in ("data", "chatbot"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=beside)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["process"]["test_share"] = 0.2
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
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

    # Parts that no hash would give: whoever splits anew, and does not keep them, is found out.
    swapped = {"train": "test", "test": "train"}
    splits = read_splits(processed / "splits.csv")
    assert splits is not None
    splits["part"] = splits["part"].map(swapped)
    (processed / "splits.csv").unlink()
    splits.to_csv(processed / "splits.csv", index=False)
    with (intents / "track.yaml").open("a") as file:
        file.write("  a message that came later\n")
    assert [done.name for done in repo.reproduce()] == ["process"]
    after = read_processed(processed).set_index("row_hash")["part"].to_dict()
    earlier = dict(zip(splits["row_hash"], splits["part"], strict=True))
    assert len(after) == len(earlier) + 1
    assert {row: after[row] for row in earlier} == earlier
