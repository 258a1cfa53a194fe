"""The model registry: which versions there are, what each was made of, and which is champion or challenger.

MLflow's registry, on a server or in a local database. A version's artifact is the whole bundle, sent and fetched
through the server's artifact proxy: a client holds no key of the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from chatbot.bundle_store import ModelRef
from chatbot.settings import TrackingSettings

CHAMPION, CHALLENGER = "champion", "challenger"
CORPUS_DIGEST, CORPUS_POINTER, GIT_COMMIT, BUNDLE_DIGEST, GATE = (
    "corpus_digest",
    "corpus_pointer",
    "git_commit",
    "bundle_digest",
    "gate",
)
"""The tags of a version; `gate` is `passed`, `warned` or `refused`, and absent before the gate was asked."""


@dataclass(frozen=True, slots=True)
class Version:
    """One registered bundle."""

    number: str
    run_id: str
    bundle_digest: str
    corpus_digest: str
    corpus_pointer: str
    """JSON (`training.corpus_versions.Pointer`): where DVC finds the corpus it was taught."""
    git_commit: str
    verdict: str
    """The gate's: `passed`, `warned`, `refused`, or empty."""
    aliases: tuple[str, ...]
    created: datetime
    scores: Mapping[str, float] = field(default_factory=dict)
    """On the corpus's own test part."""

    @property
    def ref(self) -> ModelRef:
        """`<version>@<bundle digest>`."""
        return ModelRef(self.number, self.bundle_digest)


class Registry:
    """The registered model `support-chatbot`; nothing is asked of the server before a method is called."""

    def __init__(self, settings: TrackingSettings) -> None:
        self._settings = settings

    def register(self, run_id: str, bundle: Path, tags: Mapping[str, str]) -> Version:
        """Send a bundle as the run's artifact and make it a version; the same bundle again is the same version.

        Args:
            tags: CORPUS_DIGEST, CORPUS_POINTER, GIT_COMMIT at least; BUNDLE_DIGEST is filled in.

        Raises:
            BundleError: the folder is no bundle.
            TrackingError: the server cannot be reached, or refuses.
        """
        raise NotImplementedError

    def champion(self) -> Version | None:
        """The version that is meant to serve."""
        raise NotImplementedError

    def challenger(self) -> Version | None:
        """The version that waits for its promotion, or was refused."""
        raise NotImplementedError

    def versions(self) -> list[Version]:
        """All versions, the newest first."""
        raise NotImplementedError

    def get(self, number: str) -> Version:
        """Raises: TrackingError: there is no such version; those that are there are listed."""
        raise NotImplementedError

    def find(self, bundle_digest: str) -> Version | None:
        """The version of a bundle."""
        raise NotImplementedError

    def set_alias(self, alias: str, number: str) -> None:
        """Let an alias name a version; it names one at a time."""
        raise NotImplementedError

    def tag(self, number: str, key: str, value: str) -> None:
        """Set a tag of a version."""
        raise NotImplementedError

    def fetch(self, number: str, folder: Path) -> Path:
        """Fetch a version's bundle into `folder/<digest>`, checked against its digest.

        Raises:
            BundleError: what came is damaged.
            TrackingError: the server cannot be reached, or has no such version.
        """
        raise NotImplementedError
