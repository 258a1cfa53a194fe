"""`training.versions` as a person reads it on a terminal of 80 columns."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

from rich.console import Console

from chatbot.loop.registry import BUNDLE_DIGEST, CORPUS_DIGEST, GATE, GIT_COMMIT, SCORES, ModelVersion
from training.versions import print_versions

MEASURED = {"accuracy": 0.9461, "macro_f1": 1.0, "coverage": 0.6351, "risk": 0.0062}


def version(number: str, *aliases: str) -> ModelVersion:
    tags = {
        BUNDLE_DIGEST: f"{int(number):064}",
        CORPUS_DIGEST: "c" * 32,
        GIT_COMMIT: "a" * 40 + "-dirty",
        GATE: "refused",
        SCORES: json.dumps(MEASURED),
    }
    return ModelVersion(number, "run", datetime(2026, 1, 2, 3, 4, tzinfo=UTC), aliases, tags)


def test_the_versions_fit_80_columns_and_nothing_is_cut() -> None:
    out = io.StringIO()
    versions = [version("112", "challenger"), version("11", "champion"), version("1")]
    print_versions(Console(file=out, width=80), versions, versions[1].bundle_digest)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in out.getvalue()
    (state,) = [line for line in lines if "champion" in line]
    assert state.split() == ["11", "refused", *("94.61", "%"), *("100.00", "%"), *("63.51", "%"), *("0.62", "%"),
                             "champion,", "serves"]  # fmt: skip
    (made,) = [line for line in lines if line.split()[:1] == ["11"] and "03:04" in line]
    assert made.split() == ["11", "0" * 12, "c" * 12, "a" * 12 + "+", "2026-01-02", "03:04"]
