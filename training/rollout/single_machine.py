"""Roll out and roll back a version on one machine, by the state machine of `chatbot.loop.rollout`.

    preflight check -> serving.json requests it -> the keeper serves it -> alias `champion` is moved
                                                -> the keeper rolls back and records the reason

The state is in the store and the registry, so a killed run is resumed by running it again. In a cluster,
`k8s.promote` does the same for a Deployment.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chatbot.errors import ChatbotError
from chatbot.loop import desired_model
from chatbot.loop.desired_model import DesiredModel, short
from chatbot.loop.registry import CHAMPION, GATE_AGAINST, ModelVersion
from chatbot.loop.rollout.machine import RolloutMachine, Snapshot, Superseded, check_current
from chatbot.loop.rollout.state import Failure, Phase, RolloutOutcome, RolloutState
from chatbot.model.ref import ModelRef
from chatbot.runtime import REAL, Runtime
from chatbot.store import Store
from training.tracking.bundles import fetch_bundle
from training.tracking.registry import Registry

_POLL_SECONDS = 0.3
_CHECK_SECONDS = 120.0
_ROOT = Path(__file__).resolve().parents[2]

MachineSnapshot = Snapshot[tuple[DesiredModel, str]]
"""serving.json and its ETag."""


class NotPromoted(ChatbotError):
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


@dataclass(slots=True)
class MachinePlatform:
    """Implements `chatbot.loop.rollout.machine.Platform` for one machine, whose supervisor restarts the server.

    Every rollout is one by hand: one server has no second version to compare its metrics with.
    """

    store: Store
    registry: Registry
    wait_seconds: float
    say: Callable[[str], None]
    runtime: Runtime
    name: str = "this machine"

    def new_id(self, target: str) -> str:
        """Return the target: serving.json has no other identity, and a repeated request continues the first."""
        return target

    def read(self) -> MachineSnapshot:
        """Read serving.json; its history, with reasons, takes the place of a list of blocked digests."""
        serving, etag = desired_model.read_entry(self.store)
        return Snapshot(serving.rollout, serving.model, (), (serving, etag))

    def write(
        self, snapshot: MachineSnapshot, rollout: RolloutState, model: str, blocked: tuple[str, ...]
    ) -> None:
        """Write a request or a rollback to serving.json; the alias is the record of a finished rollout.

        Raises: Conflict: serving.json changed since it was read.
        """
        serving, etag = snapshot.version
        if (changed := serving.record(rollout)) != serving:
            desired_model.write(self.store, changed, etag)

    def carry_out(self, rollout: RolloutState) -> Failure | None:
        """Wait for the server, or move the alias; the supervisor returns to the previous model by itself."""
        if rollout.phase is Phase.ROLLING:
            return self._await_server(rollout)
        if rollout.phase is Phase.NAMING:
            check_current(self, rollout, self.read())
            self.name_champion(self.registry.get(ModelRef.parse(rollout.target).version))
        return None

    def announce(self, snapshot: MachineSnapshot, rollout: RolloutState) -> None:
        """Say nothing: the command's last sentence states the outcome."""

    def describe(self, model: str) -> str:
        """Return a model's name for messages."""
        return short(model)

    def name_champion(self, version: ModelVersion) -> None:
        """Move the alias `champion` to a version that serves."""
        if CHAMPION not in version.aliases:
            self.registry.set_alias(CHAMPION, version.number)

    def _await_server(self, rollout: RolloutState) -> Failure | None:
        """Wait until the supervisor records that the target serves, or that it was rolled back."""
        self.say(f"waiting until {short(rollout.target)} answers")
        until = self.runtime.monotonic() + self.wait_seconds
        while True:
            snapshot = self.read()
            found = snapshot.rollout
            if found and found.id == rollout.id and found.phase is not rollout.phase:
                return None  # the machine adopts the phase that the supervisor recorded
            check_current(self, rollout, snapshot)
            if self.runtime.monotonic() > until:
                return Failure(
                    f"it did not serve within {self.wait_seconds:g} s. Does the service run under `make run` "
                    "(bento.keeper), and does it use this store?"
                )
            self.runtime.sleep(_POLL_SECONDS)


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
        runtime: Runtime = REAL,
    ) -> None:
        """Configure the promotion; sends no request. `cache`, of fetched bundles, is shared with the service."""
        self._store = store
        self._registry = registry
        self._cache = cache
        self._say = say
        self._platform = MachinePlatform(store, registry, wait_seconds, say, runtime)
        self._machine = RolloutMachine(self._platform, runtime)

    def promote(
        self, number: str = "", *, force: bool = False, by_itself: bool = False, first: bool = False
    ) -> RolloutResult:
        """Roll out a version, then make it champion.

        Args:
            number: the version; empty: resume an unfinished promotion if there is one, else promote the
                challenger.
            force: promote even if the gate refused the version or was not run.
            by_itself: the call is automatic, and may be repeated: the refusal of a version by its preflight check is
                recorded, and no error.
            first: the version is the first one of its corpus: its refusal is an error even by itself.

        Without a number, or by itself, it skips a version that was rolled back or judged against another champion.

        Raises: NotPromoted: the version must not serve, was rolled back, or its preflight check did not end.
        """
        now = desired_model.read(self._store)
        is_automatic = by_itself or not number
        champion = self._registry.champion() if is_automatic else None
        if not number:
            if now.ref and (champion is None or champion.ref != now.ref):
                self._say(f"resuming {now.name}: {now.why}")
                return self._roll_out(now.model, now.why)
            version = self._registry.challenger()
            if version is None or (champion and version.number == champion.number):
                return RolloutResult(now.model, False, "nothing to promote: no challenger is registered")
        else:
            version = self._registry.get(number)
        if is_automatic and (
            reason := _known_as_worse(now, version) or _judged_otherwise(now, version, champion)
        ):
            return RolloutResult(now.model, False, f"nothing to promote: version {version.number} {reason}")
        if not version.may_serve and not force:
            raise NotPromoted(
                f"the gate {'refused' if version.verdict else 'has not judged'} version {version.number}"
                f": see `python -m training.versions`; --force promotes it regardless"
            )
        return self._move(version, "promoted by training.promote", records=by_itself and not first)

    def rollback(self, number: str = "") -> RolloutResult:
        """Roll back to an earlier version and make it champion.

        Raises: NotPromoted: no version served before, or the keeper reverted to the current one.
        """
        if number:
            return self._move(self._registry.get(number), "rolled back by training.rollback")
        now = desired_model.read(self._store)
        before = next((ModelRef.parse(model) for model in now.before if model), None)
        if before is None:
            raise NotPromoted(
                f"no version served before {now.name}: name one (`python -m training.versions` lists them)"
            )
        return self._move(self._registry.get(before.version), "rolled back by training.rollback", before)

    def _move(
        self, version: ModelVersion, why: str, expected: ModelRef | None = None, records: bool = False
    ) -> RolloutResult:
        """Check a version and roll it out; `records`: a refusal is recorded in serving.json instead of raised."""
        if expected and expected != version.ref:
            raise NotPromoted(
                f"version {expected.version} of the registry is the bundle {version.bundle_digest[:12]}, "
                f"but {expected.digest[:12]} served: this is another registry. Name a version"
            )
        model = str(version.ref)
        now = desired_model.read(self._store)
        if now.model == model and now.serves:
            self._platform.name_champion(version)
            return RolloutResult(model, False, f"{short(model)} is already serving")
        if now.model != model:
            self._say(f"checking version {version.number}")
            if problem := prove(fetch_bundle(self._store, self._registry, version, self._cache)):
                failed = f"failed its preflight check: {problem}"
                if not records:
                    raise NotPromoted(f"version {version.number} {failed}")
                desired_model.refuse(self._store, model, f"it {failed}")
                return RolloutResult(
                    now.model, False, f"nothing to promote: version {version.number} {failed}"
                )
        return self._roll_out(model, why)

    def _roll_out(self, model: str, why: str) -> RolloutResult:
        """Start the rollout of a model, or continue it, and run its remaining phases.

        Raises: NotPromoted: another version was requested, or the supervisor or a timeout rolled this one back.
        """
        try:
            finished = self._machine.resume(self._machine.start(model, why, by_hand=True))
        except Superseded:
            finished = None
        if finished and finished.outcome is RolloutOutcome.ROLLED_BACK:
            return RolloutResult(model, True, f"{short(model)} is serving and is the champion")
        now = desired_model.read(self._store)
        if now.taken_back and now.taken_back.model == model:
            raise NotPromoted(f"{short(model)} was rolled back, {now.name} is serving: {now.taken_back.why}")
        raise NotPromoted(f"{now.name} was requested meanwhile ({now.why})")


