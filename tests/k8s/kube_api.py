"""The API's Deployment with a stub in place of the Bento, and clients that send requests to its pods."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from tests.k8s.kube_testbed import IMAGE, Namespace
from tests.support.testbed import until

DEPLOYMENT = "support-chatbot-api"
IMAGE_DIGEST = "0" * 64
MODEL_ANNOTATION = "support-chatbot/model-version"
STATE_ANNOTATION = "support-chatbot/promotion"


def digest(number: int) -> str:
    return f"{number:x}" * 64


def ref(number: int) -> str:
    return f"{number}@{digest(number)}"


class Api:
    """The API's Deployment in a namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.answers: Counter[tuple[int, str]] = Counter()

    def make(self, behaviour: dict[str, Any], replicas: int = 2, deadline: int = 15) -> None:
        """Create the Deployment and wait until it is ready; it serves the image's bundle."""
        labels = {"app.kubernetes.io/name": "api"}
        model_field = {"fieldRef": {"fieldPath": f"metadata.annotations['{MODEL_ANNOTATION}']"}}
        container = {
            "name": "api",
            "image": IMAGE,
            "imagePullPolicy": "IfNotPresent",
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "command": ["python3", "/code/standin.py"],
            "env": [
                {"name": "CHATBOT_MODEL", "valueFrom": model_field},
                {"name": "IMAGE_DIGEST", "value": IMAGE_DIGEST},
                {"name": "BEHAVIOUR", "value": json.dumps(behaviour)},
            ],
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": 3000}, "periodSeconds": 1},
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
            "volumeMounts": [{"name": "code", "mountPath": "/code"}],
            "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
        }
        pod = {
            "containers": [container],
            "volumes": [{"name": "code", "configMap": {"name": "standin"}}],
            "terminationGracePeriodSeconds": 3,
        }
        script = Path(__file__).with_name("kube_standin.py").read_text()
        self.namespace.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "standin"},
                "data": {"standin.py": script},
            },
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": DEPLOYMENT},
                "spec": {
                    "replicas": replicas,
                    "progressDeadlineSeconds": deadline,
                    "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": pod},
                },
            },
        )
        self.namespace.kubectl("rollout", "status", f"deployment/{DEPLOYMENT}", "--timeout=90s")

    def read(self) -> dict[str, Any]:
        return self.namespace.get("deployment", DEPLOYMENT)

    @property
    def desired_model(self) -> str:
        annotations = self.read()["spec"]["template"]["metadata"].get("annotations") or {}
        return str(annotations.get(MODEL_ANNOTATION, ""))

    @property
    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.read()["metadata"]["annotations"].get(STATE_ANNOTATION, "{}")))

    def pods(self) -> list[str]:
        """Return the addresses of the ready pods that are not terminating."""
        found = self.namespace.get("pods", "-l", "app.kubernetes.io/name=api")["items"]
        return [
            p["status"]["podIP"]
            for p in found
            if not p["metadata"].get("deletionTimestamp")
            and any(c["type"] == "Ready" and c["status"] == "True" for c in p["status"].get("conditions", []))
        ]

    def versions(self) -> set[str]:
        """Return the digests that the ready pods report."""
        return {str(json.loads(_ask(f"http://{pod}:3000/version"))["bundle_digest"]) for pod in self.pods()}

    def chat(self, messages: int) -> None:
        """Send this many messages to all pods, round-robin."""
        pods = self.pods()
        for number in range(messages):
            try:
                _ask(f"http://{pods[number % len(pods)]}:3000/chat", {"message": "hello"})
            except OSError as error:
                self.answers[getattr(error, "code", 0), ""] += 1
            else:
                self.answers[200, ""] += 1


class Traffic:
    """Sends messages to all ready pods in the background until the block ends."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            if until("a pod", self.api.pods):
                self.api.chat(60)
            self._stop.wait(0.2)


def _ask(url: str, body: object = None) -> bytes:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return bytes(answer.read())
