"""Windows of a world: ordinary ones, and ones with a known change in them."""

from __future__ import annotations

import numpy as np

from tools.bench.drift_worlds import CHATTER, Traffic, World, lower_case

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

Rows = np.ndarray
Part = tuple[Traffic, Rows]


def changes_of(world: World) -> tuple[str, ...]:
    """All lower case is a change on Banking77 alone: the others write that way already."""
    return CHANGES if world.name == "banking77" else CHANGES[:-1]


def baseline(world: World, generator: np.random.Generator) -> list[Part]:
    """The first records of the version: `BASELINE` of them, frozen once."""
    return _ordinary(world.baseline, world.baseline_chatter, BASELINE, generator)


def window(world: World, change: str, size: int, generator: np.random.Generator) -> list[Part]:
    """A window of so many records; which of them are changed is known by the traffic they come from.

    Nothing is drawn twice, but for what makes an intent's share grow: an intent of CLINC150 has 60 messages.
    """
    extra = round(CHANGED * size)
    if change == UNDRIFTED:
        return _ordinary(world.ordinary, world.chatter, size, generator)
    if change == PRODUCT:
        rest = _ordinary(world.ordinary, world.chatter, size - extra, generator)
        return [*rest, _some(world.product, extra, generator)]
    if change == LANGUAGE:
        rest = _ordinary(world.ordinary, world.chatter, size - extra, generator)
        return [*rest, _some(world.foreign, extra, generator)]
    if change == SHARE:
        return _share(world, size, generator)
    if change == TYPOS:
        return _ordinary(world.typos, world.chatter, size, generator)
    if change == LOWER:
        return [(lower_case(t), r) for t, r in _ordinary(world.ordinary, world.chatter, size, generator)]
    raise ValueError(f"no change {change!r}: there are {', '.join(CHANGES)}")


def _ordinary(pool: Traffic, chatter: Traffic, size: int, generator: np.random.Generator) -> list[Part]:
    chat = int(generator.binomial(size, CHATTER))
    return [_some(pool, size - chat, generator), _some(chatter, chat, generator)]


def _share(world: World, size: int, generator: np.random.Generator) -> list[Part]:
    truth = world.ordinary.truth
    grown = str(generator.choice(np.unique(truth)))
    share = (1 - CHATTER) * float((truth == grown).mean())
    extra = int(generator.binomial(size, CHANGED / (1 - share)))
    rest = _ordinary(world.ordinary, world.chatter, size - extra, generator)
    return [*rest, (world.ordinary, generator.choice(np.flatnonzero(truth == grown), extra, replace=True))]


def _some(traffic: Traffic, count: int, generator: np.random.Generator) -> Part:
    # A small intent is asked for more than it has: then some of its messages come twice.
    return traffic, generator.choice(len(traffic), count, replace=count > len(traffic))
