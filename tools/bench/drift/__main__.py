"""Measure the drift check: false-alarm rate on undrifted windows, detection rate. `python -m tools.bench.drift`.

Each corpus is split into a few worlds (`tools.bench.drift.worlds`), each with a baseline and windows. A world's results
are cached under `.cache/bench` by the digest of the code that produced them, so an interrupted run resumes.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from chatbot.files import write_file
from data.commands import command
from monitoring.drift.columns import RecordColumns
from monitoring.drift.comparison import ALARMS_WITHOUT_BASELINE, Comparison
from monitoring.drift.histograms import Tally
from tools.bench.drift import page, windows
from tools.bench.drift.corpora import CORPORA, EncodedCorpus, Typos, chatter, foreign, load, with_typos
from tools.bench.drift.worlds import World, make
from tools.bench.figures import BUNDLE, CACHE, commit, digest
from tools.bench.quality.vectors import Vectors
from tools.bench.speed.machine import Machine
from tools.processes import ROOT

SIZES = (500, 1_000, 5_000)
DRIFTED = 1_000
WINDOWS = 20
"""Windows of each kind and size, in each of the worlds."""
FIRST_SEED = 300
"""First seed measured: the thresholds were chosen on seeds 0 to 5, and on Bitext's 100 to 106."""
WORLDS = 10
EXAMPLES = 10
PAGE = ROOT / "docs" / "results.d" / "drift.md"


def measure(world: World) -> list[dict[str, Any]]:
    """Test all windows of a world, `WINDOWS` of every kind and size. Returns: red checks and example quality."""
    generator = np.random.default_rng([world.seed, 23])
    baseline = Comparison(_columns(windows.baseline(world, generator)))
    reference = Comparison(world.reference, against="reference")
    rows = []
    for change in (windows.UNDRIFTED, *windows.changes_of(world)):
        for size in SIZES if change == windows.UNDRIFTED else (DRIFTED,):
            for _ in range(WINDOWS):
                parts = windows.window(world, change, size, generator)
                columns = _columns(parts)
                found, early = (
                    side.judge(Tally.of(side.grid, columns), columns) for side in (baseline, reference)
                )
                rows.append(
                    {
                        "change": change,
                        "size": size,
                        "red": [finding.name for finding in found if finding.red],
                        "reach": max(finding.effect / finding.threshold for finding in found),
                        "early": [
                            finding.name
                            for finding in early
                            if finding.red and finding.name in ALARMS_WITHOUT_BASELINE
                        ],
                        "named": _named(baseline, parts, columns),
                    }
                )
    return rows


def _named(baseline: Comparison, parts: list[windows.TrafficPart], columns: RecordColumns) -> float:
    """Return the share of the top contributors that are changed messages.

    The changed messages are the last part of a window.
    """
    heaviest = np.argsort(-baseline.weights(columns), kind="stable")[:EXAMPLES]
    return float((heaviest >= len(columns) - len(parts[-1][1])).mean())


def _columns(parts: list[windows.TrafficPart]) -> RecordColumns:
    return RecordColumns.joined([traffic.columns.part(rows) for traffic, rows in parts])


def run(console: Console, corpora: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the worlds' results, measured or from the cache."""
    vectors = Vectors.of(BUNDLE)
    code = _digest()
    others = chatter(vectors), foreign(vectors)
    for name in corpora:
        loaded: tuple[EncodedCorpus, Typos] | None = None
        for seed in range(FIRST_SEED, FIRST_SEED + WORLDS):
            file = CACHE / f"drift-{name}-{seed}-{WINDOWS}-{code}.json"
            if not file.is_file():
                began = time.monotonic()
                if loaded is None:
                    corpus = load(name, vectors)
                    loaded = corpus, with_typos(corpus, vectors)
                world = make(loaded[0], *others, loaded[1], seed)
                rows = measure(world)
                content = {"corpus": name, "seed": seed, "left_out": world.left_out, "windows": rows}
                write_file(file, json.dumps(content), sync=False)
                reds = Counter(bool(row["red"]) for row in rows if row["change"] == windows.UNDRIFTED)
                console.print(
                    f"{name} {seed - FIRST_SEED + 1}/{WORLDS}: {len(rows)} windows, {reds[True]} false alarms, "
                    f"{time.monotonic() - began:.0f} s"
                )
            yield json.loads(file.read_text(encoding="utf-8"))


def _digest() -> str:
    """Return the digest of all code that affects a window's result."""
    drift, here = ROOT / "monitoring" / "drift", Path(__file__).parent
    chosen = [drift / f"{name}.py" for name in ("histograms", "checks", "kernel_test", "comparison")]
    chosen += [here / f"{name}.py" for name in ("__main__", "corpora", "worlds", "windows")]
    return digest(chosen)[:12]


@command()
def main(
    only: Annotated[str | None, typer.Option(help=f"One of {', '.join(CORPORA)}.")] = None,
) -> None:
    """Measure and write docs/results.d/drift.md; a single corpus is only measured and cached."""
    console = Console()
    results = list(run(console, [only] if only else CORPORA))
    if only:
        return
    text = page.page(results, "python -m tools.bench.drift", commit(), Machine.this().describe())
    PAGE.write_text(text, encoding="utf-8")
    console.print(text, markup=False)


if __name__ == "__main__":
    main()
