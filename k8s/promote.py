"""`python -m k8s.promote`: rolls out a challenger that passed the gate, with canary analysis and automatic rollback.

First it resumes an interrupted rollout and reconciles alias and metric with the annotation; then it reads the result of
the retraining. docs/operations/kubernetes.md lists the required permissions.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from chatbot.loop.pushgateway import PushgatewayClient
from chatbot.loop.retrain_result import RETRAIN_OUTCOMES, RetrainResult
from chatbot.loop.rollout.machine import Superseded
from chatbot.loop.rollout.state import RolloutOutcome
from chatbot.model.ref import ModelRef
from chatbot.runtime import REAL, Runtime
from chatbot.settings import KubernetesSettings
from k8s import cli
from k8s.api.client import Cluster
from k8s.api.lease import KubernetesLease
from k8s.log import log
from k8s.rollout import metrics
from k8s.rollout.platform import KubernetesPlatform, PreviousNotReady
from k8s.rollout.record import describe, describe_unset


def promote(platform: KubernetesPlatform, result: RetrainResult) -> RolloutOutcome | None:
    """Roll out the challenger, if there is one that may be promoted.

    Returns: the outcome; None: there was nothing to promote.
    """
    if result.outcome != "accepted":
        log(f"nothing to promote: {result.outcome}: {result.why}")
        return None
    if not result.challenger:
        log(f"nothing to promote: {result.why}")
        return None
    challenger = ModelRef.parse(result.challenger)
    snapshot = platform.read()
    if snapshot.desired_model == str(challenger):
        log(f"{describe(str(challenger))} serves already")
        return None
    if result.only_unset and not platform.is_new(snapshot):
        log(f"{describe(snapshot.desired_model)} serves already: nothing to promote")
        return None
    if challenger.digest in snapshot.blocked:
        log(
            f"{describe(str(challenger))} was rolled back before: no run promotes it again by itself; "
            f"`python -m k8s.rollback {challenger.version}` does"
        )
        return None
    if result.champion:
        compared = ModelRef.parse(result.champion)
        serving = platform.reconciler.serving_digest(snapshot.version)
        if serving and compared.digest != serving:
            log(
                f"{describe(str(challenger))} was judged against {describe(str(compared))}, and "
                f"{describe(snapshot.desired_model)} serves ({serving[:12]}): the next run compares them again"
            )
            return None
    machine = platform.machine()
    # Where nothing served before, the canary analysis has nothing to compare with.
    baseline = None if result.only_unset else platform.baseline()
    started = machine.start(str(challenger), "the gate accepted it", baseline=baseline)
    finished = machine.resume(started)
    return finished.outcome if finished else None


@cli.reports_errors
def main(arguments: list[str] | None = None, runtime: Runtime = REAL) -> int:
    """Resume an interrupted rollout, then promote; 0 as soon as the challenger's outcome is known."""
    parser = argparse.ArgumentParser(prog="python -m k8s.promote", description=__doc__)
    parser.add_argument("--result", type=Path, help="retrain.json (CHATBOT_K8S_RETRAIN_RESULT)")
    options = parser.parse_args(arguments)
    settings = KubernetesSettings()
    cluster = Cluster(settings, runtime)
    registry = cli.registry(settings, runtime)
    gateway = cli.pushgateway(metrics.JOB, settings, runtime)
    file = options.result or settings.retrain_result
    wait = settings.rollout_seconds + settings.longest_watch_seconds
    with KubernetesLease(cluster, settings.promotion_lease, settings.lease_seconds, wait) as lease:
        platform = KubernetesPlatform(cluster, registry, settings, lease, gateway)
        try:
            resume(platform, file)
            unset = platform.reconcile()
            result = RetrainResult.load(file)
            # Not a retraining: every upgrade of a release with a corpus repeats this result.
            if not result.only_unset:
                push_metrics(gateway, result)
            if promote(platform, result) is None and unset:
                log(describe_unset(unset))
        except Superseded as error:
            log(str(error))
    gateway.push_timestamp(
        "chatbot_promote_last_run_timestamp_seconds", "Time at which k8s.promote last succeeded."
    )
    return 0


def resume(platform: KubernetesPlatform, file: Path) -> None:
    """Resume an interrupted rollout.

    The bootstrap Job of an upgrade only warns of another version's rollback that does not become ready: what it has to
    do is done, and as its error the upgrade of the release would fail.

    Raises: PreviousNotReady: the pods of the model that a rollback returns to do not become ready.
    """
    try:
        platform.machine().resume()
    except PreviousNotReady as error:
        result, rollout = RetrainResult.load(file), platform.read().rollout
        if not result.only_unset or (rollout and rollout.target == result.challenger):
            raise
        log(f"warning: {error}")


def push_metrics(gateway: PushgatewayClient, result: RetrainResult) -> None:
    """Push the outcome of the retraining."""
    gateway.push_samples(
        "chatbot_retrain_outcome",
        "Outcome of the last retraining: 1 for that outcome, 0 for the others.",
        [({"outcome": name}, float(name == result.outcome)) for name in RETRAIN_OUTCOMES],
    )
    gateway.push_timestamp(
        "chatbot_retrain_timestamp_seconds",
        "Time at which a retraining last ended with this outcome, in seconds since 1970.",
        {"outcome": result.outcome},
    )


if __name__ == "__main__":
    sys.exit(main())
