"""Generate docs/results.d/drift.md from the worlds' results."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from tools.bench.drift import windows
from tools.bench.figures import markdown
from training.model.evaluation.metrics import upper_bound

FALSE_ALARMS = 4 / 200
FOUND = 196 / 200
RUNS_A_MONTH = 4 * 30.4

_HEAD = """## Drift check

Command: `{command}` (commit `{commit}`, {machine}; takes about ten minutes on one core, resumes where it was stopped).

Reference, baseline and windows are drawn from disjoint groups of near-duplicates of real messages; {worlds} worlds a
corpus, each with its own split, its own bot and a baseline of 2,000 records; one message in twenty is CLINC150's
chatter that belongs to no intent, one answer in five has a thumb. Every check counts: any red one is an alarm. The new
product is an intent that was left out of everything the bot was taught and of the baseline, another one in each world;
messages in other languages are German, Spanish and French ones (`tools/bench/drift/foreign_messages.txt`).
Thresholds were chosen on other splits of the same corpora (seeds 0 to 5 and 200 to 209, of Bitext 100 to 106 too; that
of `new_kind` on seeds 0 to 39 of Banking77 and 0 to 11 of Bitext).

"""


def page(results: Sequence[dict[str, Any]], command: str, commit: str, machine: str) -> str:
    """Return the section as Markdown."""
    by: dict[tuple[str, str, int], list[dict[str, Any]]] = defaultdict(list)
    for result in results:
        for row in result["windows"]:
            by[result["corpus"], row["change"], row["size"]].append(row)
    worlds = len({result["seed"] for result in results})
    parts = [_HEAD.format(command=command, commit=commit, machine=machine, worlds=worlds)]
    cells = [_cells(*key, rows) for key, rows in sorted(by.items(), key=_order)]
    parts.append(
        markdown(("traffic", "corpus", "window", "alarms", "target", "met", "red most often"), cells)
    )
    return "".join([*parts, _undrifted(by), _named(by)])


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


def _undrifted(by: dict[tuple[str, str, int], list[dict[str, Any]]]) -> str:
    rows = [row for (_, change, _), rows in by.items() if change == windows.UNDRIFTED for row in rows]
    alarms, count = sum(bool(row["red"]) for row in rows), len(rows)
    early = sum(bool(row["early"]) for row in rows)
    reach = max(row["reach"] for row in rows)
    bound = float(upper_bound(alarms, count, 0.95))
    return (
        f"\nThe default schedule, every 6 hours on the last 24, is {RUNS_A_MONTH:.0f} runs a month. Of all "
        f"{count:,} undrifted windows {alarms} alarmed: {RUNS_A_MONTH * alarms / count:.2f} false alarms a month "
        f"(95 % upper bound {RUNS_A_MONTH * bound:.2f}; target at most 1). The largest effect of any check of any "
        f"undrifted window reached {reach:.0%} of its threshold.\n"
        f"\nBefore there is a baseline, confidence and scope alarm against the bundle's reference: {early} alarms in "
        f"the same {count:,} undrifted windows.\n"
    )


def _named(by: dict[tuple[str, str, int], list[dict[str, Any]]]) -> str:
    cells = [
        (change, corpus, f"{sum(row['named'] for row in rows) / len(rows):.0%}")
        for (corpus, change, _), rows in sorted(by.items(), key=_order)
        if change in (windows.PRODUCT, windows.LANGUAGE, windows.SHARE)
    ]
    head = "\nThe ten messages that the report names as moving it, and how many of them are of the changed kind:\n\n"
    return head + markdown(("change", "corpus", "of the changed kind"), cells)
