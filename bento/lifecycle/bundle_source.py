"""Resolve and fetch the bundle to serve: once, by digest, before any worker starts.

The desired model is set by CHATBOT_MODEL, or by a file (CHATBOT_MODEL_FILE) with either the pod's annotations, as
the downward API writes them, or the name alone. If neither is set, the service serves the bundle beside its code.
"""

from __future__ import annotations

import json
import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from bento.version import ROOT
from chatbot.errors import BundleError, SettingError, StoreError
from chatbot.model import bundle_store
from chatbot.model.ref import ModelRef
from chatbot.settings import ServiceSettings, StorageSettings
from chatbot.store import open_store

ANNOTATION = "support-chatbot/model-version"


def bundle_folder(settings: ServiceSettings) -> Path:
    """Return the bundle's path: as set, else inside the Bento, else where `make run` trains it."""
    if settings.bundle is not None:
        return settings.bundle
    packed = ROOT / "bundle"
    return packed if packed.is_dir() else ROOT / "models" / "current"


@dataclass(frozen=True, slots=True)
class BundleSource:
    """Path and expected digest of the bundle to serve."""

    folder: Path
    version: str = ""
    """Name in `/version` and in the records; empty: the first digits of the digest."""
    digest: str = ""
    """Expected digest; empty: any, because no model is configured."""
    made: str = ""
    """Registered digest of made.json; empty: unknown."""

    def check(self, digest: str) -> None:
        """Raise BundleError if the digest of the loaded bundle differs from the expected one."""
        if self.digest and digest != self.digest:
            raise BundleError(
                f"{self.folder} contains the bundle {digest}, but the configured one is {self.version}@{self.digest}"
            )


def configured(settings: ServiceSettings) -> ModelRef | None:
    """Return the model that the settings name; None: the bundle that ships with the code.

    Raises:
        SettingError: CHATBOT_MODEL or the file does not name a model, or the file cannot be read.
    """
    if settings.model:
        return _parse(settings.model, "CHATBOT_MODEL")
    if settings.model_file is None:
        return None
    try:
        content = settings.model_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"CHATBOT_MODEL_FILE={settings.model_file} cannot be read: {error}") from error
    name = _annotation(content)
    return _parse(name, f"CHATBOT_MODEL_FILE={settings.model_file}") if name else None


def pin(environment: MutableMapping[str, str] = os.environ) -> None:
    """Write the desired model into the environment, so that later changes of the file do not affect this server.

    Every process of the server then serves the same bundle.

    Raises:
        SettingError: as `configured`.
    """
    settings = ServiceSettings()
    if (ref := configured(settings)) is not None:
        environment["CHATBOT_MODEL"] = str(ref)
        environment["CHATBOT_BUNDLE_CACHE"] = str(settings.bundle_cache.resolve())
    environment.pop("CHATBOT_MODEL_FILE", None)


def resolve(settings: ServiceSettings) -> BundleSource:
    """Return path and digest of the desired bundle, as `fetch` leaves it. Does not access the store.

    Raises:
        SettingError: as `configured`.
    """
    if (ref := configured(settings)) is None:
        return BundleSource(bundle_folder(settings), settings.model_version)
    return BundleSource(settings.bundle_cache / ref.digest, ref.version, ref.digest, ref.made)


def fetch(settings: ServiceSettings) -> BundleSource:
    """Fetch the desired bundle; idempotent: if the cache holds it undamaged, the store is not accessed.

    Raises:
        SettingError: as `configured`; no store is configured; or the cache is not writable.
        BundleError: the bundle is missing in the store or damaged.
        StoreError: the store is unavailable or refuses access.
    """
    found = resolve(settings)
    if found.digest:
        try:
            store = open_store(StorageSettings())
            bundle_store.fetch(store, found.digest, settings.bundle_cache, found.made or None)
        except (BundleError, StoreError) as error:
            raise type(error)(
                f"model {found.version}@{found.digest[:12]}… cannot be served: {error}"
            ) from error
        except OSError as error:
            raise SettingError(
                f"CHATBOT_BUNDLE_CACHE={settings.bundle_cache}: the bundle cannot be stored there: {error}"
            ) from error
    return found


def _parse(name: str, where: str) -> ModelRef:
    try:
        return ModelRef.parse(name)
    except SettingError as error:
        raise SettingError(f"{where}: {error}") from None


def _annotation(content: str) -> str:
    """Extract the model's name from annotations, one `key="value"` per line, or from a file with the name alone."""
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    for line in lines:
        key, _, value = line.partition("=")
        if key == ANNOTATION:
            try:
                return str(json.loads(value)) if value.startswith('"') else value
            except ValueError:
                return value
    return lines[0] if len(lines) == 1 and "=" not in lines[0] else ""
