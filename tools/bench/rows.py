"""Aggregate a comparison's windows: medians, ratios with their targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Any

from tools.bench.figures import Figure
from tools.bench.speed.load import Load
from tools.bench.speed.sides import BASELINE, REPEATS, SERVICE

COMMAND = "python -m tools.bench.speed"
CORE_HOUR_DOLLARS = 0.04
"""An assumption: about what a core costs an hour on demand in a large cloud."""
LATENCIES = ("p50", "p95", "p99")

ProcessTable = Mapping[str, Sequence[Mapping[str, Any]]]
"""The processes of each side: role, rss_mb, pss_mb."""


@dataclass(frozen=True, slots=True)
class SpeedRow:
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
    def of(cls, side: str, load: Load, processor_seconds: float = 0.0) -> SpeedRow:
        """Create the row of one window; `processor_seconds` is over all its answers. No answer counts as an error."""
        p50, p95, p99 = (round(load.percentile(percent), 2) for percent in (50, 95, 99))
        return cls(
            side=side,
            connections=load.connections,
            per_second=round(load.per_second, 1),
            p50=p50,
            p95=p95,
            p99=p99,
            answered=load.answered,
            near_ties=load.near_ties,
            errors=dict(load.errors) if load.answered else {**load.errors, "nothing answered": 1},
            generator_us=round(load.generator_microseconds, 1),
            processor_seconds=processor_seconds / max(1, load.total),
        )

    @classmethod
    def median(cls, rows: Sequence[SpeedRow]) -> SpeedRow:
        """Return the medians of the windows of one side with the same number of connections."""
        errors: Counter[str] = Counter()
        for row in rows:
            errors.update(row.errors)
        measured = ("per_second", *LATENCIES, "generator_us", "processor_seconds")
        return replace(
            rows[0],
            answered=sum(row.answered for row in rows),
            near_ties=sum(row.near_ties for row in rows),
            errors=dict(errors),
            **{name: median(getattr(row, name) for row in rows) for name in measured},
        )


def summary(rows: Sequence[SpeedRow]) -> list[SpeedRow]:
    """Return the median row of each side and number of connections, baseline first."""
    keys = sorted({(row.side, row.connections) for row in rows})
    return [SpeedRow.median([row for row in rows if (row.side, row.connections) == key]) for key in keys]


def judged(rows: Sequence[SpeedRow], start_seconds: float, processes: ProcessTable) -> list[Figure]:
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

    def more_requests(
        connections: str, above: SpeedRow, below: SpeedRow, target: float, bar: float
    ) -> Figure:
        name = f"requests a second over {connections}, service / baseline"
        pair = f"{above.per_second:,.0f} / {below.per_second:,.0f}"
        ratio = above.per_second / max(0.1, below.per_second)
        return Figure(name, ratio, target, "at least", " x", COMMAND, pair, bar=bar)

    at_most = partial(Figure, bound="at most", command=COMMAND, digits=0)

    def latency(connections: int, above: SpeedRow, below: SpeedRow) -> Figure:
        name = f"{connections} connections: p99 of the service / p50 of the baseline"
        pair = f"{above.p99:,.1f} ms / {below.p50:,.1f} ms"
        return at_most(name, above.p99 / below.p50, 0.2, note=pair, bar=0.8, digits=2)

    million = b64.processor_seconds * 1e6
    price = f"{CORE_HOUR_DOLLARS * million / 3600:.2f} dollars at {CORE_HOUR_DOLLARS} a core-hour"
    memory = sum(process["pss_mb"] for process in processes[SERVICE])
    start = "service, from process start to the first real answer"
    return [
        more_requests("64 connections", b64, a64, 20, 5),
        latency(64, b64, a64),
        latency(16, b16, a16),
        more_requests("1 connection", b1, a1, 10, 2),
        at_most("1 connection: p50 of the service", b1.p50, 1.5, unit=" ms", digits=2),
        *([more_requests("64 connections, exact repeats", repeats, a64, 35, 10)] if repeats else []),
        at_most("errors of the service, all windows", errors, 0, bar=0),
        at_most(start, start_seconds, 2.5, unit=" s", bar=6, digits=2),
        at_most(
            "memory of the service, all processes, shared pages counted once",
            memory,
            500,
            unit=" MB",
            bar=600,
        ),
        at_most("memory of the largest runner worker, resident", largest("IntentRunner"), 350, unit=" MB"),
        at_most("memory of the outer service, resident", largest("SupportChatbot"), 200, unit=" MB"),
        at_most(
            "processor seconds for a million messages, 64 connections", million, None, unit=" s", note=price
        ),
    ]


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one row of the table, with the columns of HEADINGS."""
    errors = ", ".join(f"{count} {kind}" for kind, count in row["errors"].items()) or "0"
    latencies = (f"{row[name]:,.1f}" for name in LATENCIES)
    counted = (f"{row['answered']:,}", f"{row['near_ties']:,}", errors)
    return (row["side"], str(row["connections"]), f"{row['per_second']:,.0f}", *latencies, *counted)


MEMORY_HEADINGS = ("", "process", "resident MB", "proportional MB")
HEADINGS = ("", "connections", "requests/s", "p50 ms", "p95 ms", "p99 ms", "answered", "near ties", "errors")
