"""Measure the quality of the review's clusters: `python -m tools.bench.quality.clusters [--similarity 0.45]`.

Prints Markdown. Traffic is what the served bundle hands over of CLINC150's test part: `SIZE` messages of each of eight
intents that the bundle was not trained on, among 400 of CLINC150's out-of-scope questions. An intent counts as found if
one cluster contains at least half of its messages and at least 80 % of that cluster belong to it.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.dialog.router import Router
from chatbot.model.bundle import Bundle, load
from chatbot.settings import SlotSettings
from tools.bench.figures import BUNDLE
from tools.bench.quality.corpora import cleaned, intents_of, load_clinc150
from training.review.clusters import MIN_SIMILARITY, MessageCluster, find_clusters
from training.review.queue import Item, Queue, Reason

SIZES = (10, 20, 27)
DRAWS = 20
INTENTS, OUTSIDE = 8, 400
_FOUND, _PURE = 0.5, 0.8


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.quality.clusters", description=__doc__)
    parser.add_argument("--similarity", type=float, default=MIN_SIMILARITY)
    similarity = parser.parse_args().similarity
    bundle = load(BUNDLE)
    messages, labels, vectors = handed_over(bundle)
    sys.stdout.write(
        "| Messages an intent | Intents found | Clusters of one intent | Out-of-scope questions in clusters |\n"
        "|---|---|---|---|\n"
    )
    for size in SIZES:
        found, pure, outside = np.mean(
            [
                draw(messages, labels, vectors, size, similarity, np.random.default_rng(seed))
                for seed in range(DRAWS)
            ],
            axis=0,
        )
        sys.stdout.write(f"| {size} | {found:.0%} | {pure:.0%} | {outside:.1%} |\n")
    return 0


def handed_over(bundle: Bundle) -> tuple[list[str], NDArray[np.str_], NDArray[np.float32]]:
    """Return the CLINC150 test messages that the bundle hands over: messages, labels, embeddings."""
    corpus = load_clinc150("test")
    messages = cleaned(corpus)
    router = Router(bundle.rules, bundle.replies, bundle.manifest.thresholds, SlotSettings().values())
    encoded = bundle.encoder.encode(messages)
    handed = [
        row
        for row, (message, prediction) in enumerate(zip(messages, bundle.judge(encoded), strict=True))
        if router.before_model(message) is None and router.after_model(message, prediction).handoff
    ]
    return [messages[row] for row in handed], intents_of(corpus)[handed], encoded.vectors[handed]


def draw(
    messages: list[str],
    labels: NDArray[np.str_],
    vectors: NDArray[np.float32],
    size: int,
    similarity: float,
    chance: np.random.Generator,
) -> tuple[float, float, float]:
    """Draw traffic once and cluster it.

    Returns: share of intents found, of clusters with a single intent, and of the out-of-scope messages in clusters.
    """
    counts = Counter(labels.tolist())
    names = sorted(name for name, count in counts.items() if name != OUT_OF_SCOPE and count >= size)
    chosen = chance.choice(names, INTENTS, replace=False)
    rows = [chance.permutation(np.flatnonzero(labels == name))[:size] for name in chosen]
    rows.append(chance.choice(np.flatnonzero(labels == OUT_OF_SCOPE), OUTSIDE, replace=False))
    row_of = {messages[row]: row for row in np.concatenate(rows)}
    now, why = datetime.now(UTC), (Reason.OUT_OF_SCOPE,)
    items = tuple(
        Item(str(row), message, now, "", 0.0, 0.0, "human", (), "", "", why)
        for message, row in row_of.items()
    )
    clusters = find_clusters(
        Queue(items), lambda asked: vectors[[row_of[message] for message in asked]], similarity
    )
    inside = [Counter(str(labels[row_of[item.message]]) for item in cluster.items) for cluster in clusters]
    found = sum(any(_holds(counts, name, size) for counts in inside) for name in chosen)
    pure = sum(_is_pure(counts, cluster) for counts, cluster in zip(inside, clusters, strict=True))
    outside = sum(counts[OUT_OF_SCOPE] for counts in inside)
    return found / INTENTS, pure / max(1, len(clusters)), outside / OUTSIDE


def _holds(counts: Counter[str], name: str, size: int) -> bool:
    return counts[name] >= _FOUND * size and counts[name] >= _PURE * counts.total()


def _is_pure(counts: Counter[str], cluster: MessageCluster) -> bool:
    taught = {name: count for name, count in counts.items() if name != OUT_OF_SCOPE}
    return max(taught.values(), default=0) >= _PURE * len(cluster.items)


if __name__ == "__main__":
    sys.exit(main())
