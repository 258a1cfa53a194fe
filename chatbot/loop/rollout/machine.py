"""Run the rollout state machine with automatic rollback: one for all platforms.

    rolling -> watching -> naming -> done         target set, ready | live metrics analysed | champion named
       |          |          |
       +----------+----------+-> taking-back -> done         previous model set, ready

A `Platform` stores the state and acts on it: a Kubernetes Deployment with annotations (`k8s.rollout.platform`), or one
machine with serving.json (`training.rollout.single_machine`). Every phase is idempotent and its successor is written by
compare-and-swap together with the desired model, so a killed run is resumed by the next one, and the person who sets
another model meanwhile wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from chatbot.errors import ChatbotError, Conflict
from chatbot.loop.rollout.state import (
    Failure,
    RolloutOutcome,
    RolloutState,
    block,
    blocked_after,
    previous_model,
)
from chatbot.runtime import REAL, Runtime

V = TypeVar("V")
_MAX_ATTEMPTS = 20


class Superseded(ChatbotError):
    """The desired model was changed concurrently while this rollout was in progress."""

    status = 409
    type = "superseded"


class Contended(ChatbotError):
    """Other writers changed the recorded state at every attempt; a later call resumes."""

    status = 503
    type = "contended"


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[V]):
    """What a platform stores, as read at one moment."""

    rollout: RolloutState | None
    """The last rollout; None: there has been none."""
    desired_model: str
    blocked: tuple[str, ...]
    """Digests of bundles blocked from automatic promotion, the most recent first."""
    version: V
    """What a compare-and-swap needs of the stored object."""


class Platform(Protocol[V]):
    """Stores the state of a rollout, and carries out its phases."""

    name: str
    """What serves, for messages."""

    def new_id(self, target: str) -> str:
        """Return the identity of a new rollout."""

    def read(self) -> Snapshot[V]:
        """Read the recorded rollout and the desired model."""

    def write(
        self, snapshot: Snapshot[V], rollout: RolloutState, model: str, blocked: tuple[str, ...]
    ) -> None:
        """Record a rollout, the desired model and the blocked digests in one compare-and-swap.

        Raises: Conflict: the stored object changed since the snapshot was read.
        """

    def carry_out(self, rollout: RolloutState) -> Failure | None:
        """Carry out the current phase; idempotent.

        Returns: why the target must not serve; None: the phase succeeded.

        Raises:
            Superseded: another model was requested (see `check_current`).
            ChatbotError: the phase cannot be carried out now; a later run resumes.
        """

    def announce(self, snapshot: Snapshot[V], rollout: RolloutState) -> None:
        """Report a transition that was just recorded; `snapshot` is the one before it."""

    def describe(self, model: str) -> str:
        """Return a model's name for messages."""


