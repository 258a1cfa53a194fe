"""`make cluster CORPUS=...`: the corpus is checked and packed before anything is done to a cluster."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from data.errors import CorpusError
from data.loading import load_corpus
from data.replies import read_replies
from tools.cluster import __main__ as command
from tools.cluster.corpus import MAX_BYTES, PackedCorpus, pack
from tools.cluster.target import ClusterError

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


def test_what_is_too_large_for_a_config_map_is_refused_with_what_to_do(tmp_path: Path) -> None:
    import random

    draw = random.Random(0)
    file = tmp_path / "large.csv"
    lines = (f"{draw.getrandbits(400):x},{'track' if i % 2 else 'refund'}\n" for i in range(20_000))
    file.write_text("text,intent\n" + "".join(lines))
    with pytest.raises(ClusterError, match=rf"holds {MAX_BYTES:,}: put it into the store"):
        pack(file, None)


def test_a_wrong_file_is_refused_before_the_cluster_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "find", lambda *_a, **_k: pytest.fail("a cluster was looked for"))
    file = tmp_path / "messages.csv"
    file.write_text("text;answer\nhello;x\n")
    with pytest.raises(CorpusError):
        pack(file, None)
    assert command.main(["up", "--corpus", str(file)]) == 1
    assert "intent" in capsys.readouterr().out
    assert command.main(["up", "--replies", str(file)]) == 1
    assert "add CORPUS=" in capsys.readouterr().out


def make(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
