"""Rollout state machine with automatic rollback.

    rolling -> watching -> naming -> done         annotation set, pods ready | live metrics analysed | alias moved
       |          |
       +----------+-> taking-back -> done         annotation reset, pods ready

The state is stored in an annotation of the Deployment, so every phase is resumable: any holder of the Lease continues
from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatbot.errors import ChatbotError
from chatbot.loop.registry import CHAMPION, RegistryClient
from chatbot.settings import KubernetesSettings
from chatbot.store.lease import Lease
from k8s.api.client import Cluster, ClusterError, Conflict, Json
from k8s.api.deployment import MODEL_ANNOTATION, Deployment
from k8s.log import log
from k8s.rollout import events, metrics, reconcile, state
from k8s.rollout.analysis import NOT_READY, RolloutAnalysis
from k8s.rollout.counters import MEASURES, PodCounters
from k8s.rollout.pods import PodReader
from k8s.rollout.state import Phase, RolloutOutcome, RolloutState, describe

WRONG_MODEL = "other_model"
ROLLBACK_REASONS = (NOT_READY, WRONG_MODEL, *MEASURES)
"""Reasons of an automatic rollback, as the metric reports them."""

_MAX_ATTEMPTS = 20
_WATCH_SECONDS = 10.0
_SETTLE_SECONDS = 3.0
"""For this long the Deployment's status may still describe the previous rollout."""


class Superseded(ChatbotError):
    """The desired model was changed concurrently while this rollout was in progress."""

    status = 409
    type = "superseded"


