"""Which bundle this service was told to serve, and how it gets here: fetched once, by digest, before any worker starts.

Told by CHATBOT_MODEL, or by a file (CHATBOT_MODEL_FILE): the pod's annotations, as the downward API writes
them, or the name alone. Told nothing, the service takes the bundle that lies beside its code.
"""

from __future__ import annotations

import json
import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from bento.config import bundle_folder
from chatbot import bundle_store
from chatbot.bundle_store import ModelRef
from chatbot.errors import BundleError, SettingError, StoreError
from chatbot.settings import ServiceSettings, StorageSettings, read_settings
from chatbot.storage import open_store

ANNOTATION = "support-chatbot/model-version"


@dataclass(frozen=True, slots=True)
class Served:
    """Where the bundle lies, and what it must be."""

    folder: Path
    version: str = ""
    """What `/version` and the records call it; empty: the first digits of its digest."""
    digest: str = ""
    """The digest it must have; empty: any, for nothing was told."""

    def check(self, digest: str) -> None:
        """Raises: BundleError: what was loaded is not what was told."""
        if self.digest and digest != self.digest:
            raise BundleError(
                f"{self.folder} holds the bundle {digest}, told to serve {self.version}@{self.digest}"
            )


def told(settings: ServiceSettings) -> ModelRef | None:
    """What the settings say should serve; None: the bundle beside the code.

    Raises:
        SettingError: CHATBOT_MODEL or the file names no model, or the file cannot be read.
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
    """Write down what is told now, so that every process of this server serves the same, whatever the file says later.

    Raises:
        SettingError: as `told`.
    """
    settings = read_settings(ServiceSettings)
    if (ref := told(settings)) is not None:
        environment["CHATBOT_MODEL"] = str(ref)
        environment["CHATBOT_BUNDLE_CACHE"] = str(settings.bundle_cache.resolve())
    environment.pop("CHATBOT_MODEL_FILE", None)


def served(settings: ServiceSettings) -> Served:
    """Where the told bundle lies once it was fetched. Asks no store.

    Raises:
        SettingError: as `told`.
    """
    if (ref := told(settings)) is None:
        return Served(bundle_folder(settings), settings.model_version)
    return Served(settings.bundle_cache / ref.digest, ref.version, ref.digest)


def fetch(settings: ServiceSettings) -> Served:
    """Fetch the told bundle, unless it lies in the cache and is sound: then the store is not asked.

    Raises:
        SettingError: as `told`, or there is no store.
        BundleError: the store has no such bundle, or a damaged one.
        StoreError: the store does not answer, or refuses.
    """
    found = served(settings)
    if found.digest:
        try:
            store = open_store(read_settings(StorageSettings))
            bundle_store.fetch(store, found.digest, settings.bundle_cache)
        except (BundleError, StoreError) as error:
            raise type(error)(
                f"model {found.version}@{found.digest[:12]}… does not serve: {error}"
            ) from error
        except OSError as error:
            raise SettingError(
                f"CHATBOT_BUNDLE_CACHE={settings.bundle_cache}: the bundle cannot be kept there: {error}"
            ) from error
    return found


def _parse(name: str, where: str) -> ModelRef:
    try:
        return ModelRef.parse(name)
    except SettingError as error:
        raise SettingError(f"{where}: {error}") from None


def _annotation(content: str) -> str:
    """The model's name out of annotations, one `key="value"` a line, or out of a file that holds it alone."""
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    for line in lines:
        key, _, value = line.partition("=")
        if key == ANNOTATION:
            try:
                return str(json.loads(value)) if value.startswith('"') else value
            except ValueError:
                return value
    return lines[0] if len(lines) == 1 and "=" not in lines[0] else ""
