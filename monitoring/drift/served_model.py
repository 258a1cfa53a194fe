"""Find the serving version, whose records are compared, and load the reference from its bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import Request

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from chatbot.errors import BundleError, Denied, SettingError
from chatbot.loop import desired_model
from chatbot.model import bundle as bundles
from chatbot.model import bundle_store
from chatbot.model.ref import ModelRef
from chatbot.runtime import REAL
from chatbot.settings import ApiClientSettings, ServiceSettings
from chatbot.store import Store
from monitoring.drift.columns import RecordColumns, of_table
from monitoring.drift.source import RecordSource, begin_of, ignore

HERE = Path("models/current")
_LOOK_BACK = timedelta(days=14)
_API_SECONDS = 10.0
_time = TypeAdapter(datetime | None)


@dataclass(frozen=True, slots=True)
class ServedModel:
    """The serving model.

    Attributes:
        version, digest: of its records, and of its bundle; empty if unknown.
        reference: features of the training messages; None if the bundle is not available.
        since: lower bound of the time of its records.
        target: what its bundle promises, and for which messages (`Manifest.target`); empty if the bundle is missing.
    """

    version: str
    digest: str
    reference: RecordColumns | None
    since: datetime
    target: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the name of its baseline: the digest, or the version if the digest is unknown."""
        return self.digest or f"version-{self.version}"

    def wrote(self, table: pa.Table) -> pa.ChunkedArray:
        """Return which records are of this model, shape (n,): by the bundle, as bundles may share a version's name.

        A record without a digest (of an earlier release), or of a model whose digest is unknown, counts by its version.
        """
        named = pc.equal(table["model_version"], self.version)
        if not self.digest:
            return named
        digests = table["bundle_digest"]
        return pc.or_(pc.equal(digests, self.digest), pc.and_(pc.equal(digests, ""), named))


def find(
    settings: ServiceSettings, store: Store | None, source: RecordSource, now: datetime, api_url: str = ""
) -> ServedModel:
    """Find the serving model.

    Sources in order: CHATBOT_MODEL, the bot's `/version`, serving.json in the store, the local bundle, the newest
    record. In a cluster the analysis container has no Kubernetes credentials to read the annotation: it uses the bot,
    or the newest record if the bot does not respond. Without a store, only this machine is searched.

    Raises: BundleError: the named bundle is damaged or not in the store, or CHATBOT_BUNDLE is not a bundle.
    """
    if not settings.model and (asked := _asked(api_url)):
        served, trained = asked
        return in_store(served.version, served.digest, trained, store, settings.bundle_cache, now)
    if ref := _named(settings, store):
        if store is None:
            raise BundleError(
                f"{ref.version}@{ref.digest[:12]}… is named, but no store is configured to fetch it from"
            )
        folder = bundle_store.fetch(store, ref.digest, settings.bundle_cache, ref.made or None)
        trained = bundles.read_made(folder).created if ref.made else None
        return _of_bundle(folder, ref.version, ref.digest, trained, now)
    folder = settings.bundle or HERE
    if (folder / bundles.SUMS).is_file():
        digest = bundles.verify(folder)
        trained = bundles.read_made(folder).created
        return _of_bundle(folder, settings.model_version or digest[:12], digest, trained, now)
    if settings.bundle:
        raise BundleError(f"CHATBOT_BUNDLE={folder} is not a bundle: {bundles.SUMS} is missing")
    version, digest = _newest(source, now)
    return in_store(version, digest, None, store, settings.bundle_cache, now)


def _named(settings: ServiceSettings, store: Store | None) -> ModelRef | None:
    if settings.model:
        return ModelRef.parse(settings.model)
    try:
        return desired_model.read(store).ref if store is not None else None
    except Denied:  # in a cluster the annotation is the source of truth, and serving.json is not readable
        return None


def _asked(api_url: str) -> tuple[ModelRef, datetime | None] | None:
    """Request the served model and its training time from the bot's `/version`; None without a valid response."""
    if not api_url:
        return None
    try:
        headers = ApiClientSettings().headers()
        request = Request(f"{api_url.rstrip('/')}/version", headers=headers)  # noqa: S310 - a setting
        said = json.loads(REAL.fetch(request, _API_SECONDS))
        ref = ModelRef.parse(f"{said['model_version']}@{said['bundle_digest']}")
        return ref, _time.validate_python(said.get("trained"))
    except (OSError, HTTPException, ValueError, KeyError, TypeError, RecursionError, SettingError):
        return None


def in_store(
    version: str, digest: str, trained: datetime | None, store: Store | None, cache: Path, now: datetime
) -> ServedModel:
    """Return a named model; without its reference if the store does not hold the bundle (not yet registered).

    Raises: BundleError: the bundle is damaged.
    """
    if not digest or store is None or not bundle_store.held(store, digest):
        return ServedModel(version, digest, None, now - _LOOK_BACK)
    return _of_bundle(bundle_store.fetch(store, digest, cache), version, digest, trained, now)


def _of_bundle(
    folder: Path, version: str, digest: str, trained: datetime | None, now: datetime
) -> ServedModel:
    since = trained.astimezone(UTC) - timedelta(days=1) if trained else now - _LOOK_BACK
    reference = of_table(pq.read_table(folder / bundles.REFERENCE))
    return ServedModel(version, digest, reference, since, bundles.read_manifest(folder).target)


def _newest(source: RecordSource, now: datetime) -> tuple[str, str]:
    """Return model version and bundle digest of the newest record; empty if there is none."""
    newest, found = datetime.min.replace(tzinfo=UTC), ("", "")
    columns = ("timestamp", "model_version", "bundle_digest")
    for day in reversed(source.days(now - _LOOK_BACK, now)):
        for table in source.tables(begin_of(day), now, columns, ignore):
            row = int(table["timestamp"].to_numpy().argmax())
            when = table["timestamp"][row].as_py()
            if when > newest:
                newest = when
                found = table["model_version"][row].as_py(), table["bundle_digest"][row].as_py()
        if found[0]:
            break
    return found
