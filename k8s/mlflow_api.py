"""Client for MLflow's model registry over REST, limited to what a rollout needs; the image does not contain MLflow."""

from __future__ import annotations

import base64
import json
import os
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request

from chatbot.errors import ChatbotError, SettingError
from chatbot.model.ref import ModelRef
from k8s.api.runtime import REAL, Runtime

REGISTERED_MODEL = "support-chatbot"
CHAMPION = "champion"
DIGEST_TAG = "bundle_digest"
_RETRY_SECONDS = 2.0
_PAGE = 200


class RegistryError(ChatbotError):
    """MLflow does not answer or refuses the request."""

    status = 503
    type = "registry"


class UnknownVersion(RegistryError):
    """The registry does not contain this version."""

    status = 404


class MlflowApi:
    """Client for the versions and aliases of one registered model. Opens no connection until the first request."""

    def __init__(
        self,
        uri: str,
        seconds: float,
        retry_seconds: float,
        model: str = REGISTERED_MODEL,
        runtime: Runtime = REAL,
    ) -> None:
        """Configure the client.

        Credentials come from MLflow's own variables: MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD.

        Args:
            uri: the server's address, http or https.
            seconds: timeout of one request.
            retry_seconds: how long an unavailable server is retried.
            model: name of the registered model.
            runtime: time and network.

        Raises:
            SettingError: the uri is not the address of a server.
        """
        if not uri.startswith(("http://", "https://")):
            raise SettingError(
                f"MLFLOW_TRACKING_URI={uri!r}: an MLflow server's address is needed here, such as http://mlflow:5000"
            )
        self._base = uri.rstrip("/") + "/api/2.0/mlflow/"
        self._seconds = seconds
        self._retry_seconds = retry_seconds
        self._model = model
        self._runtime = runtime

    def champion(self) -> str:
        """Return the version with the alias `champion`; empty: no version has it."""
        model = self._request("GET", "registered-models/get", name=self._model)["registered_model"]
        aliases = {a["alias"]: str(a["version"]) for a in model.get("aliases", [])}
        return aliases.get(CHAMPION, "")

    def set_champion(self, version: str) -> None:
        """Move the alias `champion` to a version. Idempotent.

        Raises:
            UnknownVersion: the version does not exist.
        """
        self._request("POST", "registered-models/alias", name=self._model, alias=CHAMPION, version=version)

    def ref(self, version: str) -> ModelRef:
        """Return a version with its bundle digest.

        Raises:
            UnknownVersion: the version does not exist or has no digest tag.
        """
        found = self._request("GET", "model-versions/get", name=self._model, version=version)["model_version"]
        digest = _tags(found).get(DIGEST_TAG, "")
        if not digest:
            raise UnknownVersion(
                f"version {version} of {self._model} has no tag {DIGEST_TAG}: it cannot be served"
            )
        return ModelRef(str(found["version"]), digest)

    def version_of(self, digest: str) -> str:
        """Return the latest version with this bundle digest; empty: none exists."""
        page, best = "", 0
        while True:
            parameters = {"filter": f"name='{self._model}'", "max_results": _PAGE}
            answer = self._request(
                "GET", "model-versions/search", **parameters, **({"page_token": page} if page else {})
            )
            for found in answer.get("model_versions", []):
                if _tags(found).get(DIGEST_TAG) == digest:
                    best = max(best, int(found["version"]))
            page = answer.get("next_page_token", "")
            if not page:
                return str(best) if best else ""

    def _request(self, method: str, path: str, **parameters: Any) -> dict[str, Any]:
        url = self._base + path
        body = None
        if method == "GET":
            url += "?" + urlencode(parameters)
        else:
            body = json.dumps(parameters).encode()
        request = Request(url, data=body, method=method, headers=_auth_headers())  # noqa: S310  # http(s), checked above
        request.add_header("Content-Type", "application/json")
        until = self._runtime.monotonic() + self._retry_seconds
        while True:
            try:
                return dict(json.loads(self._runtime.fetch(request, self._seconds) or b"{}"))
            except HTTPError as error:
                reply = error.read().decode(errors="replace")[:500]
                if error.code == 404 or "not found" in reply:
                    raise UnknownVersion(f"MLflow at {self._base}: {path} {parameters}: {reply}") from error
                if error.code < 500 and error.code != 429:
                    raise RegistryError(
                        f"MLflow at {self._base} refuses {path}: {error.code} {reply}"
                    ) from error
                reason = f"{error.code} {reply}"
            except (URLError, OSError, ValueError) as error:
                reason = str(error)
            if self._runtime.monotonic() + _RETRY_SECONDS > until:
                raise RegistryError(
                    f"MLflow at {self._base} does not answer {path}: {reason}. What serves goes on serving; run this "
                    "again when MLflow is back"
                )
            self._runtime.sleep(_RETRY_SECONDS)


def _tags(version: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in version.get("tags", [])}


def _auth_headers() -> dict[str, str]:
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    if user := os.environ.get("MLFLOW_TRACKING_USERNAME"):
        password = os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
    return {}
