"""The work folder of a retraining is emptied only if a retraining made it: it may be named by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.retraining.config import CannotRetrain, emptied


def test_a_folder_with_content_that_no_retraining_made_is_refused_and_stays(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "precious.csv").write_text("years of work")
    refused = pytest.raises(CannotRetrain, match=r"would be emptied, and no retraining made it: .* --work")
    with refused, emptied(tmp_path):
        pass
    assert (tmp_path / "corpus" / "precious.csv").read_text() == "years of work"


def test_a_file_in_the_place_of_the_folder_is_refused_and_stays(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("notes")
    with pytest.raises(CannotRetrain, match="name a new folder"), emptied(tmp_path / "work"):
        pass
    assert (tmp_path / "work").read_text() == "notes"


@pytest.mark.parametrize("exists", [True, False])
def test_a_new_or_empty_folder_is_used_and_deleted_after_success(tmp_path: Path, exists: bool) -> None:
    work = tmp_path / "a" / "work"
    if exists:
        work.mkdir(parents=True)
    with emptied(work) as folder:
        assert list((folder / "corpus").iterdir()) == []
    assert not work.exists()


def test_what_a_failed_retraining_left_behind_is_emptied_by_the_next(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError), emptied(tmp_path / "work") as folder:
        (folder / "corpus").mkdir()
    assert (tmp_path / "work" / "corpus").exists()
    (tmp_path / "work" / "challenger").mkdir()
    with emptied(tmp_path / "work") as folder:
        assert not (folder / "challenger").exists()
