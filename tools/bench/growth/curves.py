"""Curve: cost at growing sizes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tools.bench.figures import markdown

Step = Callable[[str], None]
"""Called with the name of each finished step."""


@dataclass(frozen=True, slots=True)
class Point:
    """Cost at one size: the values of a curve by name."""

    size: float
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """Cost over a size.

    Attributes:
        title: what grows with what.
        size: name and unit of the size.
        points: measured, in ascending order of size.
        notes: what the figures do not say.
    """

    title: str
    size: str
    points: tuple[Point, ...]
    notes: str = ""

    def exponent(self, value: str) -> float | None:
        """Return the power with which a value grows between the two largest sizes: 1 is linear, 2 is quadratic.

        Returns:
            None with fewer than two points.
        """
        if len(self.points) < 2:
            return None
        before, last = self.points[-2:]
        return math.log(last.values[value] / before.values[value]) / math.log(last.size / before.size)


def table(curve: Curve) -> str:
    """Return a curve as a Markdown table."""
    names = list(curve.points[0].values)
    rows = [
        [
            f"{point.size:,.6g}" if point.size < 1 else f"{point.size:,.0f}",
            *(f"{point.values[name]:,.6g}" for name in names),
        ]
        for point in curve.points
    ]
    return markdown([curve.size, *names], rows)
