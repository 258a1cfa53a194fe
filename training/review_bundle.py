"""Which bundle to review with: its intents are what a message can have, its encoder finds what is alike."""

from __future__ import annotations

from pathlib import Path

from chatbot import bundle as bundles
from chatbot import bundle_store, serving
from chatbot.errors import BundleError, ChatbotError
from chatbot.model_ref import ModelRef
from chatbot.settings import ServiceSettings, TrackingSettings
from chatbot.storage import Store

_CURRENT = Path("models/current")


def find_bundle(store: Store, settings: ServiceSettings, tracking: TrackingSettings) -> Path:
    """As set, else what serving.json says, else the trained one, else the champion, else the store's newest.

    Raises:
        BundleError: there is none anywhere.
        StoreError: the store does not answer.
    """
    told = ModelRef.parse(settings.model) if settings.model else None
    if told is None and settings.bundle is not None:
        return settings.bundle
    if (ref := told or serving.read(store).ref) is not None:
        return bundle_store.fetch(store, ref.digest, settings.bundle_cache)
    if (_CURRENT / bundles.SUMS).is_file():
        return _CURRENT
    digest = _champion(tracking)
    if not digest or not bundle_store.held(store, digest):
        digest = _newest(store)
    return bundle_store.fetch(store, digest, settings.bundle_cache)


def _champion(tracking: TrackingSettings) -> str:
    """The champion's digest; empty where there is none, or MLflow is away."""
    from training.registry import Registry

    try:
        champion = Registry(tracking).champion()
    except ChatbotError:
        return ""
    return champion.bundle_digest if champion else ""


def _newest(store: Store) -> str:
    """Raises: BundleError: the store has no bundle."""
    sums = f"/{bundles.SUMS}"
    held = [entry for entry in store.list(f"{bundle_store.PREFIX}/") if entry.key.endswith(sums)]
    if not held:
        raise BundleError(
            "there is no bundle to review with: set CHATBOT_MODEL or CHATBOT_BUNDLE, or train one with "
            "`python -m training.train`"
        )
    return max(held, key=lambda entry: entry.modified).key.removesuffix(sums).rpartition("/")[2]
