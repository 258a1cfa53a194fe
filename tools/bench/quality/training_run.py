"""Measure time and memory of `python -m training.train`: 26,872 rows, CSV to bundle, twice."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from chatbot.model.bundle import HEAD
from tools.bench.child import Usage, run_measured
from tools.bench.figures import CACHE
from tools.bench.quality.corpora import bitext_file
from tools.bench.quality.taught import Values


def train_once(corpus: Path, name: str) -> tuple[Usage, str]:
    """Train in a separate process, with a separate tracking store; return its usage and its weights' digest.

    Raises:
        BenchError: the command failed; contains the end of its output.
    """
    folder = CACHE / name
    shutil.rmtree(folder, ignore_errors=True)
    arguments = ["-m", "training.train", "--corpus", str(corpus), "--out", str(folder / "bundle")]
    runs = f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}"
    usage = run_measured(arguments, folder / "train.log", MLFLOW_TRACKING_URI=runs)
    return usage, hashlib.sha256((folder / "bundle" / HEAD).read_bytes()).hexdigest()


def training() -> Values:
    """Train twice: the slower time and the larger memory count, and the weights must be bit-identical."""
    corpus = bitext_file()
    (first, weights), (second, other) = (train_once(corpus, f"training-{number}") for number in (1, 2))
    each = f"{first.seconds:.1f} s, {second.seconds:.1f} s"
    return {
        "seconds": (max(first.seconds, second.seconds), f"with imports and MLflow, the slower of {each}"),
        "peak": (max(first.peak_mb, second.peak_mb) * 2**20 / 1e9, ""),
        "same": (float(len({weights, other})), f"sha256 of {HEAD}: {weights[:16]}, {other[:16]}"),
    }
