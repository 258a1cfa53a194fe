"""Track the team's work on handoffs: open, taken, done.

reviews/handoffs/<prediction id>.json       state and assignee; compare-and-swap on the ETag (conditional put)
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from chatbot.errors import ChatbotError, Conflict, Missing, StoreError
from chatbot.ids import time_of
from chatbot.records import handoff
from chatbot.records.erasure import forgotten
from chatbot.records.handoff import Handoff
from chatbot.store import Store, layout, stem
from training.review.decisions import now

MOST = 200

State = Literal["open", "taken", "done"]


class Work(BaseModel):
    """State and assignee of a handoff, as stored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: int = 1
    state: State
    by: str
    when: datetime


class TakenError(ChatbotError):
    """Conflict: another person has the handoff or changed it concurrently."""

    status = 409
    type = "taken"


@dataclass(frozen=True, slots=True)
class Task:
    """A handoff with its state; `work` is None if it is not taken."""

    handoff: Handoff
    work: Work | None = None

    @property
    def state(self) -> State:
        """State of the handoff."""
        return self.work.state if self.work else "open"

    @property
    def when(self) -> datetime:
        """Time of the customer's message, UTC."""
        return time_of(self.handoff.prediction_id)


def read_tasks(store: Store, days: int = 14, most: int = MOST) -> list[Task]:
    """Return recent handoffs, latest first, without those under an erasure tombstone.

    Args:
        store: the store.
        days: length of the window in days.
        most: maximum number of untouched handoffs, and of all others.

    Raises:
        StoreError: the store is unavailable.
    """
    gone = forgotten(store)
    today = datetime.now(UTC).date()
    keys: list[str] = []
    for back in range(-1, days):  # a replica's clock may be ahead
        day = today - timedelta(days=back)
        found = [entry.key for entry in store.list(layout.of_day(layout.HANDOFFS, day))]
        keys += [key for key in reversed(found) if stem(key) not in gone]
    # A separate limit: many touched handoffs must not displace waiting ones.
    touched = {stem(entry.key) for entry in store.list(layout.HANDOFF_WORK)}
    waiting = [key for key in keys if stem(key) not in touched][:most]
    others = [key for key in keys if stem(key) in touched][:most]
    with ThreadPoolExecutor(16) as pool:
        tasks = list(pool.map(lambda key: _read(store, key), sorted([*waiting, *others], reverse=True)))
    return [task for task in tasks if task is not None and task.handoff.session_id not in gone]


def move(store: Store, prediction_id: str, state: State, by: str) -> Work:
    """Change the state of a handoff: take it, finish it, or reopen it.

    Args:
        store: the store.
        prediction_id: the id of the handoff.
        state: the new state.
        by: the person who acts.

    Returns:
        The stored state.

    Raises:
        TakenError: another person has the handoff (the text names them), or the ETag changed concurrently.
        StoreError: the store is unavailable.
    """
    key = layout.document(layout.HANDOFF_WORK, prediction_id)
    work = Work(state=state, by=by, when=now())
    content = work.model_dump_json().encode()
    entry = store.head(key)
    try:
        if entry is None:
            store.put(key, content, new=True)
            return work
        found = _parse(key, store.get(key, etag=entry.etag))
        if found.state != "open" and found.by != by and state == "taken":
            raise TakenError(f"{found.by} has it since {found.when:%Y-%m-%d %H:%M} UTC ({found.state})")
        store.put(key, content, etag=entry.etag)
    except (Conflict, Missing):
        raise TakenError("another person changed it at the same time: reload the page") from None
    return work


def _read(store: Store, key: str) -> Task | None:
    try:
        found = handoff.parse(store.get(key), key)
    except Missing:
        return None
    try:
        work = layout.document(layout.HANDOFF_WORK, found.prediction_id)
        return Task(found, _parse(work, store.get(work)))
    except Missing:
        return Task(found)


def _parse(key: str, content: bytes) -> Work:
    try:
        return Work.model_validate_json(content)
    except ValidationError as error:
        raise StoreError(f"{key} is not the state of a handoff: {error}") from error
