"""Generate helm/support-chatbot/files/dashboards/*.json: `python -m tools.dashboards [--check]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from tools.dashboards.panels import build, read

FOLDER = Path(__file__).resolve().parents[2] / "helm" / "support-chatbot" / "files" / "dashboards"
SOURCES = Path(__file__).parent


def files() -> dict[str, str]:
    """Return the generated content by file name."""
    return {
        f"{file.stem}.json": JSONEncoder(sort_keys=True, indent=1).encode(build(read(file)).build()) + "\n"
        for file in sorted(SOURCES.glob("*.yaml"))
    }


def stale() -> list[str]:
    """Return the files that differ from the generated content, and those that are no longer generated."""
    made = files()
    there = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.json")}
    return sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))


def main(check: bool) -> int:
    """Write the files; with `check`, only report the stale ones. Returns: the exit code."""
    if check:
        for name in (names := stale()):
            sys.stdout.write(f"helm/support-chatbot/files/dashboards/{name} is stale: run `make docs`\n")
        return 1 if names else 0
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        panels = sum(panel["type"] != "row" for panel in json.loads(text)["panels"])
        sys.stdout.write(f"helm/support-chatbot/files/dashboards/{name}: {panels} panels\n")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
