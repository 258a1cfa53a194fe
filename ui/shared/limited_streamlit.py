"""Run Streamlit's command with a limit on the time of a request's head: `python -m ui.shared.limited_streamlit run`.

uvicorn waits for a head for ever: clients that send half of one would take all connections and, with 64 kB each, the
memory. h11 limits the head's size; httptools, which uvicorn prefers where it is installed, does not.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""Maximum time from the opening of a connection, or a later request's first byte, to the end of the head."""


class HeadLimitProtocol(H11Protocol):
    """One connection of a page."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the deadline of the first head."""
        super().connection_made(transport)
        self._start_deadline()

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived; stop the deadline if a head is complete."""
        if self._deadline is None and not self._is_answering():
            self._start_deadline()
        super().data_received(data)
        if self._is_answering():
            self._stop_deadline()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Hand the connection over to the websocket's protocol."""
        self._stop_deadline()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_deadline()
        super().connection_lost(exc)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _start_deadline(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def main() -> None:
    """Run Streamlit's command in this process."""
    from streamlit.web.cli import main as streamlit

    HTTP_PROTOCOLS["auto"] = f"{__spec__.name}:{HeadLimitProtocol.__name__}"
    streamlit(prog_name="streamlit")


if __name__ == "__main__":
    main()
