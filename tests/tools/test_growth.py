"""Curves of how cost grows: exponents, page and picture of kept measurements; nothing is measured here."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from tools.bench.growth.__main__ import exponent, page, picture
from tools.bench.growth.__main__ import main as app
from tools.bench.growth.service import minute_of
from tools.bench.speed.load import Load
from tools.bench.speed.machine import Memory
from tools.bench.speed.open_loop import Arrivals


def curve(*points: tuple[float, float]) -> list[dict[str, float]]:
    return [
        {"rows": size, "processor seconds": seconds, "peak memory, MB": 100 + size}
        for size, seconds in points
    ]


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_the_exponent_is_the_power_with_which_cost_grows(power: float) -> None:
    grown = curve(*((size, 3 * size**power) for size in (10, 100, 1000)))
    assert exponent(grown, "processor seconds") == pytest.approx(power)


def test_the_exponent_leaves_out_what_small_sizes_cost_at_least() -> None:
    grown = curve((1, 50), (10, 50), (100, 5_000))
    assert exponent(grown, "processor seconds") == pytest.approx(2)


def test_page_and_picture_are_made_of_kept_measurements(tmp_path: Path) -> None:
    content = {"points": curve((10, 1), (100, 10), (1000, 100))}
    content |= {"measured": "2026-11-28", "commit": "abc1234", "machine": "two cores"}
    text = page({"training": content, "groups": content | {"points": curve((10, 1))}})
    assert "`python -m tools.bench.growth training`, 2026-11-28, commit `abc1234`, two cores. Rows of" in text
    assert "| 1,000 | 100 | 1,100 |" in text
    assert text.count("with the power of 1.00") == 1  # one point does not make an exponent
    picture({"training": content}, tmp_path / "growth.png")
    with Image.open(tmp_path / "growth.png") as image:
        assert len(image.convert("L").getcolors() or []) > 10


def test_an_unknown_curve_is_refused_with_those_there_are() -> None:
    done = CliRunner().invoke(app, ["speed"])
    assert done.exit_code == 2
    assert "unknown curve 'speed'; there are connections, length" in done.output


def test_a_minute_of_a_soak_counts_refusals_apart_from_errors_and_adds_the_memory_of_all_processes() -> None:
    load = Load(64, seconds=60, answered=600, latencies=[0.010] * 99 + [0.250])
    load.errors.update({"status 429": 7, "timeout": 2, "wrong intent": 1})
    memory = [Memory(pid, "", "", rss=0, pss=100_000_000) for pid in (1, 2)]
    assert minute_of(Arrivals(10, 600, load), memory) == {
        "offered a second": 10,
        "messages a second": 10,
        "p99 ms": pytest.approx(12.4),
        "memory of all processes, MB": 200,
        "refused with 429": 7,
        "errors": 3,
    }
