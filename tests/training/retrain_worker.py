"""`python -m tests.training.retrain_worker TRAININGS POINT ARGUMENTS...`: the retraining, killed when it is at a point.

The point `wait:FILE` is before the training: it goes on when there is such a file. With the point `none`, it is a new
process from start to end; with any other, it is forked from the warm one.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlflow.tracking import MlflowClient

from chatbot.dialog.rules import Rules
from chatbot.store.s3 import S3Store
from tests.training import warm
from tests.training.remembered import Trainings, load_rules
from training.corpus import dvc, versions
from training.retrain import main as app
from training.retraining import run

POINTS = (
    "corpus pulled",
    "trained",
    "corpus half pushed",
    "corpus pushed",
    "bundle half pushed",
    "run half recorded",
    "run recorded",
    "artifact sent",
    "registered",
)
NONE = "none"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(owner: Any, name: str, when: Callable[..., bool] = lambda *_: True) -> None:
    """Die when a function has done its work."""
    original = getattr(owner, name)

    def does(*arguments: Any, **named: Any) -> Any:
        result = original(*arguments, **named)
        if when(*arguments):
            die()
        return result

    setattr(owner, name, does)


def arm(point: str) -> None:
    if point == "corpus pulled":
        after(versions, "pull")
    elif point == "trained":
        after(run, "train")
    elif point == "corpus half pushed":
        after(dvc, "run", lambda _root, command, *_: command == "add")
    elif point == "corpus pushed":
        after(versions, "push")
    elif point == "bundle half pushed":
        after(S3Store, "put_file", lambda _store, key, _path: key.endswith("head.safetensors"))
    elif point == "run half recorded":
        after(MlflowClient, "create_run")
    elif point == "run recorded":
        after(MlflowClient, "set_terminated")
    elif point == "artifact sent":
        after(MlflowClient, "log_artifacts", lambda _client, _run, _folder, path=None: path == "bundle")
    elif point == "registered":
        after(MlflowClient, "create_model_version")
    elif point.startswith("wait:"):
        original = run.train

        def when_told(*arguments: Any, **named: Any) -> Any:
            while not Path(point.removeprefix("wait:")).exists():
                time.sleep(0.05)
            return original(*arguments, **named)

        run.train = when_told
    elif point != NONE:
        raise SystemExit(f"no point {point!r}")


if __name__ == "__main__":
    folder, point, *arguments = sys.argv[1:]
    trainings = Trainings(Path(folder))
    Rules.load = load_rules  # type: ignore[method-assign, assignment]
    run.judge_corpora = trainings.judge
    if point != "trained":  # which is then trained for real, and to its end
        run.train = trainings.train
    if point != NONE:
        dvc.call = warm.dvc_from_here
    arm(point)
    app(arguments)
