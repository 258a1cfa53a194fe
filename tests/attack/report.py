"""Run checks one after the other, and say of each what it proved or what it found."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.attack.target import Target

Check = Callable[[Target], str]
"""Attacks the target and returns what that proved; raises `Finding` where something did not hold."""


class Finding(AssertionError):
    """The product did not withstand an attack."""


def require(holds: object, found: str) -> None:
    """Raise `Finding` with what was found, unless it holds."""
    if not holds:
        raise Finding(found)


@dataclass(frozen=True)
class Result:
    """Outcome of one check."""

    name: str
    held: bool
    said: str
    seconds: float


def run(checks: Sequence[tuple[str, Check]], target: Target) -> list[Result]:
    """Run each check, also after a finding, and print its result at once."""
    results = []
    for name, check in checks:
        began = time.monotonic()
        try:
            held, said = True, check(target)
        except Finding as finding:
            held, said = False, str(finding)
        except Exception as error:  # a check that breaks proves nothing: it counts as a finding
            traceback.print_exc()
            held, said = False, f"the check broke: {type(error).__name__}: {error}"
        results.append(Result(name, held, said, time.monotonic() - began))
        sys.stdout.write(f"{'held ' if held else 'FOUND'} {name}: {said}\n")
        sys.stdout.flush()
    return results


def table(results: Sequence[Result]) -> str:
    """Return the results as Markdown."""
    rows = [f"| {r.name} | {'held' if r.held else 'FOUND'} | {r.said} | {r.seconds:.0f} |" for r in results]
    return "\n".join(["| Attack | Result | Proved | s |", "| --- | --- | --- | --- |", *rows]) + "\n"
