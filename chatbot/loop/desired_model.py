"""Store the desired model of a single machine: serving.json in the store, with rollout history and last rollback.

Counterpart of the annotations of a Deployment in a cluster; the rollout's state (`chatbot.loop.rollout.state`) is
derived from it. A promotion writes the desired model (`ask`). The supervisor (`bento.keeper`) reconciles the server
with it, and records that the model serves (`confirm`) or was rolled back and why (`roll_back`). Every change uses
optimistic concurrency (compare-and-swap on the ETag).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from chatbot.errors import Conflict, Missing, StoreError
from chatbot.loop.rollout.state import Failure, Phase, RolloutState, previous_model
from chatbot.model.ref import ModelRef
from chatbot.store import Store, get_versioned, layout

KEY = layout.DESIRED_MODEL
_REMEMBERED = 20
_TRIES = 20


class RolledBackModel(BaseModel):
    """A rolled-back model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    why: str
    when: datetime


class DesiredModel(BaseModel):
    """Desired model and its history. An empty model is the bundle that ships with the code."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    model: str = ""
    """`<version>@<bundle digest>`."""
    serves: bool = False
    """Whether the model has answered since it was requested."""
    since: datetime = datetime.fromtimestamp(0, UTC)
    """Time of the request."""
    why: str = ""
    """Requester and reason."""
    before: tuple[str, ...] = ()
    """Models that served before, the latest first."""
    taken_back: RolledBackModel | None = None
    """The last rolled-back model; cleared when it is requested again."""

    @property
    def rollout(self) -> RolloutState:
        """Return the state of the last rollout, named after its target; whether it is champion is unknown here."""
        failed = self.taken_back
        if failed is None or failed.when != self.since or self.serves:
            return self.request
        return RolloutState(
            id=failed.model,
            target=failed.model,
            previous=self.model,
            phase=Phase.TAKING_BACK,
            since=self.since,
            why=failed.why,
            by_hand=True,
        )

    @property
    def request(self) -> RolloutState:
        """Return the rollout of the desired model, even if that is the target of an automatic rollback."""
        return RolloutState(
            id=self.model,
            target=self.model,
            previous=self.before[0] if self.before else "",
            phase=Phase.NAMING if self.serves else Phase.ROLLING,
            since=self.since,
            why=self.why,
            by_hand=True,
        )

    def record(self, rollout: RolloutState) -> DesiredModel:
        """Return the record of a rollout's state: a request or a rollback; the other phases change nothing.

        That the model serves is for the supervisor to record.
        """
        if rollout.phase is Phase.ROLLING:
            history = [m for m in dict.fromkeys([rollout.previous, *self.before]) if m != rollout.target]
            if history and not history[-1]:
                history.pop()  # where the history ends, the bundle beside the code serves
            failed = self.taken_back if self.taken_back and self.taken_back.model != rollout.target else None
            return DesiredModel(
                model=rollout.target,
                since=rollout.since,
                why=rollout.why,
                before=tuple(history[:_REMEMBERED]),
                taken_back=failed,
            )
        if rollout.phase is Phase.TAKING_BACK:
            return DesiredModel(
                model=rollout.previous,
                since=rollout.since,
                why=f"{short(rollout.target)} was rolled back",
                before=self.before[1:],
                taken_back=RolledBackModel(model=rollout.target, why=rollout.why, when=rollout.since),
            )
        return self

    @property
    def ref(self) -> ModelRef | None:
        """Return the desired model; None: the bundle that ships with the code."""
        return ModelRef.parse(self.model) if self.model else None

    @property
    def name(self) -> str:
        """Return the desired model in short form, for display."""
        return short(self.model)


def short(model: str) -> str:
    """Format a model for display: `7@7aec7c2859be…`, or the meaning of an empty name."""
    version, _, digest = model.partition("@")
    return f"{version}@{digest[:12]}…" if model else "the bundle beside the code"


def read(store: Store) -> DesiredModel:
    """Read the desired model; default: the bundle that ships with the code.

    Raises: StoreError: the store does not respond, or serving.json is invalid.
    """
    return read_entry(store)[0]


def ask(store: Store, model: str, why: str) -> DesiredModel:
    """Set the desired model, if it is another one; `why` names requester and reason."""

    def asked(old: DesiredModel) -> DesiredModel:
        if old.model == model:
            return old
        return old.record(
            RolloutState(
                id=model,
                target=model,
                previous=previous_model(old.rollout, old.model),
                since=datetime.now(UTC),
                why=why,
                by_hand=True,
            )
        )

    return _change(store, asked)


def confirm(store: Store, model: str) -> DesiredModel:
    """Record that a model serves, if it is still the desired one. Raises StoreError if the write failed."""
    return _change(store, lambda old: old.model_copy(update={"serves": True}) if old.model == model else old)


def roll_back(store: Store, model: str, why: str) -> DesiredModel:
    """Roll back to the previous model and record why, if `model` is still the desired one."""

    def rolled_back(old: DesiredModel) -> DesiredModel:
        if old.model != model:
            return old
        return old.record(old.request.next(Failure(why), datetime.now(UTC)))

    return _change(store, rolled_back)


def refuse(store: Store, model: str, why: str) -> DesiredModel:
    """Record why a model is not requested, as if it had been rolled back: no run promotes it again by itself."""

    def refused(old: DesiredModel) -> DesiredModel:
        # The rollback in progress is recorded where this refusal would be.
        if old.model == model or old.rollout.phase is Phase.TAKING_BACK:
            return old
        failed = RolledBackModel(model=model, why=why, when=datetime.now(UTC))
        return old.model_copy(update={"taken_back": failed})

    return _change(store, refused)


def read_entry(store: Store) -> tuple[DesiredModel, str]:
    """Read the desired model and its ETag (empty: no file)."""
    if (found := get_versioned(store, KEY)) is None:
        return DesiredModel(), ""
    try:
        return DesiredModel.model_validate_json(found[0]), found[1]
    except ValidationError as error:
        raise StoreError(
            f"{store}: {KEY} is broken, or of another version of this code: {error.errors()[0]['msg']}. "
            "Delete it, and promote again what should serve"
        ) from error


def _change(store: Store, change: Callable[[DesiredModel], DesiredModel]) -> DesiredModel:
    for _ in range(_TRIES):
        old, etag = read_entry(store)
        if (new := change(old)) == old:
            return new
        try:
            write(store, new, etag)
        except Conflict:
            continue
        return new
    raise StoreError(f"{store}: {KEY} was changed by others {_TRIES} times in a row; try again")


def write(store: Store, serving: DesiredModel, etag: str) -> None:
    """Write the desired model by compare-and-swap.

    Raises: Conflict: serving.json changed since it was read.
    """
    try:
        store.put(KEY, serving.model_dump_json(indent=2).encode() + b"\n", new=not etag, etag=etag)
    except Missing as error:
        raise Conflict(f"{KEY} was deleted meanwhile") from error
