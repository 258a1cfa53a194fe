"""The comparison of two encoders: each is timed on the same batches, and the page shows scores and costs of both."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from chatbot.model.encoder import MODEL_FILE, TOKENIZER_FILE, Encoder
from tools.bench.quality import encoders
from tools.bench.quality.encoders import ROWS, MeasuredEncoder, alternate, page
from training.model.encoder.export import Export, Proof


class Paper:
    """An encoder that notes what it is asked, and takes a certain processor time for each message."""

    def __init__(self, clock: list[float], seconds: float) -> None:
        self.clock, self.seconds = clock, seconds
        self.batches: list[int] = []

    def encode(self, messages: list[str]) -> None:
        self.batches.append(len(messages))
        self.clock[0] += self.seconds * len(messages)


def test_both_encoders_are_timed_on_the_same_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(encoders, "process_time", lambda: clock[0])
    slow, fast = Paper(clock, 0.008), Paper(clock, 0.001)
    times = alternate([cast(Encoder, fast), cast(Encoder, slow)], [f"message {n}" for n in range(32)])
    assert times[0] == pytest.approx({"alone": 1.0, "in batches of 16": 1.0})
    assert times[1] == pytest.approx({"alone": 8.0, "in batches of 16": 8.0})
    assert slow.batches == fast.batches == [1] * 32 + [16, 16]


def test_the_page_shows_gain_and_cost(tmp_path: Path) -> None:
    def measured(name: str, dim: int, percent: float, milliseconds: float, megabytes: int) -> MeasuredEncoder:
        folder = tmp_path / name
        folder.mkdir()
        (folder / MODEL_FILE).write_bytes(b"0" * 1_000_000 * megabytes)
        (folder / TOKENIZER_FILE).write_bytes(b"")
        scores = {section: dict.fromkeys(titles, (percent, "")) for section, titles in ROWS.items()}
        exported = Export(folder, name, "0" * 64, Proof(600, 0.99, 0.9, 80.0, 79.5, 0.3))
        return MeasuredEncoder(exported, dim, scores, dict.fromkeys(encoders.BATCHES, milliseconds))

    text = page(
        measured("small", 384, 94.0, 2.0, 1), measured("large", 768, 95.5, 15.0, 3), "large-v2", "abc"
    )
    assert "| Banking77 | accuracy | 94.00 | 95.50 | +1.50 |" in text
    assert "| processor time a message, alone | 2.00 ms | 15.00 ms | 7.5 |" in text
    assert "| files in a bundle | 1 MB | 3 MB | 3.0 |" in text
    assert "large-v2" in text
