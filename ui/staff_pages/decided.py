"""Keep a reviewer's work on a page for this browser session: decided and skipped items, undo, the last message."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from chatbot.errors import ChatbotError
from training.review.decisions import AlreadyDecidedError, ReviewDecision
from ui.staff_pages import cache, entry, markup
from ui.staff_pages.markup import html


class Decided:
    """State of one page, in Streamlit's session state: ids of items, or hashes of rows."""

    def __init__(self, page: str, drop_cache: Callable[[], object], item_id: Callable[[str], str]) -> None:
        """Name the page; `drop_cache` drops its cached queue, `item_id` returns the id of an item's decision."""
        self._page = page
        self._drop_cache = drop_cache
        self._item_id = item_id

    @property
    def mine(self) -> list[str]:
        """Decisions of this reviewer, the latest last."""
        found: list[str] = st.session_state.setdefault(f"{self._page}_mine", [])
        return found

    @property
    def done(self) -> set[str]:
        """Items that any reviewer has decided and that may still be in the cached queue."""
        return self._set("done")

    @property
    def skipped(self) -> set[str]:
        """Items that this reviewer skipped."""
        return self._set("skipped")

    def say(self, message: str) -> None:
        """Show a message in the next run of the page."""
        st.session_state[f"{self._page}_said"] = message

    def show_message(self) -> None:
        """Draw the last message, once."""
        if said := st.session_state.pop(f"{self._page}_said", ""):
            st.html(html.done(said))

    def show_undo(self) -> None:
        """Draw the button that undoes the last decision."""
        st.button("Undo", key="undo", shortcut="u", on_click=self._undo, disabled=not self.mine)

    def decide(self, item: str, message: str, decide: Callable[[], ReviewDecision], otherwise: str) -> None:
        """Carry out a decision and report it; `otherwise` is the text for a decision without an intent."""
        try:
            decision = decide()
        except ChatbotError as error:
            if isinstance(error, AlreadyDecidedError):
                self.done.add(item)
            self.say(str(error))
            return
        self.done.add(item)
        self.mine.append(item)
        what = markup.title_of(decision.intent, cache.intents()) if decision.intent else otherwise
        self.say(f"“{markup.short(message)}”: {what}.")

    def look_again(self) -> None:
        """Read the queue again, with the skipped items."""
        self.skipped.clear()
        self._drop_cache()

    def _undo(self) -> None:
        if not self.mine:
            return
        item = self.mine.pop()
        try:
            reopened = cache.board().undo(self._item_id(item), entry.reviewer())
            self.say(f"“{markup.short(reopened.message)}” waits again.")
        except ChatbotError as error:
            self.say(str(error))
        self.done.discard(item)
        self._drop_cache()

    def _set(self, name: str) -> set[str]:
        found: set[str] = st.session_state.setdefault(f"{self._page}_{name}", set())
        return found
