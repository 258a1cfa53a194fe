"""`python -m k8s.rollback VERSION`: a person sets what serves; without a version, the rest follows the annotation.

A version is a number of the registry (`python -m training.versions`), `<version>@<bundle digest>` where MLflow is
away, or `image` for the bundle inside the image. A promotion that is on its way is ended by it. After `kubectl
rollout undo`, run it without a version: alias and metric then agree with what serves.
"""

from __future__ import annotations

import argparse
import getpass
import socket
import sys

from chatbot.model_ref import ModelRef
from chatbot.settings import KubernetesSettings
from k8s import cli
from k8s.api.client import Cluster
from k8s.api.lease import Lease
from k8s.api.runtime import REAL, Runtime
from k8s.log import log
from k8s.mlflow_api import MlflowApi
from k8s.rollout.promoter import Promoter
from k8s.rollout.state import RolloutOutcome, describe

IMAGE = "image"
_WAIT_SECONDS = 120.0
"""A promotion that was ended by this lets go of the Lease within one look at the metrics."""


def resolve(version: str, registry: MlflowApi) -> str:
    """What the annotation says for what a person typed.

    Raises:
        UnknownVersion: the registry has no such version.
        RegistryError: MLflow does not answer.
        SettingError: it names no model.
    """
    if version == IMAGE:
        return ""
    if "@" in version:
        return str(ModelRef.parse(version))
    return str(registry.ref(version))


def main(arguments: list[str] | None = None, runtime: Runtime = REAL) -> int:
    """Set it, wait for the rollout, let alias and metric follow; 1 where it was taken back."""
    parser = argparse.ArgumentParser(prog="python -m k8s.rollback", description=__doc__)
    parser.add_argument("version", nargs="?", help="a version's number, VERSION@DIGEST, or `image`")
    parser.add_argument("--why", default="", help="for the Event")
    options = parser.parse_args(arguments)

    def command() -> int:
        settings = cli.read_settings(KubernetesSettings)
        cluster = Cluster(settings, runtime)
        registry = cli.registry(settings, runtime)
        lease = Lease(
            cluster, settings.promotion_lock, settings.lease_seconds, _WAIT_SECONDS + settings.lease_seconds
        )
        promoter = Promoter(cluster, registry, settings, lease)
        if options.version is not None:
            target = resolve(options.version, registry)
            if promoter.read().desired_model == target:
                log(f"{describe(target)} is what should serve already")
            else:
                requester = f"{getpass.getuser()} on {socket.gethostname()}"
                promoter.start(
                    target,
                    f"asked for by {requester}" + (f": {options.why}" if options.why else ""),
                    by_hand=True,
                )
        with lease:
            finished = promoter.resume()
            if finished is not None and finished.outcome is RolloutOutcome.TAKEN_BACK:
                return 1
            promoter.reconcile()
        return 0

    return cli.run(command)


if __name__ == "__main__":
    sys.exit(main())
