"""`python -m tools.bench.speed.flames`: draw flame graphs of the outer process and of the runner under load.

Samples the main thread of both with py-spy, which has to be installed (`pip install py-spy`). With `--other`, another
checkout's server is sampled in the same way. Writes docs/images/flames-*.png.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from data.commands import command
from tools.bench.figures import BUNDLE, CACHE
from tools.bench.speed.expected import real_messages
from tools.bench.speed.load import generate
from tools.bench.speed.machine import settle, tree_memory
from tools.bench.speed.paired import MESSAGES, PROCESSES
from tools.bench.speed.servers import BenchError
from tools.bench.speed.sides import service_side
from tools.processes import ROOT
from training.progress import Steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IMAGES = ROOT / "docs" / "images"
RATE = 250
"""Samples a second."""
LEAST = 0.004
"""Share of all samples below which a frame is not drawn."""
NAMED = 0.02
"""Share from which a frame has its name written on it."""
_FRAME = re.compile(r"(?P<name>[^ ]+) \((?:.*/)?(?P<file>[^/():]+)(?::\d+)?\)")
_EVENT_LOOP = re.compile(r"Runner\.run \(.*asyncio/runners\.py")
_COLOURS = {"site-packages": "#9ecae1", "bento": "#fdae6b", "chatbot": "#a1d99b", "monitoring": "#bcbddc"}


@dataclass
class Frame:
    """A function on the stack: the number of samples in it, and what it called."""

    name: str
    samples: int = 0
    called: dict[str, Frame] = field(default_factory=dict)

    def add(self, stack: Sequence[str], samples: int) -> None:
        """Count a stack of frames, outermost first."""
        self.samples += samples
        if stack:
            inner = self.called.setdefault(stack[0], Frame(stack[0]))
            inner.add(stack[1:], samples)

    def boxes(self, left: int = 0, depth: int = 0) -> Iterator[tuple[Frame, int, int]]:
        """Yield this frame and those below it, each with its left edge (samples) and its depth."""
        yield self, left, depth
        for inner in sorted(self.called.values(), key=lambda frame: frame.name):
            yield from inner.boxes(left, depth + 1)
            left += inner.samples


def parse(lines: Iterable[str], thread: str = "MainThread") -> Frame:
    """Read py-spy's raw format, `thread (7): MainThread;frame;frame count`, of one thread, from its event loop on.

    Left out are samples without an event loop: a process that is not stopped for them tears a few.

    Raises: BenchError: no sample of this thread.
    """
    whole = Frame("event loop")
    for line in lines:
        stack, _, count = line.rpartition(" ")
        root, *frames = stack.split(";")
        start = next((at for at, frame in enumerate(frames, start=1) if _EVENT_LOOP.match(frame)), 0)
        if start and root.endswith(f": {thread}"):
            whole.add(frames[start:], int(count))
    if not whole.samples:
        raise BenchError(f"py-spy took no sample of {thread}")
    return whole


def draw(whole: Frame, axes: Axes) -> None:
    """Draw a flame graph: the width of a frame is its share of the samples, callers are below what they call."""
    for frame, left, depth in whole.boxes():
        share = frame.samples / whole.samples
        if share < LEAST:
            continue
        found = _FRAME.match(frame.name)
        colour = next((c for part, c in _COLOURS.items() if part in frame.name), "#d9d9d9")
        axes.barh(
            depth, share, left=left / whole.samples, height=0.94, color=colour, edgecolor="white", lw=0.3
        )
        if share >= NAMED:
            name = f"{found['name']} ({found['file']})" if found else frame.name
            text = f"{name} {share:.0%}"
            fits = int(share * 190)
            axes.text(
                (left + 0.02 * frame.samples) / whole.samples, depth, text[:fits], va="center", fontsize=5
            )
    axes.set_xlim(0, 1)
    axes.set_axis_off()


def _sampled(pid: int, seconds: int, folder: Path) -> Frame:
    out = folder / f"stacks-{pid}.txt"
    program = shutil.which("py-spy")
    if program is None:
        raise BenchError("py-spy is missing: pip install py-spy")
    arguments = ["record", "--pid", str(pid), "--duration", str(seconds), "--rate", str(RATE)]
    arguments += [
        "--format",
        "raw",
        "--function",
        "--threads",
        "--full-filenames",
        "--nonblocking",
        "--output",
        str(out),
    ]
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"py-spy: {done.stderr.strip()[-500:]}")
    return parse(out.read_text(encoding="utf-8").splitlines())


def profiles(folder: Path, seconds: int, connections: int) -> dict[str, Frame]:
    """Return the stacks of both processes of a checkout's server, by process, sampled one after the other."""
    own = folder / BUNDLE.relative_to(ROOT)  # earlier code does not read a later format
    side = service_side(own, real_messages()[0][:MESSAGES]).in_checkout(folder)
    found: dict[str, Frame] = {}
    with side.running() as server:
        settle(server.pid)
        questions = side.questions(server.port)
        for name, title in PROCESSES.items():
            pid = next(process.pid for process in tree_memory(server.pid) if process.name == name)
            load = threading.Thread(
                target=generate, args=(server.port, questions, connections, seconds + 2, 0.5)
            )
            load.start()
            found[title] = _sampled(pid, seconds, CACHE)
            load.join()
    return found


@command()
def main(
    other: Annotated[
        Path | None,
        typer.Option(help="Another checkout with its bundle, such as a worktree of an older commit."),
    ] = None,
    connections: int = 64,
    seconds: Annotated[int, typer.Option(help="Length of the sampling of each process.")] = 20,
) -> None:
    """Sample, draw, and say where the pictures are."""
    import matplotlib.pyplot as plt

    console = Console()
    checkouts = {"now": ROOT} | ({"before": other.resolve()} if other else {})
    with Steps(console) as steps:
        for when, folder in checkouts.items():
            with steps.wait(f"sampling {folder}"):
                found = profiles(folder, seconds, connections)
            for title, whole in found.items():
                depth = max(d for frame, _, d in whole.boxes() if frame.samples >= LEAST * whole.samples)
                figure, axes = plt.subplots(figsize=(14, 0.14 * (depth + 3)))
                draw(whole, axes)
                axes.set_title(f"{title}, {when}: {whole.samples:,} samples of the main thread", fontsize=7)
                file = IMAGES / f"flames-{title.replace(' ', '-')}-{when}.png"
                figure.savefig(file, dpi=130, bbox_inches="tight")
                plt.close(figure)
                console.print(f"written: {file}")


if __name__ == "__main__":
    main()
