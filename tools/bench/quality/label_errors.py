"""Measure how many planted label errors the label check finds, and whether it names intents that were mixed up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chatbot.model.encoder import Encoded
from tools.bench.quality.corpora import bitext, cleaned, intents_of, load_banking77
from tools.bench.quality.taught import DRAWS, Values
from tools.bench.quality.vectors import Vectors
from training.labels.confident import label_quality
from training.labels.examine import examine
from training.model.distinct import distinct_groups
from training.model.fit import OutOfFold, fit

FLIPPED, LOOKED_AT = 0.1, 0.15
MOVED = (0.2, 0.5, 0.8)
"""Shares of an intent's rows that are moved into another intent, one draw each."""
TOP = 10

Labels = NDArray[np.str_]


def label_errors(vectors: Vectors) -> Values:
    """Plant label errors in Banking77 and Bitext: random flips, and rows of one intent moved into another."""
    found: dict[str, tuple[float, str]] = {}
    named, pairs = 0, 0
    for name, rows, repeats in (("banking77", load_banking77("train"), DRAWS), ("bitext", bitext(), 1)):
        messages, labels = cleaned(rows), intents_of(rows)
        encoded, groups = vectors.encode(messages), distinct_groups(messages)
        drawn = [_flips_found(encoded, labels, groups, draw) for draw in range(repeats)]
        each = ", ".join(f"{100 * one:.1f}" for one in drawn)
        found[name] = (100 * float(np.mean(drawn)), f"{len(rows):,} rows; draws: {each} %")
        if name == "banking77":
            for draw in range(repeats):
                for share in MOVED:
                    pairs += 1
                    named += _pair_named(rows, messages, encoded, labels, groups, share, draw)
    note = (
        f"{named} of {pairs}: {', '.join(f'{share:.0%}' for share in MOVED)} of an intent's rows, Banking77"
    )
    return found | {"pairs": (100 * named / pairs, note)}


def _flips_found(encoded: Encoded, labels: Labels, groups: NDArray[np.int64], draw: int) -> float:
    """Flip labels to a random other intent; return the share that is among the most suspect rows."""
    generator = np.random.default_rng(draw)
    names = np.unique(labels)
    flipped = generator.random(len(labels)) < FLIPPED
    given = labels.copy()
    for row in np.flatnonzero(flipped):
        given[row] = generator.choice(names[names != labels[row]])
    held, names = _out_of_fold(encoded, given, groups)
    quality = label_quality(held.probabilities, np.searchsorted(names, given[held.rows]))
    suspect = held.rows[np.argsort(quality, kind="stable")[: round(LOOKED_AT * len(labels))]]
    return float(flipped[suspect].sum() / flipped.sum())


def _pair_named(
    rows: pd.DataFrame,
    messages: Sequence[str],
    encoded: Encoded,
    labels: Labels,
    groups: NDArray[np.int64],
    share: float,
    draw: int,
) -> bool:
    """Move rows of a random intent into another one; return whether the pair is among the first of the report."""
    generator = np.random.default_rng([draw, round(100 * share)])
    source, target = generator.choice(np.unique(labels), 2, replace=False)
    of_source = np.flatnonzero(labels == source)
    given = labels.copy()
    given[generator.choice(of_source, round(share * len(of_source)), replace=False)] = target
    held, names = _out_of_fold(encoded, given, groups)
    findings = examine(
        list(zip(messages, given.tolist(), rows["row_hash"], rows["source"], strict=True)),
        groups.tolist(),
        encoded.vectors,
        held.rows,
        held.probabilities,
        names.tolist(),
    )
    return any({pair.first, pair.second} == {source, target} for pair in findings.pairs[:TOP])


def _out_of_fold(encoded: Encoded, given: Labels, groups: NDArray[np.int64]) -> tuple[OutOfFold, Labels]:
    fitted = fit(encoded, given.tolist(), groups.astype(str).tolist())
    return fitted.out_of_fold, np.asarray(fitted.classifier.labels)
