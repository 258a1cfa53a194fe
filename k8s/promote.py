"""`python -m k8s.promote`: a challenger that the gate accepted takes over, if its pods and its metrics deserve it.

First it goes on with what an earlier run left half-done and lets alias and metric follow the annotation; then it
reads what the retraining said. docs/operations/kubernetes.md has the rights it needs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from chatbot.errors import ChatbotError
from chatbot.model_ref import ModelRef
from chatbot.settings import KubernetesSettings
from k8s import cli
from k8s.api.client import Cluster
from k8s.api.lease import Lease
from k8s.api.outside import REAL, Outside
from k8s.log import log
from k8s.pushgateway import PushgatewayClient
from k8s.rollout import metrics, state
from k8s.rollout.promoter import Promoter, Superseded
from k8s.rollout.state import Outcome, words

RESULTS = ("accepted", "refused", "needs_review", "busy")


class RetrainResult(BaseModel):
    """retrain.json, as much of it as matters here."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    outcome: Literal["accepted", "refused", "needs_review", "busy"]
    champion: str | None = None
    """`<version>@<bundle digest>` that the challenger was compared with."""
    challenger: str | None = None

    @classmethod
    def load(cls, path: Path) -> RetrainResult:
        """Raises: ChatbotError: the file is missing, or says something else."""
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ChatbotError(
                f"there is no retraining result at {path}: {error}. `python -m training.retrain` writes it; "
                "CHATBOT_K8S_RETRAIN_RESULT says where it lies"
            ) from error
        except ValidationError as error:
            raise ChatbotError(f"{path} is no retraining result: {error.errors()[0]}") from error


def promote(promoter: Promoter, result: RetrainResult) -> Outcome | None:
    """Let the challenger take over.

    Returns:
        What became of it; None: there is nothing to promote.

    Raises:
        ChatbotError: as `Promoter.go_on`.
    """
    if result.outcome != "accepted" or not result.challenger:
        log(f"retraining ended as {result.outcome}: nothing to promote")
        return None
    challenger = ModelRef.parse(result.challenger)
    deployment = promoter.read()
    if deployment.model == str(challenger):
        log(f"{words(str(challenger))} serves already")
        return None
    if challenger.digest in state.taken_back(deployment.annotations):
        log(
            f"{words(str(challenger))} was taken back before: no run promotes it again by itself; "
            f"`python -m k8s.rollback {challenger.version}` does"
        )
        return None
    if result.champion:
        judged, serves = ModelRef.parse(result.champion), promoter.serving_digest(deployment)
        if serves and judged.digest != serves:
            log(
                f"{words(str(challenger))} was judged against {words(str(judged))}, and {words(deployment.model)} "
                f"serves ({serves[:12]}): the next run judges anew"
            )
            return None
    ended = promoter.go_on(promoter.begin(str(challenger), "the gate accepted it"))
    return ended.outcome if ended else None


def main(arguments: list[str] | None = None, outside: Outside = REAL) -> int:
    """Go on with what was begun, then promote; 0 as soon as it is known what became of the challenger."""
    parser = argparse.ArgumentParser(prog="python -m k8s.promote", description=__doc__)
    parser.add_argument("--result", type=Path, help="retrain.json (CHATBOT_K8S_RETRAIN_RESULT)")
    told = parser.parse_args(arguments)

    def act() -> int:
        settings = cli.read(KubernetesSettings)
        cluster = Cluster(settings, outside)
        registry = cli.registry(settings, outside)
        pushed = metrics.client(settings, outside)
        wait = settings.rollout_seconds + settings.watch_most_seconds
        with Lease(cluster, settings.promotion_lock, settings.lease_seconds, wait) as lease:
            promoter = Promoter(cluster, registry, settings, lease)
            try:
                promoter.go_on()
                promoter.agree()
                result = RetrainResult.load(told.result or settings.retrain_result)
                push(pushed, result)
                promote(promoter, result)
            except Superseded as error:
                log(str(error))
        pushed.push_time("chatbot_promote_last_run_timestamp_seconds", "When k8s.promote last ended well.")
        return 0

    return cli.run(act)


def push(pushed: PushgatewayClient, result: RetrainResult) -> None:
    """What Prometheus is told of a retraining."""
    pushed.push_all(
        "chatbot_retrain_outcome",
        "What the last retraining ended as: 1 for that outcome, 0 for the others.",
        [({"outcome": name}, float(name == result.outcome)) for name in RESULTS],
    )
    pushed.push_time(
        "chatbot_retrain_timestamp_seconds",
        "When a retraining last ended so, in seconds since 1970.",
        {"outcome": result.outcome},
    )


if __name__ == "__main__":
    sys.exit(main())
