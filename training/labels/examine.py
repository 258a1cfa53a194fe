"""Examine a corpus's labels by out-of-fold probabilities, embeddings and near-duplicates."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.privacy import redact
from data.checks import FEW_MESSAGES
from data.similarity import near_duplicates
from training.labels.confident import NONE, Floats, Ints, confident_joint, confident_labels, label_quality
from training.labels.findings import Contradiction, IntentPair, LabelFindings, Labelled, SuspectLabel

NEIGHBOURS = 2
MAX_EXAMPLES = 3
# Minimum number of distinct messages of a listed pair, and their minimum share of the smaller intent.
MIN_CONFUSED = 3
MIN_CONFUSED_SHARE = 0.05
_BLOCK = 500


def examine(
    rows: Sequence[tuple[str, str, str, str]],
    groups: Sequence[object],
    vectors: NDArray[np.float32],
    held: Ints,
    probabilities: Floats,
    labels: Sequence[str],
) -> LabelFindings:
    """Find what is suspect in a corpus's labels.

    Args:
        rows: message, intent, row hash and source of each of n rows.
        groups: shape (n,): rows of one group say the same (`training.model.distinct`), whatever their intent is.
        vectors: shape (n, dim): the messages' embeddings, of unit length.
        held, probabilities: shapes (m,), (m, k): rows that a model judged that was not trained on their group, and how.
        labels: the k intents, in the order of the columns; every row's intent is among them.
    """
    messages, intents = [row[0] for row in rows], [row[1] for row in rows]
    column = {label: place for place, label in enumerate(labels)}
    columns = np.asarray([column[intent] for intent in intents], dtype=np.int64)
    _, group_of = np.unique(np.asarray(groups), return_inverse=True)
    distinct = np.zeros(len(labels), dtype=np.int64)
    for place, _ in set(zip(columns.tolist(), group_of.tolist(), strict=True)):
        distinct[place] += 1
    given = columns[held]
    _, back, sizes = np.unique(group_of[held], return_inverse=True, return_counts=True)
    confident = confident_labels(probabilities, given, 1 / sizes[back])
    quality = label_quality(probabilities, given)
    suspects = np.flatnonzero((confident != NONE) & (confident != given) & (quality < 0.5))
    suspects = suspects[np.argsort(quality[suspects], kind="stable")]
    # Copies of a row share its hash and therefore its decision: only the worst of them is listed.
    copies = Counter(rows[row][2] for row in held[suspects])
    worst = {rows[held[place]][2]: place for place in suspects[::-1]}
    suspects = np.asarray(
        [place for place in suspects if worst[rows[held[place]][2]] == place], dtype=np.int64
    )
    near = _nearest(vectors, group_of, held[suspects])

    def suspect(place: int, neighbours: Ints) -> SuspectLabel:
        message, label, row_hash, source = rows[held[place]]
        return SuspectLabel(
            row_hash=row_hash,
            message=redact(message),
            label=label,
            better=labels[confident[place]],
            quality=round(float(quality[place]), 4),
            source=source,
            copies=copies[row_hash],
            neighbours=tuple(
                Labelled(message=redact(messages[n]), label=intents[n]) for n in neighbours if n >= 0
            ),
        )

    return LabelFindings(
        rows=len(rows),
        distinct=int(group_of.max(initial=-1)) + 1,
        judged=len(held),
        suspects=tuple(suspect(int(p), n) for p, n in zip(suspects, near, strict=True)),
        pairs=tuple(_pairs(messages, held, probabilities, given, confident, group_of, distinct, labels)),
        few=tuple(
            (labels[place], int(distinct[place]))
            for place in np.argsort(distinct, kind="stable")
            if 0 < distinct[place] < FEW_MESSAGES and labels[place] != OUT_OF_SCOPE
        ),
        contradictions=tuple(_contradictions(messages, intents, group_of)),
    )


def _nearest(vectors: NDArray[np.float32], group_of: Ints, rows: Ints) -> Ints:
    """Return the most similar rows of other groups, shape (len(rows), NEIGHBOURS); NONE beyond the last."""
    # Centred, or a few long messages are the neighbours of many (hubs).
    vectors = vectors - vectors.mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-9))
    found = np.full((len(rows), NEIGHBOURS), NONE, dtype=np.int64)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        cosines = vectors[block] @ vectors.T
        cosines[group_of[block][:, None] == group_of[None, :]] = -np.inf
        for rank in range(NEIGHBOURS):
            best = cosines.argmax(axis=1)
            is_there = np.isfinite(cosines[np.arange(len(block)), best])
            found[start : start + _BLOCK, rank] = np.where(is_there, best, NONE)
            # The second neighbour is not a near-duplicate of the first.
            cosines[group_of[best][:, None] == group_of[None, :]] = -np.inf
    return found


def _pairs(
    messages: Sequence[str],
    held: Ints,
    probabilities: Floats,
    given: Ints,
    confident: Ints,
    group_of: Ints,
    distinct: Ints,
    labels: Sequence[str],
) -> list[IntentPair]:
    """List the pairs of intents whose messages fit each other's label, the most overlapping first."""
    # A group counts once for each label that its rows have.
    _, back, sizes = np.unique(
        np.stack([group_of[held], given]), axis=1, return_inverse=True, return_counts=True
    )
    joint = confident_joint(confident, given, 1 / sizes[back.reshape(-1)], len(labels))
    both = np.triu(joint + joint.T, 1)
    share = both / np.maximum(np.minimum(distinct[:, None], distinct[None, :]), 1)
    places = np.argwhere((both >= MIN_CONFUSED) & (share >= MIN_CONFUSED_SHARE))
    places = places[np.argsort([-share[i, j] for i, j in places], kind="stable")]

    def examples(label: int, fits: int) -> tuple[str, ...]:
        rows = np.flatnonzero((given == label) & (confident == fits))
        rows = rows[np.argsort(-probabilities[rows, fits], kind="stable")]
        first = {int(group_of[held[row]]): int(held[row]) for row in rows[::-1]}
        return tuple(redact(messages[row]) for row in list(first.values())[::-1][:MAX_EXAMPLES])

    return [
        IntentPair(
            first=labels[i],
            second=labels[j],
            messages=round(float(both[i, j])),
            share=round(min(1.0, float(share[i, j])), 4),
            first_examples=examples(i, j),
            second_examples=examples(j, i),
        )
        for i, j in places.tolist()
    ]


def _contradictions(messages: Sequence[str], intents: Sequence[str], group_of: Ints) -> list[Contradiction]:
    """List near-duplicates with different labels: first those that most rows repeat."""
    rows_of: dict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(group_of.tolist()):
        rows_of[group].append(row)
    # A group may be a chain or a template; compare its messages themselves.
    mixed = [row for rows in rows_of.values() if len({intents[row] for row in rows}) > 1 for row in rows]
    if not mixed:
        return []
    pairs = near_duplicates([messages[row] for row in mixed], [str(group_of[row]) for row in mixed])
    found: dict[int, set[int]] = defaultdict(set)
    for left, right in pairs.tolist():
        if intents[mixed[left]] != intents[mixed[right]]:
            found[int(group_of[mixed[left]])].update((mixed[left], mixed[right]))
    contradictions = []
    for rows in found.values():
        counts = Counter(intents[row] for row in rows)
        examples = {intents[row]: messages[row] for row in sorted(rows, reverse=True)}
        contradictions.append(
            Contradiction(
                rows=tuple(
                    (Labelled(message=redact(examples[label]), label=label), count)
                    for label, count in counts.most_common()
                )
            )
        )
    return sorted(contradictions, key=lambda one: -sum(count for _, count in one.rows))
