"""serving.json between those who write it and those who read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.errors import StoreError
from chatbot.loop import desired_model
from chatbot.store.folder import FolderStore

FIRST, SECOND, THIRD = f"1@{'a' * 64}", f"2@{'b' * 64}", f"3@{'c' * 64}"


class Busy(FolderStore):
    """Somebody else writes between the question what stands there and the reading of it, so many times."""

    times = 1

    def get(self, key: str, *, etag: str = "") -> bytes:
        if self.times > 0:
            self.times -= 1
            other = FolderStore(self._folder)
            desired_model.ask(other, SECOND if desired_model.read(other).model == FIRST else FIRST, "another")
        return super().get(key, etag=etag)


def test_a_read_during_a_concurrent_write_is_repeated(tmp_path: Path) -> None:
    desired_model.ask(FolderStore(tmp_path), FIRST, "the first")
    assert desired_model.read(Busy(tmp_path)).model == SECOND


def test_a_change_applies_to_the_latest_content(tmp_path: Path) -> None:
    desired_model.ask(FolderStore(tmp_path), FIRST, "the first")
    assert desired_model.confirm(Busy(tmp_path), SECOND).serves
    assert desired_model.read(FolderStore(tmp_path)).model == SECOND


def test_endless_conflicts_are_reported(tmp_path: Path) -> None:
    desired_model.ask(FolderStore(tmp_path), FIRST, "the first")
    busy = Busy(tmp_path)
    busy.times = 1_000
    with pytest.raises(StoreError, match="changed by others"):
        desired_model.read(busy)


def test_a_model_that_a_rollback_returned_to_stays_the_rollback_target_before_it_serves_again(
    tmp_path: Path,
) -> None:
    store = FolderStore(tmp_path)
    desired_model.ask(store, FIRST, "a test")
    desired_model.confirm(store, FIRST)
    desired_model.ask(store, SECOND, "a test")
    assert desired_model.roll_back(store, SECOND, "it does not start").model == FIRST
    desired_model.ask(store, THIRD, "a test")  # before the supervisor has started the first again
    assert desired_model.roll_back(store, THIRD, "it does not start either").model == FIRST
