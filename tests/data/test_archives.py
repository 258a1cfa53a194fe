"""Compressed files and archives: read as what they hold; nothing in them leads to a file outside."""

from __future__ import annotations

import bz2
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from data.errors import CorpusError
from data.loading import read_corpus

TABLE = "text,label\nhello there,a\nhow are you,a\ngood bye,b\nsee you,b\n"
LEFT_OUT = "not taken: {count} links, or files whose names lead out of the archive, such as {name!r}"


def test_a_file_that_leads_out_of_an_archive_is_left_out_and_counted(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "corpus.zip", "w") as archive:
        archive.writestr("a.csv", TABLE)
        archive.writestr("../b.csv", TABLE)
    loaded = read_corpus(tmp_path / "corpus.zip")
    assert len(loaded.table) == 4
    assert loaded.notices[0].reason == LEFT_OUT.format(count=1, name="../b.csv")


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"])
def test_a_tar_archive_is_read_as_a_folder(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "a.csv").write_text(TABLE)
    (folder / "b.csv").write_text(TABLE.replace("label\n", "label\n\n"))
    path = tmp_path / f"export{suffix}"
    with tarfile.open(
        path, "w:" + {".tgz": "gz"}.get(suffix, suffix.removeprefix(".tar").strip("."))
    ) as archive:
        archive.add(folder, "export")
    loaded = read_corpus(path)
    assert list(loaded.table["message"]) == list(read_corpus(folder).table["message"])
    assert not loaded.problems


def test_what_a_tar_archive_holds_beside_files_of_its_own_is_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text(TABLE)
    with tarfile.open(tmp_path / "corpus.tar", "w") as archive:
        (tmp_path / "a.csv").write_text(TABLE)
        archive.add(tmp_path / "a.csv", "a.csv")
        archive.add(tmp_path / "secret.csv", "../../secret.csv")
        for name, kind in (
            ("link.csv", tarfile.SYMTYPE),
            ("hard.csv", tarfile.LNKTYPE),
            ("pipe.csv", tarfile.FIFOTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, str(tmp_path / "secret.csv")
            archive.addfile(member)
    loaded = read_corpus(tmp_path / "corpus.tar")
    assert len(loaded.table) == 4
    assert loaded.notices[0].reason == LEFT_OUT.format(count=4, name="../../secret.csv")


@pytest.mark.parametrize(("suffix", "compress"), [(".bz2", bz2.compress), (".xz", lzma.compress)])
def test_a_compressed_table_is_read(tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"a.csv{suffix}"
    path.write_bytes(compress(TABLE.encode()))
    assert len(read_corpus(path).table) == 4
    path.write_bytes(compress(TABLE.encode())[:-9])
    with pytest.raises(CorpusError, match="cannot be unpacked"):
        read_corpus(path)
    path.rename(tmp_path / "named.csv")
    with pytest.raises(CorpusError, match=rf"is compressed: name it {suffix}"):
        read_corpus(tmp_path / "named.csv")


@pytest.mark.parametrize("name", ["a.tar", "a.tgz", "a.zip"])
def test_a_damaged_archive_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(
        b"\x1f\x8b, and more" if name == "a.tgz" else b"message,intent\nhello,greet\n"
    )
    with pytest.raises(CorpusError, match=rf"{name}: cannot be unpacked"):
        read_corpus(tmp_path / name)
