"""Versions of the model that a test makes, whole, damaged, worse: in store and registry as a retraining's are."""

from __future__ import annotations

import json
from pathlib import Path

from chatbot.model import bundle_store
from chatbot.model.ref import ModelRef
from chatbot.settings import TrackingSettings
from tests.bento import bundles
from tests.e2e.release import Release
from training.tracking.client import connected

_UNSURE = {"answer": 1.0, "clarify": 1.0}
"""Thresholds that no message reaches: every one is handed over to a person."""


def serving(release: Release, folder: Path) -> Path:
    """The bundle that serves now, fetched from the store."""
    (digest,) = {str(version["bundle_digest"]) for version in release.versions()}
    with release.store() as store:
        return bundle_store.fetch(store, digest, folder)


def as_good(base: Path, to: Path) -> Path:
    """Another version that answers as the one it is made of."""
    return bundles.other(base, to, to.name)


def unsure(base: Path, to: Path) -> Path:
    """A whole bundle that becomes ready and hands every message over to a person."""
    thresholds = json.loads((base / "model.json").read_text())["thresholds"]
    return bundles.other(base, to, to.name, thresholds=thresholds | _UNSURE)


def publish(release: Release, folder: Path) -> ModelRef:
    """Put a bundle into the store and into the registry, beside the champion and with what is known of it."""
    with release.store() as store:
        digest = bundle_store.push(store, folder)
    with release.forward(f"service/{release.name}-mlflow", 5000) as url:
        from training.tracking.registry import Registry

        settings = TrackingSettings(tracking_uri=url)
        registry = Registry(settings)
        champion = registry.champion()
        assert champion is not None
        with connected(settings) as client:
            run = client.create_run(client.get_run(champion.run_id).info.experiment_id)
        version = registry.register(run.info.run_id, folder, champion.tags)
    assert version.bundle_digest == digest
    return version.ref


def damage(release: Release, model: ModelRef) -> str:
    """Change a file of a bundle in the store; its name."""
    name = "head.safetensors"
    key = bundle_store.key(model.digest, name)
    with release.store() as store:
        content = bytearray(store.get(key))
        content[len(content) // 2] ^= 1
        store.put(key, bytes(content))
    return name
