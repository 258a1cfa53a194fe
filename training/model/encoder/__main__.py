"""Export the default encoder ahead of trainings, into an image: `python -m training.model.encoder FOLDER`.

It imports little, so that an image's layer with the export is made again only when the export changes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from training.model.encoder.export import DEFAULT_ENCODER, export

ROOT = Path(__file__).resolve().parents[3]


def main() -> None:
    """Export the encoder and verify it on the messages of the shipped corpus."""
    parser = argparse.ArgumentParser(prog="python -m training.model.encoder", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of exports")
    messages, labels = shipped_messages(ROOT / "data" / "corpus" / "intents")
    exported = export(DEFAULT_ENCODER, parser.parse_args().out, messages, labels)
    print(
        f"{exported.folder}: verified on {exported.proof.messages} messages, cosine {exported.proof.cosine_mean}"
    )


def shipped_messages(folder: Path) -> tuple[list[str], list[str]]:
    """Return the messages and intents in a folder of intents as YAML."""
    intents = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.yaml"))]
    rows = [(line, content["intent"]) for content in intents for line in content["messages"].splitlines()]
    return [message for message, _ in rows], [intent for _, intent in rows]


if __name__ == "__main__":
    main()
