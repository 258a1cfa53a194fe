"""Keep recent turns by session, as context for handoffs. In the memory of this process, with a size limit."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from chatbot.records.handoff import Turn
from chatbot.settings import HandoffSettings

MAX_TURN_CHARS = 1_000
"""Maximum characters stored per message; longer ones are truncated."""
MAX_CHARS = 8_000_000
"""Maximum characters of all conversations together; the least recently active one is evicted."""


@dataclass(slots=True)
class _Session:
    turns: deque[Turn]
    last: float = 0.0
    chars: int = field(default=0)


class Conversations:
    """Bounded LRU store of the last turns of the latest sessions. For one event loop; not thread-safe."""

    def __init__(self, settings: HandoffSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Create an empty store with the limits of the settings."""
        self._turns = 2 * settings.turns
        self._sessions = settings.sessions
        self._seconds = settings.session_minutes * 60
        self._clock = clock
        self._known: OrderedDict[str, _Session] = OrderedDict()
        self._chars = 0

    def before(self, session_id: str) -> tuple[Turn, ...]:
        """Return the turns of a session, oldest first; empty for an unknown session."""
        self._evict_expired()
        session = self._known.get(session_id)
        return tuple(session.turns) if session else ()

    def add(
        self, session_id: str, at: datetime, message: str, response: str, prediction_id: str = ""
    ) -> None:
        """Store a message (after PII redaction) and its reply."""
        if not session_id or not self._turns or not self._sessions:
            return
        session = self._known.pop(session_id, None) or _Session(deque(maxlen=self._turns))
        self._known[session_id] = session
        session.last = self._clock()
        for speaker, text in (("customer", message[:MAX_TURN_CHARS]), ("assistant", response)):
            session.turns.append(Turn(at=at, speaker=speaker, text=text, prediction_id=prediction_id))
        chars = sum(len(turn.text) for turn in session.turns)
        self._chars += chars - session.chars
        session.chars = chars
        while len(self._known) > self._sessions or self._chars > MAX_CHARS:
            self._evict()
        self._evict_expired()

    def __len__(self) -> int:
        return len(self._known)

    def _evict_expired(self) -> None:
        until = self._clock() - self._seconds
        while self._known and next(iter(self._known.values())).last < until:
            self._evict()

    def _evict(self) -> None:
        _, session = self._known.popitem(last=False)
        self._chars -= session.chars
