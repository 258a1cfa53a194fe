"""Attack a service of this machine: `make attack`. Starts it on loopback, prints what each attack proved, and a table.

Exits with 1 if an attack found something. `--short` attacks a tenth as hard, as `make test` does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.attack import bundles, crowd, floods, kills, limits, openapi, slow, smuggling
from tests.attack.report import Check, Result, run, table
from tests.attack.target import FULL, SETTINGS, SHORT, Scale, Target
from tests.bento.server import ROOT, Server

CHECKS: tuple[tuple[str, Check], ...] = (
    ("fuzzed bundles", bundles.check),
    ("OpenAPI cases", openapi.check),
    ("request smuggling", smuggling.check),
    ("limits", limits.check),
    ("slow clients", slow.check),
    ("crowd", crowd.check),
    ("hostile messages", floods.messages),
    ("feedback flood", floods.feedback),
    ("kills", kills.check),
)


def attack(bundle: Path, folder: Path, scale: Scale) -> list[Result]:
    """Start the service in a folder, run all checks, and stop it."""
    server = Server(folder / "server", {"CHATBOT_BUNDLE": str(bundle)} | SETTINGS)
    try:
        return run(CHECKS, Target(server.start(), bundle, folder, scale))
    finally:
        if server.process is not None:
            server.stop()


def main() -> int:
    """Attack, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a tenth of the cases, in about a minute")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="attack-") as folder:
        results = attack(ROOT / "models" / "current", Path(folder), SHORT if options.short else FULL)
    sys.stdout.write("\n" + table(results))
    return 0 if all(result.held for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
