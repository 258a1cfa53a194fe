"""Describe the served model for the HTTP API: `GET /version`, `GET /intents`, the intents of the metric label."""

from __future__ import annotations

from bento.http.schemas import Intent, Version
from bento.version import code_version
from chatbot.model.bundle import Metadata
from chatbot.settings import RouterSettings, SlotSettings


def reply_intents(model: Metadata) -> frozenset[str]:
    """Return every intent that a reply can have: the values of the metric label, and what feedback may name."""
    return frozenset(model.replies.texts) | {rule.intent for rule in model.rules}


def describe(model: Metadata, version: str, settings: RouterSettings) -> Version:
    """Return the content of `GET /version`."""
    manifest = model.manifest
    return Version(
        service=code_version(),
        model_version=version,
        bundle_digest=model.digest,
        corpus_digest=manifest.corpus_digest,
        git_commit=manifest.git_commit,
        trained=manifest.created,
        encoder=manifest.encoder.name,
        thresholds=manifest.thresholds.overridden(settings).model_dump(),
        target=manifest.target,
        scores=manifest.scores,
    )


def list_intents(model: Metadata, slots: SlotSettings) -> tuple[Intent, ...]:
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
