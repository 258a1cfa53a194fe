"""The published corpora, each loaded once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from data.loading import load_corpus
from tests.support.shared import made_once, shared_folder


@pytest.fixture(scope="session")
def bitext(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Bitext as any file is loaded, without a word about its columns; once for all workers. Nobody changes it."""
    file = shared_data / "bitext" / "bitext_customer_support.csv"
    return made_once(shared_folder(tmp_path_factory, "bitext"), lambda _: load_corpus(file))
