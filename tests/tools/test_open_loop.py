"""The search for the highest sustained rate, and the figures of an overloaded server; no process is started."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import typer
from rich.console import Console

from tools.bench.figures import refuse_regressions
from tools.bench.speed.load import Load
from tools.bench.speed.open_loop import Arrivals, highest_rate
from tools.bench.speed.stress import Overload, Probes, judged


def arrivals(rate: float, in_time: int, late: int = 0, **errors: int) -> Arrivals:
    load = Load(64, seconds=10, answered=in_time + late, errors=Counter(errors))
    load.latencies = [0.02] * in_time + [0.5] * late
    return Arrivals(rate, in_time + late + sum(errors.values()), load)


class Asked:
    """A server that sustains rates up to its capacity."""

    def __init__(self, capacity: float) -> None:
        self.capacity = capacity
        self.rates: list[float] = []

    def __call__(self, rate: float) -> Arrivals:
        self.rates.append(rate)
        return arrivals(rate, 1000) if rate <= self.capacity else arrivals(rate, 500, late=500)


@pytest.mark.parametrize("capacity", [12, 55, 99, 100, 101, 3_000])
def test_the_highest_rate_is_found_to_a_twentieth(capacity: float) -> None:
    asked = Asked(capacity)
    found = highest_rate(asked, start=100)
    assert found is not None
    assert capacity / 1.05 <= found.rate <= capacity
    assert len(asked.rates) < 16


def test_a_server_that_sustains_nothing_is_given_up() -> None:
    asked = Asked(0)
    assert highest_rate(asked, start=160) is None
    assert asked.rates == [160, 80, 40, 20, 10]


def test_what_is_not_answered_is_not_in_time() -> None:
    assert arrivals(100, 990, late=5, timeout=5).share_in_time == 0.99
    assert arrivals(100, 990, late=5, timeout=5).is_sustained
    assert not arrivals(100, 989, late=11).is_sustained


def test_an_overload_that_got_worse_ends_the_command_and_a_missed_target_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def overload(multiple: int, **load: int) -> Overload:
        return Overload(multiple, arrivals(400.0 * multiple, 3200, **load), Probes(80), restarts=0)

    best, right, wrong = arrivals(400, 4000), overload(2), overload(4, **{"wrong intent": 1})
    found = judged(arrivals(25, 250), best, [right, overload(4)], again=3.0)
    assert any(figure.met is False for figure in found)
    refuse_regressions(Console(), found, tmp_path)
    with pytest.raises(typer.Exit):
        refuse_regressions(Console(), judged(arrivals(25, 250), best, [right, wrong], again=3.0), tmp_path)
    assert "regression: at 4 times the highest rate: wrong answers: 1, bar 0" in capsys.readouterr().out


def test_the_figures_of_an_overload_compare_with_the_highest_rate() -> None:
    best = arrivals(400, 4000)
    over = [
        Overload(2, arrivals(800, 3200, **{"status 429": 4800}), Probes(80), restarts=0),
        Overload(
            4, arrivals(1600, 1000, late=900, **{"wrong intent": 2}), Probes(80, ["/livez: TimeoutError"]), 1
        ),
    ]
    found = {figure.name: figure for figure in judged(arrivals(25, 250), best, over, again=3.0)}
    assert {name: figure.value for name, figure in found.items() if figure.met is False} == {
        "open loop, highest rate with 99 % within 100 ms, service / baseline": 16,
        "at 4 times the highest rate: health probes failed": 1,
        "at 4 times the highest rate: processes restarted": 1,
        "at 4 times the highest rate: wrong answers": 2,
        "at 4 times the highest rate: p99 of what is answered": 500,
        "at 4 times the highest rate: answered, as a share of the highest rate": 47.5,
        "a killed HTTP worker answers again after": 3,
    }
    assert found["at 2 times the highest rate: answered, as a share of the highest rate"].value == 80
    assert "TimeoutError" in found["at 4 times the highest rate: health probes failed"].note
