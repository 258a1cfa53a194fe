"""Which version serves, whose records are compared, and the reference that its bundle carries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pyarrow.parquet as pq
from pydantic import ValidationError

from chatbot import bundle as bundles
from chatbot import bundle_store, serving
from chatbot.errors import BundleError, Denied, SettingError
from chatbot.model_ref import ModelRef
from chatbot.settings import ServiceSettings
from chatbot.storage import Store
from monitoring.drift_columns import Columns, of_table
from monitoring.drift_source import Source, begin_of

HERE = Path("models/current")
_LOOK_BACK = timedelta(days=14)
_API_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Serving:
    """What serves.

    Attributes:
        version: what its records are called. digest: of its bundle; empty where only its records are known.
        reference: the training messages' features; None where the bundle is out of reach.
        since: no record of it is older.
    """

    version: str
    digest: str
    reference: Columns | None
    since: datetime

    @property
    def name(self) -> str:
        """What its baseline is filed under."""
        return self.digest or f"version-{self.version}"


def find(
    settings: ServiceSettings, store: Store | None, source: Source, now: datetime, api_url: str = ""
) -> Serving:
    """What serves: as CHATBOT_MODEL, the bot or serving.json say, else the bundle here, else the newest record's.

    In a cluster this container may not ask the API server for the annotation: the bot says, and where it does not
    answer, the newest record does.

    Args:
        api_url: where the bot is asked; one that does not answer is passed over.

    Raises:
        BundleError: the bundle that was named is damaged or was never put into the store.
        StoreError: the store does not answer.
    """
    if not settings.model and (asked := _asked(api_url)):
        return _in_store(asked.version, asked.digest, store, settings.bundle_cache, now)
    if ref := _named(settings, store):
        if store is None:
            raise BundleError(
                f"{ref.version}@{ref.digest[:12]}… is named, and there is no store to fetch it from"
            )
        folder = bundle_store.fetch(store, ref.digest, settings.bundle_cache)
        return _of_bundle(folder, ref.version, ref.digest, now)
    folder = settings.bundle or HERE
    if (folder / bundles.SUMS).is_file():
        digest = bundles.verify(folder)
        return _of_bundle(folder, settings.model_version or digest[:12], digest, now)
    if settings.bundle:
        raise BundleError(f"CHATBOT_BUNDLE={folder} is no bundle: {bundles.SUMS} is missing")
    version, digest = _newest(source, now)
    return _in_store(version, digest, store, settings.bundle_cache, now)


def _named(settings: ServiceSettings, store: Store | None) -> ModelRef | None:
    if settings.model:
        return ModelRef.parse(settings.model)
    try:
        return serving.read(store).ref if store is not None else None
    except Denied:  # in a cluster the annotation is the truth, and nobody may read this
        return None


def _asked(api_url: str) -> ModelRef | None:
    """What the bot says that it serves; None: it does not say."""
    if not api_url:
        return None
    try:
        with urlopen(f"{api_url.rstrip('/')}/version", timeout=_API_SECONDS) as answer:  # noqa: S310 - a setting
            said = json.load(answer)
        return ModelRef.parse(f"{said['model_version']}@{said['bundle_digest']}")
    except (OSError, ValueError, KeyError, TypeError, SettingError):
        return None


def _in_store(version: str, digest: str, store: Store | None, cache: Path, now: datetime) -> Serving:
    """What was named; without its reference where the store does not hold it, as before the first registration."""
    if not digest or store is None or not bundle_store.held(store, digest):
        return Serving(version, digest, None, now - _LOOK_BACK)
    return _of_bundle(bundle_store.fetch(store, digest, cache), version, digest, now)


def _of_bundle(folder: Path, version: str, digest: str, now: datetime) -> Serving:
    try:
        made = bundles.Made.model_validate_json((folder / bundles.MADE).read_bytes()).created
    except (OSError, ValidationError):
        made = None
    since = made.astimezone(UTC) - timedelta(days=1) if made else now - _LOOK_BACK
    return Serving(version, digest, of_table(pq.read_table(folder / bundles.REFERENCE)), since)


def _newest(source: Source, now: datetime) -> tuple[str, str]:
    """Model version and bundle digest of the newest record; empty where there is none."""
    newest, found = datetime.min.replace(tzinfo=UTC), ("", "")
    columns = ("timestamp", "model_version", "bundle_digest")
    for day in reversed(source.days(now - _LOOK_BACK, now)):
        for table in source.tables(begin_of(day), now, columns, lambda _where, _why: None):
            row = int(table["timestamp"].to_numpy().argmax())
            when = table["timestamp"][row].as_py()
            if when > newest:
                newest, found = (
                    when,
                    (table["model_version"][row].as_py(), table["bundle_digest"][row].as_py()),
                )
        if found[0]:
            break
    return found
