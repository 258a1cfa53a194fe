"""Promote a version on this machine: roll it out and make it champion.

Run it with `python -m training.promote [VERSION]`. Without a version, it resumes an unfinished promotion if
there is one, else it promotes the challenger if that passed the gate.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from chatbot.loop import desired_model
from chatbot.loop.desired_model import short
from chatbot.loop.retrain_result import RetrainResult
from chatbot.model.ref import ModelRef
from chatbot.settings import ServiceSettings, StorageSettings, TrackingSettings
from chatbot.store import open_store
from data.commands import command
from training.rollout.single_machine import Promotion, RolloutResult
from training.tracking.registry import Registry

Wait = Annotated[float, typer.Option(help="Seconds until the version must answer.")]


@command(ValidationError)
def main(
    version: Annotated[str, typer.Argument(help="The registry's number; default: the challenger.")] = "",
    force: Annotated[bool, typer.Option(help="Even if the gate did not accept it.")] = False,
    result: Annotated[
        Path | None, typer.Option(help="A retrain.json: promote the accepted version, if any.")
    ] = None,
    wait: Wait = 120.0,
) -> None:
    """Run the preflight check, roll the version out, and make it champion. Idempotent."""

    def move(promotion: Promotion) -> RolloutResult:
        number, first = version, False
        if result is not None:
            found = RetrainResult.load(result)
            if found.outcome != "accepted":
                sentence = f"nothing to promote: the outcome in {result} is {found.outcome}"
                return RolloutResult("", False, sentence)
            if not found.challenger:
                return RolloutResult("", False, f"nothing to promote: {found.why}")
            serving = desired_model.read(open_store(StorageSettings())).model
            if found.only_unset and serving:
                return RolloutResult(serving, False, f"nothing to promote: {short(serving)} serves already")
            number, first = ModelRef.parse(found.challenger).version, found.only_unset
        return promotion.promote(number, force=force, by_itself=result is not None, first=first)

    carry_out(move, wait)


def carry_out(move: Callable[[Promotion], RolloutResult], wait: float) -> None:
    """Run a promotion or a rollback as a command: print the progress and a final sentence."""
    console = Console(stderr=True)
    promotion = Promotion(
        open_store(StorageSettings()),
        Registry(TrackingSettings()),
        ServiceSettings().bundle_cache,
        wait_seconds=wait,
        say=lambda line: console.print(Text(line, style="dim")),
    )
    console.print(Text(move(promotion).sentence))


if __name__ == "__main__":
    main()
