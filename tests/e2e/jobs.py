"""Jobs of the chart's own templates, acting upon what the test says that their thinking container thought."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from chatbot.model.ref import ModelRef
from tests.e2e.release import Ended, Release
from tests.support import testbed
from tests.support.testbed import Json, until

STATE = "support-chatbot/promotion"
FILES = {"drift": "/work/drift.json", "retrain": "/work/retrain.json"}
"""What the container that thinks leaves for the one that acts."""
_WRITE = "import os; open(os.environ['FILE'], 'w').write(os.environ['SAID'])"


def accepted(release: Release, challenger: ModelRef) -> Json:
    """What the retraining says when the gate took this one."""
    return {"outcome": "accepted", "challenger": str(challenger), "champion": release.desired_model() or None}


def start(release: Release, cronjob: str, said: Json, retries: int | None = None, **settings: object) -> str:
    """Make the Job; its name.

    Args:
        cronjob: `drift` or `retrain`.
        said: what the container that thinks leaves.
        retries: how often its pod is made anew; None: as the chart has it.
        settings: variables of the container that acts that differ.
    """
    job: Json = release.get("cronjob", f"{release.name}-{cronjob}")["spec"]["jobTemplate"]
    pod = job["spec"]["template"]["spec"]
    (acts,) = pod["containers"]
    (thinks,) = pod["initContainers"]
    pod["initContainers"] = [
        {
            **{key: thinks[key] for key in ("name", "securityContext", "volumeMounts")},
            "image": acts["image"],
            "resources": acts["resources"],
            "command": ["python", "-c", _WRITE],
            "env": [{"name": "FILE", "value": FILES[cronjob]}, {"name": "SAID", "value": json.dumps(said)}],
        }
    ]
    as_it_was = [entry for entry in acts["env"] if entry["name"] not in settings]
    acts["env"] = [*as_it_was, *({"name": k, "value": str(v)} for k, v in settings.items())]
    if retries is not None:
        job["spec"]["backoffLimit"] = retries
    name = f"{release.name}-{cronjob}-{time.time_ns() // 10**6 % 10**9}"
    metadata = {**job.get("metadata", {}), "name": name}
    content = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": job["spec"]}
    release.kubectl("create", "-f", "-", stdin=json.dumps(content))
    return name


def run(release: Release, cronjob: str, said: Json, retries: int | None = None, **settings: object) -> Ended:
    """Make the Job and wait until it ended."""
    return release.wait_for_job(start(release, cronjob, said, retries, **settings))


def state(release: Release) -> Json:
    """How far a promotion is, as the Deployment's annotation has it."""
    deployment = testbed.read(release.path("deployments", "apis/apps/v1", f"{release.name}-api"))
    annotations = deployment["metadata"].get("annotations", {})
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
