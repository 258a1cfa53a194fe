"""Apply rate limits: one token bucket per client, in bounded memory.

A bucket is one number, the time at which it will be full again (generic cell rate algorithm, ITU-T I.371): a request
moves it on by the time of one token, and is refused if it would be further ahead than the bucket is large.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from chatbot.errors import RateLimited

MAX_CLIENTS = 10_000
"""Maximum number of buckets; the least recently used is evicted, so that its client begins with a full one."""


class RateLimit:
    """Rate limit of one kind of client. For one event loop; not thread-safe."""

    def __init__(
        self,
        kind: str,
        rate: float,
        burst_seconds: float,
        on_refused: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Configure the limit.

        Args:
            kind: what is limited, for the error and the metric: key, address, session, prediction.
            rate: requests per second; 0: unlimited.
            burst_seconds: size of a bucket in seconds' worth of requests; it holds one request or more.
            on_refused: called with `kind` for every refused request.
            clock: monotonic time in seconds.
        """
        self._kind = kind
        self._seconds = 1 / rate if rate else 0.0
        self._burst = max(burst_seconds, self._seconds)
        self._on_refused = on_refused
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, client: str) -> None:
        """Take one token of a client.

        Raises:
            RateLimited: the client's bucket is empty.
        """
        if not self._seconds:
            return
        now = self._clock()
        # Subtracted first: the floats of a late time are coarse.
        ahead = max(self._full_at.get(client, now) - now, 0.0) + self._seconds
        # Microseconds of tolerance: sums of floats.
        if (late := ahead - self._burst) > 1e-5:
            self._full_at.move_to_end(client)
            self._on_refused(self._kind)
            raise RateLimited(self._kind, max(1, math.ceil(late)))
        self._full_at[client] = now + ahead
        self._full_at.move_to_end(client)
        if len(self._full_at) > MAX_CLIENTS:
            self._full_at.popitem(last=False)

    def __len__(self) -> int:
        return len(self._full_at)
