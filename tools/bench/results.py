"""Generate docs/results.md from the measurements' JSON: no number is typed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tools.bench import figures as results
from tools.bench.figures import Figure
from tools.bench.rows import HEADINGS, MEMORY_HEADINGS, cells
from tools.processes import ROOT

PAGE = ROOT / "docs" / "results.md"
MORE = ROOT / "docs" / "results.d"
"""Pages of measurements that take too long for `make bench`; each names the command that produced it."""

_HEAD = """# Results

Made by `make bench` (`python -m tools.bench`); every figure stands with its target, by how much it was met or
missed, and the command that prints it again.
"""
_METHOD = Path(__file__).parent / "speed" / "method.md.j2"


def page(quality: Path, speed: Path, more: Path = MORE, earlier: str = "") -> str:
    """Return the page as Markdown; a part without JSON is taken from an earlier page, or reported as missing.

    Raises:
        BenchError: a figure has no command.
    """
    parts = [_HEAD]
    for file, title, rest in ((quality, "Quality", None), (speed, "Speed", speed_tables)):
        heading = f"\n## {title}\n\n"
        parts.append(heading)
        if file.is_file():
            figures, content = results.read(file)
            parts += [_machine(content), _missed(figures), results.table(figures)]
            parts += rest(content) if rest else ()
        elif heading in earlier:
            parts.append(earlier.partition(heading)[2].partition("\n## ")[0])
        else:
            parts.append(f"Not measured yet: `python -m tools.bench.{title.lower()}`.\n")
    return "".join([*parts, *_more(more)])


def write(quality: Path, speed: Path, file: Path = PAGE) -> None:
    """Write the page."""
    file.parent.mkdir(parents=True, exist_ok=True)
    earlier = file.read_text(encoding="utf-8") if file.is_file() else ""
    file.write_text(page(quality, speed, earlier=earlier), encoding="utf-8")


def _more(folder: Path) -> Iterable[str]:
    """Yield a list of links to the other measurements' pages."""
    yield "\n## More measurements\n\nEach page names the command that produced it.\n\n"
    for file in sorted(folder.glob("*.md")):
        title = file.read_text(encoding="utf-8").lstrip("# ").partition("\n")[0]
        yield f"- [{title}]({folder.name}/{file.name})\n"


def _machine(content: Mapping[str, Any]) -> str:
    busy = content.get("others_busy_cores", 0.0)
    others = f" Other work kept {busy:.1f} cores busy." if busy > 0.2 else ""
    return f"{content['machine']['description']}. {results.measured(content).capitalize()}.{others}\n\n"


def _missed(figures: Sequence[Figure]) -> str:
    judged = [figure for figure in figures if figure.target is not None]
    missed = [figure.name for figure in judged if not figure.met]
    said = f"{len(judged) - len(missed)} of {len(judged)} targets met"
    return f"{said}{'; not: ' + '; '.join(missed) if missed else ''}.\n\n"


def speed_tables(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was measured of speed and memory, as Markdown."""
    microseconds = max(row["generator_us"] for row in content["table"] if row["connections"] == 64)
    source = content["messages"]["source"]
    yield results.render(_METHOD, source=source, microseconds=microseconds, **content["plan"])
    yield "\n"
    yield results.markdown(HEADINGS, [cells(row) for row in content["table"]])
    yield "\n"
    starts = [(side, f"{median(seconds):.1f} s") for side, seconds in content["start_seconds"].items()]
    yield results.markdown(("", "from process start to the first real answer"), starts)
    yield "\n"
    rows = []
    for side, processes in content["memory"].items():
        rows += [(side, p["role"], f"{p['rss_mb']:.0f}", f"{p['pss_mb']:.0f}") for p in processes]
        rows.append((side, "**all**", "", f"**{sum(p['pss_mb'] for p in processes):.0f}**"))
    yield results.markdown(MEMORY_HEADINGS, rows)
