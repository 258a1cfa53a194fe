"""What tests of every room share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from chatbot.bundle import Bundle


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the published corpora: without it a test fails, or is skipped where asked for."""
    from data.benchmarks import MissingDataError
    from data.benchmarks import shared_data as find

    try:
        return find()
    except MissingDataError as error:
        if os.environ.get("CHATBOT_WITHOUT_SHARED") == "1":
            pytest.skip(f"CHATBOT_WITHOUT_SHARED=1: {error}")
        pytest.fail(f"{error}; CHATBOT_WITHOUT_SHARED=1 skips what needs them", pytrace=False)


@pytest.fixture(scope="session")
def bundle_folder() -> Path:
    """The bundle that the pipeline makes of the corpus that ships."""
    folder = Path(__file__).resolve().parents[1] / "models" / "current"
    if not (folder / "SHA256SUMS").is_file():
        pytest.fail(f"no bundle at {folder}: make it with `dvc repro`, as `make test` does", pytrace=False)
    return folder


@pytest.fixture(scope="session")
def bundle(bundle_folder: Path) -> Bundle:
    """That bundle, loaded once."""
    from chatbot.bundle import load

    return load(bundle_folder)
