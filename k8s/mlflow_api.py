"""MLflow's registry over its REST API, as much of it as a promotion needs: MLflow itself is not in this image."""

from __future__ import annotations

import base64
import json
import os
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request

from chatbot.errors import ChatbotError, SettingError
from chatbot.model_ref import ModelRef
from k8s.api.runtime import REAL, Runtime

REGISTERED_MODEL = "support-chatbot"
CHAMPION = "champion"
DIGEST_TAG = "bundle_digest"
_RETRY_SECONDS = 2.0
_PAGE = 200


class RegistryError(ChatbotError):
    """MLflow does not answer, or refuses."""

    status = 503
    type = "registry"


class UnknownVersion(RegistryError):
    """The registry has no such version."""

    status = 404


class MlflowApi:
    """The versions and aliases of one registered model. Opens no connection until asked."""

    def __init__(
        self,
        uri: str,
        seconds: float,
        retry_seconds: float,
        model: str = REGISTERED_MODEL,
        runtime: Runtime = REAL,
    ) -> None:
        """The login is taken from where MLflow's own client takes it (MLFLOW_TRACKING_TOKEN, _USERNAME, _PASSWORD).

        Args:
            uri: the server's, http or https.
            seconds: for one answer.
            patience: how long a server that does not answer is asked again.
            model: the registered model.
            outside: time and network.

        Raises:
            SettingError: the uri is not that of a server.
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
        """The version that has the alias; empty: none has it."""
        model = self._request("GET", "registered-models/get", name=self._model)["registered_model"]
        aliases = {a["alias"]: str(a["version"]) for a in model.get("aliases", [])}
        return aliases.get(CHAMPION, "")

    def set_champion(self, version: str) -> None:
        """Give a version the alias; whoever had it has it no more.

        Raises:
            UnknownVersion: there is no such version.
        """
        self._request("POST", "registered-models/alias", name=self._model, alias=CHAMPION, version=version)

    def ref(self, version: str) -> ModelRef:
        """A version with its bundle's digest.

        Raises:
            UnknownVersion: there is none, or it carries no digest.
        """
        found = self._request("GET", "model-versions/get", name=self._model, version=version)["model_version"]
        digest = _tags(found).get(DIGEST_TAG, "")
        if not digest:
            raise UnknownVersion(
                f"version {version} of {self._model} has no tag {DIGEST_TAG}: it cannot be served"
            )
        return ModelRef(str(found["version"]), digest)

    def version_of(self, digest: str) -> str:
        """The latest version of that bundle; empty: there is none."""
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
