"""Show and download corpus versions (`training.corpus.versions`).

python -m training.corpus_versions show POINTER.json          print what the pointer names
python -m training.corpus_versions pull POINTER.json FOLDER   download the same bytes, each file verified
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if __name__ == "__main__":
    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

from chatbot.errors import ChatbotError
from chatbot.settings import StorageSettings
from training.corpus.versions import Pointer, pull


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.corpus_versions", description="corpus versions")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("show").add_argument("pointer", type=Path)
    pulling = commands.add_parser("pull")
    pulling.add_argument("pointer", type=Path)
    pulling.add_argument("folder", type=Path)
    args = parser.parse_args(arguments)
    try:
        pointer = Pointer.parse(args.pointer.read_text(encoding="utf-8"))
        if args.command == "pull":
            sys.stdout.write(f"{pull(StorageSettings(), pointer, args.folder)}\n")
        else:
            sys.stdout.write(f"corpus {pointer.corpus_digest}, version {pointer.md5}\n")
            sys.stdout.writelines(f"  {file.size:>10}  {file.md5}  {file.path}\n" for file in pointer.files)
    except (ChatbotError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
