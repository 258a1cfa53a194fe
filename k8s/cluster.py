"""The API server, as `kubectl get -o json` shows it: plain JSON in, plain JSON out, and errors that say what to do.

Nothing is read into the client's own types: a Job made of a template must keep the fields that this client's
version does not know.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException
from urllib3.exceptions import HTTPError

from chatbot.errors import ChatbotError, SettingError
from chatbot.settings import KubernetesSettings

Json = dict[str, Any]

# The client's own functions carry no types.
load_incluster_config: Callable[..., None] = config.load_incluster_config
load_kube_config: Callable[..., None] = config.load_kube_config
list_kube_config_contexts: Callable[..., tuple[Any, Any]] = config.list_kube_config_contexts

MANAGER = "support-chatbot"
"""Whose fields these are in `metadata.managedFields`."""

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_MERGE = "application/merge-patch+json"
_AGAIN_SECONDS = 2.0


class ClusterError(ChatbotError):
    """The API server did not do what it was asked to."""

    status = 503
    type = "cluster"


class Away(ClusterError):
    """The API server does not answer, or cannot just now: the same may succeed later."""


class Forbidden(ClusterError):
    """The account may not do this: the message names the verb, the resource and the account."""


class Absent(ClusterError):
    """There is no such object."""


class Changed(ClusterError):
    """Somebody else changed, or made, the object first: read it again, and decide again."""


class Cluster:
    """One namespace of a cluster, with the rights of one account. Any thread may use it."""

    def __init__(self, settings: KubernetesSettings) -> None:
        """Reads the account; asks nothing of the API server yet.

        Raises:
            SettingError: there is no account here, or the kubeconfig cannot be read.
        """
        configuration, own = _configuration(settings)
        configuration.retries = False
        self._api = client.ApiClient(configuration)
        self._settings = settings
        self.host = configuration.host
        self.namespace = settings.namespace or own
        self._batch = client.BatchV1Api(self._api)
        self._apps = client.AppsV1Api(self._api)
        self._core = client.CoreV1Api(self._api)
        self._leases = client.CoordinationV1Api(self._api)

    def cronjob(self, name: str) -> Json:
        """A CronJob."""
        return self._ask(f"get cronjob/{name}", self._batch.read_namespaced_cron_job, name)

    def jobs(self) -> list[Json]:
        """Every Job of the namespace."""
        return list(self._ask("list jobs", self._batch.list_namespaced_job)["items"])

    def create_job(self, job: Json) -> Json:
        """Raises: Changed: there is one of that name."""
        what = f"create job/{job['metadata']['name']}"
        return self._ask(what, self._batch.create_namespaced_job, body=job, field_manager=MANAGER)

    def lease(self, name: str) -> Json:
        """A Lease."""
        return self._ask(f"get lease/{name}", self._leases.read_namespaced_lease, name, patience=0)

    def update_lease(self, lease: Json) -> Json:
        """Raises: Changed: it is not as it was read."""
        name = lease["metadata"]["name"]
        return self._ask(
            f"update lease/{name}", self._leases.replace_namespaced_lease, name, body=lease, patience=0
        )

    def deployment(self, name: str) -> Json:
        """A Deployment."""
        return self._ask(f"get deployment/{name}", self._apps.read_namespaced_deployment, name)

    def patch_deployment(self, name: str, patch: Json) -> Json:
        """Merge into a Deployment.

        Raises:
            Changed: the patch names a `resourceVersion`, and it is not that any more.
        """
        return self._ask(
            f"patch deployment/{name}",
            self._apps.patch_namespaced_deployment,
            name,
            body=patch,
            field_manager=MANAGER,
            _content_type=_MERGE,
        )

    def watch_deployment(self, name: str, seconds: float) -> Iterator[Json]:
        """The Deployment now, and again whenever it changes, for so long at most; ends early where the watch breaks."""
        seconds = max(1, int(seconds))
        try:
            stream: Any = self._apps.list_namespaced_deployment(
                self.namespace,
                field_selector=f"metadata.name={name}",
                watch=True,
                timeout_seconds=seconds,
                _preload_content=False,
                _request_timeout=(self._settings.request_seconds, seconds + self._settings.request_seconds),
            )
        except (client.ApiException, HTTPError, OSError) as error:
            raise _explained(error, f"watch deployment/{name}", self.host) from error
        rest = b""
        try:
            for chunk in stream.stream(amt=None):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in filter(None, lines):
                    event = json.loads(line)
                    if event["type"] in ("ADDED", "MODIFIED"):
                        yield event["object"]
        except (HTTPError, OSError):
            return
        finally:
            stream.close()

    def replica_sets(self, selector: Mapping[str, str]) -> list[Json]:
        """The ReplicaSets with these labels."""
        return list(
            self._ask(
                "list replicasets",
                self._apps.list_namespaced_replica_set,
                label_selector=_joined(selector),
            )["items"]
        )

    def pods(self, selector: Mapping[str, str]) -> list[Json]:
        """The pods with these labels."""
        return list(
            self._ask("list pods", self._core.list_namespaced_pod, label_selector=_joined(selector))["items"]
        )

    def create_event(self, event: Json) -> Json:
        """An Event on an object of this namespace."""
        return self._ask("create event", self._core.create_namespaced_event, body=event, patience=0)

    def secret(self, name: str) -> Json:
        """A Secret, its values in base64."""
        return self._ask(f"get secret/{name}", self._core.read_namespaced_secret, name)

    def create_secret(self, secret: Json) -> Json:
        """Raises: Changed: there is one of that name."""
        what = f"create secret/{secret['metadata']['name']}"
        return self._ask(what, self._core.create_namespaced_secret, body=secret, field_manager=MANAGER)

    def patch_secret(self, name: str, patch: Json) -> Json:
        """Merge into a Secret."""
        return self._ask(
            f"patch secret/{name}",
            self._core.patch_namespaced_secret,
            name,
            body=patch,
            field_manager=MANAGER,
            _content_type=_MERGE,
        )

    def _ask(
        self,
        what: str,
        method: Callable[..., Any],
        *arguments: Any,
        patience: float | None = None,
        **named: Any,
    ) -> Json:
        """Call the API server; one that does not answer is asked again until patience ends.

        Raises:
            ClusterError: it refuses, or does not answer.
        """
        position = {"name": arguments[0]} if arguments else {}
        until = time.monotonic() + (self._settings.patience_seconds if patience is None else patience)
        while True:
            try:
                answer = method(
                    namespace=self.namespace,
                    _preload_content=False,
                    _request_timeout=self._settings.request_seconds,
                    **position,
                    **named,
                )
                return dict(json.loads(answer.data))
            except (client.ApiException, HTTPError, OSError) as error:
                explained = _explained(error, f"{what} in namespace {self.namespace}", self.host)
                if not isinstance(explained, Away) or time.monotonic() + _AGAIN_SECONDS > until:
                    raise explained from error
            time.sleep(_AGAIN_SECONDS)


def _joined(selector: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))


def _configuration(settings: KubernetesSettings) -> tuple[Any, str]:
    """The client's configuration and the namespace that goes with it."""
    found = client.Configuration()
    try:
        if settings.kubeconfig is None and (_ACCOUNT / "token").is_file():
            load_incluster_config(client_configuration=found)
            return found, (_ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
        file = str(settings.kubeconfig) if settings.kubeconfig else None
        load_kube_config(config_file=file, client_configuration=found)
        _, active = list_kube_config_contexts(config_file=file)
        return found, str(active["context"].get("namespace", "default"))
    except (ConfigException, OSError, ValueError) as error:
        where = settings.kubeconfig or f"{_ACCOUNT} or ~/.kube/config"
        raise SettingError(
            f"no account on a Kubernetes cluster at {where}: {error}. In a pod project the service account's "
            "token into this container; elsewhere set CHATBOT_K8S_KUBECONFIG"
        ) from error


def _explained(error: Exception, what: str, host: str) -> ClusterError:
    """The client's error as one of ours."""
    if not isinstance(error, client.ApiException):
        return Away(
            f"the API server at {host} does not answer ({what}): {error}. It is asked again by the next run"
        )
    try:
        reason = json.loads(error.body or "{}").get("message", "") or error.reason
    except (ValueError, AttributeError):
        reason = error.reason
    match error.status:
        case 401:
            return Forbidden(
                f"{what}: the API server at {host} does not know this account's token: {reason}. Is it projected "
                "into this container, and of this cluster?"
            )
        case 403:
            return Forbidden(
                f"{what}: {reason}. docs/operations/kubernetes.md lists the rights that this account needs"
            )
        case 404:
            return Absent(f"{what}: {reason}")
        case 409:
            return Changed(f"{what}: {reason}")
        case 429 | 500 | 502 | 503 | 504 | 0 | None:
            return Away(f"{what}: the API server at {host} cannot just now: {error.status} {reason}")
        case _:
            return ClusterError(f"{what}: {error.status} {reason}")
