"""Folder and MinIO stores behave alike: atomic writes, sorted listing, optimistic concurrency."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chatbot.errors import SettingError
from chatbot.settings import StorageSettings
from chatbot.storage import main
from chatbot.store import (
    Conflict,
    Denied,
    Missing,
    NoBucket,
    Store,
    StoreError,
    Unreachable,
    open_store,
)
from chatbot.store.folder import FolderStore

if TYPE_CHECKING:
    from tests.support.minio import Minio

FORK = multiprocessing.get_context("fork")


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.process)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> StorageSettings:
    if request.param == "folder":
        return StorageSettings(url=str(tmp_path / "store"))
    minio: Minio = request.getfixturevalue("minio")
    return minio.settings(request.getfixturevalue("bucket") + "/some/prefix")


@pytest.fixture
def store(settings: StorageSettings) -> Store:
    return open_store(settings)


def test_what_was_put_is_got_with_its_size_and_time(store: Store) -> None:
    etag = store.put("log/day=2026-01-01/a.parquet", b"hello")
    assert store.get("log/day=2026-01-01/a.parquet") == b"hello"
    entry = store.head("log/day=2026-01-01/a.parquet")
    assert entry is not None
    assert (entry.key, entry.size, entry.etag) == ("log/day=2026-01-01/a.parquet", 5, etag)
    assert abs(entry.modified - datetime.now(UTC)) < timedelta(minutes=1)
    assert list(store.list()) == [entry]


def test_what_is_not_there_is_missing_and_named(store: Store) -> None:
    assert store.head("bundles/none") is None
    with pytest.raises(Missing, match="bundles/none"):
        store.get("bundles/none")
    store.delete("bundles/none")
    assert list(store.list("bundles/")) == []


def test_deleting_leaves_nothing(store: Store) -> None:
    store.put("a/b/c", b"1")
    store.put("a/d", b"2")
    store.delete("a/b/c")
    assert [entry.key for entry in store.list()] == ["a/d"]
    store.put("a/b", b"a key where a folder was")
    assert store.get("a/b") == b"a key where a folder was"


def test_keys_are_listed_in_order_by_prefix_and_after_a_key(store: Store) -> None:
    keys = ["a-b/x", "a.b", "a/b", "a/b-c", "a/c/d", "a0", "b/a", "b/b", "b/c/x", "c"]
    for key in reversed(keys):
        store.put(key, key.encode())
    assert [entry.key for entry in store.list()] == keys == sorted(keys)
    assert [entry.key for entry in store.list("a/")] == ["a/b", "a/b-c", "a/c/d"]
    assert [entry.key for entry in store.list("a")] == keys[:6]
    assert [entry.key for entry in store.list("b/c/x")] == ["b/c/x"]
    for index, key in enumerate(keys):
        assert [entry.key for entry in store.list(after=key)] == keys[index + 1 :]
    assert [entry.key for entry in store.list("b/", after="b/bb")] == ["b/c/x"]
    assert [entry.key for entry in store.list("b/", after="a")] == ["b/a", "b/b", "b/c/x"]


def test_more_keys_than_a_page_are_all_listed(store: Store) -> None:
    keys = [f"many/{number:05d}" for number in range(1_005)]
    with ThreadPoolExecutor(8) as together:
        list(together.map(lambda key: store.put(key, b""), keys))
    assert [entry.key for entry in store.list("many/")] == keys


def test_put_new_does_not_replace(store: Store) -> None:
    store.put("reviews/1.json", b"first", new=True)
    with pytest.raises(Conflict, match=r"reviews/1\.json"):
        store.put("reviews/1.json", b"second", new=True)
    assert store.get("reviews/1.json") == b"first"


def test_a_change_of_what_somebody_else_changed_meanwhile_is_refused(store: Store) -> None:
    store.put("serving.json", b"1")
    seen = store.head("serving.json")
    assert seen is not None
    store.put("serving.json", b"2", etag=seen.etag)
    with pytest.raises(Conflict):
        store.put("serving.json", b"3", etag=seen.etag)
    with pytest.raises(Conflict):
        store.get("serving.json", etag=seen.etag)
    now = store.head("serving.json")
    assert now is not None
    assert store.get("serving.json", etag=now.etag) == b"2"
    store.delete("serving.json")
    with pytest.raises(StoreError):
        store.put("serving.json", b"4", etag=now.etag)
    assert store.head("serving.json") is None


def test_the_etag_changes_with_content_of_the_same_size(store: Store) -> None:
    etags = [store.put("x", bytes([number])) for number in range(50)]
    assert len(set(etags)) == 50


def _count_up(settings: StorageSettings, times: int) -> None:
    store = open_store(settings)
    for _ in range(times):
        while True:
            seen = store.head("counter")
            assert seen is not None
            number = int(store.get("counter"))
            try:
                store.put("counter", str(number + 1).encode(), etag=seen.etag)
                break
            except Conflict:
                continue


@pytest.mark.process
def test_processes_that_count_in_one_object_lose_no_count(settings: StorageSettings) -> None:
    open_store(settings).put("counter", b"0")
    processes = [FORK.Process(target=_count_up, args=(settings, 20)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert open_store(settings).get("counter") == b"60"


def test_files_go_in_and_out_whole(store: Store, tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "in").write_bytes(content)
    store.put_file("bundles/d/encoder.onnx", tmp_path / "in")
    store.get_file("bundles/d/encoder.onnx", tmp_path / "out" / "encoder.onnx")
    assert (tmp_path / "out" / "encoder.onnx").read_bytes() == content
    with pytest.raises(Missing):
        store.get_file("bundles/d/other", tmp_path / "out" / "other")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["encoder.onnx"]


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.b", "a b", "ä", "a\n", "x" * 600]
)
def test_an_invalid_key_is_refused(store: Store, key: str) -> None:
    for use in (store.get, store.head, store.delete, lambda key: store.put(key, b"")):
        with pytest.raises(StoreError, match="not a key"):
            use(key)


def test_opening_a_store_touches_nothing(tmp_path: Path) -> None:
    open_store(StorageSettings(url=str(tmp_path / "store")))
    open_store(StorageSettings(url="s3://nowhere", endpoint="http://127.0.0.1:1"))
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("url", ["none", "s3://", "http://minio:9000/bucket", "s3://b/../c"])
def test_an_address_that_cannot_work_is_refused_and_named(url: str) -> None:
    with pytest.raises(SettingError, match="CHATBOT_STORE_URL=.*" + url[:6]):
        open_store(StorageSettings(url=url))


def test_a_missing_bucket_is_named_with_the_command_that_makes_it(
    minio: Minio, bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(minio.settings("s3://not-made-yet/p"))
    for use in (
        lambda: store.put("a", b""),
        lambda: store.get("a"),
        lambda: store.head("a"),
        lambda: list(store.list()),
        lambda: store.delete("a"),
    ):
        with pytest.raises(NoBucket, match=r"'not-made-yet' .* `python -m chatbot.storage make-bucket`"):
            use()
    for name, value in minio.environment("s3://not-made-yet/p").items():
        monkeypatch.setenv(name, value)
    assert main(["check"]) == 1
    assert "make-bucket" in capsys.readouterr().err
    assert main(["make-bucket"]) == main(["make-bucket"]) == 0
    assert main(["check"]) == 0
    assert "conditional put: yes" in capsys.readouterr().out
    store.put("a/b", b"123")
    assert main(["list", "a/"]) == 0
    assert capsys.readouterr().out.split()[0::3][0] == "3"


def test_wrong_credentials_are_named_and_no_secret_is_shown(
    minio: Minio, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-here")
    with pytest.raises(Denied, match=r"SignatureDoesNotMatch.*AWS_SECRET_ACCESS_KEY") as caught:
        open_store(minio.settings(bucket)).put("a", b"")
    assert "wrong-secret-here" not in str(caught.value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    with pytest.raises(Denied, match="InvalidAccessKeyId"):
        open_store(minio.settings(bucket)).get("a")
    with pytest.raises(Denied):
        open_store(minio.settings(bucket)).head("a")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with pytest.raises(Denied, match="no credentials"):
        open_store(minio.settings(bucket)).get("a")


def test_a_store_that_is_down_or_silent_is_unreachable_within_the_set_time(own_minio: Minio) -> None:
    url = own_minio.new_bucket()
    # On a busy machine a store that is well may take longer than the impatient one waits.
    patient = open_store(own_minio.settings(url))
    store = open_store(own_minio.settings(url, connect_seconds=0.5, read_seconds=0.5, attempts=2))
    patient.put("a", b"1")
    own_minio.freeze()
    began = time.monotonic()
    with pytest.raises(Unreachable, match=own_minio.url):
        store.get("a")
    with pytest.raises(Unreachable):
        store.put("a", b"2")
    assert time.monotonic() - began < 15
    own_minio.thaw()
    own_minio.kill()
    with pytest.raises(Unreachable):
        store.head("a")
    own_minio.start()
    assert patient.get("a") in (b"1", b"2")


class LosesAnAnswer(threading.Thread):
    """Stands before a server, and hangs up in place of the first answer to a PUT."""

    def __init__(self, port: int, meanwhile: Callable[[], object] = lambda: None) -> None:
        super().__init__(daemon=True)
        self._meanwhile = meanwhile
        self._server_port = port
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.lost = 0

    def run(self) -> None:
        while True:
            client, _ = self._socket.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._server_port)) as server:
            is_put = False
            while True:
                for readable in select.select([client, server], [], [])[0]:
                    if not (data := readable.recv(1 << 16)):
                        return
                    if readable is client:
                        is_put = is_put or data.startswith(b"PUT")
                        server.sendall(data)
                    elif is_put and not self.lost and b"100 Continue" not in data:
                        self.lost += 1
                        self._meanwhile()
                        return
                    else:
                        client.sendall(data)


def test_a_conditional_put_whose_response_was_lost_does_not_conflict_with_itself(
    minio: Minio, bucket: str
) -> None:
    for etag in ("", open_store(minio.settings(bucket)).put("b", b"before")):
        proxy = LosesAnAnswer(minio.port)
        proxy.start()
        settings = StorageSettings(url=bucket, endpoint=f"http://127.0.0.1:{proxy.port}")
        store = open_store(settings)
        key = "b" if etag else "a"
        written = store.put(key, b"mine", new=not etag, etag=etag)
        assert proxy.lost == 1
        assert store.get(key, etag=written) == b"mine"
        with pytest.raises(Conflict):
            store.put(key, b"other", new=not etag, etag=etag)


def test_a_put_whose_answer_was_lost_and_that_was_replaced_since_is_a_conflict(
    minio: Minio, bucket: str
) -> None:
    direct = open_store(minio.settings(bucket))
    proxy = LosesAnAnswer(minio.port, meanwhile=lambda: direct.put("a", b"somebody else's"))
    proxy.start()
    with pytest.raises(Conflict):
        open_store(StorageSettings(url=bucket, endpoint=f"http://127.0.0.1:{proxy.port}")).put(
            "a", b"mine", new=True
        )
    assert proxy.lost == 1
    assert direct.get("a") == b"somebody else's"


def test_no_other_user_of_the_machine_can_read_what_a_folder_holds(tmp_path: Path) -> None:
    """Contact data, and the key that signs the cookies of staff."""
    store = FolderStore(tmp_path / "store")
    (tmp_path / "file").write_bytes(b"x")
    before = os.umask(0o022)
    try:
        store.put("contacts/a.json", b"x")
        store.put_file("bundles/a", tmp_path / "file")
        store.put_all({"handoffs/a.json": b"x"})
    finally:
        os.umask(before)
    modes = {entry.key: (tmp_path / "store" / entry.key).stat().st_mode & 0o777 for entry in store.list()}
    assert modes == dict.fromkeys(("bundles/a", "contacts/a.json", "handoffs/a.json"), 0o640)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unreachable, match="/file/store"):
        open_store(StorageSettings(url=str(tmp_path / "file" / "store"))).put("a", b"")


def _put_for_ever(settings: StorageSettings) -> None:
    store = open_store(settings)
    number = 0
    while True:
        number += 1
        store.put("object", bytes([number % 256]) * 500_000)


@pytest.mark.process
def test_kill_9_in_the_middle_of_a_put_leaves_an_old_or_a_new_object_and_nothing_else(
    settings: StorageSettings,
) -> None:
    store = open_store(settings)
    store.put("object", b"\0" * 500_000)
    for round_ in range(4):
        process = FORK.Process(target=_put_for_ever, args=(settings,))
        process.start()
        before = store.head("object")
        until = time.monotonic() + 30
        while store.head("object") == before and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.003 * round_)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        content = store.get("object")
        assert len(content) == 500_000
        assert len(set(content)) == 1
        assert [entry.key for entry in store.list()] == ["object"]


def test_several_objects_are_written_with_one_flush_of_their_folder_after_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, flushed = FolderStore(tmp_path), list[set[str]]()
    store.put("day/0", b"earlier")
    fsync = os.fsync

    def note(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112  # a link to the folder
            flushed.append({entry.key for entry in store.list()})
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    contents = {f"day/{number}": b"%d" % number for number in range(9)}
    store.put_all(contents)
    assert {key: store.get(key) for key in contents} == contents
    assert flushed == [set(contents)]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StoreError, match="outside"):
        store.put_all({"day/9": b"9", "../outside": b""})
    assert sorted(tmp_path.rglob("*")) == before, "nothing is left of a batch that is refused"


def test_drafts_of_killed_processes_are_swept_after_a_day(tmp_path: Path) -> None:
    drafts = tmp_path / "store" / ".drafts"
    drafts.mkdir(parents=True)
    old, young = int((time.time() - 90_000) * 1e9), time.time_ns()
    for began in (old, young):
        (drafts / f"{began}-aa").write_bytes(b"")
    open_store(StorageSettings(url=str(tmp_path / "store"))).put("a", b"")
    assert [file.name for file in drafts.iterdir()] == [f"{young}-aa"]
