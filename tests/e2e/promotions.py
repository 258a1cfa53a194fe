"""Retrain Jobs whose gate accepted a version that the test made: the chart's own Job, without the training."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from testbed import Json, until

from chatbot.model_ref import ModelRef
from e2e.release import Ended, Release

STATE = "support-chatbot/promotion"
_WRITE = "import os; open('/work/retrain.json', 'w').write(os.environ['RESULT'])"


def accepted(release: Release, challenger: ModelRef) -> Json:
    """What the retraining says when the gate took this one."""
    return {"outcome": "accepted", "challenger": str(challenger), "champion": release.told() or None}


def start(release: Release, result: Json, **settings: object) -> str:
    """Make the Job: the retrain CronJob's template, its training replaced by what it would have said. Its name.

    Args:
        settings: variables of the promote container that differ.
    """
    job: Json = release.get("cronjob", f"{release.name}-retrain")["spec"]["jobTemplate"]
    pod = job["spec"]["template"]["spec"]
    (promote,) = pod["containers"]
    train = pod["initContainers"][0]
    pod["initContainers"] = [
        {
            **{key: train[key] for key in ("name", "securityContext", "volumeMounts")},
            "image": promote["image"],
            "resources": promote["resources"],
            "command": ["python", "-c", _WRITE],
            "env": [{"name": "RESULT", "value": json.dumps(result)}],
        }
    ]
    changed = [entry for entry in promote["env"] if entry["name"] not in settings]
    promote["env"] = [*changed, *({"name": k, "value": str(v)} for k, v in settings.items())]
    name = f"{release.name}-promote-{time.time_ns() // 10**6 % 10**9}"
    metadata = {**job.get("metadata", {}), "name": name}
    content = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job["spec"]}
    release.kubectl("create", "-f", "-", stdin=json.dumps(content))
    return name


def run(release: Release, result: Json, seconds: float = 300, **settings: object) -> Ended:
    """Make the Job and wait until it ended."""
    return release.wait_for_job(start(release, result, **settings), seconds)


def state(release: Release) -> Json:
    """How far a promotion is, as the Deployment's annotation has it."""
    annotations = release.get("deployment", f"{release.name}-api")["metadata"].get("annotations", {})
    return dict(json.loads(annotations.get(STATE, "{}")))


def kill(release: Release, job: str, container: str = "promote") -> None:
    """`kill -9` of a Job's container, from the node: nothing inside can catch it or clean up."""

    def running() -> str:
        (pod,) = release.items("pods", f"--selector=batch.kubernetes.io/job-name={job}")
        (status,) = [s for s in pod["status"]["containerStatuses"] if s["name"] == container]
        return str(status["containerID"]).rpartition("/")[2] if "running" in status["state"] else ""

    identity = until(f"{container} of job/{job} runs", running, 60)
    killed = [int(folder.name) for folder in Path("/proc").iterdir() if _is_of(folder, identity)]
    assert killed, f"no process on the node is of container {identity}"
    for process in killed:
        os.kill(process, signal.SIGKILL)


def _is_of(process: Path, container: str) -> bool:
    try:
        return process.name.isdecimal() and container in (process / "cgroup").read_text()
    except OSError:
        return False  # it has ended
