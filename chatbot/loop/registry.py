"""Read MLflow's model registry (versions, tags, aliases) over plain HTTP, without importing MLflow.

Shared by `training`, `monitoring` and `k8s`. The login, the timeout and the number of retries are those of MLflow's own
client (`MLFLOW_TRACKING_*`, `MLFLOW_HTTP_*`).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlencode, urlsplit
from urllib.request import Request

from chatbot.errors import ChatbotError, SettingError
from chatbot.model.ref import ModelRef
from chatbot.runtime import REAL, Runtime
from chatbot.settings import TrackingSettings

CHAMPION, CHALLENGER = "champion", "challenger"
CORPUS_DIGEST, CORPUS_POINTER, GIT_COMMIT = "corpus_digest", "corpus_pointer", "git_commit"
BUNDLE_DIGEST, SCORES, GATE, MADE_DIGEST = "bundle_digest", "scores", "gate", "made_digest"
"""Tags of a version; `gate` is `passed`, `warned` or `refused`, and absent before the gate has run; `made_digest` is
the SHA-256 of made.json, which the bundle's digest does not cover."""
GATE_AGAINST, GIVEN_CORPUS = "gate_against", "given_corpus"
"""Tags of a retrained version: digests of the champion that the gate compared with, and of the given corpus."""
A = TypeVar("A")
_PAGE = 200
_MAX_PAGES, _MAX_FOLDERS = 1_000, 10_000
"""Of versions, and of artifacts."""
_ARTIFACTS = "mlflow-artifacts/artifacts"


class RegistryError(ChatbotError):
    """MLflow refuses a request."""

    status = 503
    type = "registry"


class RegistryUnavailable(RegistryError):
    """MLflow does not answer or is temporarily unavailable; a retry may succeed."""


class NotRegistered(RegistryError):
    """The registry does not contain this model or version."""

    status = 404


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered bundle."""

    number: str
    run_id: str
    created: datetime
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(
        cls,
        number: object,
        run_id: object,
        created_ms: object,
        tags: Mapping[str, str],
        aliases: Mapping[str, object],
    ) -> ModelVersion:
        """Create it from MLflow's fields; `aliases` maps the model's aliases to version numbers."""
        return cls(
            number=str(number),
            run_id=str(run_id or ""),
            created=datetime.fromtimestamp(int(str(created_ms or 0)) / 1000, UTC),
            aliases=tuple(sorted(alias for alias, of in aliases.items() if str(of) == str(number))),
            tags=dict(tags),
        )

    @property
    def bundle_digest(self) -> str:
        """Return the bundle's digest; empty: the version was not registered by this project."""
        return self.tags.get(BUNDLE_DIGEST, "")

    @property
    def made_digest(self) -> str | None:
        """Return the SHA-256 of the bundle's made.json, empty: it has none; None: an earlier release registered it."""
        return self.tags.get(MADE_DIGEST)

    @property
    def corpus_digest(self) -> str:
        """Return the digest of the training corpus."""
        return self.tags.get(CORPUS_DIGEST, "")

    @property
    def corpus_pointer(self) -> str:
        """Return JSON (`training.corpus.versions.Pointer`) that locates the training corpus in DVC."""
        return self.tags.get(CORPUS_POINTER, "")

    @property
    def git_commit(self) -> str:
        """Return the commit of the code that trained the bundle."""
        return self.tags.get(GIT_COMMIT, "")

    @property
    def verdict(self) -> str:
        """Return the gate's verdict: `passed`, `warned`, `refused`, or empty."""
        return self.tags.get(GATE, "")

    @property
    def may_serve(self) -> bool:
        """Return whether the gate accepted it, perhaps with a warning."""
        return self.verdict in ("passed", "warned")

    @property
    def is_retrained(self) -> bool:
        """Return whether a retraining made it: no image contains its bundle."""
        return GATE_AGAINST in self.tags or GIVEN_CORPUS in self.tags

    @property
    def scores(self) -> dict[str, float]:
        """Return the scores on the corpus's own rows; empty: the tag is missing or malformed."""
        try:
            return {
                str(name): float(value) for name, value in json.loads(self.tags.get(SCORES) or "{}").items()
            }
        except (ValueError, AttributeError, TypeError):
            return {}

    @property
    def ref(self) -> ModelRef:
        """Return the reference that a pod gets: version, bundle digest and digest of made.json."""
        return ModelRef(self.number, self.bundle_digest, self.made_digest or "")


