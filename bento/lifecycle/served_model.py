"""Describe the served model for the HTTP API: `GET /version`, `GET /intents`, the intents of the metric label."""

from __future__ import annotations

from bento.http.schemas import Intent, ModelDescription
from bento.version import code_version
from chatbot.model.bundle import BundleMetadata
from chatbot.settings import RouterSettings, SlotSettings


def reply_intents(model: BundleMetadata) -> frozenset[str]:
    """Return every intent that a reply can have: the values of the metric label, and what feedback may name."""
    return frozenset(model.replies.texts) | {rule.intent for rule in model.rules}


def describe(model: BundleMetadata, version: str, settings: RouterSettings) -> ModelDescription:
    """Return the content of `GET /version`."""
    manifest = model.manifest
    return ModelDescription(
        service=code_version(),
        model_version=version,
        bundle_digest=model.digest,
        corpus_digest=manifest.corpus_digest,
        git_commit=manifest.git_commit,
        trained=manifest.created,
        encoder=manifest.encoder.name,
        thresholds=manifest.thresholds.overridden(settings).model_dump(),
        # The tables and the corpus's messages in them are for the staff.
        target={k: v for k, v in manifest.target.items() if not isinstance(v, dict | list)},
        scores=manifest.scores,
    )


def list_intents(model: BundleMetadata, slots: SlotSettings) -> tuple[Intent, ...]:
    """Return the content of `GET /intents`."""
    return tuple(
        Intent(
            name=name,
            title=text.title or name.replace("_", " ").capitalize(),
            category=text.category,
            description=text.description,
            examples=text.examples,
            reply=text.response,
        )
        for name, text in model.replies.filled(slots.values()).texts.items()
    )
