"""What tests of every room share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


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
