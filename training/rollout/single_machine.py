"""Rollout and rollback of a version on one machine, as idempotent steps.

    preflight check -> serving.json requests it -> the keeper serves it -> alias `champion` is moved
                                                -> the keeper rolls back and records the reason

The state is in the store and the registry, so a killed run is resumed by running it again. In a cluster,
`k8s.promote` does the same for a Deployment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chatbot.errors import ChatbotError
from chatbot.loop import desired_model
from chatbot.loop.desired_model import Serving
from chatbot.model.bundle_store import ModelRef
from chatbot.store import Store
from training.rollout.smoke_test import prove
from training.tracking.bundles import fetch_bundle
from training.tracking.registry import CHAMPION, ModelVersion, Registry

MAY_SERVE = ("passed", "warned")
_POLL_SECONDS = 0.3


class PromotionError(ChatbotError):
    """The version must not serve, failed its preflight check, or was rolled back."""

    status = 409
    type = "promotion"


@dataclass(frozen=True, slots=True)
class RolloutResult:
    """Outcome of a promotion or a rollback."""

    model: str
    """The desired model, `<version>@<bundle digest>`; empty: the bundle shipped with the code."""
    changed: bool
    """Whether the call changed the serving model."""
    sentence: str


class Promotion:
    """Changes the serving version of one machine."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        cache: Path,
        *,
        wait_seconds: float = 120.0,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Configure the promotion; sends no request.

        Args:
            store: the store with the bundles and serving.json.
            registry: the model registry.
            cache: folder of fetched bundles, shared with the service on this machine.
            wait_seconds: maximum time until the keeper serves the version.
            say: callback for progress messages.
        """
        self._store = store
        self._registry = registry
        self._cache = cache
        self._wait_seconds = wait_seconds
        self._say = say

    def promote(self, number: str = "", *, force: bool = False, by_itself: bool = False) -> RolloutResult:
        """Roll out a version, then make it champion.

        Args:
            number: the version; empty: resume an unfinished promotion if there is one, else promote the
                challenger.
            force: promote even if the gate refused the version or was not run.
            by_itself: the call is automatic: skip a version that failed its rollout or was rolled back.

        Raises:
            PromotionError: the version must not serve, or it was rolled back; the text says why.
            ChatbotError: store or registry fail; a later call resumes.
        """
        now = desired_model.read(self._store)
        if not number:
            champion = self._registry.champion()
            if now.ref and (champion is None or champion.ref != now.ref):
                self._say(f"resuming {now.name}: {now.why}")
                return self._finish(now.model)
            version = self._registry.challenger()
            if version is None or (champion and version.number == champion.number):
                return RolloutResult(now.model, False, "nothing to promote: there is no challenger")
        else:
            version = self._registry.get(number)
        if (by_itself or not number) and (reason := _known_as_worse(now, str(version.ref))):
            return RolloutResult(now.model, False, f"nothing to promote: version {version.number} {reason}")
        if version.verdict not in MAY_SERVE and not force:
            raise PromotionError(
                f"the gate {'refused' if version.verdict else 'has not judged'} version {version.number}"
                f": see `python -m training.versions`; --force promotes it regardless"
            )
        return self._move(version, "promoted by training.promote")

    def rollback(self, number: str = "") -> RolloutResult:
        """Roll back to an earlier version and make it champion.

        Args:
            number: the version; empty: the version that served before.

        Raises:
            PromotionError: no version served before, or the keeper reverted to the current one.
            ChatbotError: see `promote`.
        """
        if number:
            return self._move(self._registry.get(number), "rolled back by training.rollback")
        now = desired_model.read(self._store)
        before = next((ModelRef.parse(model) for model in now.before if model), None)
        if before is None:
            raise PromotionError(
                f"no version served before {now.name}: name one (`python -m training.versions` lists them)"
            )
        return self._move(self._registry.get(before.version), "rolled back by training.rollback", before)

    def _move(self, version: ModelVersion, why: str, expected: ModelRef | None = None) -> RolloutResult:
        if expected and expected != version.ref:
            raise PromotionError(
                f"version {expected.version} of the registry is the bundle {version.bundle_digest[:12]}, "
                f"but {expected.digest[:12]} served: this is another registry. Name a version"
            )
        model = str(version.ref)
        now = desired_model.read(self._store)
        if now.model == model and now.serves:
            self._name_champion(version)
            return RolloutResult(model, False, f"{desired_model.short(model)} is already serving")
        if now.model != model:
            self._say(f"checking version {version.number}")
            if problem := prove(fetch_bundle(self._store, self._registry, version, self._cache)):
                raise PromotionError(f"version {version.number} failed its preflight check: {problem}")
            desired_model.ask(self._store, model, why)
        return self._finish(model)

    def _finish(self, model: str) -> RolloutResult:
        """Wait until the keeper serves the model, then move the alias `champion`; roll back on a timeout."""
        self._say(f"waiting until {desired_model.short(model)} answers")
        until = time.monotonic() + self._wait_seconds
        while True:
            now = desired_model.read(self._store)
            if now.model != model:
                raise PromotionError(_superseded(now, model))
            if now.serves:
                self._name_champion(self._registry.get(ModelRef.parse(model).version))
                return RolloutResult(
                    model, True, f"{desired_model.short(model)} is serving and is the champion"
                )
            if time.monotonic() > until:
                why = (
                    f"it did not serve within {self._wait_seconds:g} s. Does the service run under `make run` "
                    "(bento.keeper), and does it use this store?"
                )
                raise PromotionError(_superseded(desired_model.take_back(self._store, model, why), model))
            time.sleep(_POLL_SECONDS)

    def _name_champion(self, version: ModelVersion) -> None:
        if CHAMPION not in version.aliases:
            self._registry.set_alias(CHAMPION, version.number)


def _known_as_worse(now: Serving, model: str) -> str:
    """Return why an automatic promotion skips this model; empty: it does not."""
    if now.taken_back and now.taken_back.model == model:
        return f"was rolled back: {now.taken_back.why}. Name it to try it again"
    if model in now.before:
        return "served earlier and was rolled back. Name it to promote it again"
    return ""


def _superseded(now: Serving, model: str) -> str:
    if now.taken_back and now.taken_back.model == model:
        return f"{desired_model.short(model)} was rolled back, {now.name} is serving: {now.taken_back.why}"
    return f"{now.name} was requested meanwhile ({now.why})"
