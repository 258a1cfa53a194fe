"""Move the pipeline's corpus between DVC and its remote, the store (`training.corpus.dvc`).

python -m training.dvc_remote push     upload the pipeline's corpus to the store (`make data-push`)
python -m training.dvc_remote pull     download the corpus named by dvc.lock (`make data-pull`)
python -m training.dvc_remote status   list what the store lacks
"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from chatbot.settings import StorageSettings
from data.commands import command
from training.corpus.dvc import ROOT, check_store, run, write_config

_STAGE = "process"


@command(ValueError)
def main(action: Annotated[Literal["push", "pull", "status"], typer.Argument()]) -> None:
    """Upload the pipeline's corpus to the store, download the one named by dvc.lock, or list what the store lacks."""
    settings = StorageSettings()
    check_store(settings)
    write_config(ROOT, settings, local=True)
    options = ("--cloud", "--no-updates") if action == "status" else ()
    said = run(ROOT, action, *options, _STAGE)
    typer.echo(said or ("the store has all of it\n" if action == "status" else ""), nl=False)


if __name__ == "__main__":
    main()
