"""Desired model of a single machine: serving.json in the store, with rollout history and last rollback.

Counterpart of the annotation `support-chatbot/model-version` in a cluster. A promotion writes the desired model
(`ask`). The supervisor (`bento.keeper`) reconciles the server with it, and records that the model serves
(`confirm`) or was rolled back and why (`take_back`). Every change uses optimistic concurrency (compare-and-swap on
the ETag).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from chatbot.errors import Conflict, Missing, StoreError
from chatbot.model.bundle_store import ModelRef
from chatbot.store import Store, layout

KEY = layout.DESIRED_MODEL
_REMEMBERED = 20
_TRIES = 20


class TakenBack(BaseModel):
    """A rolled-back model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    why: str
    when: datetime


class Serving(BaseModel):
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
    taken_back: TakenBack | None = None
    """The last rolled-back model; cleared when it is requested again."""

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


def read(store: Store) -> Serving:
    """Read the desired model; default: the bundle that ships with the code.

    Raises:
        StoreError: the store does not respond, or serving.json is invalid.
    """
    return _read(store)[0]


def ask(store: Store, model: str, why: str) -> Serving:
    """Set the desired model. Idempotent: changes nothing if it is the desired model already.

    Args:
        store: contains serving.json.
        model: `<version>@<bundle digest>`, or empty.
        why: requester and reason.

    Returns:
        The new state.

    Raises:
        StoreError: the write failed.
    """

    def asked(old: Serving) -> Serving:
        if old.model == model:
            return old
        # A model that never served is not a rollback target.
        before = [name for name in old.before if name != model]
        if old.serves and old.model not in before:
            before.insert(0, old.model)
        failed = old.taken_back if old.taken_back and old.taken_back.model != model else None
        return Serving(
            model=model,
            since=datetime.now(UTC),
            why=why,
            before=tuple(before[:_REMEMBERED]),
            taken_back=failed,
        )

    return _change(store, asked)


def confirm(store: Store, model: str) -> Serving:
    """Record that a model serves, if it is still the desired one. Raises StoreError if the write failed."""
    return _change(store, lambda old: old.model_copy(update={"serves": True}) if old.model == model else old)


def take_back(store: Store, model: str, why: str) -> Serving:
    """Roll back to the previous model and record why, if `model` is still the desired one.

    Returns:
        The new state.

    Raises:
        StoreError: the write failed.
    """

    def taken(old: Serving) -> Serving:
        if old.model != model:
            return old
        now = datetime.now(UTC)
        return Serving(
            model=old.before[0] if old.before else "",
            since=now,
            why=f"{short(model)} was taken back",
            before=old.before[1:],
            taken_back=TakenBack(model=model, why=why, when=now),
        )

    return _change(store, taken)


def _read(store: Store) -> tuple[Serving, str]:
    """Return the state and its ETag; retries if it is changed between `head` and `get`."""
    for _ in range(_TRIES):
        entry = store.head(KEY)
        if entry is None:
            return Serving(), ""
        try:
            content = store.get(KEY, etag=entry.etag)
        except (Conflict, Missing):
            continue
        try:
            return Serving.model_validate_json(content), entry.etag
        except ValidationError as error:
            raise StoreError(
                f"{store}: {KEY} is broken, or of another version of this code: {error.errors()[0]['msg']}. "
                "Delete it, and promote again what should serve"
            ) from error
    raise _contended(store)


def _change(store: Store, change: Callable[[Serving], Serving]) -> Serving:
    for _ in range(_TRIES):
        old, etag = _read(store)
        if (new := change(old)) == old:
            return new
        content = new.model_dump_json(indent=2).encode() + b"\n"
        try:
            store.put(KEY, content, new=not etag, etag=etag)
        except (Conflict, Missing):
            continue
        return new
    raise _contended(store)


def _contended(store: Store) -> StoreError:
    return StoreError(f"{store}: {KEY} was changed by others {_TRIES} times in a row; try again")
