"""The served bundle is the configured one: fetched by digest, verified, from the store or the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from bento.lifecycle import bundle_source, preflight
from chatbot.errors import BundleError, SettingError
from chatbot.model import bundle, bundle_store
from chatbot.model.bundle import FILES
from chatbot.settings import ServiceSettings
from chatbot.store.folder import FolderStore
from tests.bento import bundles
from tests.bento.server import Server
from tests.support.minio import Minio

DIGEST = "a" * 64


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


@pytest.fixture
def pushed(store: FolderStore, tmp_path: Path, bundle_folder: Path) -> str:
    """A bundle in the store that differs from the one beside the code."""
    return bundle_store.push(store, bundles.other(bundle_folder, tmp_path / "other"))


def server(tmp_path: Path, model: str, **others: str) -> Server:
    environment = {
        "CHATBOT_STORE_URL": str(tmp_path / "store"),
        "CHATBOT_BUNDLE_CACHE": str(tmp_path / "cache"),
        "CHATBOT_RUNNER_WORKERS": "1",
        "CHATBOT_MODEL": model,
    }
    return Server(tmp_path / "server", environment | others)


def refused(starting: Server) -> str:
    """The one line with which a start is refused; it was never ready."""
    starting.launch()
    assert starting.process is not None
    assert starting.process.wait(40) == 1
    lines = [line for line in starting.output.splitlines() if line.strip()]
    assert len(lines) == 1, starting.output
    return lines[0]


def serves(starting: Server) -> tuple[str, str]:
    """Version and digest that a started service says; also of its answer and its record."""
    starting.start()
    try:
        said = json.loads(starting.get("/version")[1])
        _, answer = starting.post("/chat", {"message": "where is my parcel?"})
        assert answer["model_version"] == said["model_version"]
        assert starting.logged_ids()[str(answer["prediction_id"])] == 1
        assert starting.metric(f'chatbot_model_info\\{{bundle="{said["bundle_digest"]}"') == 1
        return said["model_version"], said["bundle_digest"]
    finally:
        assert starting.stop() == 0


def test_the_configured_bundle_is_fetched_from_a_real_bucket_and_served_under_its_version(
    tmp_path: Path, bundle_folder: Path, minio: Minio, bucket: str
) -> None:
    from chatbot.store import open_store

    digest = bundle_store.push(
        open_store(minio.settings(bucket)), bundles.other(bundle_folder, tmp_path / "other")
    )
    starting = server(tmp_path, f"7@{digest}", **minio.environment(bucket))
    assert serves(starting) == ("7", digest)


@pytest.fixture
def unfetched(tmp_path: Path, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs the preflight check of a start with a model and other settings; returns why it failed."""

    def unfetched(model: str, **others: str) -> str:
        environment = {
            "CHATBOT_BUNDLE": str(bundle_folder),
            "CHATBOT_BUNDLE_CACHE": str(tmp_path / "cache"),
            "CHATBOT_LOG_FOLDER": str(tmp_path / "log"),
            "CHATBOT_STORE_URL": str(tmp_path / "store"),
            "CHATBOT_MODEL": model,
        }
        for name, value in (environment | others).items():
            monkeypatch.setenv(name, value)
        return preflight.PreflightCheck(preflight.check).failure() or ""

    return unfetched


@pytest.mark.process
def test_a_bundle_that_the_store_does_not_have_is_refused_in_one_line(
    store: FolderStore, unfetched: Callable[..., str]
) -> None:
    reason = unfetched(f"9@{DIGEST}")
    expected = f"model 9@{DIGEST[:12]}… cannot be served: the store has no bundles/{DIGEST}/SHA256SUMS"
    assert expected in reason
    assert "\n" not in reason


