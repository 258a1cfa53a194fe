"""Which version serves, as the drift check finds it out: in a cluster the bot itself says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chatbot.errors import BundleError
from chatbot.model import bundle as bundles
from chatbot.model import bundle_store
from chatbot.settings import ServiceSettings
from chatbot.store.folder import FolderStore
from monitoring.drift.served_model import ServedModel, find
from monitoring.drift.source import StoreSource
from tests.monitoring.drift_traffic import NOW, VERSION, put, week
from tests.support.http_server import Request, Response, json_response, serving

pytestmark = pytest.mark.process

UNKNOWN = "0" * 64


@contextmanager
def bot(said: object, key: str = "") -> Iterator[str]:
    """The address of a bot that says this at /version; with a key, only to those who send it."""

    def respond(request: Request) -> Response:
        admitted = not key or request.headers["Authorization"] == f"Bearer {key}"
        return json_response(said, (200 if admitted else 401) if request.path == "/version" else 404)

    with serving(respond) as server:
        yield server.url


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStore:
    """With a week's records of VERSION; no bundle lies beside."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    store = FolderStore(tmp_path / "store")
    put(store, week())
    return store


def found(store: FolderStore, url: str, **settings: object) -> ServedModel:
    service = ServiceSettings(bundle=None, **{"model": "", **settings})  # type: ignore[arg-type]
    return find(service, store, StoreSource(store), NOW, url)


def test_the_bot_says_which_bundle_serves_and_the_store_has_its_reference(
    store: FolderStore, bundle_folder: Path
) -> None:
    digest = bundle_store.push(store, bundle_folder)
    with bot({"model_version": "7", "bundle_digest": digest}) as url:
        serving = found(store, f"{url}/")
    assert (serving.version, serving.digest, serving.name) == ("7", digest, digest)
    assert serving.reference is not None


def test_a_bundle_that_the_store_does_not_hold_yet_is_known_by_its_digest(store: FolderStore) -> None:
    with bot({"model_version": "7", "bundle_digest": UNKNOWN}) as url:
        serving = found(store, url)
    assert (serving.version, serving.digest, serving.reference) == ("7", UNKNOWN, None)


def test_the_time_of_training_is_read_from_an_authenticated_source_only(
    store: FolderStore, bundle_folder: Path
) -> None:
    digest, made = bundle_store.push(store, bundle_folder), bundles.made_digest(bundle_folder)
    trained = bundles.read_made(bundle_folder).created
    assert trained is not None
    authenticated = found(store, "", model=f"7@{digest}+{made}", bundle_cache=Path("one"))
    assert authenticated.since == trained - timedelta(days=1)
    key = bundle_store.key(digest, bundles.MADE)
    store.put(key, b'{"created": "2031-01-01T00:00:00Z"}')
    with pytest.raises(BundleError, match=r"made\.json has sha256"):
        found(store, "", model=f"7@{digest}+{made}", bundle_cache=Path("two"))
    unknown = found(store, "", model=f"7@{digest}", bundle_cache=Path("three"))
    assert unknown.since == NOW - timedelta(days=14)
    with bot({"model_version": "7", "bundle_digest": digest, "trained": "2026-05-01T00:00:00Z"}) as url:
        told = found(store, url, bundle_cache=Path("four"))
    assert told.since == datetime(2026, 4, 30, tzinfo=UTC)


@pytest.mark.parametrize("said", [{}, [], {"model_version": "7", "bundle_digest": "short"}])
def test_an_invalid_response_is_replaced_by_the_newest_record(store: FolderStore, said: object) -> None:
    with bot(said) as url:
        assert found(store, url).version == VERSION


def test_an_unreachable_bot_is_replaced_by_the_newest_record(store: FolderStore) -> None:
    with bot({}) as url:
        pass
    assert found(store, url).version == VERSION


def test_a_configured_model_is_used_without_asking_the_bot(store: FolderStore, bundle_folder: Path) -> None:
    digest = bundle_store.push(store, bundle_folder)
    with bot({"model_version": "8", "bundle_digest": UNKNOWN}) as url:
        assert found(store, url, model=f"7@{digest}").version == "7"


def test_a_bot_that_needs_a_key_is_asked_with_it(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with bot({"model_version": "7", "bundle_digest": UNKNOWN}, key="chatbot_secret") as url:
        assert found(store, url).version == VERSION
        monkeypatch.setenv("CHATBOT_API_KEY", "chatbot_secret")
        assert found(store, url).version == "7"
