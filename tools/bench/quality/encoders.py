"""`python -m tools.bench.quality.encoders ENCODER`: measure what another encoder gains and costs beside the default.

Both encoders go through the product's export, fit and scores on the same corpora; the cost is the processor time of
encoding, alternating call by call. Writes docs/results.d/encoders.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import process_time
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from chatbot.files import write_file
from chatbot.model.encoder import MODEL_FILE, TOKENIZER_FILE, Encoder
from data.commands import command
from tools.bench.figures import commit, markdown, render
from tools.bench.quality.corpora import bitext, cleaned, load_banking77
from tools.bench.quality.taught import Values, banking77, clinc150, few_shot
from tools.bench.quality.vectors import Vectors
from tools.bench.speed.machine import MB, Machine
from tools.processes import ROOT
from training.model.encoder.export import DEFAULT_ENCODER, Export, export
from training.progress import Steps

PAGE = ROOT / "docs" / "results.d" / "encoders.md"
COMMAND = "python -m tools.bench.quality.encoders"
PROOF_ROWS = 2_000
BATCHES = {"alone": 1, "in batches of 16": 16}
TIMED = 640
"""Messages that each encoder encodes, in each size of batch."""

SECTIONS: dict[str, Callable[[Vectors], Values]] = {
    "Banking77": banking77,
    "CLINC150": clinc150,
    "few messages": few_shot,
}
ROWS = {
    "Banking77": {"accuracy": "accuracy", "macro_f1": "macro F1", "ece": "ECE"},
    "CLINC150": {
        "accuracy": "accuracy in scope",
        "ece": "ECE",
        "auroc": "AUROC of the scope score",
        "recall": "recall of out-of-scope messages with 95 % accepted in scope",
        "f1": "F1 of refusing",
    },
    "few messages": {
        "banking77_5": "Banking77, 5 an intent",
        "banking77_10": "Banking77, 10 an intent",
        "clinc150_5": "CLINC150, 5 an intent",
        "clinc150_10": "CLINC150, 10 an intent",
    },
}
"""The scores shown of each section, in percent, with their names."""


@dataclass(frozen=True, slots=True)
class MeasuredEncoder:
    """An encoder's export, its scores by section, and its processor time in milliseconds by size of batch."""

    exported: Export
    dim: int
    scores: dict[str, Values]
    milliseconds: dict[str, float]

    @property
    def size_mb(self) -> float:
        """Size of what a bundle contains of it."""
        return sum((self.exported.folder / name).stat().st_size for name in (MODEL_FILE, TOKENIZER_FILE)) / MB


@command()
def main(
    encoder: Annotated[str, typer.Argument(help="A SentenceTransformers name or folder.")],
    name: Annotated[str, typer.Option(help="Its name on the page; default: the folder's.")] = "",
) -> None:
    """Measure both encoders, print the page and write it."""
    console = Console()
    with Steps(console) as steps:
        exports = []
        rows = load_banking77("train").iloc[:PROOF_ROWS]
        for one in (DEFAULT_ENCODER, encoder):
            with steps.wait(f"export {one}"):
                exports.append(
                    export(one, ROOT / ".cache" / "encoders", cleaned(rows), rows["intent"].tolist())
                )
        with steps.wait("processor time"):
            times = alternate([exported.load() for exported in exports], bitext()["message"].tolist())
        both = []
        for exported, spent in zip(exports, times, strict=True):
            vectors, scores = Vectors.of(exported.folder), {}
            for section, measure in SECTIONS.items():
                with steps.wait(f"{section}, {exported.name}"):
                    scores[section] = measure(vectors)
            both.append(MeasuredEncoder(exported, vectors.encoder.dim, scores, spent))
    default, other = both
    content = page(default, other, name or Path(encoder).name, commit())
    console.print(Markdown(content))
    write_file(PAGE, content, sync=False)
    console.print(f"written: {PAGE}")


def alternate(encoders: Sequence[Encoder], messages: Sequence[str]) -> list[dict[str, float]]:
    """Return each encoder's processor time a message, in milliseconds, by size of batch: medians over the batches."""
    step = max(1, len(messages) // TIMED)
    asked = messages[::step][:TIMED]
    found: list[dict[str, float]] = [{} for _ in encoders]
    for size_name, size in BATCHES.items():
        spent: list[list[float]] = [[] for _ in encoders]
        for start in range(0, len(asked), size):
            batch = asked[start : start + size]
            for encoder, times in zip(encoders, spent, strict=True):
                began = process_time()
                encoder.encode(batch)
                times.append((process_time() - began) / len(batch))
        for times, one in zip(spent, found, strict=True):
            one[size_name] = 1_000 * median(times)
    return found


def page(default: MeasuredEncoder, other: MeasuredEncoder, name: str, at: str) -> str:
    """Return the page: scores, then costs, measured at a commit."""
    scores = [
        (section, title, f"{was:.2f}", f"{now:.2f}", f"{now - was:+.2f}")
        for section, titles in ROWS.items()
        for key, title in titles.items()
        for was, now in [(default.scores[section][key][0], other.scores[section][key][0])]
    ]
    costs = [
        ("dimensions", *(f"{m.dim}" for m in (default, other)), ""),
        (
            "files in a bundle",
            *(f"{m.size_mb:.0f} MB" for m in (default, other)),
            _ratio(default.size_mb, other.size_mb),
        ),
        *(
            (f"processor time a message, {size}", f"{was:.2f} ms", f"{now:.2f} ms", _ratio(was, now))
            for size, was in default.milliseconds.items()
            for now in [other.milliseconds[size]]
        ),
        (
            "export: mean cosine to the original",
            *(f"{m.exported.proof.cosine_mean:.4f}" for m in (default, other)),
            "",
        ),
        (
            "export: accuracy lost of a nearest-centroid classifier",
            *(f"{m.exported.proof.lost:+.1f} points" for m in (default, other)),
            "",
        ),
    ]
    return render(
        Path(__file__).with_name("encoders.md.j2"),
        command=COMMAND,
        commit=at,
        machine=Machine.this().describe(),
        default=DEFAULT_ENCODER,
        name=name,
        scores=markdown(("corpus", "percent", DEFAULT_ENCODER, name, "points"), scores),
        costs=markdown(("", DEFAULT_ENCODER, name, "times"), costs),
    )


def _ratio(was: float, now: float) -> str:
    return f"{now / was:.1f}"


if __name__ == "__main__":
    main()