class RolloutMachine(Generic[V]):
    """Moves one platform from model to model. Stateless: the platform stores all state."""

    def __init__(self, platform: Platform[V], runtime: Runtime = REAL) -> None:
        """Args: platform: what serves. runtime: clock."""
        self._platform = platform
        self._runtime = runtime

    def start(
        self, target: str, why: str, by_hand: bool = False, baseline: Mapping[str, Any] | None = None
    ) -> RolloutState:
        """Set the desired model and record the rollout; `resume` does the rest.

        Args:
            target: `<version>@<bundle digest>`, or empty: the bundle that ships with the code.
            why: who requested the rollout, and the reason.
            by_hand: whether a person requested it: it supersedes the one in progress.
            baseline: measurements of the current version, for the canary analysis.

        Returns: the recorded rollout: a new one, or the last one if it has this target and its target is set still.

        Raises:
            Superseded: the rollout is not by hand, and another one is in progress.
            Contended: other writers did not let it through.
        """
        written: tuple[Snapshot[V], RolloutState] | None = None
        for _ in range(_MAX_ATTEMPTS):
            snapshot = self._platform.read()
            current = snapshot.rollout
            if written and current and current.id == written[1].id:
                return self._announced(*written)  # the write was applied and its response was lost
            if current and (current.target, snapshot.desired_model) == (target, target):
                return current
            if current and current.is_in_progress and not by_hand:
                raise Superseded(
                    f"{self._platform.name} is being rolled out to {self._platform.describe(snapshot.desired_model)}: "
                    f"the rollout of {self._platform.describe(target)} is not started"
                )
            rollout = RolloutState(
                id=self._platform.new_id(target),
                target=target,
                previous=previous_model(current, snapshot.desired_model),
                since=self._runtime.now(),
                why=why,
                by_hand=by_hand,
                before=baseline or {},
            )
            blocked = snapshot.blocked
            if current and current.is_unproven:
                blocked = block(blocked, current.target, without=target)
            written = snapshot, rollout
            try:
                self._platform.write(snapshot, rollout, target, blocked)
            except Conflict:
                continue
            return self._announced(*written)
        raise self._contended()

    def resume(self, started: RolloutState | None = None) -> RolloutState | None:
        """Run the remaining phases of a rollout.

        Args:
            started: the rollout that this run just started, so that a later change is detected; None: the recorded one.

        Returns: the finished rollout with its outcome; None: no rollout was in progress.

        Raises:
            Superseded: another rollout replaced this one and is still in progress.
            ChatbotError: the platform or the registry fails; a later call resumes.
        """
        rollout = started or self._platform.read().rollout
        if rollout is None or not rollout.is_in_progress:
            return None
        while True:
            try:
                failure = self._platform.carry_out(rollout)
                rollout = self._record(rollout, rollout.next(failure, self._runtime.now()))
            except Superseded:
                # Without a rollout in progress, it was changed outside this program (`kubectl rollout undo`,
                # `kubectl patch`): no other run finishes it.
                rollout = self._record(
                    rollout, rollout.finish(RolloutOutcome.SUPERSEDED, self._runtime.now())
                )
            if not rollout.is_in_progress:
                return rollout

    def _record(self, rollout: RolloutState, following: RolloutState) -> RolloutState:
        """Record the state that follows, and its desired model; return what is recorded.

        Raises: Superseded: another rollout is in progress, or another model was set and `following` does not say so.
        """
        for _ in range(_MAX_ATTEMPTS):
            snapshot = self._platform.read()
            current = snapshot.rollout
            if current and current.id == rollout.id and current.phase is not rollout.phase:
                # The response to the own write was lost, or another actor of this rollout was first.
                return self._announced(snapshot, current) if current == following else current
            if following.outcome is RolloutOutcome.SUPERSEDED:
                if current and current.id != rollout.id and current.is_in_progress:
                    raise _superseded(self._platform, rollout, snapshot)
                model = snapshot.desired_model
            else:
                check_current(self._platform, rollout, snapshot)
                model = following.desired_model
            try:
                self._platform.write(snapshot, following, model, blocked_after(snapshot.blocked, following))
            except Conflict:
                continue
            return self._announced(snapshot, following)
        raise self._contended()

    def _announced(self, snapshot: Snapshot[V], rollout: RolloutState) -> RolloutState:
        self._platform.announce(snapshot, rollout)
        return rollout

    def _contended(self) -> Contended:
        return Contended(
            f"{self._platform.name} keeps changing: gave up after {_MAX_ATTEMPTS} attempts; run this again"
        )


def check_current(platform: Platform[V], rollout: RolloutState, snapshot: Snapshot[V]) -> None:
    """Check that a rollout still determines the recorded state and the desired model.

    Raises: Superseded: it was changed by another rollout or by hand.
    """
    current = snapshot.rollout
    if current is None or current.id != rollout.id or snapshot.desired_model != rollout.desired_model:
        raise _superseded(platform, rollout, snapshot)


def _superseded(platform: Platform[V], rollout: RolloutState, snapshot: Snapshot[V]) -> Superseded:
    return Superseded(
        f"{platform.name} was set to {platform.describe(snapshot.desired_model)} while "
        f"{platform.describe(rollout.target)} was {rollout.phase.value}: the rollout of the latter is abandoned"
    )
