"""`python -m training.gate`: may this challenger take over from the champion? Named checks, a verdict, a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from chatbot.bundle import Bundle
from chatbot.encoder import Encoded, Encoder
from training.behaviours import Group
from training.encoding import encode
from training.gate_params import GateParams
from training.gate_verdict import Check, GateVerdict, Side

__all__ = ["Check", "GateParams", "GateVerdict", "Side", "judge", "judge_folders", "mark_new"]

Encode = Callable[[Encoder, Sequence[str]], Encoded]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the bundles are, in bytes; `champion` is None where there is none."""

    challenger: int
    champion: int | None = None


def judge(
    champion: Bundle | None,
    challenger: Bundle,
    test: pd.DataFrame,
    *,
    params: GateParams | None = None,
    behaviours: Sequence[Group] | None = None,
    sizes: Sizes | None = None,
    through: Encode = encode,
) -> GateVerdict:
    """Ask both the same messages and say whether the challenger may take over.

    Args:
        champion: what serves now; None for a first version, which is only warned.
        test: the frozen test part, `message`, `intent` (or `out_of_scope`), `category`; a column `new` (bool) marks
            rows that the champion's corpus did not have (`mark_new`): their labels came with the challenger, so they
            are reported and not what known intents are compared on.
        params: the bounds; None for the defaults.
        behaviours: None for those that ship.
        sizes: of the folders; None: the size is not judged.
        through: encodes messages; a benchmark gives one that remembers.

    Raises:
        GateError: the test part has no row that both can be compared on.
    """
    raise NotImplementedError


def judge_folders(
    champion: Path | None,
    challenger: Path,
    test: pd.DataFrame,
    *,
    params: GateParams | None = None,
    behaviours: Sequence[Group] | None = None,
) -> GateVerdict:
    """As `judge`, of bundles in folders, their sizes included.

    Raises:
        BundleError: a folder is no whole bundle. GateError: as `judge`.
    """
    raise NotImplementedError


def mark_new(test: pd.DataFrame, earlier: pd.DataFrame | None) -> pd.DataFrame:
    """The rows with a column `new`: True where `earlier` (the champion's corpus, any part) has no such `row_hash`."""
    known = frozenset() if earlier is None else frozenset(earlier["row_hash"])
    return test.assign(new=[row not in known for row in test["row_hash"]] if known else False)
