"""The bundle that the attacked service serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bento.server import ROOT


@pytest.fixture(scope="session")
def model_folder(request: pytest.FixtureRequest) -> Path:
    """The project's own bundle."""
    try:
        return Path(request.getfixturevalue("bundle_folder"))
    except pytest.FixtureLookupError:
        return ROOT / "models" / "current"
