"""Keep a reviewer's work on a page for this browser session: decided and skipped items, undo, the last message."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

import streamlit as st

from chatbot.errors import ChatbotError, InvalidMessage
from training.review.decisions import AlreadyDecided, ReviewDecision
from ui.staff_pages import cache, entry, markup
from ui.staff_pages.markup import html


class Decided:
    """State of one page, in Streamlit's session state: ids of items, or hashes of rows."""

    def __init__(
        self,
        page: str,
        listed: Callable[[], Iterable[str]],
        drop_cache: Callable[[], object],
        item_id: Callable[[str], str],
    ) -> None:
        """Name the page; its cached queue is `listed` and dropped; `item_id` returns the id of an item's decision."""
        self._page = page
        self._listed = listed
        self._drop_cache = drop_cache
        self._item_id = item_id

    @property
    def mine(self) -> list[list[str]]:
        """Items that this reviewer decided, the latest last; several that were decided at once are one entry."""
        found: list[list[str]] = st.session_state.setdefault(f"{self._page}_mine", [])
        return found

    @property
    def count(self) -> int:
        """Number of items that this reviewer decided."""
        return sum(map(len, self.mine))

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
        """Draw the button that undoes the last decision; what could not be undone stays the last one."""
        st.button("Undo", key="undo", shortcut="u", on_click=self._undo, disabled=not self.mine)

    def decide(self, item: str, message: str, decide: Callable[[], ReviewDecision], otherwise: str) -> None:
        """Carry out a decision and report it; `otherwise` is the text for a decision without an intent."""
        try:
            decision = decide()
            self.done.add(item)
            self.mine.append([item])
            what = markup.title_of(decision.intent, cache.intents()) if decision.intent else otherwise
        except ChatbotError as error:
            if isinstance(error, AlreadyDecided):
                self.done.add(item)
            self.say(str(error))
            return
        self.say(f"“{markup.short(message)}”: {what}.")

    def look_again(self) -> None:
        """Read the queue again, with the skipped items."""
        self.skipped.clear()
        self._drop_cache()

    def _undo(self) -> None:
        if not self.mine:
            return
        items, passed, reopened, said = self.mine[-1], set(), [], ""
        try:
            while items:
                item = items[0]
                try:
                    reopened.append(cache.board().undo(self._item_id(item), entry.reviewer()))
                except InvalidMessage as error:  # a colleague undid it
                    said = f"Not undone: {error}."
                items.remove(item)
                passed.add(item)
            self.mine.pop()
        except ChatbotError as error:
            said = f"Not undone: {error}."
        if reopened:
            more = f" and {len(reopened) - 1} more wait" if len(reopened) > 1 else " waits"
            said = f"“{markup.short(reopened[0].message)}”{more} again. {said}"
        self.say(said)
        self.done.difference_update(passed)
        with suppress(ChatbotError):  # the page names it
            if not passed <= set(self._listed()):  # reading the queue again takes seconds
                self._drop_cache()

    def _set(self, name: str) -> set[str]:
        found: set[str] = st.session_state.setdefault(f"{self._page}_{name}", set())
        return found
