"""`python -m k8s.rollback VERSION`: sets the model to serve by hand; without VERSION it only reconciles.

VERSION is a number of the registry (`python -m training.versions`), `<version>@<bundle digest>` if MLflow is
unavailable, or `image` for the bundle inside the image. It supersedes a rollout in progress. After `kubectl rollout
undo`, run it without VERSION, or with `reconcile`: it reconciles alias and metric with the annotation.
"""

from __future__ import annotations

import argparse
import getpass
import socket
import sys

from chatbot.errors import SettingError
from chatbot.loop.registry import RegistryClient
from chatbot.loop.rollout.state import RolloutOutcome
from chatbot.model.ref import ModelRef
from chatbot.runtime import REAL, Runtime
from chatbot.settings import KubernetesSettings
from k8s import cli
from k8s.api.client import Cluster
from k8s.api.lease import KubernetesLease
from k8s.log import log
from k8s.rollout import metrics
from k8s.rollout.platform import KubernetesPlatform
from k8s.rollout.record import describe, describe_unset

IMAGE = "image"
RECONCILE = "reconcile"
_WAIT_SECONDS = 120.0
"""A superseded rollout releases the Lease within one evaluation of the metrics."""


def resolve(version: str, registry: RegistryClient) -> str:
    """Return the annotation's value for the VERSION argument.

    Raises:
        NotRegistered: the registry does not contain this version.
        SettingError: the argument does not name a model.
    """
    if not version:
        raise SettingError(
            "VERSION is empty: name a version's number, VERSION@DIGEST, `image` or `reconcile`"
        )
    if version == IMAGE:
        return ""
    if "@" in version:
        return str(ModelRef.parse(version))
    return str(registry.ref(version))


@cli.reports_errors
def main(arguments: list[str] | None = None, runtime: Runtime = REAL) -> int:
    """Set the model, wait for the rollout, reconcile alias and metric; 1 after an automatic rollback."""
    parser = argparse.ArgumentParser(prog="python -m k8s.rollback", description=__doc__)
    parser.add_argument(
        "version", nargs="?", help="a version's number, VERSION@DIGEST, `image` or `reconcile`"
    )
    parser.add_argument("--why", default="", help="for the Event")
    options = parser.parse_args(arguments)
    settings = KubernetesSettings()
    cluster = Cluster(settings, runtime)
    registry = cli.registry(settings, runtime)
    gateway = cli.pushgateway(metrics.JOB, settings, runtime)
    wait = _WAIT_SECONDS + settings.lease_seconds
    lease = KubernetesLease(cluster, settings.promotion_lease, settings.lease_seconds, wait)
    platform = KubernetesPlatform(cluster, registry, settings, lease, gateway)
    machine = platform.machine()
    if options.version not in (None, RECONCILE):
        target = resolve(options.version, registry)
        if platform.read().desired_model == target:
            log(f"{describe(target)} is already the desired model")
        else:
            why = f"asked for by {getpass.getuser()} on {socket.gethostname()}"
            machine.start(target, f"{why}: {options.why}" if options.why else why, by_hand=True)
    with lease:
        finished = machine.resume()
        if finished is not None and finished.outcome is RolloutOutcome.TAKEN_BACK:
            return 1
        if unset := platform.reconcile():
            log(describe_unset(unset))
    return 0


if __name__ == "__main__":
    sys.exit(main())