@pytest.mark.process
def test_an_unavailable_store_stops_the_start_with_one_line(unfetched: Callable[..., str]) -> None:
    away = {
        "CHATBOT_STORE_URL": "s3://bundles",
        "CHATBOT_STORE_ENDPOINT": "http://127.0.0.1:9",
        "CHATBOT_STORE_ATTEMPTS": "1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }
    reason = unfetched(f"9@{DIGEST}", **away)
    assert "model 9@aaaaaaaaaaaa… cannot be served" in reason
    assert "127.0.0.1:9" in reason
    assert "\n" not in reason


@pytest.mark.process
def test_a_bundle_that_was_tampered_with_in_the_store_is_refused_with_the_file(
    tmp_path: Path, pushed: str
) -> None:
    head = tmp_path / "store" / "bundles" / pushed / "head.safetensors"
    head.write_bytes(head.read_bytes()[:-4] + b"\x01\x02\x03\x04")
    assert "head.safetensors has sha256" in refused(server(tmp_path, f"7@{pushed}"))
    assert not (tmp_path / "cache" / pushed).exists()


def test_a_cached_bundle_that_was_changed_is_fetched_again(tmp_path: Path, pushed: str) -> None:
    settings = ServiceSettings(model=f"7@{pushed}", bundle_cache=tmp_path / "cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHATBOT_STORE_URL", str(tmp_path / "store"))
        bundle_source.fetch(settings)
        cached = tmp_path / "cache" / pushed / "replies.yaml"
        cached.write_text(cached.read_text() + "\n# changed\n")
        bundle_source.fetch(settings)
    assert "# changed" not in cached.read_text()


@pytest.mark.parametrize("forged", [b'{"git_commit": "forged"}', None], ids=["changed", "removed"])
def test_a_pod_refuses_a_forged_made_json_and_reads_none_that_nothing_authenticates(
    tmp_path: Path, pushed: str, monkeypatch: pytest.MonkeyPatch, forged: bytes | None
) -> None:
    monkeypatch.setenv("CHATBOT_STORE_URL", str(tmp_path / "store"))
    made = tmp_path / "store" / "bundles" / pushed / "made.json"
    true = bundle.made_digest(made.parent)

    def fetched(name: str, cache: str) -> bundle.Manifest:
        settings = ServiceSettings(model=name, bundle_cache=tmp_path / cache)
        return bundle.read_manifest(bundle_source.fetch(settings).folder)

    assert fetched(f"7@{pushed}+{true}", "one").created is not None
    if forged is None:
        made.unlink()
    else:
        made.write_bytes(forged)
    with pytest.raises(BundleError, match=r"made\.json has sha256 .* training\.versions restore"):
        fetched(f"7@{pushed}+{true}", "two")
    unknown = fetched(f"7@{pushed}", "three")
    assert (unknown.git_commit, unknown.created) == ("", None)


@pytest.mark.parametrize("is_cached", [False, True])
def test_the_preflight_check_computes_the_checksum_of_each_file_once(
    tmp_path: Path, pushed: str, monkeypatch: pytest.MonkeyPatch, is_cached: bool
) -> None:
    monkeypatch.setenv("CHATBOT_STORE_URL", str(tmp_path / "store"))
    monkeypatch.setenv("CHATBOT_BUNDLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CHATBOT_LOG_FOLDER", str(tmp_path / "log"))
    if is_cached:
        bundle_source.fetch(ServiceSettings(model=f"7@{pushed}"))
    hashed: Counter[str] = Counter()
    file_digest = hashlib.file_digest

    def count(file: BinaryIO, digest: str) -> object:
        hashed[Path(file.name).name] += 1
        return file_digest(file, digest)

    monkeypatch.setattr("chatbot.model.bundle.hashlib.file_digest", count)
    preflight.check(f"7@{pushed}")
    assert {name: hashed[name] for name in FILES} == dict.fromkeys(FILES, 1)


def test_another_bundle_under_the_configured_name_is_never_served(
    tmp_path: Path, bundle_folder: Path
) -> None:
    folder = tmp_path / "cache" / DIGEST
    shutil.copytree(bundle_folder, folder)
    source = bundle_source.resolve(ServiceSettings(model=f"7@{DIGEST}", bundle_cache=tmp_path / "cache"))
    assert source.folder == folder
    with pytest.raises(BundleError, match=f"the configured one is 7@{DIGEST}"):
        source.check(bundles.digest(bundle_folder))


@pytest.fixture
def model_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "annotations"
    monkeypatch.setenv("CHATBOT_MODEL_FILE", str(file))
    return file


@pytest.mark.parametrize(
    "content",
    [
        f'kubernetes.io/config.seen="2026-11-23T18:00:00Z"\nsupport-chatbot/model-version="7@{DIGEST}"\n',
        f"support-chatbot/model-version=7@{DIGEST}",
        f"7@{DIGEST}\n",
    ],
)
def test_a_pods_annotations_say_what_to_serve(model_file: Path, content: str) -> None:
    model_file.write_text(content)
    found = bundle_source.configured(ServiceSettings())
    assert (found.version, found.digest) == ("7", DIGEST) if found else False


@pytest.mark.parametrize(
    "content", ["", "\n", 'checksum/config="abc"\n', 'support-chatbot/model-version=""\n']
)
def test_a_pod_without_the_annotation_serves_the_bundle_of_its_image(model_file: Path, content: str) -> None:
    model_file.write_text(content)
    assert bundle_source.configured(ServiceSettings()) is None


@pytest.mark.parametrize("content", ['support-chatbot/model-version="7"', "7@short", "latest"])
def test_an_annotation_that_names_no_model_is_refused_with_its_file(model_file: Path, content: str) -> None:
    model_file.write_text(content)
    with pytest.raises(SettingError, match=f"CHATBOT_MODEL_FILE={model_file}.*version.*digest"):
        bundle_source.configured(ServiceSettings())


def test_a_file_that_is_not_there_is_named(model_file: Path) -> None:
    with pytest.raises(SettingError, match=f"CHATBOT_MODEL_FILE={model_file} cannot be read"):
        bundle_source.configured(ServiceSettings())


def test_all_processes_of_a_server_serve_the_model_configured_at_its_start(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_file.write_text(f"7@{DIGEST}")
    monkeypatch.setenv("CHATBOT_MODEL", "")  # so that what `pin` writes is taken away again
    bundle_source.pin()
    model_file.write_text(f"8@{'b' * 64}")
    found = bundle_source.configured(ServiceSettings())
    assert found is not None
    assert found.version == "7"


@pytest.mark.process
def test_the_bento_serves_what_its_file_says_from_the_cache_while_the_store_is_unavailable(
    tmp_path: Path, pushed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a server does first.
    monkeypatch.setenv("CHATBOT_STORE_URL", str(tmp_path / "store"))
    bundle_source.fetch(ServiceSettings(model=f"7@{pushed}", bundle_cache=tmp_path / "cache"))
    monkeypatch.delenv("CHATBOT_STORE_URL")
    shutil.rmtree(tmp_path / "store")
    file = tmp_path / "annotations"
    file.write_text(f'support-chatbot/model-version="7@{pushed}"\n')
    away = {"CHATBOT_STORE_URL": "s3://nowhere/x", "CHATBOT_STORE_ENDPOINT": "http://127.0.0.1:9"}
    starting = server(tmp_path, "", CHATBOT_MODEL_FILE=str(file), **away)
    starting.command = (
        str(Path(sys.executable).with_name("bentoml")),
        "serve",
        "bento.service:SupportChatbot",
    )
    starting.command += ("--port", str(starting.port))
    assert serves(starting) == ("7", pushed)
