"""Roll out on Kubernetes: the state is an annotation of the Deployment, the desired model one of its pod template."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from chatbot.loop.pushgateway import PushgatewayClient
from chatbot.loop.registry import CHAMPION, RegistryClient
from chatbot.loop.rollout.machine import RolloutMachine, Snapshot, check_current
from chatbot.loop.rollout.state import Failure, Phase, RolloutOutcome, RolloutState
from chatbot.settings import KubernetesSettings
from chatbot.store.lease import Lease
from k8s.api.client import Cluster, ClusterError, Json
from k8s.api.deployment import MODEL_ANNOTATION, Deployment, Pod
from k8s.log import log
from k8s.rollout import events, metrics, record
from k8s.rollout.analysis import NOT_READY, RolloutAnalysis
from k8s.rollout.counters import MEASURES, PodCounters
from k8s.rollout.pods import PodReader
from k8s.rollout.reconcile import Reconciler
from k8s.rollout.record import describe

WRONG_MODEL = "other_model"
ROLLBACK_REASONS = (NOT_READY, WRONG_MODEL, *MEASURES)
"""Reasons of an automatic rollback, as the metric reports them."""

_WATCH_SECONDS = 10.0
_SETTLE_SECONDS = 3.0
"""For this long the Deployment's status may still describe the previous rollout."""


class PreviousNotReady(ClusterError):
    """The pods of the model that a rollback returns to do not become ready."""


