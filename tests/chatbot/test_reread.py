"""A file is read again when it changes, at most every second, and what is invalid replaces nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chatbot.errors import SettingError
from chatbot.reread import RereadFile

NOW = [0.0]


def parse(content: str) -> int:
    try:
        return int(content)
    except ValueError:
        raise SettingError("no number") from None


def opened(file: Path) -> RereadFile[int]:
    return RereadFile("A_FILE", file, parse, lambda: NOW[0])


def test_a_change_is_seen_after_a_second_and_not_before(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("1")
    number = opened(file)
    file.write_text("22")
    NOW[0] += 0.9
    assert number.value == 1
    NOW[0] += 0.1
    assert number.value == 22


def test_another_file_of_the_same_size_and_time_is_a_change(tmp_path: Path) -> None:
    """As Kubernetes updates a mounted Secret: the folder's link moves on to another folder."""
    for name, content in (("one", "1"), ("two", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(content)
        os.utime(tmp_path / name / "file", ns=(10**18, 10**18))
    link = tmp_path / "link"
    link.symlink_to("one")
    number = opened(link / "file")
    assert number.value == 1
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(link)
    NOW[0] += 1
    assert number.value == 2


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("1")
    read = []
    number = RereadFile("A_FILE", file, read.append, lambda: NOW[0])
    for _ in range(3):
        NOW[0] += 1
        assert number.value is None
    assert read == ["1"]


def test_what_is_missing_or_invalid_is_refused_at_first_and_replaces_nothing_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "file"
    with pytest.raises(SettingError, match=r"A_FILE=.*file cannot be read"):
        opened(file)
    file.write_text("x")
    with pytest.raises(SettingError, match=r"A_FILE=.*file: no number"):
        opened(file)
    file.write_text("1")
    number = opened(file)
    for problem in (b"x", b"\xff", None):
        file.unlink() if problem is None else file.write_bytes(problem)
        for _ in range(3):
            NOW[0] += 1
            assert number.value == 1
    assert caplog.text.count("stays in force") == 3, "each problem once"
    file.write_text("2")
    NOW[0] += 1
    assert number.value == 2
