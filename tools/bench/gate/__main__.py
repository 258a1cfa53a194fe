"""`python -m tools.bench.gate`: measure whether the gate separates good challengers from bad ones.

Writes docs/results.d/gate.md. Each combination of corpus, kind of challenger and seed is one trial: a champion, a
challenger, a verdict. Trials are cached by the digest of the code, so an interrupted run resumes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from chatbot.files import write_file
from data.commands import command
from tools.bench.figures import BUNDLE, CACHE, commit, digest, markdown, render
from tools.bench.gate.cases import CASES, KINDS, Workshop
from tools.bench.quality.vectors import Vectors
from tools.bench.speed.machine import Machine
from tools.processes import ROOT
from training.gate.behaviour_tests import SHIPPED
from training.gate.judge import judge
from training.gate.rows import compared_rows
from training.progress import Steps

COMMAND = "python -m tools.bench.gate"
PAGE = ROOT / "docs" / "results.d" / "gate.md"
SEEDS = 20
NEEDED = 19


@dataclass(frozen=True, slots=True)
class Trial:
    """One verdict."""

    case: str
    kind: str
    seed: int
    refused_by: tuple[str, ...]
    numbers: Mapping[str, float | None]


@command()
def main() -> None:
    """Run the trials, print the page and write it."""
    console = Console()
    file = CACHE / f"gate-{code()}.jsonl"
    done = read_trials(file)
    wanted = [(case, kind, seed) for seed in range(SEEDS) for case in CASES for kind in KINDS]
    for trial in _run([key for key in wanted if key not in done], file, console):
        done[trial.case, trial.kind, trial.seed] = trial
    content = page([done[key] for key in wanted])
    console.print(Markdown(content))
    write_file(PAGE, content, sync=False)
    console.print(f"written: {PAGE}")


def code() -> str:
    """Return the digest of all code that affects a verdict; a changed digest repeats every trial."""
    files = [
        *sorted((ROOT / "training" / "model").rglob("*.py")),
        *sorted((ROOT / "training" / "gate").rglob("*.py")),
        SHIPPED,
        ROOT / "data" / "corpus" / "rules.yaml",
        ROOT / "params.yaml",
        Path(__file__).with_name("cases.py"),
    ]
    return digest(file for file in files if "report" not in file.parts)[:16]


def read_trials(file: Path) -> dict[tuple[str, str, int], Trial]:
    """Read the trials of a file; skips truncated lines."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    trials = [Trial(**json.loads(line)) for line in lines if line.endswith("}")]
    return {(trial.case, trial.kind, trial.seed): trial for trial in trials}


def _run(missing: Sequence[tuple[str, str, int]], file: Path, console: Console) -> Iterator[Trial]:
    workshops: dict[str, Workshop] = {}
    with Steps(console) as steps, steps.count("trials", len(missing)) as advance:
        for case, kind, seed in missing:
            if case not in workshops:
                workshops[case] = Workshop(CASES[case](), Vectors.of(BUNDLE))
            trial = _try(workshops[case], case, kind, seed)
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(asdict(trial)) + "\n")
            advance(1)
            yield trial


def _try(workshop: Workshop, case: str, kind: str, seed: int) -> Trial:
    before, now = workshop.champion(seed), workshop.challenger(kind, seed)
    intents = frozenset(before.bundle.manifest.labels)
    verdict = judge(
        before.bundle,
        now.bundle,
        compared_rows(before.corpus, now.corpus, before.kept, now.kept, intents),
        through=workshop.through,
        kept=(before.kept, now.kept),
    )
    rows = {
        "taught_before": len(workshop.rows(seed, workshop.case.champion)),
        "taught": len(workshop.rows(seed, workshop.case.challenger)),
        "test_rows": verdict.test_rows,
    }
    numbers = rows | {
        "difference": verdict.check("macro_f1").numbers["difference"],
        "ece": verdict.check("calibration").numbers["ece"],
        "answers": verdict.check("answers").numbers["challenger"],
    }
    floats = {name: None if value is None else float(value) for name, value in numbers.items()}
    return Trial(case, kind, seed, verdict.refused_by, floats)


def table_lines(found: Sequence[Trial]) -> Iterator[tuple[bool, list[str]]]:
    """Yield, for each row of the table, whether it meets the target, and its cells."""
    for case in CASES:
        for name, kind in KINDS.items():
            trials = [trial for trial in found if (trial.case, trial.kind) == (case, name)]
            is_honest = kind.spoil is None
            right = sum(bool(trial.refused_by) != is_honest for trial in trials)
            caught = Counter(check for trial in trials for check in trial.refused_by)
            most = caught.most_common(1)[0][0] if caught else ""
            without = sum(bool(set(trial.refused_by) - {most}) for trial in trials)
            ok = right >= NEEDED
            cells = [
                case,
                kind.name,
                f"{right} of {len(trials)} {'accepted' if is_honest else 'refused'}",
                ", ".join(f"{check} {count}" for check, count in caught.most_common()) or "-",
                "" if is_honest or not caught else str(without),
                *(_median(trials, name) for name in ("difference", "ece", "answers")),
            ]
            yield ok, cells


_HEADINGS = (
    "corpus",
    "challenger",
    "told rightly",
    "caught by",
    "without the first",
    "macro F1, median change",
    "ECE",
    "answers",
)


def _median(trials: Sequence[Trial], name: str) -> str:
    values = sorted(value for trial in trials if (value := trial.numbers[name]) is not None)
    sign = "+" if name == "difference" else ""
    return f"{100 * values[len(values) // 2]:{sign}.1f} %" if values else "-"


def page(found: Sequence[Trial]) -> str:
    """Return docs/results.d/gate.md."""
    told = []
    for name in CASES:
        last = next(trial.numbers for trial in reversed(found) if trial.case == name)
        before, now, test = (last[key] for key in ("taught_before", "taught", "test_rows"))
        told.append(
            f"{name}: the champion is taught {before:,.0f} rows, challengers {now:,.0f}, "
            f"{test:,.0f} rows are compared."
        )
    lines = list(table_lines(found))
    missed = [f"{cells[0]}, {cells[1]} ({cells[2]})" for ok, cells in lines if not ok]
    return render(
        Path(__file__).with_name("page.md.j2"),
        command=COMMAND,
        seeds=SEEDS,
        commit=commit(),
        machine=Machine.this().describe(),
        needed=NEEDED,
        cases=" ".join(told),
        verdict=f"Missed: {'; '.join(missed)}." if missed else "Every row that was measured is met.",
        table=markdown(_HEADINGS, [cells for _, cells in lines]),
    )


if __name__ == "__main__":
    main()
