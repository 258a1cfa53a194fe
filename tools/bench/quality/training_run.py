"""Measure time and memory of `python -m training.train`: 26,872 rows, CSV to bundle, twice."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from chatbot.model.bundle import HEAD
from tools.bench.figures import CACHE
from tools.bench.quality.corpora import bitext_file
from tools.bench.quality.taught import Values
from tools.bench.speed.servers import ROOT, BenchError, clean_environment, tail


@dataclass(frozen=True, slots=True)
class Run:
    """One training: seconds of the whole command, its peak resident memory in bytes, its weights' digest."""

    seconds: float
    peak: int
    weights: str


def train_once(corpus: Path, name: str) -> Run:
    """Train in a separate process, with a separate tracking store.

    Raises:
        BenchError: the command failed; contains the end of its output.
    """
    folder = CACHE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    bundle, log = folder / "bundle", folder / "train.log"
    command = [sys.executable, "-m", "training.train", "--corpus", str(corpus), "--out", str(bundle)]
    environment = clean_environment(MLFLOW_TRACKING_URI=f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}")
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
        # wait4 instead of `resource`'s maximum over all children, which never decreases.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchError(f"`{' '.join(command[1:])}` ended with {process.returncode}; it said:\n{tail(log)}")
    weights = hashlib.sha256((bundle / HEAD).read_bytes()).hexdigest()
    return Run(seconds, 1024 * usage.ru_maxrss, weights)


def training() -> Values:
    """Train twice: the slower time and the larger memory count, and the weights must be bit-identical."""
    corpus = bitext_file()
    runs = [train_once(corpus, f"training-{number}") for number in (1, 2)]
    each = ", ".join(f"{run.seconds:.1f} s" for run in runs)
    return {
        "seconds": (max(run.seconds for run in runs), f"with imports and MLflow, the slower of {each}"),
        "peak": (max(run.peak for run in runs) / 1e9, ""),
        "same": (
            float(len({run.weights for run in runs})),
            f"sha256 of {HEAD}: {runs[0].weights[:16]}, {runs[1].weights[:16]}",
        ),
    }
