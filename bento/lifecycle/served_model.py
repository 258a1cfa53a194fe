"""Load the bundle's metadata for the HTTP service: everything but encoder and classifier."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bento.http.schemas import Intent, Version
from bento.version import code_version
from chatbot.dialog.replies import Replies
from chatbot.dialog.router import Router
from chatbot.dialog.rules import Rules
from chatbot.errors import BundleError
from chatbot.model import bundle
from chatbot.settings import RouterSettings, SlotSettings


@dataclass(frozen=True, slots=True)
class Model:
    """A verified bundle without encoder and classifier, as the HTTP service needs it."""

    manifest: bundle.Manifest
    rules: Rules
    replies: Replies
    digest: str
    version: str
    """Name in `/version`, replies and records."""

    @classmethod
    def read(cls, folder: Path, version: str = "") -> Model:
        """Read a bundle and verify its digests.

        Args:
            folder: the bundle.
            version: its name; empty: the first digits of the digest.

        Raises:
            BundleError: the folder is not a bundle, was changed, or has no reply for one of its intents.
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
        """Every intent that a reply can have: the values of the metric label, and the intents feedback may name."""
        return frozenset(self.replies.texts) | {rule.intent for rule in self.rules}

    def router(self, settings: RouterSettings, slots: SlotSettings) -> Router:
        """Create the router; raise SettingError if a reply needs a slot that has no value."""
        thresholds = self.manifest.thresholds.overridden(settings)
        return Router(self.rules, self.replies, thresholds, slots.values())

    def describe(self, settings: RouterSettings) -> Version:
        """Return the content of `GET /version`."""
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
            # The tables and the corpus's messages in them are for the staff.
            target={k: v for k, v in manifest.target.items() if not isinstance(v, dict | list)},
            scores=manifest.scores,
        )

    def list_intents(self, slots: SlotSettings) -> tuple[Intent, ...]:
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
            for name, text in self.replies.filled(slots.values()).texts.items()
        )
