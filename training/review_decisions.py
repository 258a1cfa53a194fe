"""What reviewers decided: one small object a message in the store, written by a conditional put.

    reviews/<prediction id>.json          a decision on the message of that prediction
    reviews/intents/<intent>.json         an intent that a reviewer made, with its reply

Two reviewers who decide at the same moment do not overwrite each other: the second is told what the first one
decided (`AlreadyDecidedError`). A decision is taken back by `reopen`, not deleted, so that this holds for
taking back too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from chatbot.errors import ChatbotError, Conflict, InvalidMessage, Missing, StoreError
from chatbot.message import OUT_OF_SCOPE, clean
from chatbot.replies import fill
from chatbot.storage import Entry, Store

PREFIX = "reviews/"
INTENTS = "reviews/intents/"
FORMAT = 1
MAX_REPLY_CHARS = 2_000

_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_MAX_NAME_CHARS = 64
_READERS = 16


class Verdict(StrEnum):
    """What a reviewer said of a message."""

    ACCEPT = "accept"
    """The bot's likeliest intent is the right one."""
    CORRECT = "correct"
    """Another intent is."""
    NEW_INTENT = "new-intent"
    """An intent that this reviewer, or another, made in the review."""
    REJECT = "reject"
    """There is nothing to learn from it."""
    REOPENED = "reopened"
    """A decision was taken back: the message waits again."""


TAUGHT = frozenset({Verdict.ACCEPT, Verdict.CORRECT, Verdict.NEW_INTENT})
"""The verdicts whose messages become rows of the corpus."""


