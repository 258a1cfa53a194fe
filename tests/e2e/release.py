"""An installed release of the chart, and what a test does with it: ask, run Jobs, read store and registry."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock
from urllib.parse import urlencode

from chatbot.settings import StorageSettings, TrackingSettings
from chatbot.store import Store, open_store
from tests.support import requirements, testbed
from tests.support.testbed import Json, TestbedError, until
from training.tracking.registry import Registry

BUCKET = "s3://support-chatbot"
_READ_METRICS = (
    "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:9464/metrics').read().decode())"
)
_ANSWERED = 'chatbot_requests_total{route="/chat",status="200"}'
ANNOTATION = "support-chatbot/model-version"


@dataclass(frozen=True)
class Ended:
    """A Job that ended: well or not, and what each of its containers said."""

    name: str
    is_complete: bool
    logs: dict[str, str]

    def __str__(self) -> str:
        said = "".join(f"\n-- {name}\n{text}" for name, text in self.logs.items())
        return f"job/{self.name} {'complete' if self.is_complete else 'FAILED'}{said}"


@dataclass
class Release:
    """A release by name and namespace."""

    name: str
    namespace: str

    def kubectl(self, *arguments: str, stdin: str = "", check: bool = True, seconds: float = 120) -> str:
        """In the release's namespace, as administrator; what it said."""
        answer = testbed.kubectl(
            f"--namespace={self.namespace}", *arguments, stdin=stdin, check=check, seconds=seconds
        )
        return str(answer.stdout)

    def get(self, *arguments: str) -> Json:
        """`kubectl get ... -o json`."""
        return dict(json.loads(self.kubectl("get", *arguments, "-o=json")))

    def items(self, *arguments: str) -> list[Json]:
        """The same for a list."""
        return list(self.get(*arguments)["items"])

    def path(self, kind: str, group: str = "api/v1", name: str = "") -> str:
        """The path of an object, or of all of a kind, for `testbed.read`."""
        return f"/{group}/namespaces/{self.namespace}/{kind}" + (f"/{name}" if name else "")

    def helm(self, *arguments: str, check: bool = True, seconds: float = 900) -> Any:
        """`helm` in the release's namespace."""
        return testbed.helm(f"--namespace={self.namespace}", *arguments, check=check, seconds=seconds)

    # -- pods

    def pods(self, component: str = "", is_leaving: bool = False) -> list[Json]:
        """The pods of a component that are not on their way out; of all, where none is named."""
        selector = f"app.kubernetes.io/instance={self.name}"
        selector += f",app.kubernetes.io/component={component}" if component else ""
        found = testbed.read(f"{self.path('pods')}?{urlencode({'labelSelector': selector})}")["items"]
        return [pod for pod in found if is_leaving or "deletionTimestamp" not in pod["metadata"]]

    def ready(self, component: str) -> list[Json]:
        """Those of them that are ready."""
        return [pod for pod in self.pods(component) if is_ready(pod)]

    def roll_out(self, component: str, seconds: float = 240) -> None:
        """Wait until a Deployment is as it should be: every pod new and ready, and no old one left."""
        self.kubectl("rollout", "status", f"deployment/{self.name}-{component}", f"--timeout={seconds:.0f}s",
                     seconds=seconds + 10)  # fmt: skip

    def logs(self, pod: str, container: str = "", *more: str) -> str:
        """What a container said."""
        named = [f"--container={container}"] if container else []
        return self.kubectl("logs", pod, *named, *more, check=False)

    def run_in(self, pod: str, *command: str, check: bool = True, seconds: float = 120) -> str:
        """A command in a running container (`deployment/...` or a pod's name); what it said."""
        return self.kubectl("exec", pod, "--", *command, check=check, seconds=seconds)

    # -- Jobs

    def start_job(self, cronjob: str) -> str:
        """A Job of a CronJob's template, as a person makes it; its name."""
        name = f"{self.name}-{cronjob}-{time.time_ns() // 10**6 % 10**9}"
        self.kubectl("create", "job", f"--from=cronjob/{self.name}-{cronjob}", name)
        return name

    def wait_for_job(self, name: str, seconds: float = 300) -> Ended:
        """The Job once it is complete or has failed."""
        job = self.path("jobs", "apis/batch/v1", name)

        def ended() -> str:
            conditions = testbed.read(job).get("status", {}).get("conditions", [])
            return next(
                (c["type"] for c in conditions if c["type"] in ("Complete", "Failed") and c["status"] == "True"), ""
            )  # fmt: skip

        how = until(f"job/{name} ends", ended, seconds, every=0.5)
        return Ended(name, how == "Complete", self.job_logs(name))

    def job_logs(self, name: str) -> dict[str, str]:
        """What each container of the Job's newest pod said."""
        pods = self.items("pods", f"--selector=batch.kubernetes.io/job-name={name}")
        if not pods:
            return {}
        pod = max(pods, key=lambda p: str(p["metadata"]["creationTimestamp"]))
        spec = pod["spec"]
        names = [c["name"] for c in [*spec.get("initContainers", []), *spec["containers"]]]
        return {container: self.logs(pod["metadata"]["name"], container) for container in names}

    def run_job(self, cronjob: str, seconds: float = 300) -> Ended:
        """Run a CronJob now, and wait until it ended."""
        return self.wait_for_job(self.start_job(cronjob), seconds)

    def jobs(self, component: str) -> list[str]:
        """The names of a component's Jobs, the oldest first."""
        found = self.items("jobs", f"--selector=app.kubernetes.io/component={component}")
        return [
            j["metadata"]["name"] for j in sorted(found, key=lambda j: j["metadata"]["creationTimestamp"])
        ]

    # -- the bot

    @property
    def api(self) -> str:
        """The bot's address on its Service, reachable from this machine."""
        service = self.get("service", f"{self.name}-api")["spec"]
        return f"http://{service['clusterIP']}:{service['ports'][0]['port']}"

    def ask(self, message: str) -> Json:
        """The bot's answer, over the Service."""
        return fetch(f"{self.api}/chat", {"message": message})

    def versions(self) -> list[Json]:
        """Return `/version` of each ready pod of the bot."""
        return [fetch(f"http://{pod['status']['podIP']}:3000/version") for pod in self.ready("api")]

    def desired_model(self) -> str:
        """Return the model that the annotation requests; empty: the bundle inside the image."""
        template = self.get("deployment", f"{self.name}-api")["spec"]["template"]
        return str(template["metadata"].get("annotations", {}).get(ANNOTATION, ""))

    def events(self) -> list[Json]:
        """Events of the project's own on the API's Deployment, the oldest first."""
        found = self.items("events")
        ours = [e for e in found if e.get("source", {}).get("component") == "support-chatbot"]
        return sorted(ours, key=lambda e: str(e.get("lastTimestamp")))

    def roll_back(self, version: str, code: int = 0) -> str:
        """`python -m k8s.rollback VERSION`, as a person does it with a kubeconfig of hers; what it said."""
        with self.forward(f"service/{self.name}-mlflow", 5000) as mlflow:
            environment = os.environ | {
                "PYTHONPATH": str(requirements.ROOT),
                "CHATBOT_K8S_KUBECONFIG": str(testbed.ADMIN),
                "CHATBOT_K8S_NAMESPACE": self.namespace,
                "CHATBOT_K8S_DEPLOYMENT": f"{self.name}-api",
                "MLFLOW_TRACKING_URI": mlflow,
            }
            command = [sys.executable, "-m", "k8s.rollback", *([version] if version else []), "--why=e2e"]
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=False, timeout=240
            )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    # -- store and registry

    @contextlib.contextmanager
    def forward(self, target: str, port: int) -> Iterator[str]:
        """`kubectl port-forward`, while the block runs: `service/...` or a pod. Its address on this machine."""
        command = [testbed.HOME / "bin" / "kubectl", f"--kubeconfig={testbed.ADMIN}", f"-n={self.namespace}"]
        command += ["port-forward", "--address=127.0.0.1", target, f":{port}"]
        with subprocess.Popen(
            [str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                assert process.stdout
                first = process.stdout.readline()
                match = re.search(r"127\.0\.0\.1:(\d+)", first)
                if match is None:
                    raise TestbedError(f"port-forward to {target}: {first}")
                yield f"http://127.0.0.1:{match[1]}"
            finally:
                process.terminate()

    def secret(self, name: str, key: str) -> str:
        """What a Secret of the release holds, such as `secret("staff", "token")`."""
        return b64decode(self.get("secret", f"{self.name}-{name}")["data"][key]).decode()

    @contextlib.contextmanager
    def store(self, client: str = "") -> Iterator[Store]:
        """The object store with a client's key (api, drift, upkeep, retrain, staff, mlflow), or with root's."""
        if client:
            keys = {name: self.secret(f"store-{client}", name) for name in
                    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}  # fmt: skip
        else:
            root = {"AWS_ACCESS_KEY_ID": "MINIO_ROOT_USER", "AWS_SECRET_ACCESS_KEY": "MINIO_ROOT_PASSWORD"}
            keys = {name: self.secret("minio-root", key) for name, key in root.items()}
        with self.forward(f"service/{self.name}-minio", 9000) as url, mock.patch.dict(os.environ, keys):
            yield open_store(StorageSettings(url=BUCKET, endpoint=url))

    @contextlib.contextmanager
    def registry(self) -> Iterator[Registry]:
        """The release's MLflow: `registry.champion()`, `registry.challenger()`, `registry.versions()`."""
        with self.forward(f"service/{self.name}-mlflow", 5000) as url:
            yield Registry(TrackingSettings(tracking_uri=url))

    def champion(self) -> str:
        """Return the champion's number; empty without a champion."""
        with self.registry() as registry:
            found = registry.champion()
            return found.number if found else ""


def answered(pod: Json) -> float:
    """How many messages a pod says it has answered."""
    return counted(pod, _ANSWERED)


def counted(pod: Json, start: str) -> float:
    """Return the sum of a pod's metrics whose lines begin so; read in the pod: only Prometheus reaches their port."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    said = testbed.kubectl(
        "exec", f"--namespace={namespace}", name, "--", "python", "-c", _READ_METRICS
    ).stdout
    return sum(float(line.split()[-1]) for line in said.splitlines() if line.startswith(start))


def is_ready(pod: Json) -> bool:
    """Whether the pod's condition says so."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def restarts(pod: Json) -> int:
    """How often a container of this pod was started again."""
    status = pod["status"]
    return sum(
        c["restartCount"]
        for c in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    )


def fetch(url: str, body: Json | None = None, seconds: float = 10) -> Json:
    """A JSON answer; posts where there is a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=seconds) as answer:
        return dict(json.load(answer))
