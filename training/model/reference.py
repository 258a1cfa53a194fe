"""Write reference.parquet, the drift check's reference: out-of-fold features, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from chatbot.records.schema import features
from training.model.fit import Fitted

MAX_ROWS = 20_000


def write_reference(
    file: Path, messages: Sequence[str], fitted: Fitted, summaries: NDArray[np.float32]
) -> None:
    """Write a sample of the training messages' features: the fields of a record, without the text.

    Confidence, scope and intent are out-of-fold predictions: a model's scores on its own training messages would make
    every later message look like drift. `summaries` are the embedding summaries, shape (n, k).
    """
    held = fitted.out_of_fold
    taken = np.arange(len(held.rows))
    if len(taken) > MAX_ROWS:
        taken = np.sort(np.random.default_rng(0).choice(taken, MAX_ROWS, replace=False))
    rows = held.rows[taken]
    likeliest = held.probabilities[taken].argmax(axis=1)
    texts = [features(messages[row])._asdict() for row in rows]
    columns: dict[str, pa.Array] = {
        "intent": pa.array([fitted.classifier.labels[column] for column in likeliest], pa.string()),
        "confidence": pa.array(held.probabilities[taken].max(axis=1).astype(np.float64)),
        "scope": pa.array(held.scope[taken].astype(np.float64)),
        **{name: pa.array([text[name] for text in texts]) for name in texts[0]},
        "summary": pa.array(summaries[rows].tolist(), pa.list_(pa.float32())),
    }
    pq.write_table(pa.table(columns), file, compression="zstd")
