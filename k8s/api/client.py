"""Calls the Kubernetes API server with plain JSON, in the form that `kubectl get -o json` prints.

Objects are not converted to the client library's types: a Job created from a template must keep fields that the
installed client version does not know.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import HTTPError

from chatbot.deadline import Deadline, watch_pools
from chatbot.errors import Conflict, Denied, Missing, SettingError, StoreError, Unreachable
from chatbot.runtime import REAL, Runtime
from chatbot.settings import KubernetesSettings
from chatbot.watchdog import WATCHDOG

Json = dict[str, Any]

# The library's functions have no type annotations.
load_incluster_config: Callable[..., None] = config.load_incluster_config
load_kube_config: Callable[..., None] = config.load_kube_config
list_kube_config_contexts: Callable[..., tuple[Any, Any]] = config.list_kube_config_contexts

FIELD_MANAGER = "support-chatbot"
"""Field manager recorded in `metadata.managedFields`."""

_GROUPS = {
    **dict.fromkeys(("pods", "events", "secrets"), "api/v1"),
    **dict.fromkeys(("deployments", "replicasets"), "apis/apps/v1"),
    **dict.fromkeys(("cronjobs", "jobs"), "apis/batch/v1"),
    "leases": "apis/coordination.k8s.io/v1",
}

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_MERGE_PATCH = "application/merge-patch+json"


class ClusterError(StoreError):
    """The API server refused a request for another reason than `Missing`, `Conflict`, `Unreachable` or `Denied`."""

    type = "cluster"


class Cluster:
    """Client for one namespace of a cluster, with the permissions of one account. Thread-safe."""

    def __init__(self, settings: KubernetesSettings, runtime: Runtime = REAL) -> None:
        """Load the account's configuration; sends no request.

        Raises: SettingError: no service account and no readable kubeconfig was found.
        """
        configuration, own = _load_configuration(settings)
        configuration.retries = False
        # Reuses the library's connection pool, certificates and tokens (re-read on renewal), not its types.
        self._client: Any = client.ApiClient(configuration)
        watch_pools(HTTPConnectionPool, HTTPSConnectionPool)
        self._settings = settings
        self.runtime = runtime
        self.host = str(configuration.host)
        self.namespace = settings.namespace or own

    def get(self, kind: str, name: str, retry_seconds: float | None = None) -> Json:
        """Get an object; `kind` is a plural such as "deployments"."""
        return self._request("GET", kind, name, retry_seconds=retry_seconds)

    def list_of(self, kind: str, labels: Mapping[str, str] | None = None) -> list[Json]:
        """List the namespace's objects of a kind, or those that match the labels."""
        selector = ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items()))
        query = {"labelSelector": selector} if selector else None
        return list(self._request("GET", kind, query=query)["items"])

    def create(self, kind: str, body: Json, retry_seconds: float | None = None) -> Json:
        """Create an object. Raises: Conflict: one with this name exists."""
        return self._request("POST", kind, body=body, retry_seconds=retry_seconds)

    def replace(self, kind: str, body: Json, retry_seconds: float | None = None) -> Json:
        """Replace an object. Raises: Conflict: its resourceVersion changed since it was read."""
        return self._request("PUT", kind, body["metadata"]["name"], body=body, retry_seconds=retry_seconds)

    def patch(self, kind: str, name: str, patch: Json) -> Json:
        """Apply a JSON merge patch; `name` may end in a subresource such as `/scale`.

        Raises: Conflict: the patch contains a `resourceVersion` that is no longer current.
        """
        return self._request("PATCH", kind, name, body=patch)

    def watch_deployment(self, name: str, seconds: float) -> Iterator[Json]:
        """Yield the Deployment now and after every change, until `seconds` have passed or the watch breaks."""
        seconds = max(1, int(seconds))
        query = {"watch": "1", "fieldSelector": f"metadata.name={name}", "timeoutSeconds": str(seconds)}
        patience = self._settings.request_seconds
        timeout = Timeout(connect=patience, read=seconds + patience)
        stream = self._with_retries(lambda: self._send("GET", "deployments", "", query, None, timeout))
        buffer = b""
        alarm = WATCHDOG.call_after(seconds + patience, partial(_end, stream))
        try:
            for chunk in stream.stream(amt=None):
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in filter(None, lines):
                    event = json.loads(line)
                    if event["type"] in ("ADDED", "MODIFIED"):
                        yield event["object"]
        except (HTTPError, OSError):
            return
        finally:
            alarm.cancel()
            stream.close()

    def _request(
        self,
        method: str,
        kind: str,
        name: str = "",
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        retry_seconds: float | None = None,
    ) -> Json:
        timeout = Timeout(total=self._settings.request_seconds)
        answer = self._with_retries(
            lambda: self._send(method, kind, name, query, body, timeout), retry_seconds
        )
        return dict(json.loads(answer.data))

    def _with_retries(self, send: Callable[[], Any], retry_seconds: float | None = None) -> Any:
        """Send a request; retry while the API server is unavailable, by default for CHATBOT_K8S_PATIENCE_SECONDS."""
        seconds = self._settings.patience_seconds if retry_seconds is None else retry_seconds
        return self.runtime.retry(send, Unreachable, seconds)

    def _send(
        self,
        method: str,
        kind: str,
        name: str,
        query: Mapping[str, str] | None,
        body: Json | None,
        timeout: Timeout,
    ) -> Any:
        """Send one request; return the response, whose body is unread if it is a watch stream.

        Raises: Unreachable: no complete response arrives within `request_seconds`.
        """
        parts = [self.host, _GROUPS[kind], "namespaces", self.namespace, kind, *([name] if name else [])]
        manager = {"fieldManager": FIELD_MANAGER} if body is not None else {}
        url = "/".join(parts) + "?" + urlencode({**(query or {}), **manager})
        headers = {"Accept": "application/json", "User-Agent": FIELD_MANAGER}
        if body is not None:
            headers["Content-Type"] = _MERGE_PATCH if method == "PATCH" else "application/json"
        self._client.update_params_for_auth(headers, [], ["BearerToken"], url, method, body)
        request = f"{method} {kind}{'/' if name else ''}{name} in namespace {self.namespace}"
        try:
            with Deadline(self._settings.request_seconds) as limit:
                answer = self.runtime.request(
                    self._client.rest_client.pool_manager,
                    method,
                    url,
                    body=None if body is None else json.dumps(body).encode(),
                    headers=headers,
                    timeout=timeout,
                    preload_content="watch" not in (query or {}),
                )
            if limit.expired:
                raise TimeoutError(f"no complete response within {self._settings.request_seconds:g} s")
        except (HTTPError, OSError) as error:
            raise Unreachable(
                f"the API server at {self.host} does not answer ({request}): {error}. The next run tries again"
            ) from error
        if answer.status >= 400:
            raise _to_error(answer, request, self.host)
        return answer


