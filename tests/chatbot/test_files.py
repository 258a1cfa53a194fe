"""Atomic file writes: the old content or the new, never a part of it, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatbot.files import replacing, write_file


def test_a_file_is_written_with_its_folder_and_replaced(tmp_path: Path) -> None:
    file = tmp_path / "new" / "file.json"
    write_file(file, "first, as UTF-8: é")
    write_file(file, b"second", sync=False)
    assert file.read_bytes() == b"second"
    assert [found.name for found in file.parent.iterdir()] == ["file.json"]


def test_a_write_that_fails_keeps_the_old_content_and_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "file.csv"
    write_file(file, "old")
    with pytest.raises(OSError, match="the disk is full"):
        write_half(file)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def write_half(file: Path) -> None:
    with replacing(file) as draft:
        draft.write_text("half")
        assert file.read_text() == "old"
        assert not draft.match("*.csv"), "who lists files by suffix does not see the draft"
        raise OSError("the disk is full")
