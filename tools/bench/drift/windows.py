"""Draw windows of a world: undrifted ones, and ones with a known change."""

from __future__ import annotations

import numpy as np

from tools.bench.drift.worlds import CHATTER, Traffic, World, lower_case

BASELINE = 2_000
UNDRIFTED = "undrifted"
PRODUCT, SHARE, LANGUAGE, TYPOS, LOWER = (
    "a new product in 10 %",
    "one intent up by 10 points",
    "another language in 10 %",
    "typos in half of the words",
    "all lower case",
)
CHANGES = (PRODUCT, SHARE, LANGUAGE, TYPOS, LOWER)
CHANGED = 0.1

RowNumbers = np.ndarray
TrafficPart = tuple[Traffic, RowNumbers]


def changes_of(world: World) -> tuple[str, ...]:
    """Return the changes of a world; lower case is a change for Banking77 only: the others are written so already."""
    return CHANGES if world.name == "banking77" else CHANGES[:-1]


def baseline(world: World, generator: np.random.Generator) -> list[TrafficPart]:
    """Draw the version's first `BASELINE` records, which are frozen once."""
    return _ordinary(world.baseline, world.baseline_chatter, BASELINE, generator)


def window(world: World, change: str, size: int, generator: np.random.Generator) -> list[TrafficPart]:
    """Draw a window of `size` records; the traffic pool that a record comes from shows whether it is changed.

    Sampling is without replacement, except to increase an intent's share: an intent of CLINC150 has 60 messages.
    """
    if change == UNDRIFTED:
        return _ordinary(world.ordinary, world.chatter, size, generator)
    if change in (PRODUCT, LANGUAGE):
        extra = round(CHANGED * size)
        rest = _ordinary(world.ordinary, world.chatter, size - extra, generator)
        return [*rest, _some(world.product if change == PRODUCT else world.foreign, extra, generator)]
    if change == SHARE:
        return _share(world, size, generator)
    if change == TYPOS:
        return _ordinary(world.typos, world.chatter, size, generator)
    if change == LOWER:
        return [(lower_case(t), r) for t, r in _ordinary(world.ordinary, world.chatter, size, generator)]
    raise ValueError(f"no change {change!r}: there are {', '.join(CHANGES)}")


def _ordinary(
    pool: Traffic, chatter: Traffic, size: int, generator: np.random.Generator
) -> list[TrafficPart]:
    chat = int(generator.binomial(size, CHATTER))
    return [_some(pool, size - chat, generator), _some(chatter, chat, generator)]


def _share(world: World, size: int, generator: np.random.Generator) -> list[TrafficPart]:
    truth = world.ordinary.truth
    grown = str(generator.choice(np.unique(truth)))
    share = (1 - CHATTER) * float((truth == grown).mean())
    extra = int(generator.binomial(size, CHANGED / (1 - share)))
    rest = _ordinary(world.ordinary, world.chatter, size - extra, generator)
    return [*rest, (world.ordinary, generator.choice(np.flatnonzero(truth == grown), extra, replace=True))]


def _some(traffic: Traffic, count: int, generator: np.random.Generator) -> TrafficPart:
    # Small pools are drawn with replacement if more messages are requested than they contain.
    return traffic, generator.choice(len(traffic), count, replace=count > len(traffic))
