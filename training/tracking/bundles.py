"""Fetch the bundle of a registered version from the store, or from the registry if the store lacks it."""

from __future__ import annotations

import logging
from pathlib import Path

from chatbot.errors import BundleError
from chatbot.loop.registry import ModelVersion
from chatbot.model import bundle_store
from chatbot.store import Store
from training.tracking.registry import Registry

logger = logging.getLogger(__name__)


def fetch_bundle(store: Store, registry: Registry, version: ModelVersion, folder: Path) -> Path:
    """Fetch a version's bundle into `folder/<digest>`; repair a missing or damaged copy in the store.

    Raises: BundleError: the registry's copy is damaged too.
    """
    try:
        bundle = bundle_store.fetch(store, version.bundle_digest, folder, version.made_digest)
    except BundleError as error:
        logger.warning(
            "the store's copy of version %s is replaced by the registry's: %s", version.number, error
        )
        bundle = registry.fetch(version.number, folder)
        bundle_store.push(store, bundle, anew=True)
        return bundle
    # A copy in `folder` satisfies this machine only; others, and a new pod, fetch from the store.
    if not bundle_store.held(store, version.bundle_digest):
        bundle_store.push(store, bundle)
    return bundle
