"""Drains the API before an uninstall: `python -m k8s.drain`, which the chart runs as a pre-delete hook.

Scales the API's Deployment to zero and waits until its pods have left, so that they upload their records while the
store still runs. Idempotent. Exit code 1 if pods remain: then the hook fails, and nothing is deleted.
"""

from __future__ import annotations

import argparse
import sys

from chatbot.errors import Missing
from chatbot.runtime import REAL, Runtime
from chatbot.settings import KubernetesSettings
from k8s import cli
from k8s.api.client import Cluster, ClusterError
from k8s.log import log

_POLL_SECONDS = 1.0


class NotDrained(ClusterError):
    """Pods of the API remain after the time limit."""


def drain(cluster: Cluster, name: str, seconds: float) -> None:
    """Scale a Deployment to zero and wait until none of its pods is left.

    Raises: NotDrained: pods remain after `seconds`.
    """
    try:
        deployment = cluster.get("deployments", name)
    except Missing:
        log(f"deployment/{name} does not exist: nothing to drain")
        return
    # An autoscaler leaves a Deployment with zero replicas alone.
    cluster.patch("deployments", f"{name}/scale", {"spec": {"replicas": 0}})
    until = cluster.runtime.monotonic() + seconds
    before: list[str] = []
    while left := _running_pods(cluster, deployment["spec"]["selector"]["matchLabels"]):
        if left != before:
            log(f"deployment/{name} has 0 replicas; waiting for {', '.join(left)}")
            before = left
        if cluster.runtime.monotonic() >= until:
            raise NotDrained(
                f"{', '.join(left)} did not end within {seconds:g} s of deployment/{name} having 0 replicas: deleting "
                "the store now loses the records that they hold. Uninstall again, or with --no-hooks; to serve again: "
                f"kubectl -n {cluster.namespace} scale deployment {name} --replicas=2"
            )
        cluster.runtime.sleep(_POLL_SECONDS)
    log(f"deployment/{name} has no pods left")


def _running_pods(cluster: Cluster, selector: dict[str, str]) -> list[str]:
    """Return the names of the pods with a container that may still run, in order."""
    pods = cluster.list_of("pods", selector)
    ended = ("Succeeded", "Failed")
    return sorted(pod["metadata"]["name"] for pod in pods if pod["status"].get("phase") not in ended)


@cli.reports_errors
def main(arguments: list[str] | None = None, runtime: Runtime = REAL) -> int:
    """Drain the Deployment of CHATBOT_K8S_DEPLOYMENT; 1 if pods remain."""
    parser = argparse.ArgumentParser(prog="python -m k8s.drain", description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0, help="maximum time to wait for the pods")
    options = parser.parse_args(arguments)
    settings = KubernetesSettings()
    drain(Cluster(settings, runtime), settings.deployment, options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
