"""The review finds the bundle that should serve, wherever it runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from chatbot.errors import BundleError
from chatbot.loop import desired_model
from chatbot.model import bundle_store
from chatbot.model.bundle import verify
from chatbot.settings import ServiceSettings, TrackingSettings
from chatbot.store.folder import FolderStore
from training.review.bundle import find_bundle


def test_as_set_then_as_serving_json_says_then_the_newest_of_the_store(
    tmp_path: Path, bundle_folder: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path / "store")
    shutil.copyfile(mlflow_database, tmp_path / "mlflow.db")
    tracking = TrackingSettings(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.chdir(tmp_path)  # as in the pod: no models/ beside the code
    told = ServiceSettings(bundle_cache=tmp_path / "cache")
    with pytest.raises(BundleError, match="CHATBOT_MODEL"):
        find_bundle(store, told, tracking)
    assert find_bundle(store, told.model_copy(update={"bundle": bundle_folder}), tracking) == bundle_folder
    digest = bundle_store.push(store, bundle_folder)
    for settings in (told, told.model_copy(update={"model": f"7@{digest}"})):
        found = find_bundle(store, settings, tracking)
        assert verify(found) == digest
        assert tmp_path / "cache" in found.parents
    desired_model.ask(store, f"8@{'0' * 64}", "a test")
    with pytest.raises(BundleError, match="0" * 12):
        find_bundle(store, told, tracking)
