"""Select the bundle for the review: it supplies the intents, and the encoder for clustering."""

from __future__ import annotations

from pathlib import Path

from chatbot.errors import BundleError, ChatbotError
from chatbot.loop import desired_model
from chatbot.model import bundle as bundles
from chatbot.model import bundle_store
from chatbot.model.ref import ModelRef
from chatbot.settings import ServiceSettings, TrackingSettings
from chatbot.store import Store, layout

_CURRENT = Path("models/current")


def find_bundle(store: Store, settings: ServiceSettings, tracking: TrackingSettings) -> Path:
    """Return the folder of the bundle to review with.

    Order of precedence: the settings, serving.json, the locally trained bundle, the champion, the newest
    bundle in the store.

    Raises: BundleError: no bundle was found.
    """
    configured = ModelRef.parse(settings.model) if settings.model else None
    if configured is None and settings.bundle is not None:
        return settings.bundle
    if (ref := configured or desired_model.read(store).ref) is not None:
        return bundle_store.fetch(store, ref.digest, settings.bundle_cache, ref.made or None)
    if (_CURRENT / bundles.SUMS).is_file():
        return _CURRENT
    digest = _champion(tracking)
    if not digest or not bundle_store.held(store, digest):
        digest = _newest(store)
    return bundle_store.fetch(store, digest, settings.bundle_cache)


def _champion(tracking: TrackingSettings) -> str:
    """Return the champion's digest; empty if there is no champion or MLflow is unavailable."""
    from training.tracking.registry import Registry

    try:
        champion = Registry(tracking).champion()
    except ChatbotError:
        return ""
    return champion.bundle_digest if champion else ""


def _newest(store: Store) -> str:
    """Return the digest of the newest bundle in the store. Raises: BundleError: there is none."""
    sums = f"/{bundles.SUMS}"
    held = [entry for entry in store.list(layout.BUNDLES) if entry.key.endswith(sums)]
    if not held:
        raise BundleError(
            "no bundle to review with: set CHATBOT_MODEL or CHATBOT_BUNDLE, or train one with "
            "`python -m training.train`"
        )
    return max(held, key=lambda entry: entry.modified).key.removesuffix(sums).rpartition("/")[2]
