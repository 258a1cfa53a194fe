"""The cached export of an encoder: its proof is repeated where it was made on too few messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from training.model.encoder import export as exporting
from training.model.encoder.__main__ import shipped_messages
from training.model.encoder.export import ENOUGH_PROOF, EncoderUnusable, Proof

ROOT = Path(__file__).resolve().parents[2]


def proof(messages: int, cosine: float = 0.99) -> Proof:
    return Proof(messages, cosine, cosine, 90.0, 90.0, 0.5)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An encoder's folder, and a cache with its export that was verified on three messages."""
    source = tmp_path / "encoder"
    source.mkdir()
    (source / "weights").write_bytes(b"1")
    folder = tmp_path / "cache" / f"{exporting.folder_digest(source)[:16]}-v{exporting.EXPORT_FORMAT}"
    folder.mkdir(parents=True)
    (folder / "proof.json").write_text(json.dumps(asdict(proof(3))))
    monkeypatch.setattr(exporting, "load_original", lambda _source: None)
    monkeypatch.setattr(exporting.Encoder, "load", lambda _folder: None)
    return tmp_path


def run(folder: Path, messages: int) -> Proof:
    texts = ["a"] * messages
    return exporting.export(str(folder / "encoder"), folder / "cache", texts, texts).proof


def test_a_proof_on_a_tiny_corpus_is_repeated_on_a_larger_one_and_then_kept(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proved: list[int] = []

    def prove(_original: object, _exported: object, texts: Sequence[str], _labels: object) -> Proof:
        proved.append(len(texts))
        return proof(len(texts))

    monkeypatch.setattr(exporting, "prove", prove)
    assert run(cache, 3).messages == 3
    assert run(cache, 600).messages == 600
    assert run(cache, 600).messages == 600
    assert run(cache, ENOUGH_PROOF).messages == 600
    assert proved == [600], "three messages do not make the proof of three better; 600 are enough for all"


def test_an_export_that_fails_on_the_larger_corpus_is_refused(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "prove", lambda *_: proof(600, cosine=0.5))
    with pytest.raises(EncoderUnusable, match="not faithful"):
        run(cache, 600)
    assert run(cache, 3).messages == 3, "the unfaithful proof is not kept"


def test_an_export_that_an_image_contains_needs_neither_the_original_nor_a_place_to_write(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the original is loaded")

    monkeypatch.setattr(exporting, "load_original", fail)
    monkeypatch.setattr(exporting, "PREPARED", cache / "cache")
    texts = ["a"] * 600
    prepared = exporting.export(str(cache / "encoder"), Path("/proc/nowhere"), texts, texts)
    assert (prepared.folder.parent, prepared.proof.messages) == (cache / "cache", 3)


def test_the_messages_that_verify_an_images_export_are_the_shipped_corpus() -> None:
    messages, labels = shipped_messages(ROOT / "data" / "corpus" / "intents")
    assert len(messages) == len(labels) > 3_000
    assert len(set(labels)) == len(list((ROOT / "data" / "corpus" / "intents").glob("*.yaml")))
    assert all(messages)
