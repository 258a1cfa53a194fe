"""The published corpora, each loaded once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from data.loading import load_corpus


@pytest.fixture(scope="session")
def bitext(shared_data: Path) -> pd.DataFrame:
    """Bitext as any file is loaded, without a word about its columns. Nobody changes it."""
    return load_corpus(shared_data / "bitext" / "bitext_customer_support.csv")
