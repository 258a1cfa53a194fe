"""Split into train and test by groups of near-duplicates; a growing corpus never moves earlier rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.similarity import SIMILARITY, components, near_duplicates

TRAIN, TEST = "train", "test"
PARTS = (TRAIN, TEST)
SPLIT_COLUMNS = ("row_hash", "group", "part")
LEFT_OUT_COLUMNS = ("row_hash", "message", "intent", "source", "near_train", "near_test")


@dataclass(frozen=True, slots=True)
class Split:
    """Assignment of rows to parts."""

    table: pd.DataFrame
    """SPLIT_COLUMNS, one line per row hash, sorted by hash: earlier lines unchanged (including rows that have
    left the corpus, which return to the same part), and one line for each new row."""
    left_out: pd.DataFrame
    """LEFT_OUT_COLUMNS: new rows linked to both parts, with the hash of one near-duplicate in each."""
    new_rows: int
    """Number of new lines in `table`."""


def split(
    corpus: pd.DataFrame,
    earlier: pd.DataFrame | None = None,
    *,
    seed: int = 0,
    test_share: float = 0.2,
    similarity: float = SIMILARITY,
) -> Split:
    """Split a corpus by groups: the connected components of near-duplicate pairs within an intent.

    A row in `earlier` keeps its group and part, whatever the similarities in the grown corpus are. A new row
    that is linked to such a row, directly or through other new rows, takes its group and part. A new group is
    named by its smallest row hash; a hash of this name and the seed determines its part. A new row that would
    link the two parts is left out. An intent without a row in train gets one of its new groups there, so that
    an intent with a single message is trained.

    Args:
        corpus: `data.loading.COLUMNS`; rows with the same row hash count as one.
        earlier: the `table` of the previous split; None: the first split.
        seed: seed of the hash that determines a new group's part.
        test_share: share of new groups assigned to test, in [0, 1).
        similarity: minimum cosine of near-duplicates (`data.similarity`).

    Returns:
        The split; it does not depend on the order of the rows.
    """
    rows = corpus.drop_duplicates("row_hash").sort_values("row_hash", kind="stable", ignore_index=True)
    hashes = rows["row_hash"].tolist()
    messages, intents = rows["message"].tolist(), rows["intent"].tolist()
    pairs = near_duplicates(messages, intents, similarity)
    placing = _Placing(hashes, [(int(i), int(j)) for i, j in pairs], _known(earlier))
    placing.place()
    _part_new_groups(placing, intents, seed, test_share)

    new = pd.DataFrame(
        [(hashes[row], group, placing.parts[group]) for row, group in placing.new.items()],
        columns=list(SPLIT_COLUMNS),
        dtype="str",
    )
    kept = empty_splits() if earlier is None else earlier[list(SPLIT_COLUMNS)]
    table = pd.concat([kept, new]).sort_values("row_hash", kind="stable", ignore_index=True)
    left_out = rows.loc[list(placing.left_out), ["row_hash", "message", "intent", "source"]].assign(
        near_train=[hashes[train] for train, _ in placing.left_out.values()],
        near_test=[hashes[test] for _, test in placing.left_out.values()],
    )
    left_out = left_out.astype("str").sort_values("row_hash", ignore_index=True)
    return Split(table, left_out[list(LEFT_OUT_COLUMNS)], len(new))


def groups(messages: Sequence[str], intents: Sequence[str], similarity: float = SIMILARITY) -> np.ndarray:
    """Return the group of each message, without parts or earlier splits (for sampling in benchmarks).

    Returns:
        shape (n,), int: messages with the same number are linked by near-duplicates within their intent.
    """
    return components(len(messages), near_duplicates(messages, intents, similarity))


def empty_splits() -> pd.DataFrame:
    """Return a table with SPLIT_COLUMNS and no rows."""
    return pd.DataFrame({column: pd.Series([], dtype="str") for column in SPLIT_COLUMNS})


def _known(earlier: pd.DataFrame | None) -> dict[str, tuple[str, str]]:
    if earlier is None:
        return {}
    columns = (earlier[column] for column in SPLIT_COLUMNS)
    return {row_hash: (group, part) for row_hash, group, part in zip(*columns, strict=True)}


class _Placing:
    """Assigns groups to new rows; rows are indices into `hashes`, which are sorted."""

    def __init__(
        self, hashes: Sequence[str], pairs: Sequence[tuple[int, int]], known: Mapping[str, tuple[str, str]]
    ) -> None:
        self.hashes = hashes
        self.old = {row: known[h] for row, h in enumerate(hashes) if h in known}
        self.new: dict[int, str] = {}
        """The group of each new row."""
        self.parts: dict[str, str] = dict(known.values())
        """The part of each group; missing for a new group until it is assigned."""
        self.left_out: dict[int, tuple[int, int]] = {}
        """Rows that link both parts, with one neighbour in train and one in test."""
        self.neighbours: dict[int, list[int]] = {}
        for i, j in pairs:
            self.neighbours.setdefault(i, []).append(j)
            self.neighbours.setdefault(j, []).append(i)

    def place(self) -> None:
        """Assign every new row to a group, or leave it out."""
        fresh = [row for row in range(len(self.hashes)) if row not in self.old]
        for component in self._components(fresh):
            groups = {self.old[n][0] for row in component for n in self._of(row) if n in self.old}
            if len({self.parts[group] for group in groups}) > 1:
                self._grow(component)
            else:
                # Two earlier groups of one part are not merged: the file is append-only.
                self._join(component, min(groups, default=self.hashes[component[0]]))

    def _grow(self, component: list[int]) -> None:
        """Assign a component that links both parts: breadth-first from the earlier rows, in hash order."""
        waiting = set(component)
        frontier = [row for row in component if any(n in self.old for n in self._of(row))]
        while frontier:
            reached: set[int] = set()
            for row in frontier:
                waiting.discard(row)
                near = {self.parts[group]: n for n in self._of(row) if (group := self._group(n)) is not None}
                if len(near) > 1:
                    self.left_out[row] = (near[TRAIN], near[TEST])
                else:
                    self._join([row], min(g for n in self._of(row) if (g := self._group(n)) is not None))
                    reached.update(self._of(row))
            frontier = sorted(reached & waiting)
        for rest in self._components(sorted(waiting)):
            self._join(rest, self.hashes[rest[0]])

    def _join(self, rows: Sequence[int], group: str) -> None:
        self.new.update(dict.fromkeys(rows, group))

    def _of(self, row: int) -> list[int]:
        return self.neighbours.get(row, [])

    def _group(self, row: int) -> str | None:
        return self.old[row][0] if row in self.old else self.new.get(row)

    def _components(self, rows: list[int]) -> list[list[int]]:
        """Return the connected components of these rows alone, each sorted."""
        place = {row: k for k, row in enumerate(rows)}
        inside = [(k, place[n]) for row, k in place.items() for n in self._of(row) if n in place]
        members: dict[int, list[int]] = {}
        for row, label in zip(
            rows, components(len(rows), np.array(inside, np.int64).reshape(-1, 2)), strict=True
        ):
            members.setdefault(int(label), []).append(row)
        return list(members.values())


def _part_new_groups(placing: _Placing, intents: Sequence[str], seed: int, test_share: float) -> None:
    """Assign each new group to a part by its hash; an intent without a row in train gets one group there."""
    fresh: dict[str, str] = {}
    trained = {intents[row] for row, (_, part) in placing.old.items() if part == TRAIN}
    for row, group in placing.new.items():
        if group not in placing.parts:
            fresh[group] = intents[row]
        elif placing.parts[group] == TRAIN:
            trained.add(intents[row])
    draws = {group: _draw(group, seed) for group in fresh}
    placing.parts.update({group: TEST if draw < test_share else TRAIN for group, draw in draws.items()})
    for intent in set(fresh.values()) - trained:
        # The group with the largest draw: if any group is in train, this one is.
        _, last = max((draws[group], group) for group, of in fresh.items() if of == intent)
        placing.parts[last] = TRAIN


def _draw(group: str, seed: int) -> float:
    """Return a number in [0, 1) determined by the group's name and the seed."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{group}".encode(), digest_size=6).digest(), "big") / 2**48
