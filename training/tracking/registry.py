"""Use the model registry: list, register and fetch versions; read and set the aliases `champion` and `challenger`.

The registry is MLflow's, on a server or in a local database. A version's artifact is the whole bundle,
transferred through the server's artifact proxy, so that clients need no credentials for the store.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.errors import BundleError
from chatbot.loop.registry import (
    BUNDLE_DIGEST,
    CHALLENGER,
    CHAMPION,
    MADE_DIGEST,
    SCORES,
    ModelVersion,
    NotRegistered,
    RegistryClient,
    RegistryError,
    is_server,
)
from chatbot.model import bundle as bundles
from chatbot.model.bundle_store import sound
from chatbot.settings import TrackingSettings
from training.tracking.client import TrackingFailed, connected, explain, preflight

if TYPE_CHECKING:
    from mlflow.entities.model_registry import RegisteredModel
    from mlflow.tracking import MlflowClient

ARTIFACT = "bundle"
"""Artifact path of the bundle within a run."""
_MAX_LOCAL_VERSIONS = 10_000


class Registry:
    """Client of the registered model `support-chatbot`; the constructor sends no request.

    Every other method raises TrackingFailed if the server cannot be reached or refuses.
    """

    def __init__(self, settings: TrackingSettings) -> None:
        self._settings = settings

    def register(self, run_id: str, bundle: Path, tags: Mapping[str, str]) -> ModelVersion:
        """Upload a bundle as the run's artifact and create its version; idempotent per bundle digest.

        Args: tags: at least CORPUS_DIGEST, CORPUS_POINTER, GIT_COMMIT; BUNDLE_DIGEST, MADE_DIGEST and SCORES are added.

        Raises: BundleError: the folder is not a bundle.
        """
        digest = bundles.verify(bundle)
        scores = bundles.read_manifest(bundle).scores
        if found := self.find(digest):
            return found
        with connected(self._settings) as client:
            if self._model(client) is None:
                client.create_registered_model(self._settings.model)
            client.log_artifacts(run_id, str(bundle), ARTIFACT)
            made = client.create_model_version(
                self._settings.model,
                f"runs:/{run_id}/{ARTIFACT}",
                run_id,
                tags={
                    **tags,
                    BUNDLE_DIGEST: digest,
                    MADE_DIGEST: bundles.made_digest(bundle),
                    SCORES: json.dumps(scores),
                },
                await_creation_for=0,
            )
        return self.get(str(made.version))

    def champion(self) -> ModelVersion | None:
        """Return the version that should serve."""
        return self._aliased(CHAMPION)

    def challenger(self) -> ModelVersion | None:
        """Return the candidate version: awaiting promotion, or refused."""
        return self._aliased(CHALLENGER)

    def versions(self) -> list[ModelVersion]:
        """Return all versions, newest first."""
        if not is_server(self._settings):
            return self._local_versions()
        preflight(self._settings)
        try:
            return RegistryClient(self._settings).versions()
        except NotRegistered:
            return []
        except RegistryError as error:
            raise TrackingFailed(explain(error)) from error

    def get(self, number: str) -> ModelVersion:
        """Raises: TrackingFailed: the version does not exist; the message lists the existing ones."""
        versions = self.versions()
        for version in versions:
            if version.number == number:
                return version
        there = ", ".join(version.number for version in versions) or "none"
        raise TrackingFailed(f"{self._settings.model} has no version {number!r}; there are: {there}")

    def find(self, bundle_digest: str) -> ModelVersion | None:
        """Find the version of a bundle by its digest."""
        return next((one for one in self.versions() if one.bundle_digest == bundle_digest), None)

    def set_alias(self, alias: str, number: str) -> None:
        """Point an alias to a version; an alias names one version at a time."""
        with connected(self._settings) as client:
            client.set_registered_model_alias(self._settings.model, alias, number)

    def tag(self, number: str, key: str, value: str) -> None:
        """Set a tag of a version."""
        with connected(self._settings) as client:
            client.set_model_version_tag(self._settings.model, number, key, value)

    def fetch(self, number: str, folder: Path) -> Path:
        """Download a version's bundle into `folder/<digest>` and verify its digest, and that of made.json.

        Raises:
            BundleError: the downloaded bundle is damaged.
            TrackingFailed: the server cannot be reached, or the version does not exist.
        """
        version = self.get(number)
        final = folder / version.bundle_digest
        if sound(final, version.bundle_digest, version.made_digest):
            return final
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
            with connected(self._settings) as client:
                got = Path(client.download_artifacts(version.run_id, ARTIFACT, scratch))
            if (found := bundles.verify(got)) != version.bundle_digest:
                raise BundleError(
                    f"version {number} should hold the bundle {version.bundle_digest}, its artifact is {found}"
                )
            bundles.verify_made(got, version.made_digest)
            shutil.rmtree(final, ignore_errors=True)
            got.rename(final)
        return final

    def _aliased(self, alias: str) -> ModelVersion | None:
        """Return the version that an alias names."""
        return next((version for version in self.versions() if alias in version.aliases), None)

    def _local_versions(self) -> list[ModelVersion]:
        """Return all versions of a local database, which has no HTTP API."""
        with connected(self._settings) as client:
            model = self._model(client)
            if model is None:
                return []
            found = client.search_model_versions(f"name = '{self._settings.model}'", _MAX_LOCAL_VERSIONS)
        versions = [
            ModelVersion.parse(
                entry.version, entry.run_id, entry.creation_timestamp, entry.tags, model.aliases
            )
            for entry in found
        ]
        return sorted(versions, key=lambda version: -int(version.number))

    def _model(self, client: MlflowClient) -> RegisteredModel | None:
        from mlflow.exceptions import MlflowException

        try:
            return client.get_registered_model(self._settings.model)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
