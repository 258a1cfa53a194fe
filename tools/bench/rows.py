"""Aggregate a comparison's windows: medians, ratios with their targets, tables for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from rich.table import Table

from tools.bench.figures import Bound, Figure
from tools.bench.speed.load import Load
from tools.bench.speed.sides import BASELINE, ENCODER, REPEATS, SERVICE

COMMAND = "python -m tools.bench.speed"
CORE_HOUR_DOLLARS = 0.04
"""An assumption: about what a core costs an hour on demand in a large cloud."""
LATENCIES = ("p50", "p95", "p99")

Processes = Mapping[str, Sequence[Mapping[str, Any]]]
"""The processes of each side: role, rss_mb, pss_mb."""


@dataclass(frozen=True, slots=True)
class Row:
    """One window, or the medians over all rounds; counts are summed.

    Attributes:
        p50, p95, p99: milliseconds.
        generator_us: processor time of the load generator per request, in microseconds.
        processor_seconds: of all processes of the server, per right answer.
    """

    side: str
    connections: int
    per_second: float
    p50: float
    p95: float
    p99: float
    answered: int
    near_ties: int
    errors: dict[str, int]
    generator_us: float
    processor_seconds: float = 0.0

    @classmethod
    def of(cls, side: str, load: Load, processor_seconds: float = 0.0) -> Row:
        """Create the row of one window. A window without answers counts as an error.

        Args:
            side: name of the server.
            load: what was measured.
            processor_seconds: of the server's processes, over all answers of the load.
        """
        return cls(
            side=side,
            connections=load.connections,
            per_second=round(load.per_second, 1),
            p50=round(load.percentile(50), 2),
            p95=round(load.percentile(95), 2),
            p99=round(load.percentile(99), 2),
            answered=load.answered,
            near_ties=load.near_ties,
            errors=dict(load.errors) if load.answered else {**load.errors, "nothing answered": 1},
            generator_us=round(load.generator_microseconds, 1),
            processor_seconds=processor_seconds / max(1, load.total),
        )

    @classmethod
    def median(cls, rows: Sequence[Row]) -> Row:
        """Return the medians of the windows of one side with the same number of connections."""
        errors: Counter[str] = Counter()
        for row in rows:
            errors.update(row.errors)
        return cls(
            side=rows[0].side,
            connections=rows[0].connections,
            per_second=median(row.per_second for row in rows),
            p50=median(row.p50 for row in rows),
            p95=median(row.p95 for row in rows),
            p99=median(row.p99 for row in rows),
            answered=sum(row.answered for row in rows),
            near_ties=sum(row.near_ties for row in rows),
            errors=dict(errors),
            generator_us=median(row.generator_us for row in rows),
            processor_seconds=median(row.processor_seconds for row in rows),
        )


def summary(rows: Sequence[Row]) -> list[Row]:
    """Return the median row of each side and number of connections, baseline first."""
    keys = sorted({(row.side, row.connections) for row in rows})
    return [Row.median([row for row in rows if (row.side, row.connections) == key]) for key in keys]


def judged(rows: Sequence[Row], start_seconds: float, processes: Processes) -> list[Figure]:
    """Return the speed and memory figures with their targets.

    Args:
        rows: of `summary`.
        start_seconds: of the service.
        processes: after the last window.
    """
    at = {(row.side, row.connections): row for row in rows}
    a1, a16, a64 = (at[BASELINE, connections] for connections in (1, 16, 64))
    b1, b16, b64 = (at[SERVICE, connections] for connections in (1, 16, 64))
    repeats = at.get((REPEATS, 64))
    errors = sum(sum(row.errors.values()) for row in rows if row.side != BASELINE)

    def largest(name: str) -> float | None:
        return max((p["rss_mb"] for p in processes[SERVICE] if p["role"] == name), default=None)

    figure = partial(Figure, command=COMMAND)

    def more_requests(connections: str, above: Row, below: Row, target: float, bar: float) -> Figure:
        name = f"requests a second over {connections}, service / baseline"
        pair = f"{above.per_second:,.0f} / {below.per_second:,.0f}"
        return figure(name, _ratio(above, below), target, "at least", " x", note=pair, bar=bar)

    def latency(connections: int, above: Row, below: Row, bar: float) -> Figure:
        name = f"{connections} connections: p99 of the service / p50 of the baseline"
        pair = f"{above.p99:,.1f} ms / {below.p50:,.1f} ms"
        return figure(name, above.p99 / below.p50, 0.2, "at most", note=pair, bar=bar)

    million = b64.processor_seconds * 1e6
    price = f"{CORE_HOUR_DOLLARS * million / 3600:.2f} dollars at {CORE_HOUR_DOLLARS} a core-hour"
    return [
        more_requests("64 connections", b64, a64, 20, 5),
        latency(64, b64, a64, 1),
        latency(16, b16, a16, 1),
        more_requests("1 connection", b1, a1, 10, 2),
        figure("1 connection: p50 of the service", b1.p50, 1.5, "at most", " ms"),
        *([more_requests("64 connections, exact repeats", repeats, a64, 35, 5)] if repeats else []),
        figure("errors of the service, all windows", errors, 0, "at most", digits=0, bar=0),
        figure(
            "service, from process start to the first real answer",
            start_seconds,
            2.5,
            "at most",
            " s",
            bar=10,
        ),
        figure(
            "memory of the service, all processes, shared pages counted once",
            sum(process["pss_mb"] for process in processes[SERVICE]),
            500,
            "at most",
            " MB",
            digits=0,
            bar=750,
        ),
        figure(
            "memory of the largest runner worker, resident",
            largest("IntentRunner"),
            350,
            "at most",
            " MB",
            digits=0,
        ),
        figure(
            "memory of the outer service, resident",
            largest("SupportChatbot"),
            200,
            "at most",
            " MB",
            digits=0,
        ),
        figure(
            "processor seconds for a million messages, 64 connections",
            million,
            None,
            "at most",
            " s",
            note=price,
            digits=0,
        ),
    ]


def tiered(rows: Sequence[Row], tiers: Counter[str], other: int, asked: int) -> list[Figure]:
    """Return what the first tier changes; without targets, because the default bundle decides those.

    Args:
        tiers: how many messages each tier classified.
        other: of `asked` messages, how many get another intent than from the encoder alone.
    """
    at = {(row.side, row.connections): row for row in rows}
    with_tier, without, baseline = (at[side, 64] for side in (SERVICE, ENCODER, BASELINE))
    classified = sum(tiers.values())

    def figure(
        name: str, value: float, bound: Bound, unit: str = "", note: str = "", digits: int = 2
    ) -> Figure:
        return Figure(name, value, None, bound, unit, command=COMMAND, note=note, digits=digits)

    return [
        figure(
            "requests a second over 64 connections, encoder alone / baseline",
            _ratio(without, baseline),
            "at least",
            " x",
            f"{without.per_second:,.0f} / {baseline.per_second:,.0f}",
        ),
        figure(
            "requests a second over 64 connections, with / without the first tier",
            _ratio(with_tier, without),
            "at least",
            " x",
            f"{with_tier.per_second:,.0f} / {without.per_second:,.0f}",
        ),
        figure(
            "processor seconds for a million messages, 64 connections, encoder alone",
            without.processor_seconds * 1e6,
            "at most",
            " s",
            digits=0,
        ),
        figure(
            "messages that the first tier answers, of those that the model classified",
            100 * tiers["first"] / max(1, classified),
            "at least",
            " %",
            f"{tiers['sampled']:,} of {classified:,} were sampled for the encoder",
        ),
        figure(
            "messages that get another intent than from the encoder alone",
            100 * other / max(1, asked),
            "at most",
            " %",
            f"{other:,} of {asked:,}",
        ),
    ]


def _ratio(above: Row, below: Row) -> float:
    return above.per_second / max(0.1, below.per_second)


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one row of the table, with the columns of HEADINGS."""
    errors = ", ".join(f"{count} {kind}" for kind, count in row["errors"].items()) or "0"
    latencies = (f"{row[name]:,.1f}" for name in LATENCIES)
    counted = (f"{row['answered']:,}", f"{row['near_ties']:,}", errors)
    return (row["side"], str(row["connections"]), f"{row['per_second']:,.0f}", *latencies, *counted)


HEADINGS = ("", "connections", "requests/s", "p50 ms", "p95 ms", "p99 ms", "answered", "near ties", "errors")


def tables(rows: Sequence[Mapping[str, Any]], processes: Processes) -> list[Table]:
    """Return the speed and memory tables for the terminal."""
    speed = Table(title="Service and baseline, medians of all rounds", title_justify="left")
    for heading in HEADINGS:
        speed.add_column(heading, justify="right" if heading else "left")
    for row in rows:
        speed.add_row(*cells(row))
    memory = Table(
        "",
        "process",
        "resident MB",
        "proportional MB",
        title="Memory after the last window",
        title_justify="left",
    )
    for side, of_side in processes.items():
        for process in of_side:
            memory.add_row(side, process["role"], f"{process['rss_mb']:.0f}", f"{process['pss_mb']:.0f}")
        memory.add_row(side, "all", "", f"{sum(p['pss_mb'] for p in of_side):.0f}", end_section=True)
    return [speed, memory]
