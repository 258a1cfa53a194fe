"""Redaction finds what people state in the sentences of tools/bench/quality/pii, and leaves the others alone."""

from __future__ import annotations

from collections import Counter

import pytest

from chatbot.privacy import redact
from tools.bench.quality.pii.sentences import read_sentences
from tools.bench.quality.redaction import STRUCTURED, TARGETS

KEPT = (
    "blind",
    "informed",
    "development",
    "development_2",
    "development_3",
    "development_4",
    "development_5",
    "development_6",
    "development_7",
    "development_12",
)
LEAST = 20
"""Sentences of a kind from which its share is meaningful."""


@pytest.mark.parametrize("name", KEPT)
def test_personal_data_is_redacted_as_often_as_required_and_harmless_sentences_stay(name: str) -> None:
    personal, quiet = read_sentences(name)
    total, missed = (
        Counter(s.kind for s in personal),
        Counter(s.kind for s in personal if s.leaks(redact(s.text))),
    )
    targets = {k: TARGETS.get(k, STRUCTURED if n >= 50 else 90) for k, n in total.items() if n >= LEAST}
    shares = {kind: 100 - 100 * missed[kind] / total[kind] for kind in targets}
    assert {kind: share for kind, share in shares.items() if share < targets[kind]} == {}
    assert sum(redact(s.text) != s.text for s in quiet) <= len(quiet) / 100


@pytest.mark.parametrize("name", ["development_15", "development_16", "development_17", "development_18"])
def test_hard_harmless_sentences_stay(name: str) -> None:
    _, quiet = read_sentences(name)
    changed = [s.text for s in quiet if redact(s.text) != s.text]
    assert len(quiet) > 200
    assert len(changed) <= len(quiet) / 100, changed


def test_a_secret_that_is_partly_left_counts_as_missed() -> None:
    sentence = next(s for s in read_sentences("blind")[0] if s.kind == "iban")
    assert sentence.leaks(sentence.text)
    assert not sentence.leaks(sentence.text.replace(sentence.secrets[0], "<IBAN>"))
