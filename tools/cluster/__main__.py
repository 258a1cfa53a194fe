"""Run the stack on a cluster for evaluation.

    python -m tools.cluster up [--registry REGISTRY] [--corpus PATH [--replies PATH] [--train COLUMNS]] [-- HELM ...]
                                          install or upgrade               (make cluster)
    python -m tools.cluster down                                              (make cluster-down)

--context selects the cluster; default: the testbed next to this checkout, else kubectl's current context.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from data.columns import Columns
from data.errors import CorpusError, problems_table
from tools.cluster import stack
from tools.cluster.corpus import pack
from tools.cluster.target import StackError, find
from tools.generate.chart import ChartError
from tools.images import ImagesError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns: 1 on failure, with the reason in one line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.cluster",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=("up", "down"))
    parser.add_argument("--context", default="", help="of your kubeconfig")
    parser.add_argument("--namespace", default=stack.RELEASE, help="of the release support-bot")
    parser.add_argument("--registry", default="", help="images are pushed there, and pulled from there")
    parser.add_argument(
        "--corpus", type=Path, help="what the cluster trains and serves, in place of the shipped corpus"
    )
    parser.add_argument("--replies", type=Path, help="the replies of --corpus")
    parser.add_argument(
        "--train", default="", help="columns of --corpus: '--message-column NAME --intent-column NAME'"
    )
    told = list(sys.argv[1:] if arguments is None else arguments)
    # Split by hand: argparse assigns arguments after options and `--` to nothing.
    place = told.index("--") if "--" in told else len(told)
    chosen, for_helm = parser.parse_args(told[:place]), told[place + 1 :]
    console = Console()
    try:
        if chosen.replies and not chosen.corpus:
            raise StackError(f"REPLIES={chosen.replies} belongs to a corpus: add CORPUS=...")
        if chosen.train and not chosen.corpus:
            raise StackError(f"TRAIN={chosen.train} belongs to a corpus: add CORPUS=...")
        # Before anything is done to a cluster.
        corpus = pack(chosen.corpus, chosen.replies, _columns(chosen.train)) if chosen.corpus else None
        target = find(chosen.context, is_started=chosen.verb == "up")
        if chosen.verb == "up":
            stack.up(target, chosen.namespace, chosen.registry, for_helm, corpus)
        else:
            stack.down(target, chosen.namespace)
    except CorpusError as error:
        console.print(*problems_table(list(error.problems), []))
        return 1
    except (StackError, ImagesError, ChartError) as error:
        console.print(f"[red]{str(error).splitlines()[0]}[/red]", soft_wrap=True)
        console.print("\n".join(str(error).splitlines()[1:]), highlight=False, markup=False, soft_wrap=True)
        return 1
    return 0


def _columns(options: str) -> Columns:
    """Return the columns that TRAIN names, as `make run` takes them.

    Raises:
        ClusterError: there are other options; in a cluster they are values of the chart.
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
    sys.exit(main())
