"""Trying the bundle before any worker starts, in a process of its own: neither memory nor a crash of it stays.

Workers that find the bundle broken would be started again and again, each with its page of traceback. Imports
nothing of BentoML, so that `python -m bento` can try the bundle while BentoML is imported, on another core.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from bento import fetch
from chatbot.errors import ChatbotError
from chatbot.settings import (
    HandoffSettings,
    LogSettings,
    RouterSettings,
    ServiceSettings,
    SlotSettings,
    read_settings,
)

# Here and not where it is used: of a Bento's own modules, those imported after its service was loaded are not found.
from monitoring.handoffs import targets_of

WARM_UP = "Can I get a refund?"


class Proof:
    """A check under way."""

    def __init__(self, check: Callable[[], object]) -> None:
        self._reader, writer = os.pipe()
        self._child = os.fork()
        if self._child:
            os.close(writer)
            return
        code = 1
        try:
            check()
            code = 0
        except ChatbotError as error:
            os.write(writer, str(error).encode())
        except Exception as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(code)

    def failure(self) -> str:
        """Wait for the end; why it failed, in one line, or nothing."""
        with os.fdopen(self._reader, "rb") as stream:
            reason = " ".join(stream.read().decode(errors="replace").split())
        code = os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])
        return reason or (
            f"the bundle does not run on this machine: trying it ended with {code}" if code else ""
        )


def check() -> None:
    """Fetch what this service was told to serve, and load it as the workers will.

    Raises:
        ChatbotError: the bundle, or something beside it, cannot serve here and with these settings.
    """
    from bento.model import Model
    from chatbot import bundle, ids

    service = read_settings(ServiceSettings)
    ids.load_or_make_key(service, read_settings(LogSettings))
    targets_of(read_settings(HandoffSettings), None)
    served = fetch.fetch(service)
    Model.read(served.folder).router(read_settings(RouterSettings), read_settings(SlotSettings))
    loaded = bundle.load(served.folder)
    served.check(loaded.digest)
    loaded.predict([WARM_UP])


_begun: list[Proof] = []


def begin() -> None:
    """Start trying the bundle; `failure` then waits for this trial."""
    _begun.append(Proof(check))


def failure() -> str:
    """Why the start cannot succeed, in one line, or nothing."""
    return (_begun.pop() if _begun else Proof(check)).failure()
