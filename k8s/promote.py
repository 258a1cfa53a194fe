"""`python -m k8s.promote`: rolls out a challenger that passed the gate, with canary analysis and automatic rollback.

First it resumes an interrupted rollout and reconciles alias and metric with the annotation; then it reads the result of
the retraining. docs/operations/kubernetes.md lists the required permissions.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from chatbot.errors import ChatbotError
from chatbot.model.ref import ModelRef
from chatbot.runtime import REAL, Runtime
from chatbot.settings import KubernetesSettings
from k8s import cli
from k8s.api.client import Cluster
from k8s.api.lease import KubernetesLease
from k8s.log import log
from k8s.pushgateway import PushgatewayClient
from k8s.rollout import metrics, state
from k8s.rollout.promoter import Promoter, Superseded
from k8s.rollout.state import RolloutOutcome, describe

RETRAIN_OUTCOMES = ("accepted", "refused", "needs_review", "busy")


class RetrainResult(BaseModel):
    """The fields of retrain.json that a rollout needs."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    outcome: Literal["accepted", "refused", "needs_review", "busy"]
    champion: str | None = None
    """`<version>@<bundle digest>` that the gate compared the challenger with."""
    challenger: str | None = None
    only_unset: bool = False
    """Whether to roll out the challenger only where no model has been set yet: the first version of a corpus."""

    @classmethod
    def load(cls, path: Path) -> RetrainResult:
        """Raises: ChatbotError: the file is missing or malformed."""
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ChatbotError(
                f"there is no retraining result at {path}: {error}. `python -m training.retrain` writes it; "
                "CHATBOT_K8S_RETRAIN_RESULT says where it lies"
            ) from error
        except ValidationError as error:
            raise ChatbotError(f"{path} is not a retraining result: {error.errors()[0]}") from error


def promote(promoter: Promoter, result: RetrainResult) -> RolloutOutcome | None:
    """Roll out the challenger, if there is one that may be promoted.

    Returns:
        The outcome; None: there was nothing to promote.

    Raises:
        ChatbotError: as for `Promoter.resume`.
    """
    if result.outcome != "accepted" or not result.challenger:
        log(f"retraining ended as {result.outcome}: nothing to promote")
        return None
    challenger = ModelRef.parse(result.challenger)
    deployment = promoter.read()
    if deployment.desired_model == str(challenger):
        log(f"{describe(str(challenger))} serves already")
        return None
    if result.only_unset and deployment.desired_model:
        log(f"{describe(deployment.desired_model)} serves already, and the corpus has not changed")
        return None
    if challenger.digest in state.blocked_digests(deployment.annotations):
        log(
            f"{describe(str(challenger))} was taken back before: no run promotes it again by itself; "
            f"`python -m k8s.rollback {challenger.version}` does"
        )
        return None
    if result.champion:
        compared, serving = ModelRef.parse(result.champion), promoter.serving_digest(deployment)
        if serving and compared.digest != serving:
            log(
                f"{describe(str(challenger))} was judged against {describe(str(compared))}, and "
                f"{describe(deployment.desired_model)} serves ({serving[:12]}): the next run judges anew"
            )
            return None
    finished = promoter.resume(promoter.start(str(challenger), "the gate accepted it"))
    return finished.outcome if finished else None


def main(arguments: list[str] | None = None, runtime: Runtime = REAL) -> int:
    """Resume an interrupted rollout, then promote; 0 as soon as the challenger's outcome is known."""
    parser = argparse.ArgumentParser(prog="python -m k8s.promote", description=__doc__)
    parser.add_argument("--result", type=Path, help="retrain.json (CHATBOT_K8S_RETRAIN_RESULT)")
    options = parser.parse_args(arguments)

    def command() -> int:
        settings = cli.read_settings(KubernetesSettings)
        cluster = Cluster(settings, runtime)
        registry = cli.registry(settings, runtime)
        gateway = metrics.client(settings, runtime)
        wait = settings.rollout_seconds + settings.watch_max_seconds
        with KubernetesLease(cluster, settings.promotion_lock, settings.lease_seconds, wait) as lease:
            promoter = Promoter(cluster, registry, settings, lease)
            try:
                promoter.resume()
                promoter.reconcile()
                result = RetrainResult.load(options.result or settings.retrain_result)
                push_metrics(gateway, result)
                promote(promoter, result)
            except Superseded as error:
                log(str(error))
        gateway.push_timestamp(
            "chatbot_promote_last_run_timestamp_seconds", "When k8s.promote last ended well."
        )
        return 0

    return cli.run(command)


def push_metrics(gateway: PushgatewayClient, result: RetrainResult) -> None:
    """Push the outcome of the retraining."""
    gateway.push_samples(
        "chatbot_retrain_outcome",
        "What the last retraining ended as: 1 for that outcome, 0 for the others.",
        [({"outcome": name}, float(name == result.outcome)) for name in RETRAIN_OUTCOMES],
    )
    gateway.push_timestamp(
        "chatbot_retrain_timestamp_seconds",
        "When a retraining last ended so, in seconds since 1970.",
        {"outcome": result.outcome},
    )


if __name__ == "__main__":
    sys.exit(main())