def prove(folder: Path) -> str:
    """Run the preflight check of a bundle; return why it refused the bundle, in one line; empty: it can serve.

    A subprocess isolates this process from crashes and memory use of the model's runtime.

    Raises: NotPromoted: the check did not end, which says nothing about the bundle: a later run repeats it.
    """
    command = [sys.executable, "-m", "training.prove", str(folder.resolve())]
    try:
        done = subprocess.run(
            command, cwd=_ROOT, capture_output=True, text=True, timeout=_CHECK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotPromoted(
            f"the preflight check did not end within {_CHECK_SECONDS:g} s: run it again when the machine is less busy"
        ) from None
    if done.returncode == -signal.SIGKILL:
        raise NotPromoted("the preflight check was killed, as when memory runs out: run it again")
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"the preflight check ended with {done.returncode}"


def _known_as_worse(now: DesiredModel, version: ModelVersion) -> str:
    """Return why an automatic promotion skips a version that failed before; empty: it does not."""
    model = str(version.ref)
    if now.taken_back and now.taken_back.model == model:
        return f"is not tried again: {now.taken_back.why}. Name it to try it all the same"
    if model in now.before:
        return "served earlier and was rolled back. Name it to promote it again"
    return ""


def _judged_otherwise(now: DesiredModel, version: ModelVersion, champion: ModelVersion | None) -> str:
    """Return which other version than the serving one the gate compared this one with; empty: it is that one."""
    serving = now.ref or (champion and champion.ref)
    against = version.tags.get(GATE_AGAINST, "")
    if not serving or serving == version.ref or against in ("", serving.digest):
        return ""
    return (
        f"was judged against {against[:12]}, and {short(str(serving))} serves: the next retraining compares them "
        "again. Name it to promote it all the same"
    )
