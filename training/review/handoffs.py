"""Track the team's work on handoffs: open, taken, done.

reviews/handoffs/<prediction id>.json       state and assignee; compare-and-swap on the ETag (conditional put)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

from chatbot.documents import Document
from chatbot.errors import ChatbotError, Conflict, Missing
from chatbot.ids import time_of
from chatbot.records import contact, handoff
from chatbot.records.erasure import is_hidden, tombstones
from chatbot.records.handoff import Handoff, Turn
from chatbot.store import ParsedObjects, Store, get_versioned, layout, stem
from training.review.decisions import now

DONE_DAYS = 14
"""How long a finished handoff remains listed after it was closed."""
_MAX_TURN_CHARS = 1_000
_MISREAD = str.maketrans({"o": "0", "i": "1", "l": "1", "-": None, ".": None})
"""Ids have no such letters (Crockford's base 32)."""

State = Literal["open", "taken", "done"]
T = TypeVar("T")


class Work(Document):
    """State and assignee of a handoff, as stored."""

    format: int = 1
    state: State
    by: str
    when: datetime


class HandoffTaken(ChatbotError):
    """Conflict: another person has the handoff or changed it concurrently."""

    status = 409
    type = "taken"


@dataclass(frozen=True, slots=True)
class Task:
    """A handoff with its state; `work` is None if nobody has taken it. `contact`: how to reach the customer."""

    handoff: Handoff
    work: Work | None = None
    contact: str = ""

    @property
    def state(self) -> State:
        """State of the handoff."""
        return self.work.state if self.work else "open"

    @property
    def when(self) -> datetime:
        """Time of the customer's message, UTC."""
        return time_of(self.handoff.prediction_id)


@dataclass(frozen=True, slots=True)
class HandoffCase:
    """The handoffs of one conversation, oldest first: the team answers them together."""

    tasks: tuple[Task, ...]

    @property
    def case_id(self) -> str:
        """Identifies the case: the id of its first handoff."""
        return self.tasks[0].handoff.prediction_id

    def has(self, words: str) -> bool:
        """Whether a handoff of the case has this reference or contact data, or a part of it.

        A customer may read a reference out, copy it with spaces, or take a 0 for an O.
        """
        reference = "".join(words.lower().split()).translate(_MISREAD)
        is_named = bool(reference) and any(reference in task.handoff.prediction_id for task in self.tasks)
        return is_named or any(words.strip().casefold() in contact.casefold() for contact in self.contacts)

    @property
    def state(self) -> State:
        """Taken if somebody has one of its handoffs; else open if one waits; else done."""
        states = {task.state for task in self.tasks}
        return "taken" if "taken" in states else "open" if "open" in states else "done"

    @property
    def by(self) -> str:
        """The reviewer who claimed or finished it; empty if unclaimed."""
        found = [task.work for task in self.tasks if task.work and task.state == self.state != "open"]
        return found[-1].by if found else ""

    @property
    def contacts(self) -> list[str]:
        """Return the contact data that the customer left, the latest last."""
        return list(dict.fromkeys(task.contact for task in self.tasks if task.contact))

    @property
    def since(self) -> datetime:
        """Time of the oldest message that waits; of the first message if none does."""
        return next((task.when for task in self.tasks if task.state != "done"), self.tasks[0].when)

    @property
    def turns(self) -> list[Turn]:
        """Return the conversation, oldest turn first; each handoff contains the turns before it."""
        found: dict[tuple[str, str, int], Turn] = {}
        for task in self.tasks:
            own = Turn(at=task.when, speaker="customer", text=task.handoff.message)
            for turn in (*task.handoff.conversation, own):
                key = (turn.speaker, turn.text[:_MAX_TURN_CHARS], int(turn.at.timestamp()))
                if key not in found or len(found[key].text) < len(turn.text):
                    found[key] = turn
        return sorted(found.values(), key=lambda turn: turn.at)


class HandoffReader:
    """Reads the handoffs of a store; each again only if it changed (its ETag). Thread-safe."""

    def __init__(self, store: Store) -> None:
        """Configure the store; reads nothing."""
        self._store = store
        self._handoffs = ParsedObjects(store, lambda key, content: handoff.parse(content, key))
        self._contacts = ParsedObjects(store, lambda key, content: contact.parse(content, key))
        self._work = ParsedObjects(store, _parse)

    def cases(self) -> list[HandoffCase]:
        """Return the handoffs by conversation, the one that has waited longest first; see `tasks`."""
        groups: dict[str, list[Task]] = {}
        for task in self.tasks():
            groups.setdefault(task.handoff.session_id or task.handoff.prediction_id, []).append(task)
        cases = (HandoffCase(tuple(tasks)) for tasks in groups.values())
        return sorted(cases, key=lambda case: case.since)

    def tasks(self) -> list[Task]:
        """Return all handoffs in the store, oldest first, without those under an erasure tombstone."""
        gone = tombstones(self._store)
        stored = {stem(e.key): e for e in self._store.list(layout.HANDOFFS) if stem(e.key) not in gone}
        work = _by_id(
            self._work.read(e for e in self._store.list(layout.HANDOFF_WORK) if stem(e.key) in stored)
        )
        since = datetime.now(UTC) - timedelta(days=DONE_DAYS)
        past = {one for one, found in work.items() if found.state == "done" and found.when < since}
        shown = {one: stored[one] for one in sorted(stored) if one not in past}
        left = _by_id(
            self._contacts.read(e for e in self._store.list(layout.CONTACTS) if stem(e.key) in shown)
        )
        return [
            Task(found.without(gone), work.get(one), left[one].contact if one in left else "")
            for one, found in _by_id(self._handoffs.read(shown.values())).items()
            if not is_hidden(one, found.session_id, gone)
        ]


def move(store: Store, prediction_id: str, state: State, by: str, instead_of: str = "") -> Work:
    """Change the state of a handoff: take it, finish it, or reopen it; `instead_of` the person who has it, on purpose.

    Raises: HandoffTaken: another person has the handoff (the text names them), or the ETag changed concurrently.
    """
    key = layout.document(layout.HANDOFF_WORK, prediction_id)
    work = Work(state=state, by=by, when=now())
    content = work.model_dump_json().encode()
    try:
        if (stored := get_versioned(store, key)) is None:
            store.put(key, content, new=True)
            return work
        found = _parse(key, stored[0])
        is_anothers = found.by not in (by, instead_of)
        if is_anothers and (found.state == "taken" or (found.state == "done" and state == "taken")):
            raise HandoffTaken(f"{found.by} has it since {found.when:%Y-%m-%d %H:%M} UTC ({found.state})")
        store.put(key, content, etag=stored[1])
    except (Conflict, Missing):
        raise HandoffTaken("another person changed it at this moment: reload and look again") from None
    return work


def _by_id(found: dict[str, T]) -> dict[str, T]:
    """Return objects by the id in their keys."""
    return {stem(key): value for key, value in found.items()}


def _parse(key: str, content: bytes) -> Work:
    return Work.from_json(content, f"{key} does not name the person who has claimed the handoff")
