"""`make images`: several at once, told apart on the terminal, and stopped by the first that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import images

_BUILDER = """\
#!/bin/sh
echo "$2" >> {begun}
echo "working on it"
case "$2" in *monitor*) echo "no such package" >&2; exit 1;; esac
sleep 0.5
"""


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The names that a builder was asked for; it fails on one of them."""
    names, builder = tmp_path / "begun", tmp_path / "builder"
    builder.write_text(_BUILDER.format(begun=names))
    builder.chmod(0o755)
    monkeypatch.setenv("IMAGE_BUILDER", str(builder))
    monkeypatch.setattr(images, "_AT_ONCE", 2)
    return names


@pytest.mark.process
def test_every_line_says_whose_it_is(begun: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images.build(["ui", "staff", "mlflow"])
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    for name in ("ui", "staff", "mlflow"):
        assert [name, "working", "on", "it"] in said
    assert sorted(begun.read_text().split()) == sorted(images.full_name(n) for n in ("ui", "staff", "mlflow"))


@pytest.mark.process
def test_a_failed_build_is_named_and_no_other_starts(begun: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(images.ImagesError, match="monitor"):
        images.build(["ui", "monitor", "staff", "mlflow", "train"])
    assert "no such package" in capsys.readouterr().out
    assert len(begun.read_text().split()) <= 3


def test_an_unknown_name_is_refused_before_anything_is_built(begun: Path) -> None:
    with pytest.raises(images.ImagesError, match="no image 'uii'"):
        images.build(["ui", "uii"])
    assert not begun.exists()
