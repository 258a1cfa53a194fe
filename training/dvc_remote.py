"""Move the pipeline's corpus between DVC and its remote, the store (`training.corpus.dvc`).

python -m training.dvc_remote push     upload the pipeline's corpus to the store (`make data-push`)
python -m training.dvc_remote pull     download the corpus named by dvc.lock (`make data-pull`)
python -m training.dvc_remote status   list what the store lacks
"""

from __future__ import annotations

import argparse
import sys

from chatbot.errors import ChatbotError
from chatbot.settings import StorageSettings
from training.corpus.dvc import ROOT, check_store, run, write_config

_STAGE = "process"


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training.dvc_remote", description="the corpus and its store"
    )
    parser.add_argument("command", choices=("push", "pull", "status"))
    args = parser.parse_args(arguments)
    try:
        settings = StorageSettings()
        check_store(settings)
        write_config(ROOT, settings, local=True)
        if args.command == "status":
            sys.stdout.write(
                run(ROOT, "status", "--cloud", "--no-updates", _STAGE) or "the store has all of it\n"
            )
        else:
            sys.stdout.write(run(ROOT, args.command, _STAGE))
    except (ChatbotError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