def is_server(settings: TrackingSettings) -> bool:
    """Whether MLFLOW_TRACKING_URI is a server's address, not a local database."""
    return settings.tracking_uri.startswith(("http://", "https://"))


class RegistryClient:
    """Client of the registered model `settings.model` on an MLflow server. Opens no connection until first use.

    Every request raises RegistryError if MLflow is unavailable or refuses.
    """

    def __init__(
        self,
        settings: TrackingSettings,
        *,
        seconds: float | None = None,
        retry_seconds: float | None = None,
        runtime: Runtime = REAL,
    ) -> None:
        """Configure the client.

        Args:
            seconds: total time of one request; None: MLFLOW_HTTP_REQUEST_TIMEOUT.
            retry_seconds: how long an unavailable server is retried; None: MLFLOW_HTTP_REQUEST_MAX_RETRIES times.

        Raises: SettingError: MLFLOW_TRACKING_URI is not the address of a server.
        """
        if not is_server(settings):
            raise SettingError(
                f"MLFLOW_TRACKING_URI={settings.tracking_uri!r} is not an MLflow server: expected an address such as "
                "http://mlflow:5000"
            )
        parts = urlsplit(settings.tracking_uri)
        host = parts.netloc.rpartition("@")[2]
        self._base = f"{parts.scheme}://{host}{parts.path.rstrip('/')}/api/2.0/"
        self._model = settings.model
        self._login = _login(settings)
        self._seconds = settings.http_request_timeout if seconds is None else seconds
        self._limit: dict[str, float] = (
            {"attempts": 1 + settings.http_request_max_retries}
            if retry_seconds is None
            else {"seconds": retry_seconds}
        )
        self._runtime = runtime

    def aliases(self) -> dict[str, str]:
        """Return the version number of each alias.

        Raises: NotRegistered: the model does not exist.
        """
        with self._well_formed():
            model = self._request("GET", "registered-models/get", name=self._model)["registered_model"]
            return {alias["alias"]: str(alias["version"]) for alias in model.get("aliases", ())}

    def versions(self) -> list[ModelVersion]:
        """Return all versions with tags and aliases, newest first; raises like `aliases`."""
        aliases = self.aliases()
        found: list[ModelVersion] = []
        token = ""
        with self._well_formed():
            for _ in range(_MAX_PAGES):
                query = {"filter": f"name='{self._model}'", "max_results": _PAGE}
                page = self._request(
                    "GET", "model-versions/search", **query, **({"page_token": token} if token else {})
                )
                found += [_parse(entry, aliases) for entry in page.get("model_versions", ())]
                token = page.get("next_page_token", "")
                if not token:
                    return sorted(found, key=lambda version: -int(version.number))
            raise ValueError(f"more than {_MAX_PAGES:,} pages of versions")

    def version(self, number: str) -> ModelVersion:
        """Return a version without its aliases.

        Raises: NotRegistered: the version does not exist.
        """
        with self._well_formed():
            try:
                found = self._request("GET", "model-versions/get", name=self._model, version=number)
            except NotRegistered as error:
                raise NotRegistered(
                    f"{self._model} has no version {number}: `python -m training.versions` and the staff page "
                    f"Versions list them ({error})"
                ) from error
            return _parse(found["model_version"], {})

    def ref(self, number: str) -> ModelRef:
        """Return a version with its bundle digest.

        Raises: NotRegistered: the version does not exist or has no digest tag.
        """
        version = self.version(number)
        if not version.bundle_digest:
            raise NotRegistered(
                f"version {number} of {self._model} has no tag {BUNDLE_DIGEST}: it cannot be served"
            )
        return version.ref

    def version_of(self, digest: str) -> str:
        """Return the latest version with this bundle digest; empty: none exists."""
        return next((version.number for version in self.versions() if version.bundle_digest == digest), "")

    def set_alias(self, alias: str, number: str) -> None:
        """Move an alias to a version. Idempotent.

        Raises: NotRegistered: the version does not exist.
        """
        self._request("POST", "registered-models/alias", name=self._model, alias=alias, version=number)

    def set_tag(self, number: str, key: str, value: str) -> None:
        """Set a tag of a version. Idempotent."""
        self._request(
            "POST", "model-versions/set-tag", name=self._model, version=number, key=key, value=value
        )

    def artifacts(self, folder: str = "") -> Iterator[str]:
        """Yield the paths of all files below a folder of the server's artifacts.

        Raises: RegistryError: the server does not proxy artifacts, is unavailable, refuses, or lists without end.
        """
        folders = [folder]
        for _ in range(_MAX_FOLDERS):
            if not folders:
                return
            folder = folders.pop()
            query = "?" + urlencode({"path": folder}) if folder else ""
            with self._well_formed():
                for file in self._send("GET", _ARTIFACTS + query, parse=_json).get("files", ()):
                    path = f"{folder}/{file['path']}" if folder else str(file["path"])
                    if file.get("is_dir"):
                        folders.append(path)
                    else:
                        yield path
        raise RegistryError(f"MLflow at {self._base} lists more than {_MAX_FOLDERS:,} folders of artifacts")

    def artifact(self, path: str) -> bytes:
        """Return the content of one artifact."""
        return self._send("GET", f"{_ARTIFACTS}/{quote(path)}", parse=bytes)

    def put_artifact(self, path: str, content: bytes) -> None:
        """Replace one artifact."""
        self._send("PUT", f"{_ARTIFACTS}/{quote(path)}", content, parse=bytes)

    @contextlib.contextmanager
    def _well_formed(self) -> Iterator[None]:
        """Raise RegistryError where a response lacks what MLflow's API promises."""
        try:
            yield
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise RegistryError(
                f"MLflow at {self._base} gives an answer that its API does not define ({error!r:.200}): is "
                "MLFLOW_TRACKING_URI the address of an MLflow server?"
            ) from error

    def _request(self, method: str, path: str, **parameters: Any) -> dict[str, Any]:
        if method == "GET":
            return self._send(method, f"mlflow/{path}?{urlencode(parameters)}", parse=_json)
        return self._send(method, f"mlflow/{path}", json.dumps(parameters).encode(), parse=_json)

    def _send(self, method: str, path: str, body: bytes | None = None, *, parse: Callable[[bytes], A]) -> A:
        url = self._base + path
        headers = {"Content-Type": "application/json", **self._login}
        request = Request(url, data=body, method=method, headers=headers)  # noqa: S310  # http(s), checked above

        def send() -> A:
            try:
                return parse(self._runtime.fetch(request, self._seconds, certificates(url)))
            except HTTPError as error:
                raise self._error(error, path) from error
            except (OSError, ValueError, TypeError, RecursionError) as error:
                raise RegistryUnavailable(
                    f"MLflow at {self._base} does not answer {path}: {getattr(error, 'reason', error)}"
                ) from error

        return self._runtime.retry(send, RegistryUnavailable, **self._limit)

    def _error(self, error: HTTPError, path: str) -> RegistryError:
        reply = f"{error.code} {error.read().decode(errors='replace')[:500]}"
        if error.code == 404 or "not found" in reply:
            return NotRegistered(f"MLflow at {self._base}: {path}: {reply}")
        if error.code >= 500 or error.code == 429:
            return RegistryUnavailable(f"MLflow at {self._base} does not answer {path}: {reply}")
        if error.code == 401:
            reply += ". Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        return RegistryError(f"MLflow at {self._base} refuses {path}: {reply}")


def _json(body: bytes) -> dict[str, Any]:
    return dict(json.loads(body or b"{}"))


def _parse(entry: Mapping[str, Any], aliases: Mapping[str, str]) -> ModelVersion:
    tags = {tag["key"]: tag.get("value", "") for tag in entry.get("tags", ())}
    return ModelVersion.parse(
        entry["version"], entry.get("run_id"), entry.get("creation_timestamp"), tags, aliases
    )


def _login(settings: TrackingSettings) -> dict[str, str]:
    """Return the header that logs in: by the address's own user, else user and password, else token."""
    parts = urlsplit(settings.tracking_uri)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not user:
        user, password = settings.tracking_username, settings.tracking_password.get_secret_value()
    if user and password:
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
    token = settings.tracking_token.get_secret_value()
    return {"Authorization": f"Bearer {token}"} if token else {}


def certificates(url: str) -> ssl.SSLContext | None:
    """Return the certificates that MLflow's own variables name; None: those of the system."""
    if not url.startswith("https://"):
        return None
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        return ssl._create_unverified_context()  # noqa: S323  # the variable says so
    file = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH")
    return ssl.create_default_context(cafile=file) if file else None
