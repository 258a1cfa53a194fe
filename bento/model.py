"""What the outer service reads of a bundle: all but the encoder and the classifier."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bento.config import code_version
from bento.schemas import Intent, Version
from chatbot import bundle
from chatbot.errors import BundleError
from chatbot.replies import Replies
from chatbot.router import Router
from chatbot.rules import Rules
from chatbot.settings import RouterSettings, SlotSettings


@dataclass(frozen=True, slots=True)
class Model:
    """A verified bundle, without encoder and classifier: what the outer service needs to know."""

    manifest: bundle.Manifest
    rules: Rules
    replies: Replies
    digest: str
    version: str
    """What `/version`, replies and records call it."""

    @classmethod
    def read(cls, folder: Path, version: str = "") -> Model:
        """Read and verify.

        Args:
            folder: the bundle.
            version: the name to go by; empty: the first digits of the digest.

        Raises:
            BundleError: the folder is no bundle, or was changed.
        """
        digest = bundle.verify(folder)
        manifest = bundle.read_manifest(folder)
        replies = Replies.load(folder / bundle.REPLIES)
        if unanswered := sorted(set(manifest.labels) - set(replies.texts)):
            raise BundleError(
                f"{folder / bundle.REPLIES} has no reply for {', '.join(unanswered)}", unanswered
            )
        return cls(manifest, Rules.load(folder / bundle.RULES), replies, digest, version or digest[:12])

    @property
    def intents(self) -> frozenset[str]:
        """Every intent a reply can have: labels of metrics, and what feedback may name."""
        return frozenset(self.replies.texts) | {rule.intent for rule in self.rules}

    def router(self, settings: RouterSettings, slots: SlotSettings) -> Router:
        """Raises: SettingError: a reply needs a slot that has no value."""
        thresholds = self.manifest.thresholds.overridden(settings)
        return Router(self.rules, self.replies, thresholds, slots.values())

    def describe(self, settings: RouterSettings) -> Version:
        """For `GET /version`."""
        manifest = self.manifest
        return Version(
            service=code_version(),
            model_version=self.version,
            bundle_digest=self.digest,
            corpus_digest=manifest.corpus_digest,
            git_commit=manifest.git_commit,
            trained=manifest.created,
            encoder=manifest.encoder.name,
            thresholds=manifest.thresholds.overridden(settings).model_dump(),
            target=manifest.target,
            scores=manifest.scores,
        )

    def list_intents(self, slots: SlotSettings) -> tuple[Intent, ...]:
        """For `GET /intents`."""
        return tuple(
            Intent(
                name=name,
                title=text.title or name.replace("_", " ").capitalize(),
                category=text.category,
                description=text.description,
                examples=text.examples,
                reply=text.response,
            )
            for name, text in self.replies.filled(slots.values()).texts.items()
        )