def _end(stream: Any) -> None:
    """End a watch that another thread reads, if it has not ended."""
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        stream.shutdown()


def _load_configuration(settings: KubernetesSettings) -> tuple[Any, str]:
    """Return the client configuration and its default namespace."""
    configuration = client.Configuration()
    try:
        if settings.kubeconfig is None and (_SERVICE_ACCOUNT / "token").is_file():
            load_incluster_config(client_configuration=configuration)
            return configuration, (_SERVICE_ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
        file = str(settings.kubeconfig) if settings.kubeconfig else None
        load_kube_config(config_file=file, client_configuration=configuration)
        _, active = list_kube_config_contexts(config_file=file)
        return configuration, str(active["context"].get("namespace", "default"))
    except (ConfigException, OSError, ValueError) as error:
        source = settings.kubeconfig or f"{_SERVICE_ACCOUNT} or ~/.kube/config"
        raise SettingError(
            f"no account on a Kubernetes cluster at {source}: {error}. In a pod, project the service account's "
            "token into this container; elsewhere set CHATBOT_K8S_KUBECONFIG"
        ) from error


def _to_error(answer: Any, request: str, host: str) -> StoreError:
    """Convert an error response to the matching exception."""
    try:
        reason = str(json.loads(answer.data).get("message", "")) or str(answer.reason)
    except (ValueError, AttributeError):
        reason = str(answer.reason)
    match answer.status:
        case 401:
            unknown = f"the API server at {host} does not know this account's token: {reason}"
            return Denied(f"{request}: {unknown}. Is it projected into this container, and of this cluster?")
        case 403:
            return Denied(
                f"{request}: {reason}. docs/operations/kubernetes.md lists the rights that this account needs"
            )
        case 404:
            return Missing(f"{request}: {reason}")
        case 409:
            return Conflict(f"{request}: {reason}")
        case 429 | 500 | 502 | 503 | 504 as status:
            return Unreachable(f"{request}: the API server at {host} cannot answer now: {status} {reason}")
        case status:
            return ClusterError(f"{request}: {status} {reason}")