class KubernetesPlatform:
    """Implements `chatbot.loop.rollout.machine.Platform` for one Deployment.

    The caller holds the Lease whenever a write is possible; only the start of a rollout by hand needs none.
    """

    def __init__(
        self,
        cluster: Cluster,
        registry: RegistryClient,
        settings: KubernetesSettings,
        lease: Lease,
        gateway: PushgatewayClient,
    ) -> None:
        """Configure the platform; sends no request."""
        self.name = f"deployment/{settings.deployment}"
        self._cluster = cluster
        self._runtime = cluster.runtime
        self._registry = registry
        self._settings = settings
        self._lease = lease
        self._gateway = gateway
        self.reconciler = Reconciler(cluster, registry, settings)

    def machine(self) -> RolloutMachine[Deployment]:
        """Return the state machine on this platform."""
        return RolloutMachine(self, self._runtime)

    # the protocol

    def new_id(self, target: str) -> str:
        """Return a random identity: the same model set again is another rollout."""
        return secrets.token_hex(4)

    def read(self) -> Snapshot[Deployment]:
        """Read the Deployment."""
        return _snapshot(Deployment(self._cluster.get("deployments", self._settings.deployment)))

    def write(
        self, snapshot: Snapshot[Deployment], rollout: RolloutState, model: str, blocked: tuple[str, ...]
    ) -> None:
        """Write state, model and blocked digests in one merge patch.

        Raises:
            Conflict: the Deployment changed since it was read.
            LeaseLost: the Lease is no longer held.
        """
        deployment = snapshot.version
        changed = record.dump(rollout)
        if blocked != snapshot.blocked:
            changed |= record.dump_blocked(blocked)
        patch: Json = {"metadata": {"resourceVersion": deployment.resource_version, "annotations": changed}}
        if model != snapshot.desired_model:
            patch["spec"] = {"template": {"metadata": {"annotations": {MODEL_ANNOTATION: model or None}}}}
        if not (rollout.by_hand and rollout.phase is Phase.ROLLING):
            self._lease.check()
        self._cluster.patch("deployments", deployment.name, patch)

    def carry_out(self, rollout: RolloutState) -> Failure | None:
        """Wait for the pods, analyse the metrics, or move the alias."""
        log(f"{describe(rollout.target)}: {rollout.phase.value} since {rollout.since:%Y-%m-%d %H:%M:%S} UTC")
        match rollout.phase:
            case Phase.ROLLING:
                return self._roll_out(rollout)
            case Phase.WATCHING:
                return self._analyse(rollout)
            case Phase.NAMING:
                return self._move_alias(rollout)
            case _:
                self._roll_back(rollout)
                return None

    def announce(self, snapshot: Snapshot[Deployment], rollout: RolloutState) -> None:
        """Write the log; at the start and the end emit the Event; push the metrics."""
        deployment, model = snapshot.version, rollout.desired_model
        if rollout.phase is Phase.ROLLING:
            serving = describe(snapshot.desired_model)
            sentence = f"{describe(rollout.target)} is to serve in place of {serving}: {rollout.why}"
            events.emit(self._cluster, deployment, "ModelRollout", sentence)
        elif rollout.phase is Phase.TAKING_BACK:
            log(f"{describe(rollout.target)} is rolled back: {rollout.why}")
        elif rollout.outcome is not None:
            model = deployment.desired_model  # if superseded, neither target nor previous model
            events.emit_outcome(self._cluster, deployment, rollout)
            metrics.push_outcome(self._gateway, rollout.outcome)
            if rollout.outcome is RolloutOutcome.TAKEN_BACK:
                metrics.push_rollback_reasons(self._gateway, ROLLBACK_REASONS, rollout.reasons)
        metrics.push_desired_model(self._gateway, model)
        metrics.push_deadline(self._gateway, rollout, self._settings)

    def describe(self, model: str) -> str:
        """Return a model's name for messages."""
        return describe(model)

    # beside the rollout

    def baseline(self) -> Mapping[str, Any]:
        """Return the counters of the serving version, for the canary analysis of the next one.

        Raises: ClusterError: none of its pods answers: compared with nothing, every version would pass.
        """
        reader = PodReader(self._settings, self._runtime)
        until = self._runtime.monotonic() + self._settings.patience_seconds
        while True:
            deployment = self.read().version
            pods = deployment.pods(self._cluster)
            counters, answered = reader.read_counters(pods)
            if answered or not pods:
                return asdict(counters)
            if self._runtime.monotonic() > until:
                raise self._none_answers(deployment, pods, "The rollout is not started")
            self._runtime.sleep(self._settings.watch_every_seconds)

    def is_new(self, snapshot: Snapshot[Deployment]) -> bool:
        """Whether no model has been set in the Deployment since it exists."""
        return self.reconciler.is_new(snapshot)

    def reconcile(self) -> str:
        """Reconcile alias and metric with the annotation, unless a rollout is in progress.

        Returns: the number of a retrained champion that a new Deployment does not name yet; empty if there is none.
        """
        snapshot = self.read()
        if snapshot.rollout and snapshot.rollout.is_in_progress:  # a person started one
            return ""
        return self.reconciler.reconcile(snapshot, self._lease, self._gateway)

    # phases

    def _roll_out(self, rollout: RolloutState) -> Failure | None:
        """Wait until the pods of the new model are ready and serve the right bundle."""
        deployment, problem = self._await_rollout(rollout)
        if problem:
            return Failure(problem, (NOT_READY,))
        if mismatch := self.reconciler.wrong_model(deployment):
            return Failure(mismatch, (WRONG_MODEL,))
        return None

    def _analyse(self, rollout: RolloutState) -> Failure | None:
        """Analyse the live metrics until the new version passes or shows a regression."""
        if not rollout.before:
            return None  # nothing served before
        analysis = RolloutAnalysis(self._settings, PodCounters.from_dict(rollout.before))
        reader = PodReader(self._settings, self._runtime)
        last_answer = self._runtime.monotonic()
        while True:
            deployment = self._read_observed(rollout)
            pods = deployment.pods(self._cluster)
            current, answered = reader.read_counters(pods)
            if answered or not pods:
                last_answer = self._runtime.monotonic()
            elif self._runtime.monotonic() - last_answer > self._settings.patience_seconds:
                raise self._none_answers(deployment, pods, "The next run resumes the rollout")
            status = deployment.rollout_status()
            problem = "" if status.done else deployment.pod_problems(self._cluster) or status.summary
            result = analysis.evaluate(current, rollout.seconds_in_phase(self._runtime.now()), problem)
            if result.regressions:
                why = "; ".join(found.summary for found in result.regressions)
                return Failure(why, tuple(found.measure for found in result.regressions))
            if result.finished:
                log(f"{describe(rollout.target)} was watched: {result.summary}")
                return None
            self._runtime.sleep(self._settings.watch_every_seconds)

    def _move_alias(self, rollout: RolloutState) -> Failure | None:
        """Move the alias `champion` to the model that serves."""
        deployment = self._owned(rollout)
        if version := self.reconciler.registered_version(deployment):
            self._lease.check()
            self._registry.set_alias(CHAMPION, version)
        return None

    def _roll_back(self, rollout: RolloutState) -> None:
        """Wait until the pods of the previous model are ready."""
        deployment, failure = self._await_rollout(rollout)
        if not failure:
            return
        sentence = (
            f"{describe(rollout.target)} was rolled back ({rollout.why}), and {describe(rollout.previous)} does "
            f"not become ready either: {failure}. See `kubectl describe pod`; k8s.rollback VERSION sets another"
        )
        events.emit(self._cluster, deployment, "ModelNotReady", sentence, "Warning")
        raise PreviousNotReady(sentence)

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
                    problems = deployment.pod_problems(self._cluster) or status.failure
                    return deployment, f"not ready: {problems}"
            if rollout.seconds_in_phase(self._runtime.now()) > self._settings.rollout_seconds:
                problems = deployment.pod_problems(self._cluster) or deployment.rollout_status().summary
                return deployment, f"not ready within {self._settings.rollout_seconds:.0f} s: {problems}"
            self._runtime.sleep(0.2)

    def _none_answers(self, deployment: Deployment, pods: Collection[Pod], so: str) -> ClusterError:
        port = self._settings.metrics_port or self._settings.api_port
        return ClusterError(
            f"none of {len(pods)} pods of {deployment.name} answers at :{port}/metrics: "
            f"does a NetworkPolicy allow it from here? {so}"
        )

    def _read_observed(self, rollout: RolloutState) -> Deployment:
        """Read the Deployment, waiting briefly until its status describes the current spec."""
        until = self._runtime.monotonic() + _SETTLE_SECONDS
        while not (deployment := self._owned(rollout)).is_observed and self._runtime.monotonic() < until:
            self._runtime.sleep(0.2)
        return deployment

    def _owned(self, rollout: RolloutState, deployment: Deployment | None = None) -> Deployment:
        """Return the Deployment if this rollout still determines its state and its desired model.

        Raises: Superseded: it was changed by another rollout or by hand.
        """
        snapshot = _snapshot(deployment) if deployment else self.read()
        check_current(self, rollout, snapshot)
        return snapshot.version


def _snapshot(deployment: Deployment) -> Snapshot[Deployment]:
    return Snapshot(
        record.read(deployment.annotations),
        deployment.desired_model,
        record.blocked_digests(deployment.annotations),
        deployment,
    )
