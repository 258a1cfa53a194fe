"""Preflight check: load and test the bundle before any worker starts, in a forked process.

The fork isolates memory and crashes. Without the check, workers with a broken bundle would be restarted forever,
each with a traceback. Does not import BentoML, so that `python -m bento` can run the check on another core while
BentoML is imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from bento.lifecycle import bundle_source
from chatbot.errors import ChatbotError
from chatbot.settings import (
    HandoffSettings,
    LogSettings,
    RouterSettings,
    ServiceSettings,
    SlotSettings,
    read_settings,
)

# Imported here and not where it is used: after a Bento's service is loaded, its other modules are not found.
from monitoring.handoffs.log import targets_of


class PreflightCheck:
    """Runs a check in a forked process."""

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
        """Wait for the check; return why it failed, in one line; empty: it passed."""
        with os.fdopen(self._reader, "rb") as stream:
            reason = " ".join(stream.read().decode(errors="replace").split())
        code = os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])
        return reason or (
            f"the bundle does not run on this machine: trying it ended with {code}" if code else ""
        )


def check() -> None:
    """Fetch the desired bundle, load it as the workers will, and classify a message.

    Raises:
        ChatbotError: the bundle or a setting does not work on this machine.
    """
    from bento.lifecycle.served_model import Model
    from chatbot import ids
    from chatbot.dialog.message import WARM_UP
    from chatbot.model import bundle

    service = read_settings(ServiceSettings)
    ids.load_or_make_key(service, read_settings(LogSettings))
    targets_of(read_settings(HandoffSettings), None)
    served = bundle_source.fetch(service)
    Model.read(served.folder).router(read_settings(RouterSettings), read_settings(SlotSettings))
    loaded = bundle.load(served.folder)
    served.check(loaded.digest)
    loaded.predict([WARM_UP])


_begun: list[PreflightCheck] = []


def begin() -> None:
    """Start the preflight check; `failure` then waits for it."""
    _begun.append(PreflightCheck(check))


def failure() -> str:
    """Return why the preflight check failed, in one line; empty: it passed. Starts it unless `begin` has."""
    return (_begun.pop() if _begun else PreflightCheck(check)).failure()
