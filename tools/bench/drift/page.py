"""Generate docs/results.d/drift.md from the worlds' results."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.bench.drift import windows
from tools.bench.figures import markdown, render
from training.model.evaluation.metrics import upper_bound

FALSE_ALARMS = 4 / 200
FOUND = 196 / 200
RUNS_A_MONTH = 4 * 30.4


def page(results: Sequence[dict[str, Any]], command: str, commit: str, machine: str) -> str:
    """Return the section as Markdown."""
    by: dict[tuple[str, str, int], list[dict[str, Any]]] = defaultdict(list)
    for result in results:
        for row in result["windows"]:
            by[result["corpus"], row["change"], row["size"]].append(row)
    cells = [_cells(*key, rows) for key, rows in sorted(by.items(), key=_order)]
    undrifted = [row for key, rows in by.items() if key[1] == windows.UNDRIFTED for row in rows]
    alarms, count = sum(bool(row["red"]) for row in undrifted), len(undrifted)
    named = [
        (change, corpus, f"{sum(row['named'] for row in rows) / len(rows):.0%}")
        for (corpus, change, _), rows in sorted(by.items(), key=_order)
        if change in (windows.PRODUCT, windows.LANGUAGE, windows.SHARE)
    ]
    return render(
        Path(__file__).with_name("page.md.j2"),
        command=command,
        commit=commit,
        machine=machine,
        worlds=len({result["seed"] for result in results}),
        table=markdown(("traffic", "corpus", "window", "alarms", "target", "met", "red most often"), cells),
        month=RUNS_A_MONTH,
        count=count,
        alarms=alarms,
        bound=float(upper_bound(alarms, count, 0.95)),
        reach=max(row["reach"] for row in undrifted),
        early=sum(bool(row["early"]) for row in undrifted),
        named=markdown(("change", "corpus", "of the changed kind"), named),
    )


def _order(item: tuple[tuple[str, str, int], object]) -> tuple[int, str, int]:
    corpus, change, size = item[0]
    return ([windows.UNDRIFTED, *windows.CHANGES].index(change), corpus, size)


def _cells(corpus: str, change: str, size: int, rows: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    alarms, count = sum(bool(row["red"]) for row in rows), len(rows)
    if change == windows.UNDRIFTED:
        target, met = f"at most {FALSE_ALARMS * count:.0f}", alarms <= FALSE_ALARMS * count
    else:
        target, met = f"at least {FOUND * count:.0f}", alarms >= FOUND * count
    often = Counter(name for row in rows for name in row["red"]).most_common(3)
    named = ", ".join(f"{name} {number}" for name, number in often)
    return change, corpus, f"{size:,}", f"{alarms} of {count}", target, "yes" if met else "**no**", named
