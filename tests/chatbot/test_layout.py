"""Keys of the object store: none changes, and none is written anywhere but in `chatbot.store.layout`."""

from __future__ import annotations

import ast
from datetime import date
from pathlib import Path

import pytest

from chatbot.store import check_key, layout
from chatbot.store.keys import check_prefix

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bento", "chatbot", "data", "k8s", "monitoring", "tools", "training", "ui")
DAY = date(2026, 11, 23)
PREFIXES = tuple(
    value
    for name, value in vars(layout).items()
    if name.isupper() and isinstance(value, str) and "/" in value
)


@pytest.mark.parametrize(
    ("key", "stored"),
    [
        (layout.part(layout.LOG, DAY, "a-1"), "log/day=2026-11-23/a-1.parquet"),
        (layout.part(layout.FEEDBACK, DAY, "a-1"), "feedback/day=2026-11-23/a-1.parquet"),
        (layout.document(layout.of_day(layout.HANDOFFS, DAY), "x"), "handoffs/day=2026-11-23/x.json"),
        (layout.document(layout.of_day(layout.CONTACTS, DAY), "x"), "contacts/day=2026-11-23/x.json"),
        (layout.document(layout.REVIEWS, "x"), "reviews/x.json"),
        (layout.document(layout.NEW_INTENTS, "x"), "reviews/intents/x.json"),
        (layout.document(layout.HANDOFF_WORK, "x"), "reviews/handoffs/x.json"),
        (layout.document(layout.TOMBSTONES, "x"), "forgotten/x.json"),
        (layout.bundle_file("ab", "model.json"), "bundles/ab/model.json"),
        (layout.baseline("ab"), "baselines/ab.parquet"),
        (layout.DRIFT_VERDICT, "reports/drift/latest.json"),
        (layout.gate_report("ab", "gate.json"), "reports/gate/ab/gate.json"),
        (layout.RETRAIN_HISTORY, "memory/retrain.json"),
        (layout.RETRAIN_LEASE, "memory/retrain-lease.json"),
        (layout.DESIRED_MODEL, "serving.json"),
        (layout.corpus_file("abcdef.dir"), "dvc/files/md5/ab/cdef.dir"),
    ],
)
def test_what_is_stored_is_found_under_its_key(key: str, stored: str) -> None:
    assert check_key(key) == stored


def test_every_prefix_is_a_valid_beginning_of_a_key() -> None:
    assert len(PREFIXES) > 15
    assert [check_prefix(prefix) for prefix in PREFIXES] == [*PREFIXES]


def test_a_key_tells_its_day() -> None:
    assert layout.day_of(layout.part(layout.LOG, DAY, "a")) == DAY
    assert layout.day_of("log/other.parquet") is None


def test_no_other_module_writes_a_key_by_hand() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}: {node.value!r}"
        for package in PACKAGES
        for file in (ROOT / package).rglob("*.py")
        if file != Path(layout.__file__)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and (node.value.startswith(PREFIXES) or node.value == layout.DESIRED_MODEL)
    ]
    assert found == []
