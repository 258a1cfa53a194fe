"""Run the stack on a cluster for evaluation.

    python -m tools.cluster up [--registry REGISTRY] [--corpus PATH [--replies PATH] [--train COLUMNS]] [-- HELM ...]
                                          install or upgrade               (make cluster)
    python -m tools.cluster down                                              (make cluster-down)

--context selects the cluster; default: the testbed next to this checkout, else kubectl's current context.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from data.columns import Columns
from data.commands import command
from tools.cluster import stack
from tools.cluster.corpus import pack
from tools.cluster.target import StackError, find


@command()
def main(
    verb: Annotated[Literal["up", "down"], typer.Argument()],
    for_helm: Annotated[list[str] | None, typer.Argument(metavar="[-- HELM ...]")] = None,
    context: Annotated[str, typer.Option(help="Of your kubeconfig.")] = "",
    namespace: Annotated[str, typer.Option(help="Of the release support-bot.")] = stack.RELEASE,
    registry: Annotated[str, typer.Option(help="Images are pushed there, and pulled from there.")] = "",
    corpus: Annotated[
        Path | None, typer.Option(help="What the cluster trains and serves, in place of the shipped corpus.")
    ] = None,
    replies: Annotated[Path | None, typer.Option(help="The replies of --corpus.")] = None,
    train: Annotated[
        str, typer.Option(help="Columns of --corpus: '--message-column NAME --intent-column NAME'.")
    ] = "",
) -> None:
    """Install or upgrade the stack, or remove it."""
    if given := "" if corpus else f"REPLIES={replies}" if replies else f"TRAIN={train}" if train else "":
        raise StackError(f"{given} belongs to a corpus: add CORPUS=...")
    # Before anything is done to a cluster.
    packed = pack(corpus, replies, _columns(train)) if corpus else None
    target = find(context, is_started=verb == "up")
    if verb == "up":
        stack.up(target, namespace, registry, for_helm or (), packed)
    else:
        stack.down(target, namespace)


def _columns(options: str) -> Columns:
    """Return the columns that TRAIN names, as `make run` takes them.

    Raises:
        StackError: there are other options; in a cluster they are values of the chart.
    """
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--message-column")
    parser.add_argument("--intent-column")
    try:
        chosen, others = parser.parse_known_args(shlex.split(options))
    except (argparse.ArgumentError, ValueError) as error:
        raise StackError(f"TRAIN={options}: {error}") from None
    if others:
        raise StackError(
            f"TRAIN has {' '.join(others)}: in a cluster it names columns only (--message-column, --intent-column); "
            "other settings are values of the chart, HELM='--set ...' (helm/support-chatbot/README.md)"
        )
    return Columns(chosen.message_column, chosen.intent_column)


if __name__ == "__main__":
    main()
