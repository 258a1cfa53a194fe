"""`make cluster CORPUS=...`: the corpus is checked and packed before anything is done to a cluster."""

from __future__ import annotations

import base64
import io
import json
import os
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from data.decisions import DECISIONS_FILE, beside
from data.declarations import DECLARED_FILE
from data.errors import CorpusError
from data.loading import load_corpus
from data.replies import read_replies
from tools.cluster import __main__ as command
from tools.cluster.corpus import MAX_BYTES, PackedCorpus, pack
from tools.cluster.target import StackError

ROWS = "text,intent\n" + "".join(
    f"{what} number {i},{intent}\n"
    for i in range(6)
    for what, intent in (("where is it", "track"), ("pay me", "refund"))
)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    file = tmp_path / "my messages.csv"
    file.write_text(ROWS)
    return file


def unpacked(packed: PackedCorpus, folder: Path) -> dict[str, Path]:
    """Write the ConfigMap's files as the cluster mounts them; by value of the chart."""
    for name, content in json.loads(packed.config_map())["binaryData"].items():
        (folder / name).write_bytes(base64.b64decode(content))
    pairs = (value.removeprefix("--set-string=").split("=") for value in packed.values)
    return {key: folder / name for key, name in pairs if key != "corpus.configMap"}


def test_a_file_and_its_replies_arrive_as_they_were(corpus: Path, tmp_path: Path) -> None:
    replies = tmp_path / "my replies.yaml"
    replies.write_text("track: Look here.\n")
    there = unpacked(pack(corpus, replies), make(tmp_path / "there"))
    assert len(load_corpus(there["corpus.path"])) == 12
    assert read_replies(there["corpus.replies"])["track"].response == "Look here."


def test_a_folder_arrives_whole(tmp_path: Path) -> None:
    folder = make(tmp_path / "bot" / "intents")
    for intent in ("track", "refund"):
        messages = "".join(f"  {intent} my thing {i}\n" for i in range(6))
        (folder / f"{intent}.yaml").write_text(f"intent: {intent}\nmessages: |\n{messages}")
    there = unpacked(pack(folder.parent, None), make(tmp_path / "there"))
    assert set(load_corpus(there["corpus.path"])["intent"]) == {"track", "refund"}


def test_of_a_folder_only_what_the_loader_reads_leaves_this_machine(corpus: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "bot")
    (folder / "rows.csv").write_bytes(corpus.read_bytes())
    for hidden in (".env", ".git/config", "__MACOSX/rows.csv", "credentials.yml", "endpoints.yml"):
        (folder / hidden).parent.mkdir(exist_ok=True)
        (folder / hidden).write_text("a secret")
    packed = pack(folder, None)
    with zipfile.ZipFile(io.BytesIO(packed.files["bot.zip"])) as archive:
        assert archive.namelist() == ["rows.csv"]


def test_a_folder_packs_to_the_same_bytes_whatever_the_dates_of_its_files(
    corpus: Path, tmp_path: Path
) -> None:
    """A zip holds no date before 1980, which files of reproducible builds have."""
    file = make(tmp_path / "bot") / "rows.csv"
    file.write_bytes(corpus.read_bytes())
    packed = []
    for seconds in (0, 1_700_000_000):
        os.utime(file, (seconds, seconds))
        packed.append(pack(file.parent, None).files)
    assert packed[0] == packed[1]


def test_decisions_and_declared_changes_arrive_with_a_file_or_a_folder(corpus: Path, tmp_path: Path) -> None:
    rows = load_corpus(corpus)
    decision = f"row_hash,decision\n{rows['row_hash'][0]},drop\n"
    folder = make(tmp_path / "bot")
    (folder / "rows.csv").write_bytes(corpus.read_bytes())
    for path in (corpus, folder):
        beside(path, DECISIONS_FILE).write_text(decision)
        beside(path, DECLARED_FILE).write_text("renamed: {track: where_is_it}\n")
        there = unpacked(pack(path, None), make(tmp_path / f"there-{path.name}"))
        arrived = load_corpus(there["corpus.path"])
        assert len(arrived) == len(rows) - 1
        assert "where_is_it" in set(arrived["intent"])


def test_columns_are_named_as_for_make_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "messages.csv"
    rows = "".join(f"{word} my thing {i},{word}\n" for word in ("track", "refund") for i in range(6))
    file.write_text('"What, exactly?",Topic\n' + rows)
    seen: list[PackedCorpus] = []
    monkeypatch.setattr(command, "find", lambda *_a, **_k: None)
    monkeypatch.setattr(command.stack, "up", lambda *arguments: seen.append(arguments[-1]))
    columns = "--message-column 'What, exactly?' --intent-column Topic"
    assert (
        CliRunner().invoke(command.main, ["up", "--corpus", str(file), f"--train={columns}"]).exit_code == 0
    )
    assert seen[0].values[2:] == (
        "--set-string=corpus.messageColumn=What\\, exactly?",
        "--set-string=corpus.intentColumn=Topic",
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [("--target 0.05", "names columns only"), ("--message-column", "expected one argument")],
)
def test_other_options_of_training_are_refused(corpus: Path, options: str, reason: str) -> None:
    ended = CliRunner().invoke(command.main, ["up", "--corpus", str(corpus), f"--train={options}"])
    assert ended.exit_code == 1
    assert reason in ended.output


def test_what_is_too_large_for_a_config_map_is_refused_with_what_to_do(tmp_path: Path) -> None:
    import random

    draw = random.Random(0)
    file = tmp_path / "large.csv"
    lines = (f"{draw.getrandbits(8_000):x},{'track' if i % 2 else 'refund'}\n" for i in range(1_000))
    file.write_text("text,intent\n" + "".join(lines))
    with pytest.raises(StackError, match=rf"holds {MAX_BYTES:,}: put it into the store"):
        pack(file, None)


def test_a_wrong_file_is_refused_before_the_cluster_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "find", lambda *_a, **_k: pytest.fail("a cluster was looked for"))
    file = tmp_path / "messages.csv"
    file.write_text("text;answer\nhello;x\n")
    with pytest.raises(CorpusError):
        pack(file, None)
    ended = CliRunner().invoke(command.main, ["up", "--corpus", str(file)])
    assert ended.exit_code == 1
    assert "intent" in ended.output
    ended = CliRunner().invoke(command.main, ["up", "--replies", str(file)])
    assert ended.exit_code == 1
    assert "add CORPUS=" in ended.output


def make(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
