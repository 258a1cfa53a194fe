"""Run Streamlit's command with limits on its HTTP connections: `python -m ui.shared.limited_streamlit run`.

uvicorn has none for the time of a request, nor for a client that does not read its response, nor for the number of
connections: half requests would take all file descriptors and, with 64 kB each, the memory. h11 limits a head's size;
httptools, which uvicorn prefers where it is installed, does not. `ui.shared.server` limits websockets.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar

import h11
from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 10.0
"""Maximum time from the opening of a connection, or a later request's first byte, to the end of the request."""
READ_SECONDS = 30.0
"""Maximum time in which a client reads nothing of a response that waits for it."""
MAX_CONNECTIONS = 500
"""Open connections without websockets; beyond it the longest idle one is closed, else the new one is refused."""
_INCOMPLETE = (h11.IDLE, h11.SEND_BODY)


class _Countdown:
    """Calls a function once when its time is over, unless it is stopped before."""

    def __init__(self, seconds: float, expire: Callable[[], None]) -> None:
        self._seconds = seconds
        self._expire = expire
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Let the time begin, unless it runs already."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._expire)

    def stop(self) -> None:
        """Stop the time; it begins anew with the next start."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class PageProtocol(H11Protocol):
    """One connection of a page."""

    _idle: ClassVar[OrderedDict[PageProtocol, None]] = OrderedDict()
    """Connections whose next request has not arrived as a whole, the longest waiting first."""
    _answering: ClassVar[set[PageProtocol]] = set()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._request_deadline = _Countdown(REQUEST_SECONDS, self.end)
        self._read_deadline = _Countdown(READ_SECONDS, self.end)

    def connection_made(self, transport: Any) -> None:
        """Make place for the connection, and start the deadline of its first request."""
        super().connection_made(transport)
        if len(self._idle) + len(self._answering) >= MAX_CONNECTIONS:
            if not self._idle:
                transport.abort()
                return
            next(iter(self._idle)).end()
        self._idle[self] = None
        self._request_deadline.start()

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived; its deadline stops when a request is complete."""
        self._request_deadline.start()
        super().data_received(data)
        self._update()

    def on_response_complete(self) -> None:
        """Note that the connection is idle, unless the next request has arrived."""
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:  # of a request that came behind the answered one
            self._request_deadline.start()
        self._update()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, even if the client has not read the last response."""
        super().timeout_keep_alive_handler()
        self._update()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Hand the connection over to the websocket's protocol."""
        self._forget()
        super().handle_websocket_upgrade(event)

    def pause_writing(self) -> None:
        """Start the deadline of a client that does not read."""
        super().pause_writing()
        self._update()

    def resume_writing(self) -> None:
        """Stop that deadline, unless the connection is closing."""
        super().resume_writing()
        self._update()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._forget()
        super().connection_lost(exc)

    def end(self) -> None:
        """End the connection at once."""
        self._forget()
        self.transport.abort()

    def _update(self) -> None:
        """Bring deadlines and the place in `_idle` or `_answering` up to the state of the connection."""
        if self not in self._idle and self not in self._answering:
            return
        is_complete = self.conn.their_state not in _INCOMPLETE
        if is_complete:
            self._request_deadline.stop()
        if is_complete or self.flow.write_paused:
            self._idle.pop(self, None)
            self._answering.add(self)
        elif self in self._answering:
            self._answering.remove(self)
            self._idle[self] = None
        if self.flow.write_paused or self.transport.is_closing():
            self._read_deadline.start()
        else:
            self._read_deadline.stop()

    def _forget(self) -> None:
        self._idle.pop(self, None)
        self._answering.discard(self)
        self._request_deadline.stop()
        self._read_deadline.stop()


def main() -> None:
    """Run Streamlit's command in this process."""
    from streamlit.web.cli import main as streamlit

    HTTP_PROTOCOLS["auto"] = f"{__spec__.name}:{PageProtocol.__name__}"
    streamlit(prog_name="streamlit")


if __name__ == "__main__":
    main()
