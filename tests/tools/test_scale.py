"""The arithmetic of docs/scale.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.settings import UploadSettings
from tools.bench.scale import Measured, measured, need, page
from tools.bench.speed.servers import BenchError

MACHINE = Measured(
    0.003, 50.0, ((10_000, 7.0, 400.0), (1_000_000, 9.0, 410.0), (5_000_000, 19.0, 440.0)), "two cores"
)
UPLOAD = UploadSettings(part_rows=20_000, part_seconds=300)


def test_a_thousand_messages_a_second_need_their_processor_time_and_a_reserve() -> None:
    found = need(1_000, MACHINE, UPLOAD)
    assert found.cores == pytest.approx(5)
    assert found.pods == 3
    assert found.puts == pytest.approx(1_000 / 20_000)
    assert found.log_gb_a_day == pytest.approx(4.32)
    assert found.drift_seconds == pytest.approx(19 + (86.4e6 - 5e6) * 2.5e-6)


def test_little_traffic_still_has_two_pods_that_upload_by_time() -> None:
    found = need(10, MACHINE, UPLOAD)
    assert found.pods == 2
    assert found.dollars_a_month == pytest.approx(
        2 * 2 * 0.04 * 24 * 30.4
    )  # and not of the cores that are busy
    assert found.puts == pytest.approx(2 / 300)
    assert need(0, MACHINE, UPLOAD).drift_seconds == 9


def test_shards_of_the_drift_check_are_as_many_as_keep_each_below_ten_minutes() -> None:
    assert need(10, MACHINE, UPLOAD).shards == 1
    found = need(10_000, MACHINE, UPLOAD)
    assert found.shards == 4
    assert found.drift_seconds / found.shards < 600 < found.drift_seconds / (found.shards - 1)


def test_the_page_has_a_row_for_each_rate() -> None:
    text = page(MACHINE, [need(rate, MACHINE, UPLOAD) for rate in (10, 10_000)], UPLOAD)
    assert "| 10 | 0.1 | 2 | 0.01 | 0.04 GB |" in text
    assert "| 10,000 | 50.0 | 25 | 0.50 | 43.20 GB | 36 min | 4 |" in text


def test_a_missing_measurement_is_named_with_its_command(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"python -m tools\.bench\.speed"):
        measured(tmp_path / "speed.json", tmp_path / "drift.json")
