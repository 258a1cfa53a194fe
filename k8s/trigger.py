"""`python -m k8s.trigger`: creates one retrain Job for a red drift verdict.

The Job is created from the suspended CronJob's template, as by `kubectl create job --from=cronjob/...`. Idempotent per
drift: never two Jobs at once (Lease), none within the cool-down, none twice for the same drift. The request history is
kept in the store, because Jobs are deleted after a while. docs/operations/kubernetes.md lists the required permissions.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from chatbot.errors import ChatbotError, Conflict
from chatbot.loop.drift_verdict import DriftVerdict
from chatbot.loop.pushgateway import PushgatewayClient
from chatbot.loop.retrain_decision import propose_retrain, read_verdict
from chatbot.loop.retrain_history import DONE, FAILED, REQUESTED, RetrainHistory, RetrainInputs
from chatbot.runtime import REAL, Runtime
from chatbot.settings import KubernetesSettings, LoopSettings, StorageSettings
from chatbot.store import Store, open_store
from chatbot.store.lease import LeaseHeld
from k8s import cli
from k8s.api.client import Cluster, Json
from k8s.api.lease import KubernetesLease
from k8s.log import log

REASON_ANNOTATION = "support-chatbot/asked-because"
JOB = "support-chatbot-trigger"
DECISIONS = ("asked", "green", "silent", "running", "remembered", "held")
SUCCESS_METRIC = ("chatbot_trigger_success", "Whether the last run of k8s.trigger ended well.")
_MAX_NAME_CHARS = 63


class TriggerResult(NamedTuple):
    """Result of a run."""

    decision: str
    """One of DECISIONS, for the metric."""
    summary: str


def build_job(cronjob: Json, name: str, reason: str) -> Json:
    """Build the Job that `kubectl create job NAME --from=cronjob/...` creates, with the reason as an annotation."""
    template = cronjob["spec"]["jobTemplate"]
    metadata = template.get("metadata") or {}
    annotations = {"cronjob.kubernetes.io/instantiate": "manual", **(metadata.get("annotations") or {})}
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": cronjob["metadata"]["name"],
        "uid": cronjob["metadata"]["uid"],
        "controller": True,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "annotations": annotations | {REASON_ANNOTATION: reason},
            "labels": dict(metadata.get("labels") or {}),
            "ownerReferences": [owner],
        },
        "spec": template["spec"],
    }


def trigger(
    cluster: Cluster, store: Store, cronjob: str, verdict: DriftVerdict, now: datetime, cooldown: timedelta
) -> TriggerResult:
    """Request a retraining if this drift justifies one. The caller holds the Lease."""
    template = cluster.get("cronjobs", cronjob)
    if running := [name for name, end in _ends_of_jobs(cluster, template).items() if not end]:
        return TriggerResult("running", f"job/{running[0]} is retraining already")
    proposal = propose_retrain(
        store, verdict, now, cooldown, lambda history: _with_ends(history, cluster, template)
    )
    why = proposal.decision.why
    if not proposal.decision.run:
        return TriggerResult("remembered", why)
    name = _job_name(cronjob, proposal.inputs, verdict.red_checks, proposal.earlier_requests)
    try:
        cluster.create("jobs", build_job(template, name, f"{why} ({verdict.made:%Y-%m-%dT%H:%M:%SZ})"))
        summary = f"job/{name} was made: {why}"
    except Conflict:  # an earlier run created it and was killed before it recorded the request
        summary = f"job/{name} was made before, for the same drift"
    proposal.record(store, job=name)
    return TriggerResult("asked", summary)


def _job_name(cronjob: str, inputs: RetrainInputs, red_checks: tuple[str, ...], attempt: int) -> str:
    """Return a name that is the same for the same drift: a second request fails with a conflict."""
    text = "\n".join([*inputs, *red_checks, str(attempt)])
    suffix = "-" + hashlib.sha256(text.encode()).hexdigest()[:10]
    return cronjob[: _MAX_NAME_CHARS - len(suffix)] + suffix


def _with_ends(history: RetrainHistory, cluster: Cluster, cronjob: Json) -> RetrainHistory:
    """Return the history with the ends of the requested Jobs; one that is gone counts as failed."""
    if all(entry.outcome != REQUESTED for entry in history.asked):
        return history
    # Listed after the history was read: a Job of it that is missing here was deleted, not yet to be created.
    ends = _ends_of_jobs(cluster, cronjob)
    outcomes = {"": REQUESTED, "Complete": DONE, "Failed": FAILED}
    return history.with_outcomes(lambda entry: outcomes[ends.get(entry.job, "Failed")])


def _ends_of_jobs(cluster: Cluster, cronjob: Json) -> dict[str, str]:
    """Return how each Job of the CronJob ended, by name: `_finished_as`."""
    uid = cronjob["metadata"]["uid"]
    return {
        job["metadata"]["name"]: _finished_as(job)
        for job in cluster.list_of("jobs")
        if any(owner["uid"] == uid for owner in job["metadata"].get("ownerReferences") or [])
    }


def _finished_as(job: Json) -> str:
    """Return `Complete` or `Failed`; empty: the Job is still running."""
    for condition in (job.get("status") or {}).get("conditions") or []:
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return str(condition["type"])
    return ""


@cli.reports_errors
def main(arguments: list[str] | None = None, runtime: Runtime = REAL) -> int:
    """Read the verdict and request a retraining if needed; 0 also if none is needed."""
    parser = argparse.ArgumentParser(prog="python -m k8s.trigger", description=__doc__)
    parser.add_argument("--verdict", type=Path, help="drift.json (CHATBOT_K8S_VERDICT)")
    parser.add_argument(
        "--optional",
        action="store_true",
        help="do nothing if the file is missing: another shard forms the verdict",
    )
    options = parser.parse_args(arguments)
    settings = KubernetesSettings()
    file = options.verdict or settings.verdict
    if options.optional and file is not None and not file.exists():
        log(f"no drift verdict at {file}: another shard computes it")
        return 0
    gateway = cli.pushgateway(JOB, settings, runtime)
    try:
        store = open_store(StorageSettings())
        result = _run(settings, store, read_verdict(store, file), runtime)
    except ChatbotError:
        gateway.push(*SUCCESS_METRIC, 0)
        raise
    log(result.summary)
    push_metrics(gateway, result)
    return 0


def _run(
    settings: KubernetesSettings, store: Store, verdict: DriftVerdict, runtime: Runtime
) -> TriggerResult:
    if verdict.verdict != "red":  # most runs: no request to the API server
        return TriggerResult(verdict.verdict, f"the drift verdict is {verdict.verdict}: nothing to do")
    cluster = Cluster(settings, runtime)
    try:
        with KubernetesLease(cluster, settings.trigger_lease, settings.lease_seconds, settings.lease_seconds):
            cooldown = timedelta(hours=LoopSettings().cooldown_hours)
            return trigger(cluster, store, settings.cronjob, verdict, runtime.now(), cooldown)
    except LeaseHeld as error:
        return TriggerResult("held", str(error))


def push_metrics(gateway: PushgatewayClient, result: TriggerResult) -> None:
    """Push the metrics of a run."""
    gateway.push_samples(
        "chatbot_trigger_decision",
        "Last decision of k8s.trigger: 1 for that decision, 0 for the others.",
        [({"decision": name}, float(name == result.decision)) for name in DECISIONS],
    )
    gateway.push(*SUCCESS_METRIC, 1)
    gateway.push_timestamp(
        "chatbot_trigger_last_run_timestamp_seconds", "Time at which k8s.trigger last succeeded."
    )
    if result.decision == "asked":
        gateway.push_timestamp(
            "chatbot_retrain_asked_timestamp_seconds", "Time at which a retrain Job was last requested."
        )


if __name__ == "__main__":
    sys.exit(main())
