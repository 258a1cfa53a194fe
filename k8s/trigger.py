"""`python -m k8s.trigger`: a red drift verdict becomes a retrain Job, once.

The Job is made of the suspended CronJob's template, as `kubectl create job --from=cronjob/...` makes it. Never two at
once, not within the cool-down, not twice for the same drift: the memory of that lies in the store, for Jobs are
cleaned up. docs/operations/kubernetes.md has the rights it needs.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from chatbot.errors import ChatbotError
from chatbot.retrain_memory import Known, read_known, read_memory, write_memory
from chatbot.retrain_memory import read_verdict as read_latest
from chatbot.settings import KubernetesSettings, StorageSettings
from chatbot.storage import Store, open_store
from chatbot.verdict import FAILED, Asked, DriftVerdict, RetrainMemory
from k8s import cli
from k8s.api.client import Changed, Cluster, Json
from k8s.api.lease import Held, Lease
from k8s.api.outside import REAL, Outside
from k8s.log import log
from k8s.pushgateway import PushgatewayClient

BECAUSE = "support-chatbot/asked-because"
JOB = "support-chatbot-trigger"
DECISIONS = ("asked", "green", "silent", "running", "remembered", "held")
SUCCESS = ("chatbot_trigger_success", "Whether the last run of k8s.trigger ended well.")
_MOST_NAME = 63


class Done(NamedTuple):
    """What the trigger did."""

    decision: str
    """For the metric: one of DECISIONS."""
    sentence: str


def read_verdict(path: Path | None, store: Store) -> DriftVerdict:
    """The verdict that the container before left, or the store's latest.

    Raises:
        ChatbotError: there is none, or it cannot be read.
    """
    if path is None:
        return read_latest(store)
    try:
        return DriftVerdict.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ChatbotError(
            f"there is no drift verdict at {path}: {error}. `python -m monitoring.drift_report` writes it"
        ) from error
    except ValidationError as error:
        raise ChatbotError(f"{path} is no drift verdict: {error.errors()[0]}") from error


def job_of(cronjob: Json, name: str, because: str) -> Json:
    """The Job that `kubectl create job NAME --from=cronjob/...` would make, with one annotation that says why.

    Args:
        cronjob: as the API server gives it.
        name: the Job's.
        because: a sentence.
    """
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
            "annotations": annotations | {BECAUSE: because},
            "labels": dict(metadata.get("labels") or {}),
            "ownerReferences": [owner],
        },
        "spec": template["spec"],
    }


def trigger(
    cluster: Cluster,
    store: Store,
    cronjob: str,
    verdict: DriftVerdict,
    known: Known,
    now: datetime,
    cooldown: timedelta,
) -> Done:
    """Ask for a retraining, if this drift is reason enough. The Lease is the caller's to hold.

    Args:
        cronjob: the suspended one, by name.
        known: what a retraining would start from.
        cooldown: the least time between two.

    Raises:
        ChatbotError: the store or the API server refuses; calling again goes on.
    """
    template = cluster.cronjob(cronjob)
    uid = template["metadata"]["uid"]
    jobs = {
        job["metadata"]["name"]: job
        for job in cluster.jobs()
        if any(owner["uid"] == uid for owner in job["metadata"].get("ownerReferences") or [])
    }
    if running := [name for name, job in jobs.items() if not _ended(job)]:
        return Done("running", f"job/{running[0]} is retraining already")
    memory, etag = read_memory(store)
    memory = _with_failures(memory, cronjob, jobs)
    decision = memory.decide(verdict, *known, now, cooldown)
    if not decision.run:
        return Done("remembered", decision.why)
    name = _name(cronjob, *known, verdict.red_checks, _failures(memory, known, verdict.red_checks))
    try:
        cluster.create_job(job_of(template, name, f"{decision.why} ({verdict.made:%Y-%m-%dT%H:%M:%SZ})"))
        sentence = f"job/{name} was made: {decision.why}"
    except Changed:  # an earlier run made it, and was killed before it could remember
        sentence = f"job/{name} was made before, for the same drift"
    write_memory(store, memory.remember(verdict, *known, now), etag)
    return Done("asked", sentence)


def _name(
    cronjob: str, champion: str, corpus: str, accepted: str, red_checks: tuple[str, ...], failures: int
) -> str:
    """The same for the same drift: whoever asks twice is told by the API server."""
    text = "\n".join([champion, corpus, accepted, *red_checks, str(failures)])
    tail = "-" + hashlib.sha256(text.encode()).hexdigest()[:10]
    return cronjob[: _MOST_NAME - len(tail)] + tail


def _failures(memory: RetrainMemory, known: Known, red_checks: tuple[str, ...]) -> int:
    return sum(_same(asked, known) and asked.red_checks == red_checks for asked in memory.asked)


def _same(asked: Asked, known: Known) -> bool:
    return (asked.champion, asked.corpus_digest, asked.accepted_digest) == known


def _with_failures(memory: RetrainMemory, cronjob: str, jobs: dict[str, Json]) -> RetrainMemory:
    """The memory, with `failed` for what was asked for and whose Job failed."""
    asked: list[Asked] = []
    for entry in memory.asked:
        known = Known(entry.champion, entry.corpus_digest, entry.accepted_digest)
        before = _failures(RetrainMemory(asked=tuple(asked)), known, entry.red_checks)
        job = jobs.get(_name(cronjob, *known, entry.red_checks, before))
        failed = job is not None and _ended(job) == "Failed"
        asked.append(entry.model_copy(update={"outcome": FAILED}) if failed else entry)
    return RetrainMemory(asked=tuple(asked))


def _ended(job: Json) -> str:
    """`Complete` or `Failed`; empty: it runs."""
    for condition in (job.get("status") or {}).get("conditions") or []:
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return str(condition["type"])
    return ""


def main(arguments: list[str] | None = None, outside: Outside = REAL) -> int:
    """Read the verdict and ask for a retraining if it takes one; 0 also where it takes none."""
    parser = argparse.ArgumentParser(prog="python -m k8s.trigger", description=__doc__)
    parser.add_argument("--verdict", type=Path, help="drift.json (CHATBOT_K8S_VERDICT)")
    told = parser.parse_args(arguments)

    def act() -> int:
        settings = cli.read(KubernetesSettings)
        pushed = PushgatewayClient(settings.pushgateway, JOB, settings.request_seconds, outside)
        try:
            store = open_store(cli.read(StorageSettings))
            verdict = read_verdict(told.verdict or settings.verdict, store)
            done = _decide(settings, store, verdict, outside)
        except ChatbotError:
            pushed.push(*SUCCESS, 0)
            raise
        log(done.sentence)
        push(pushed, done)
        return 0

    return cli.run(act)


def _decide(settings: KubernetesSettings, store: Store, verdict: DriftVerdict, outside: Outside) -> Done:
    if verdict.verdict != "red":  # most runs: nothing is asked of the API server
        return Done(verdict.verdict, f"the drift verdict is {verdict.verdict}: nothing to do")
    cluster = Cluster(settings, outside)
    try:
        with Lease(cluster, settings.trigger_lease, settings.lease_seconds, settings.lease_seconds):
            return trigger(
                cluster,
                store,
                settings.cronjob,
                verdict,
                read_known(store, verdict),
                outside.now(),
                timedelta(hours=settings.cooldown_hours),
            )
    except Held as error:
        return Done("held", str(error))


def push(pushed: PushgatewayClient, done: Done) -> None:
    """What Prometheus is told of a run."""
    pushed.push_all(
        "chatbot_trigger_decision",
        "What k8s.trigger last decided: 1 for that, 0 for the others.",
        [({"decision": name}, float(name == done.decision)) for name in DECISIONS],
    )
    pushed.push(*SUCCESS, 1)
    pushed.push_time("chatbot_trigger_last_run_timestamp_seconds", "When k8s.trigger last ended well.")
    if done.decision == "asked":
        pushed.push_time("chatbot_retrain_asked_timestamp_seconds", "When a retrain Job was last asked for.")


if __name__ == "__main__":
    sys.exit(main())
