"""Corpus versions under DVC without git, in a real MinIO and in a folder: the same bytes, or a named reason."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chatbot.errors import Denied, NoBucket, Unreachable
from chatbot.settings import StorageSettings
from chatbot.store import open_store
from data.processing import ProcessParams
from tests.support.minio import Minio
from tests.training import warm
from tests.training.loop_world import SmallBot, quicken
from training.corpus import dvc
from training.corpus.files import read_rows
from training.corpus.versions import FILES, Pointer, VersionDamaged, examine, pull, push
from training.retraining.bootstrap import write_version

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def dvc_is_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC as `dvc_remote` starts it is what data-push and data-pull are tested with, and a retraining at its end."""
    quicken(monkeypatch)


@pytest.fixture(scope="session")
def version_files(small_bot: SmallBot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a corpus version."""
    folder = tmp_path_factory.mktemp("version")
    write_version(folder, small_bot.bundle, small_bot.corpus, ProcessParams())
    (folder / "declared.yaml").write_text("target: 0.03\n")
    return folder


@pytest.fixture(params=["s3", "folder"])
def store(request: pytest.FixtureRequest, minio: Minio, tmp_path: Path) -> StorageSettings:
    if request.param == "folder":
        return StorageSettings(url=str(tmp_path / "store"))
    url = f"{request.getfixturevalue('bucket')}/some/prefix"
    return minio.settings(url, attempts=1, path_style=True)


def same(left: Path, right: Path) -> bool:
    names = sorted(file.name for file in left.iterdir())
    return names == sorted(file.name for file in right.iterdir()) and all(
        (left / name).read_bytes() == (right / name).read_bytes() for name in names
    )


def key_of(digest: str) -> str:
    return f"dvc/files/md5/{digest[:2]}/{digest[2:]}"


def test_a_version_is_restored_byte_for_byte_from_its_pointer(
    store: StorageSettings, version_files: Path, tmp_path: Path
) -> None:
    pointer = push(store, version_files)
    assert Pointer.parse(str(pointer)) == pointer
    assert {file.path for file in pointer.files} == {*FILES, "declared.yaml"}
    got = pull(store, pointer, tmp_path / "got")
    assert same(got, version_files)
    assert not list(tmp_path.glob(".got-*")), "no scratch stays"
    assert len(read_rows(got / "rows.parquet")) > 400


def test_the_same_files_are_the_same_version_and_one_changed_file_is_one_more_object(
    store: StorageSettings, version_files: Path, tmp_path: Path
) -> None:
    def objects() -> set[str]:
        return {entry.key for entry in open_store(store).list("dvc/files/")}

    pointer = push(store, version_files)
    before = objects()
    assert push(store, version_files) == pointer
    assert objects() == before
    changed = Path(shutil.copytree(version_files, tmp_path / "changed"))
    (changed / "replies.yaml").write_text("{}\n")
    other = push(store, changed)
    assert other.md5 != pointer.md5
    assert len(objects() - before) == 2, "the file and the list of files"
    assert same(pull(store, pointer, tmp_path / "got"), version_files)
    assert same(pull(store, other, tmp_path / "got"), changed), "what lies there is replaced"


def test_damaged_and_missing_objects_are_named_with_path_and_digest_and_heal_when_pushed_again(
    store: StorageSettings, version_files: Path, tmp_path: Path
) -> None:
    pointer, opened = push(store, version_files), open_store(store)
    rows = next(file for file in pointer.files if file.path == "rows.parquet")
    for path, digest in (("corpus/", pointer.md5), ("corpus/rows.parquet", rows.md5)):
        content = opened.get(key_of(digest))
        for harm in ("damaged", "missing"):
            if harm == "damaged":
                opened.put(key_of(digest), content[:-1] + bytes([content[-1] ^ 1]))
            else:
                opened.delete(key_of(digest))
            with pytest.raises(VersionDamaged) as caught:
                pull(store, pointer, tmp_path / "got")
            assert f"{path} (md5 {digest}) is {harm}" in str(caught.value)
            assert key_of(digest) in str(caught.value)
            assert not (tmp_path / "got").exists()
            # Pushed again from where it is whole, it heals.
            assert push(store, version_files) == pointer
            assert not examine(opened, pointer)
    assert same(pull(store, pointer, tmp_path / "got"), version_files)


def test_a_full_disk_is_reported_as_such_and_not_as_a_store_failure(
    store: StorageSettings, version_files: Path, tmp_path: Path, small_disk: Path
) -> None:
    pointer = push(store, version_files)
    with pytest.raises(
        VersionDamaged, match=r"is intact in .* cannot be written to .*(No space left|disk is full)"
    ):
        pull(store, pointer, small_disk / "got")
    assert list(small_disk.iterdir()) == [], "what was half pulled is gone"
    assert same(pull(store, pointer, tmp_path / "got"), version_files)


def test_what_is_there_already_is_taken_without_asking_the_store(
    store: StorageSettings, version_files: Path, tmp_path: Path
) -> None:
    pointer = push(store, version_files)
    pull(store, pointer, tmp_path / "got")
    away = StorageSettings(url="s3://nowhere", endpoint="http://127.0.0.1:9", attempts=1)
    assert same(pull(away, pointer, tmp_path / "got"), version_files)


def test_a_folder_that_lacks_a_file_is_not_pushed(store: StorageSettings, tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    with pytest.raises(VersionDamaged, match=r"rows\.parquet"):
        push(store, tmp_path / "some")


@pytest.mark.parametrize("text", ["", "{}", '{"format": 9}', "s3://x"])
def test_an_invalid_pointer_is_refused(text: str) -> None:
    with pytest.raises(VersionDamaged, match="not a pointer"):
        Pointer.parse(text)


def test_an_unusable_store_is_reported_within_seconds(
    own_minio: Minio, version_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = own_minio.settings(own_minio.new_bucket(), attempts=1, connect_seconds=0.5, read_seconds=2)
    pointer = push(settings, version_files)
    began = time.monotonic()
    with pytest.raises(NoBucket, match="never-made"):
        pull(settings.model_copy(update={"url": "s3://never-made"}), pointer, tmp_path / "got")
    with monkeypatch.context() as wrong:
        wrong.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        with pytest.raises(Denied):
            push(settings, version_files)
    own_minio.kill()
    with pytest.raises(Unreachable):
        pull(settings, pointer, tmp_path / "got")
    assert time.monotonic() - began < 15


def test_no_secret_is_written_anywhere(minio: Minio, bucket: str, tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config.local").write_text("[cache]\n    dir = /somewhere\n")
    dvc.write_config(tmp_path, minio.settings(bucket, path_style=True), local=True)
    written = "".join(file.read_text() for file in tmp_path.rglob("*") if file.is_file())
    assert minio.url in written
    assert "/somewhere" in written, "what somebody set there stays"
    assert minio.password not in written
    assert minio.user not in written


def test_the_pipelines_corpus_goes_to_the_store_and_comes_back(
    minio: Minio, bucket: str, tmp_path: Path
) -> None:
    """`make data-push` and `make data-pull` in a clone, with DVC and git as a developer has them."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    for name in ("dvc.lock", "dvc.yaml", ".dvcignore"):
        shutil.copyfile(ROOT / name, clone / name)
    shutil.copytree(ROOT / "training", clone / "training", dirs_exist_ok=True)
    shutil.copytree(ROOT / "chatbot", clone / "chatbot", dirs_exist_ok=True)
    around = {**os.environ, **minio.environment(bucket), "PYTHONPATH": str(clone), "DVC_NO_ANALYTICS": "1"}

    def remote(command: str) -> subprocess.CompletedProcess[str]:
        started = [sys.executable, "-m", "training.dvc_remote", command]
        return subprocess.run(started, cwd=clone, env=around, capture_output=True, text=True, check=False)

    shutil.copytree(ROOT / "data" / "processed", clone / "data" / "processed")
    committed = warm.dvc(clone, ["commit", "--force", "process"], around, 60)
    assert committed.returncode == 0, committed.stderr
    pushed = remote("push")
    assert pushed.returncode == 0, pushed.stderr
    before = (clone / "data" / "processed" / "corpus.parquet").read_bytes()
    shutil.rmtree(clone / "data" / "processed")
    shutil.rmtree(clone / ".dvc" / "cache")
    pulled = remote("pull")
    assert pulled.returncode == 0, pulled.stderr
    assert (clone / "data" / "processed" / "corpus.parquet").read_bytes() == before
    clean = warm.dvc(clone, ["status", "process"], around, 60)
    assert "up to date" in clean.stdout, clean.stdout
    tracked = subprocess.run(
        ["git", "status", "--porcelain", ".dvc"], cwd=clone, capture_output=True, text=True, check=True
    )
    assert tracked.stdout == "", "the remote is written where git does not look"