class _Stored(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    format: int = FORMAT


class Decision(_Stored):
    """A decision on one message."""

    item_id: str
    """The prediction's id: the row's source id."""
    message: str
    """Redacted, as the record has it."""
    verdict: Verdict
    intent: str = ""
    """What the message means; empty when it is rejected or waits again."""
    reviewer: str
    when: datetime
    said: str = ""
    """The intent that the bot found likeliest."""
    reasons: tuple[str, ...] = ()
    """Why it was in the queue."""
    model_version: str = ""
    session_id: str = ""
    """As the record has it; `forget` finds the message by this too."""
    duplicates: tuple[str, ...] = ()
    """Prediction ids of the exact and near-duplicates that were shown with it."""


class NewIntent(_Stored):
    """An intent that a reviewer made."""

    intent: str
    reply: str
    category: str = ""
    title: str = ""
    reviewer: str
    when: datetime


class AlreadyDecidedError(ChatbotError):
    """Somebody else was first; says who, when and what."""

    status = 409
    type = "already_decided"

    def __init__(self, decision: Decision) -> None:
        what = f"{decision.verdict} as {decision.intent}" if decision.intent else str(decision.verdict)
        super().__init__(
            f"{decision.reviewer} decided it at {decision.when:%Y-%m-%d %H:%M} UTC: {what}. "
            "It is left as it is; take it back first to decide otherwise",
            decision.model_dump(mode="json"),
        )
        self.decision = decision


Stored = TypeVar("Stored", Decision, NewIntent)


class Decisions:
    """All decisions in a store; what was read once is read again only when it changed. For any thread."""

    def __init__(self, store: Store) -> None:
        """Reads nothing yet."""
        self.store = store
        self._known: dict[str, tuple[str, Decision | NewIntent]] = {}

    def read(self) -> dict[str, Decision]:
        """Every decision by the id of its message, those that were reopened too.

        Raises:
            StoreError: the store does not answer, or an object there is no decision (named).
        """
        entries = [e for e in self.store.list(PREFIX) if "/" not in e.key.removeprefix(PREFIX)]
        return {decision.item_id: decision for decision in self._read(entries, Decision)}

    def intents(self) -> dict[str, NewIntent]:
        """Every intent that reviewers made, by its name.

        Raises:
            StoreError: as `read`.
        """
        return {new.intent: new for new in self._read(list(self.store.list(INTENTS)), NewIntent)}

    def decide(self, decision: Decision) -> Decision:
        """Write a decision where there is none yet, or where the last one was taken back.

        Raises:
            AlreadyDecidedError: there is one.
        """
        key = key_of(decision.item_id)
        content = _dump(decision)
        try:
            self.store.put(key, content, new=True)
        except Conflict:
            found, etag = self._current(key)
            if found is None:
                return self.decide(decision)
            if found.verdict is not Verdict.REOPENED:
                raise AlreadyDecidedError(found) from None
            self._replace(key, content, etag)
        return decision

    def reopen(self, item_id: str, reviewer: str) -> Decision:
        """Take a decision back: the message waits again.

        Raises:
            InvalidMessage: nobody has decided on that message.
            AlreadyDecidedError: somebody decided anew at this moment.
        """
        key = key_of(item_id)
        found, etag = self._current(key)
        if found is None or found.verdict is Verdict.REOPENED:
            raise InvalidMessage(f"{item_id}: there is no decision to take back")
        reopened = found.model_copy(
            update={"verdict": Verdict.REOPENED, "intent": "", "reviewer": reviewer, "when": now()}
        )
        self._replace(key, _dump(reopened), etag)
        return reopened

    def make_intent(self, new: NewIntent) -> NewIntent:
        """Write a new intent; the same once more is fine.

        Raises:
            InvalidMessage: another reviewer made an intent of that name with another reply: says who.
        """
        key = f"{INTENTS}{new.intent}.json"
        try:
            self.store.put(key, _dump(new), new=True)
        except Conflict:
            found = _parse(key, self.store.get(key), NewIntent)
            if found.reply != new.reply:
                raise InvalidMessage(
                    f"{found.reviewer} made the intent {new.intent} at {found.when:%Y-%m-%d %H:%M} UTC, with "
                    f"another reply ({found.reply!r}): correct the message to it, or take another name"
                ) from None
            return found
        return new

    def _current(self, key: str) -> tuple[Decision | None, str]:
        """What is decided now, with its etag; none where it was deleted meanwhile (somebody forgot it)."""
        while True:
            entry = self.store.head(key)
            if entry is None:
                return None, ""
            try:
                return _parse(key, self.store.get(key, etag=entry.etag), Decision), entry.etag
            except Conflict:
                continue
            except Missing:
                return None, ""

    def _replace(self, key: str, content: bytes, etag: str) -> None:
        try:
            self.store.put(key, content, etag=etag)
        except Conflict:
            found, _ = self._current(key)
            if found is None:
                raise InvalidMessage(f"{key}: it was forgotten at this moment") from None
            raise AlreadyDecidedError(found) from None

    def _read(self, entries: list[Entry], kind: type[Stored]) -> Iterator[Stored]:
        changed = [e for e in entries if self._known.get(e.key, ("",))[0] != e.etag]
        with ThreadPoolExecutor(_READERS) as pool:
            contents = list(pool.map(self._get, (e.key for e in changed)))
        for entry, content in zip(changed, contents, strict=True):
            if content is not None:
                self._known[entry.key] = entry.etag, _parse(entry.key, content, kind)
        for entry in entries:
            found = self._known.get(entry.key)
            if found is not None and isinstance(found[1], kind):
                yield found[1]

    def _get(self, key: str) -> bytes | None:
        try:
            return self.store.get(key)
        except Missing:  # forgotten since it was listed
            return None


def key_of(item_id: str) -> str:
    """Where the decision on a message lies."""
    return f"{PREFIX}{item_id}.json"


def now() -> datetime:
    """The clock, UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def check_intent(intent: str, known: Iterable[str]) -> str:
    """An intent that a message can be corrected to.

    Raises:
        InvalidMessage: it is none.
    """
    if intent != OUT_OF_SCOPE and intent not in (names := frozenset(known)):
        raise InvalidMessage(
            f"{intent!r} is no intent of this bot: expected one of {', '.join(sorted(names))}, or "
            f"{OUT_OF_SCOPE}; an intent that does not exist yet is made with new-intent"
        )
    return intent


def check_new_intent(
    intent: str, reply: str, known: Iterable[str], slots: Mapping[str, str], category: str = ""
) -> str:
    """A new intent's name and reply.

    Args:
        known: the intents that there are.
        slots: what replies are filled with, by name (`SlotSettings().values()`).

    Returns:
        The reply as a customer reads it.

    Raises:
        InvalidMessage: the name is none or is taken, or the reply is empty or too long.
        SettingError: the reply has a slot that is not filled, or a brace that is no slot.
    """
    if not _NAME.fullmatch(intent) or len(intent) > _MAX_NAME_CHARS:
        raise InvalidMessage(
            f"{intent!r} is no name for an intent: lower-case words joined by underscores, such as "
            f"gift_card_balance, at most {_MAX_NAME_CHARS} characters"
        )
    if intent == OUT_OF_SCOPE or intent in frozenset(known):
        raise InvalidMessage(f"the intent {intent} exists: correct the message to it instead")
    if not clean(reply) or len(reply) > MAX_REPLY_CHARS:
        raise InvalidMessage(
            f"the reply of {intent} has {len(clean(reply))} characters: write 1 to {MAX_REPLY_CHARS}"
        )
    if len(category) > _MAX_NAME_CHARS:
        raise InvalidMessage(f"the category of {intent} is longer than {_MAX_NAME_CHARS} characters")
    return fill(reply, slots, f"the reply of {intent}")


def _dump(stored: Decision | NewIntent) -> bytes:
    return stored.model_dump_json(indent=1).encode() + b"\n"


def _parse(key: str, content: bytes, kind: type[Stored]) -> Stored:
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise StoreError(f"{key} is no {kind.__name__.lower()} of a reviewer: {error}") from error
