"""The way of a model into service and, where it does not deserve it, back: one phase after the other.

    rolling -> watching -> naming -> done         annotation set, pods ready | metrics watched | alias champion moved
       |          |
       +----------+-> taking-back -> done         annotation set back, pods ready

Every phase can be begun again: whoever holds the Lease goes on with what the Deployment's annotations say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatbot.errors import ChatbotError
from chatbot.settings import KubernetesSettings
from k8s.api.client import Changed, Cluster, ClusterError, Json
from k8s.api.deployment import MODEL, Deployment
from k8s.api.lease import Lease
from k8s.log import log
from k8s.mlflow_api import MlflowApi
from k8s.rollout import events, metrics, reconcile, state
from k8s.rollout.analysis import NOT_READY, Watch
from k8s.rollout.counters import MEASURES, Tally
from k8s.rollout.pods import PodReader
from k8s.rollout.state import Outcome, Phase, Promotion, words

OTHER_MODEL = "other_model"
TAKEN_BACK_FOR = (NOT_READY, OTHER_MODEL, *MEASURES)
"""Why a model may be taken back, for the metric."""

_TRIES = 20
_WATCH_SECONDS = 10.0
_SETTLE_SECONDS = 3.0
"""What the controller says of a rollout may be about the one before it for so long."""


class Superseded(ChatbotError):
    """Somebody else set what should serve while this promotion was on its way."""

    status = 409
    type = "superseded"


class Promoter:
    """Moves one Deployment from model to model; all its state lies in the Deployment."""

    def __init__(
        self, cluster: Cluster, registry: MlflowApi, settings: KubernetesSettings, lease: Lease
    ) -> None:
        """Asks nothing yet. The Lease is the caller's to take, before any of the methods that change something."""
        self._cluster = cluster
        self._outside = cluster.outside
        self._registry = registry
        self._settings = settings
        self._lease = lease

    def read(self) -> Deployment:
        """The Deployment now."""
        return Deployment(self._cluster.deployment(self._settings.deployment))

    def begin(self, target: str, why: str, by_hand: bool = False) -> Promotion:
        """Set what should serve; `go_on` does the rest. Needs no Lease when a person asks: it ends what runs.

        Args:
            target: `<version>@<bundle digest>`, or empty: the bundle inside the image.
            why: who asked for it, and why.
            by_hand: whether a person asks.

        Raises:
            Superseded: no person asks, and one set something that is on its way still.
        """
        deployment = self.read()
        before, _ = self._reader().read(deployment.pods(self._cluster))
        for _ in range(_TRIES):
            previous, given_up = deployment.model, {}
            current = state.read(deployment.annotations)
            if current and current.phase is not Phase.DONE and not by_hand:
                raise Superseded(
                    f"deployment/{deployment.name} was told to serve {words(deployment.model)} just now: "
                    f"{words(target)} is not begun"
                )
            if current and current.is_unproved:
                # What was still on trial, or failed it, is no way back.
                previous = current.previous
                given_up = state.with_taken_back(deployment.annotations, current.target, without=target)
            promotion = Promotion(
                target=target,
                previous=previous,
                since=self._outside.now(),
                why=why,
                by_hand=by_hand,
                before=before.as_dict(),
            )
            try:
                self._patch(deployment, promotion, target, given_up, check=not by_hand)
            except Changed:
                now = self.read()
                if not _says(now, promotion):  # else it was done, and the answer was lost
                    deployment = now
                    continue
            sentence = f"{words(target)} is to serve in place of {words(deployment.model)}: {why}"
            events.event(self._cluster, deployment, "ModelRollout", sentence)
            return promotion
        raise self._restless()

    def go_on(self, begun: Promotion | None = None) -> Promotion | None:
        """Do what is left of a promotion that was begun.

        Args:
            begun: by this run, just now: what was undone since then is seen as that.

        Returns:
            The promotion with its outcome; None: there was nothing to do.

        Raises:
            Superseded: somebody else set another model meanwhile, and goes on with that.
            ChatbotError: the cluster or the registry does not do its part; calling again goes on.
        """
        promotion = begun or state.read(self.read().annotations)
        if promotion is None or promotion.phase is Phase.DONE:
            return None
        log(
            f"{words(promotion.target)}: {promotion.phase.value} since {promotion.since:%Y-%m-%d %H:%M:%S} UTC"
        )
        return self._finish(promotion)

    def serving_digest(self, deployment: Deployment) -> str:
        """Of the bundle that should serve; empty: nobody can say."""
        return reconcile.serving_digest(deployment, self._cluster, self._settings)

    def agree(self) -> None:
        """Let alias and metric follow the annotation; only where nothing is on its way."""
        deployment = self.read()
        promotion = state.read(deployment.annotations)
        if promotion is None or promotion.phase is Phase.DONE:  # else a person began something just now
            reconcile.agree(deployment, self._cluster, self._registry, self._settings, self._lease)

    def _finish(self, promotion: Promotion) -> Promotion:
        phases = {
            Phase.ROLLING: self._roll,
            Phase.WATCHING: self._watch,
            Phase.NAMING: self._name,
            Phase.TAKING_BACK: self._take_back,
        }
        while promotion.phase is not Phase.DONE:
            try:
                promotion = phases[promotion.phase](promotion)
            except Superseded:
                now = self.read()
                current = state.read(now.annotations)
                if current is not None and current.phase is not Phase.DONE and current.id != promotion.id:
                    raise
                # Set by hand (`kubectl rollout undo`, `kubectl patch`): nobody else ends what was begun.
                return self._end(now, promotion, Outcome.SUPERSEDED)
        return promotion

    # the phases

    def _roll(self, promotion: Promotion) -> Promotion:
        deployment, failed = self._await_rollout(promotion)
        if failed:
            return self._begin_back(promotion, failed, NOT_READY)
        if other := reconcile.wrong_model(deployment, self._cluster, self._settings):
            return self._begin_back(promotion, other, OTHER_MODEL)
        return self._step(promotion, Phase.NAMING if promotion.by_hand else Phase.WATCHING)

    def _watch(self, promotion: Promotion) -> Promotion:
        watch, reader = Watch(self._settings, Tally.of(promotion.before)), self._reader()
        heard = self._outside.monotonic()
        while True:
            deployment = self._observed(promotion)
            pods = deployment.pods(self._cluster)
            now, answered = reader.read(pods)
            if answered or not pods:
                heard = self._outside.monotonic()
            elif self._outside.monotonic() - heard > self._settings.patience_seconds:
                raise ClusterError(
                    f"none of {len(pods)} pods of {deployment.name} answers at :{self._settings.api_port}/metrics: "
                    "does a NetworkPolicy allow it from here? The promotion goes on with the next run"
                )
            rollout = deployment.rollout()
            trouble = "" if rollout.done else deployment.troubles(self._cluster) or rollout.sentence
            seen = watch.look(now, promotion.seconds(self._outside.now()), trouble)
            if seen.worse:
                why = "; ".join(found.sentence for found in seen.worse)
                return self._begin_back(promotion, why, *(found.measure for found in seen.worse))
            if seen.over:
                log(f"{words(promotion.target)} was watched: {seen.sentence}")
                return self._step(promotion, Phase.NAMING)
            self._outside.sleep(self._settings.watch_every_seconds)

    def _name(self, promotion: Promotion) -> Promotion:
        deployment = self._mine(promotion)
        if version := reconcile.registered(deployment, self._cluster, self._registry, self._settings):
            self._lease.check()
            self._registry.make_champion(version)
        return self._end(
            deployment, promotion, Outcome.ROLLED_BACK if promotion.by_hand else Outcome.PROMOTED
        )

    def _begin_back(self, promotion: Promotion, why: str, *reasons: str) -> Promotion:
        """Args: reasons: of `TAKEN_BACK_FOR`."""
        log(f"{words(promotion.target)} is taken back: {why}")
        return self._step(promotion, Phase.TAKING_BACK, why=why, reasons=reasons)

    def _take_back(self, promotion: Promotion) -> Promotion:
        deployment, failed = self._await_rollout(promotion)
        if not failed:
            return self._end(deployment, promotion, Outcome.TAKEN_BACK)
        sentence = (
            f"{words(promotion.target)} was taken back ({promotion.why}), and {words(promotion.previous)} does "
            f"not become ready either: {failed}. See `kubectl describe pod`; k8s.rollback VERSION sets another"
        )
        events.event(self._cluster, deployment, "ModelNotReady", sentence, "Warning")
        raise ClusterError(sentence)

    # what they are made of

    def _await_rollout(self, promotion: Promotion) -> tuple[Deployment, str]:
        """The Deployment once its rollout ended, and why it did not end well."""
        while True:
            deployment = self._mine(promotion)
            left = self._settings.rollout_seconds - promotion.seconds(self._outside.now())
            seconds = min(max(left, 1.0), _WATCH_SECONDS)
            for content in self._cluster.watch_deployment(deployment.name, seconds):
                deployment = self._mine(promotion, Deployment(content))
                self._lease.check()
                rollout = deployment.rollout()
                if rollout.done:
                    return deployment, ""
                if rollout.failed and promotion.seconds(self._outside.now()) > _SETTLE_SECONDS:
                    if deployment.failed_before(self._cluster, rollout):
                        continue
                    return deployment, f"not ready: {deployment.troubles(self._cluster) or rollout.failed}"
            if promotion.seconds(self._outside.now()) > self._settings.rollout_seconds:
                troubles = deployment.troubles(self._cluster) or deployment.rollout().sentence
                return deployment, f"not ready within {self._settings.rollout_seconds:.0f} s: {troubles}"
            self._outside.sleep(0.2)

    def _observed(self, promotion: Promotion) -> Deployment:
        """The same with a status that is about it: before the controller looked, nothing is known of its pods."""
        until = self._outside.monotonic() + _SETTLE_SECONDS
        while not (deployment := self._mine(promotion)).is_observed and self._outside.monotonic() < until:
            self._outside.sleep(0.2)
        return deployment

    def _mine(self, promotion: Promotion, deployment: Deployment | None = None) -> Deployment:
        """The Deployment, if it still says what this promotion made it say.

        Raises:
            Superseded: it does not.
        """
        deployment = deployment or self.read()
        current = state.read(deployment.annotations)
        if current is None or current.id != promotion.id or deployment.model != promotion.model:
            raise Superseded(
                f"deployment/{deployment.name} was told to serve {words(deployment.model)} while "
                f"{words(promotion.target)} was {promotion.phase.value}: nothing more is done about the latter"
            )
        return deployment

    def _step(self, promotion: Promotion, phase: Phase, **changes: Any) -> Promotion:
        """Write the next phase down, with the model that goes with it."""
        after = promotion.step(phase, self._outside.now(), **changes)
        for _ in range(_TRIES):
            deployment = self.read()
            if _says(deployment, after):  # it was done, and the answer was lost
                return after
            self._mine(promotion, deployment)
            try:
                self._patch(deployment, after, after.model if after.model != promotion.model else None)
                return after
            except Changed:
                continue
        raise self._restless()

    def _end(self, deployment: Deployment, promotion: Promotion, outcome: Outcome) -> Promotion:
        """Write down what became of it, and say so."""
        done = promotion.step(Phase.DONE, self._outside.now(), outcome=outcome, before={})
        for _ in range(_TRIES):
            try:
                self._patch(deployment, done, None, _avoided(deployment, promotion, outcome))
            except Changed:
                deployment = self.read() if outcome is Outcome.SUPERSEDED else self._mine(promotion)
                continue
            events.outcome(self._cluster, deployment, promotion, outcome)
            metrics.push_desired_model(self._settings, deployment.model, self._outside)
            metrics.push_outcome(self._settings, outcome, self._outside)
            if outcome is Outcome.TAKEN_BACK:
                metrics.push_rollback_reasons(
                    self._settings, TAKEN_BACK_FOR, promotion.reasons, self._outside
                )
            return done
        raise self._restless()

    def _patch(
        self,
        deployment: Deployment,
        promotion: Promotion,
        model: str | None,
        more: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> None:
        """One request: the state, and the model with it where that changes.

        Raises:
            Changed: somebody changed the Deployment since it was read.
        """
        annotations = {**state.dump(promotion), **(more or {})}
        patch: Json = {"metadata": {"resourceVersion": deployment.version, "annotations": annotations}}
        if model is not None:
            patch["spec"] = {"template": {"metadata": {"annotations": {MODEL: model or None}}}}
        if check:
            self._lease.check()
        self._cluster.patch_deployment(deployment.name, patch)

    def _reader(self) -> PodReader:
        return PodReader(self._settings.api_port, self._settings.request_seconds, self._outside)

    def _restless(self) -> ClusterError:
        return ClusterError(
            f"deployment/{self._settings.deployment} changes all the time: {_TRIES} tries were in vain"
        )


def _says(deployment: Deployment, promotion: Promotion) -> bool:
    """Whether a promotion was written down so."""
    return state.read(deployment.annotations) == promotion and deployment.model == promotion.model


def _avoided(deployment: Deployment, promotion: Promotion, outcome: Outcome) -> Mapping[str, str]:
    """The digests that no run promotes again by itself, after this."""
    if outcome in (Outcome.TAKEN_BACK, Outcome.SUPERSEDED):
        return state.with_taken_back(deployment.annotations, promotion.target)
    if outcome is Outcome.ROLLED_BACK:
        return state.with_taken_back(deployment.annotations, promotion.previous, without=promotion.target)
    return {}
