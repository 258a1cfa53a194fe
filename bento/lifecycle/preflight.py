"""Preflight check: load and test the bundle before any worker starts, in a forked process.

The fork isolates memory and crashes. Without the check, workers with a broken bundle would be restarted forever,
each with a traceback. Does not import BentoML, so that `python -m bento` can run the check on another core while
BentoML is imported.
"""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Callable

from bento.http.api_keys import ApiKeys
from bento.lifecycle import bundle_source
from chatbot.dialog.replies import Replies, slots_of
from chatbot.errors import ChatbotError
from chatbot.process import die_with_parent
from chatbot.settings import (
    HandoffSettings,
    LogSettings,
    RouterSettings,
    ServiceSettings,
    SlotSettings,
    StorageSettings,
    UploadSettings,
)
from chatbot.store import has_store, open_store

# Imported here and not where it is used: after a Bento's service is loaded, its other modules are not found.
from monitoring.handoffs.log import targets_of

logger = logging.getLogger(__name__)


class PreflightCheck:
    """Runs a check in a forked process."""

    def __init__(self, check: Callable[[], object]) -> None:
        self._reader, writer = os.pipe()
        parent = os.getpid()
        self._child = os.fork()
        if self._child:
            os.close(writer)
            return
        code = 1
        try:
            if die_with_parent(parent):
                check()
                code = 0
        except ChatbotError as error:
            os.write(writer, str(error).encode())
        except Exception as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(code)

    def failure(self) -> str | None:
        """Wait for the check; return why it failed, in one line; None: it passed."""
        with os.fdopen(self._reader, "rb") as stream:
            reason = " ".join(stream.read().decode(errors="replace").split())
        code = os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])
        if reason or not code:
            return reason or None
        return f"the bundle does not run on this machine: the preflight check ended with exit code {code}"


def check(model: str | None = None) -> None:
    """Fetch the bundle, load it as the workers will (which classifies its known messages), and fill its replies.

    Args:
        model: `<version>@<bundle digest>`; empty: the bundle that ships with the code; None: the configured model.

    Raises:
        ChatbotError: the bundle or a setting does not work on this machine.
    """
    from chatbot import ids
    from chatbot.model import bundle

    service = ServiceSettings()
    if model is not None:
        service = service.model_copy(update={"model": model, "model_file": None})
    ids.load_or_make_key(service, LogSettings())
    storage = StorageSettings()
    if not targets_of(HandoffSettings(), open_store(storage) if has_store(storage) else None):
        logger.warning(
            "handoffs reach nobody and are dropped: set CHATBOT_HANDOFF_URL, or CHATBOT_STORE_URL to a store"
        )
    UploadSettings()
    if service.api_keys_file is not None:
        ApiKeys(service.api_keys_file)
    source = bundle_source.fetch(service)
    loaded = bundle.load(source.folder, is_verified=bool(source.digest))
    source.check(loaded.digest)
    slots = SlotSettings()
    loaded.router(RouterSettings(), slots)
    for problem in unknown_slots(slots, loaded.replies):
        logger.warning(problem)


def unknown_slots(slots: SlotSettings, replies: Replies) -> list[str]:
    """Return one message per set slot that is neither a setting nor in a reply, with the closest that is.

    A misspelt slot would otherwise leave its default in the replies, silently.
    """
    used = {name for text in replies.texts.values() for name in slots_of(text.response)}
    problems = []
    for name in sorted(slots.values().keys() - SlotSettings.model_fields.keys() - used):
        closest = difflib.get_close_matches(name, used, 1)
        problems.append(
            f"CHATBOT_SLOT_{name.upper()} is a slot of no reply"
            + (f": did you mean CHATBOT_SLOT_{closest[0].upper()}?" if closest else "")
        )
    return problems


def failure_of(model: str) -> str | None:
    """Run the preflight check of a model; return why it failed, in one line; None: it passed."""
    return PreflightCheck(lambda: check(model)).failure()


_started: list[PreflightCheck] = []


def start() -> None:
    """Start the preflight check of the configured model; `failure` then waits for it."""
    _started.append(PreflightCheck(check))


def failure() -> str | None:
    """Return why the preflight check failed, in one line; None: it passed. Starts it unless `start` has."""
    return (_started.pop() if _started else PreflightCheck(check)).failure()
