"""serving.json in the store: what should serve on one machine, what served before, and what was taken back.

The twin of the annotation `support-chatbot/model-version` in a cluster. Who promotes writes what should serve
(`ask`); who keeps the service (`bento.keeper`) follows it, and notes that it serves (`confirm`) or that it was
taken back and why (`take_back`). Every change holds only where nobody changed it in between.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from chatbot.bundle_store import ModelRef
from chatbot.errors import Conflict, Missing, StoreError
from chatbot.storage import Store

KEY = "serving.json"
_REMEMBERED = 20
_TRIES = 20


class TakenBack(BaseModel):
    """A model that was to serve and did not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    why: str
    when: datetime


class Serving(BaseModel):
    """What should serve. An empty name is the bundle beside the code."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    model: str = ""
    """`<version>@<bundle digest>`."""
    serves: bool = False
    """Whether it was seen to answer since it was asked for."""
    since: datetime = datetime.fromtimestamp(0, UTC)
    """When it was asked for."""
    why: str = ""
    """Who or what asked for it, in words."""
    before: tuple[str, ...] = ()
    """What served before it, the latest first."""
    taken_back: TakenBack | None = None
    """The last model that was to serve and did not; gone when it is asked for again."""

    @property
    def ref(self) -> ModelRef | None:
        """The model; None: the bundle beside the code."""
        return ModelRef.parse(self.model) if self.model else None

    @property
    def name(self) -> str:
        """The model for a person to read."""
        return short(self.model)


def short(model: str) -> str:
    """`7@7aec7c2859be…`, or what an empty name stands for."""
    version, _, digest = model.partition("@")
    return f"{version}@{digest[:12]}…" if model else "the bundle beside the code"


def read(store: Store) -> Serving:
    """What should serve; the bundle beside the code where nobody ever said.

    Raises:
        StoreError: the store does not answer, or serving.json is broken.
    """
    return _read(store)[0]


def ask(store: Store, model: str, why: str) -> Serving:
    """Ask for a model: from now on it should serve. What serves already stays as it is.

    Args:
        model: `<version>@<bundle digest>`, or empty.
        why: who or what asks for it.

    Raises:
        StoreError: the store did not take it.
    """

    def asked(old: Serving) -> Serving:
        if old.model == model:
            return old
        # One that never served is nothing to go back to.
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
    """Note that a model serves, if it is still the one that should. Raises: StoreError."""
    return _change(store, lambda old: old.model_copy(update={"serves": True}) if old.model == model else old)


def take_back(store: Store, model: str, why: str) -> Serving:
    """Ask for what served before, if this model is still the one that should serve, and note why.

    Returns:
        What should serve now.

    Raises:
        StoreError: the store did not take it.
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
    """What stands there, and its etag; read again where somebody writes it between asking and reading."""
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