class Promoter:
    """Moves one Deployment from model to model. Stateless: all state is in the Deployment's annotations."""

    def __init__(
        self, cluster: Cluster, registry: RegistryClient, settings: KubernetesSettings, lease: Lease
    ) -> None:
        """Configure the promoter; sends no request.

        The caller acquires the Lease before it calls a method that changes something; `start` by hand is the exception.
        """
        self._cluster = cluster
        self._runtime = cluster.runtime
        self._registry = registry
        self._settings = settings
        self._lease = lease

    def read(self) -> Deployment:
        """Read the Deployment."""
        return Deployment(self._cluster.deployment(self._settings.deployment))

    def start(self, target: str, why: str, by_hand: bool = False) -> RolloutState:
        """Set the desired model and record the rollout; `resume` does the rest.

        A rollout by hand needs no Lease: it supersedes the one in progress.

        Args:
            target: `<version>@<bundle digest>`, or empty: the bundle inside the image.
            why: who requested the rollout, and the reason.
            by_hand: whether a person requested it.

        Raises:
            Superseded: the rollout is not by hand, and another one is in progress.
        """
        deployment = self.read()
        baseline, _ = self._reader().read_counters(deployment.pods(self._cluster))
        for _ in range(_MAX_ATTEMPTS):
            previous, blocked = deployment.desired_model, {}
            current = state.read(deployment.annotations)
            if current and current.phase is not Phase.DONE and not by_hand:
                raise Superseded(
                    f"deployment/{deployment.name} was told to serve {describe(deployment.desired_model)} just now: "
                    f"{describe(target)} is not begun"
                )
            if current and current.is_unproven:
                # A model under analysis, or one that failed it, is not a rollback target.
                previous = current.previous
                blocked = state.block(deployment.annotations, current.target, without=target)
            rollout = RolloutState(
                target=target,
                previous=previous,
                since=self._runtime.now(),
                why=why,
                by_hand=by_hand,
                before=baseline.as_dict(),
            )
            try:
                self._patch(deployment, rollout, target, blocked, check=not by_hand)
            except Conflict:
                latest = self.read()
                # If it is recorded, the patch was applied and the response was lost.
                if not _is_recorded(latest, rollout):
                    deployment = latest
                    continue
            sentence = (
                f"{describe(target)} is to serve in place of {describe(deployment.desired_model)}: {why}"
            )
            events.emit(self._cluster, deployment, "ModelRollout", sentence)
            return rollout
        raise self._too_many_conflicts()

    def resume(self, started: RolloutState | None = None) -> RolloutState | None:
        """Run the remaining phases of a rollout.

        Args:
            started: the rollout that this run just started, so that a later change is detected; None: the recorded one.

        Returns:
            The finished rollout with its outcome; None: no rollout was in progress.

        Raises:
            Superseded: another rollout replaced this one and is still in progress.
            ChatbotError: the cluster or the registry fails; a later call resumes.
        """
        rollout = started or state.read(self.read().annotations)
        if rollout is None or rollout.phase is Phase.DONE:
            return None
        log(f"{describe(rollout.target)}: {rollout.phase.value} since {rollout.since:%Y-%m-%d %H:%M:%S} UTC")
        return self._run_phases(rollout)

    def serving_digest(self, deployment: Deployment) -> str:
        """Return the digest of the bundle that should serve; empty: unknown."""
        return reconcile.serving_digest(deployment, self._cluster, self._settings)

    def reconcile(self) -> None:
        """Reconcile alias and metric with the annotation, unless a rollout is in progress."""
        deployment = self.read()
        rollout = state.read(deployment.annotations)
        if rollout is None or rollout.phase is Phase.DONE:  # otherwise a person started a rollout
            reconcile.reconcile(deployment, self._cluster, self._registry, self._settings, self._lease)

    def _run_phases(self, rollout: RolloutState) -> RolloutState:
        phases = {
            Phase.ROLLING: self._roll_out,
            Phase.WATCHING: self._analyse,
            Phase.NAMING: self._move_alias,
            Phase.TAKING_BACK: self._roll_back,
        }
        while rollout.phase is not Phase.DONE:
            try:
                rollout = phases[rollout.phase](rollout)
            except Superseded:
                deployment = self.read()
                current = state.read(deployment.annotations)
                if current is not None and current.phase is not Phase.DONE and current.id != rollout.id:
                    raise
                # Changed outside this program (`kubectl rollout undo`, `kubectl patch`): no other run finishes it.
                return self._finish(deployment, rollout, RolloutOutcome.SUPERSEDED)
        return rollout

    # phases

    def _roll_out(self, rollout: RolloutState) -> RolloutState:
        """Wait until the pods of the new model are ready and serve the right bundle."""
        deployment, failure = self._await_rollout(rollout)
        if failure:
            return self._start_rollback(rollout, failure, NOT_READY)
        if mismatch := reconcile.wrong_model(deployment, self._cluster, self._settings):
            return self._start_rollback(rollout, mismatch, WRONG_MODEL)
        return self._advance(rollout, Phase.NAMING if rollout.by_hand else Phase.WATCHING)

    def _analyse(self, rollout: RolloutState) -> RolloutState:
        """Analyse the live metrics until the new version passes or shows a regression."""
        analysis, reader = (
            RolloutAnalysis(self._settings, PodCounters.from_dict(rollout.before)),
            self._reader(),
        )
        last_answer = self._runtime.monotonic()
        while True:
            deployment = self._read_observed(rollout)
            pods = deployment.pods(self._cluster)
            current, answered = reader.read_counters(pods)
            if answered or not pods:
                last_answer = self._runtime.monotonic()
            elif self._runtime.monotonic() - last_answer > self._settings.patience_seconds:
                port = self._settings.metrics_port or self._settings.api_port
                raise ClusterError(
                    f"none of {len(pods)} pods of {deployment.name} answers at :{port}/metrics: "
                    "does a NetworkPolicy allow it from here? The promotion goes on with the next run"
                )
            status = deployment.rollout_status()
            problem = "" if status.done else deployment.pod_problems(self._cluster) or status.summary
            result = analysis.evaluate(current, rollout.seconds_in_phase(self._runtime.now()), problem)
            if result.regressions:
                why = "; ".join(found.summary for found in result.regressions)
                return self._start_rollback(rollout, why, *(found.measure for found in result.regressions))
            if result.finished:
                log(f"{describe(rollout.target)} was watched: {result.summary}")
                return self._advance(rollout, Phase.NAMING)
            self._runtime.sleep(self._settings.watch_every_seconds)

    def _move_alias(self, rollout: RolloutState) -> RolloutState:
        """Move the alias `champion` to the model that serves."""
        deployment = self._owned(rollout)
        if version := reconcile.registered_version(deployment, self._cluster, self._registry, self._settings):
            self._lease.check()
            self._registry.set_alias(CHAMPION, version)
        return self._finish(
            deployment, rollout, RolloutOutcome.ROLLED_BACK if rollout.by_hand else RolloutOutcome.PROMOTED
        )

    def _start_rollback(self, rollout: RolloutState, why: str, *reasons: str) -> RolloutState:
        """Start the automatic rollback.

        Args:
            rollout: the rollout that failed.
            why: the reason as a sentence.
            reasons: members of `ROLLBACK_REASONS`.
        """
        log(f"{describe(rollout.target)} is taken back: {why}")
        return self._advance(rollout, Phase.TAKING_BACK, why=why, reasons=reasons)

    def _roll_back(self, rollout: RolloutState) -> RolloutState:
        """Wait until the pods of the previous model are ready."""
        deployment, failure = self._await_rollout(rollout)
        if not failure:
            return self._finish(deployment, rollout, RolloutOutcome.TAKEN_BACK)
        sentence = (
            f"{describe(rollout.target)} was taken back ({rollout.why}), and {describe(rollout.previous)} does "
            f"not become ready either: {failure}. See `kubectl describe pod`; k8s.rollback VERSION sets another"
        )
        events.emit(self._cluster, deployment, "ModelNotReady", sentence, "Warning")
        raise ClusterError(sentence)

    # helpers

    def _await_rollout(self, rollout: RolloutState) -> tuple[Deployment, str]:
        """Wait for the end of the Deployment's rollout; return the Deployment and the failure, empty on success."""
        while True:
            deployment = self._owned(rollout)
            remaining = self._settings.rollout_seconds - rollout.seconds_in_phase(self._runtime.now())
            seconds = min(max(remaining, 1.0), _WATCH_SECONDS)
            for content in self._cluster.watch_deployment(deployment.name, seconds):
                deployment = self._owned(rollout, Deployment(content))
                self._lease.check()
                status = deployment.rollout_status()
                if status.done:
                    return deployment, ""
                if status.failure and rollout.seconds_in_phase(self._runtime.now()) > _SETTLE_SECONDS:
                    if deployment.is_stale_failure(self._cluster, status):
                        continue
                    return (
                        deployment,
                        f"not ready: {deployment.pod_problems(self._cluster) or status.failure}",
                    )
            if rollout.seconds_in_phase(self._runtime.now()) > self._settings.rollout_seconds:
                problems = deployment.pod_problems(self._cluster) or deployment.rollout_status().summary
                return deployment, f"not ready within {self._settings.rollout_seconds:.0f} s: {problems}"
            self._runtime.sleep(0.2)

    def _read_observed(self, rollout: RolloutState) -> Deployment:
        """Read the Deployment, waiting briefly until its status describes the current spec."""
        until = self._runtime.monotonic() + _SETTLE_SECONDS
        while not (deployment := self._owned(rollout)).is_observed and self._runtime.monotonic() < until:
            self._runtime.sleep(0.2)
        return deployment

    def _owned(self, rollout: RolloutState, deployment: Deployment | None = None) -> Deployment:
        """Return the Deployment if this rollout still determines its state and its desired model.

        Raises:
            Superseded: it was changed by another rollout or by hand.
        """
        deployment = deployment or self.read()
        current = state.read(deployment.annotations)
        if current is None or current.id != rollout.id or deployment.desired_model != rollout.desired_model:
            raise Superseded(
                f"deployment/{deployment.name} was told to serve {describe(deployment.desired_model)} while "
                f"{describe(rollout.target)} was {rollout.phase.value}: nothing more is done about the latter"
            )
        return deployment

    def _advance(self, rollout: RolloutState, phase: Phase, **changes: Any) -> RolloutState:
        """Record the next phase, and the desired model of that phase, in one patch."""
        advanced = rollout.advance(phase, self._runtime.now(), **changes)
        for _ in range(_MAX_ATTEMPTS):
            deployment = self.read()
            if _is_recorded(deployment, advanced):  # the patch was applied and the response was lost
                return advanced
            self._owned(rollout, deployment)
            try:
                self._patch(
                    deployment,
                    advanced,
                    advanced.desired_model if advanced.desired_model != rollout.desired_model else None,
                )
                return advanced
            except Conflict:
                continue
        raise self._too_many_conflicts()

    def _finish(self, deployment: Deployment, rollout: RolloutState, outcome: RolloutOutcome) -> RolloutState:
        """Record the outcome, then emit the Event and push the metrics."""
        done = rollout.advance(Phase.DONE, self._runtime.now(), outcome=outcome, before={})
        for _ in range(_MAX_ATTEMPTS):
            try:
                self._patch(deployment, done, None, _blocked_after(deployment, rollout, outcome))
            except Conflict:
                deployment = self.read() if outcome is RolloutOutcome.SUPERSEDED else self._owned(rollout)
                continue
            events.emit_outcome(self._cluster, deployment, rollout, outcome)
            metrics.push_desired_model(self._settings, deployment.desired_model, self._runtime)
            metrics.push_outcome(self._settings, outcome, self._runtime)
            if outcome is RolloutOutcome.TAKEN_BACK:
                metrics.push_rollback_reasons(
                    self._settings, ROLLBACK_REASONS, rollout.reasons, self._runtime
                )
            return done
        raise self._too_many_conflicts()

    def _patch(
        self,
        deployment: Deployment,
        rollout: RolloutState,
        model: str | None,
        more: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> None:
        """Write the state, and the model if it changes, in one merge patch.

        Args:
            deployment: the snapshot that must still be current.
            rollout: the state to record.
            model: the desired model; None: unchanged.
            more: further annotations.
            check: whether the Lease must still be held.

        Raises:
            Conflict: the Deployment changed since it was read.
            LeaseLost: the Lease is no longer held.
        """
        annotations = {**state.dump(rollout), **(more or {})}
        patch: Json = {
            "metadata": {"resourceVersion": deployment.resource_version, "annotations": annotations}
        }
        if model is not None:
            patch["spec"] = {"template": {"metadata": {"annotations": {MODEL_ANNOTATION: model or None}}}}
        if check:
            self._lease.check()
        self._cluster.patch_deployment(deployment.name, patch)

    def _reader(self) -> PodReader:
        return PodReader(self._settings, self._runtime)

    def _too_many_conflicts(self) -> ClusterError:
        return ClusterError(
            f"deployment/{self._settings.deployment} changes all the time: {_MAX_ATTEMPTS} tries were in vain"
        )


def _is_recorded(deployment: Deployment, rollout: RolloutState) -> bool:
    """Whether the Deployment records exactly this state and its desired model."""
    return state.read(deployment.annotations) == rollout and deployment.desired_model == rollout.desired_model


def _blocked_after(
    deployment: Deployment, rollout: RolloutState, outcome: RolloutOutcome
) -> Mapping[str, str]:
    """Return the annotation of blocked digests after this outcome; empty: unchanged."""
    if outcome in (RolloutOutcome.TAKEN_BACK, RolloutOutcome.SUPERSEDED):
        return state.block(deployment.annotations, rollout.target)
    if outcome is RolloutOutcome.ROLLED_BACK:
        return state.block(deployment.annotations, rollout.previous, without=rollout.target)
    return {}
