from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from chatbot.dialog.router import FIRST, SAMPLED, Alternative, Prediction, Thresholds
from chatbot.errors import BundleError
from chatbot.model.cascade import Cascade, tier_of
from chatbot.model.first_tier import FILE, FirstTier, Tier, TierThresholds, is_sampled, words_of
from training.model.first_tier import (
    Units,
    fit_lexical,
    fit_static,
    token_table,
)

LABELS = ("refund", "track")
VERBS = ("get", "want", "need", "see", "ask", "check", "find", "claim")
MESSAGES = [
    f"I {verb} my {noun} {when}"
    for noun in ("refund", "parcel")
    for verb in VERBS
    for when in ("now", "soon")
]
COLUMNS = np.array([int("parcel" in message) for message in MESSAGES])
OPEN = Thresholds(answer=0.5, clarify=0.5, scope=0.0)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    words = sorted({word for message in MESSAGES for word in words_of(message)})
    made = Tokenizer(models.WordLevel({"?": 0} | {word: place + 1 for place, word in enumerate(words)}, "?"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made


@pytest.fixture(scope="module")
def tier(tokenizer: Tokenizer) -> Tier:
    size = tokenizer.get_vocab_size()
    units = Units.of(MESSAGES, tokenizer)
    vocabulary = np.random.default_rng(0).normal(size=(size, 12)).astype(np.float32)
    table = token_table(vocabulary, units.frequency(size))
    rows = np.arange(len(MESSAGES))
    static = fit_static(table, units.vectors(table), rows, COLUMNS, 2)
    static = replace(static, scale=np.array([0.2, 0.1], dtype=np.float32))
    lexical = fit_lexical(units.lexical(), units.checks_of(rows), rows, COLUMNS, 2, 0)
    return Tier(static, lexical, np.array([0.2, 0.2], dtype=np.float32), TierThresholds(0.5, 0.0, 0.0))


@pytest.fixture
def cascade(tier: Tier, tokenizer: Tokenizer) -> Cascade:
    return Cascade(FirstTier(tier, tokenizer), LABELS, OPEN)


def unsampled(messages: list[str]) -> list[str]:
    return [message for message in messages if not is_sampled(message)]


def test_serving_sums_a_message_to_what_the_training_computed(tier: Tier, tokenizer: Tokenizer) -> None:
    units = Units.of(MESSAGES, tokenizer)
    static = tier.static
    expected = units.vectors((static.tokens, static.scales))
    lexical = (
        units.lexical()[:, tier.lexical.buckets] @ tier.lexical.weights.astype(np.float32) + tier.lexical.bias
    )
    vectors, logits, unknown = FirstTier(tier, tokenizer).sums(MESSAGES)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    np.testing.assert_allclose(logits, lexical, atol=1e-3)
    assert not unknown.any()


def test_an_easy_message_is_answered_with_the_intent_of_its_words(cascade: Cascade) -> None:
    easy = unsampled(MESSAGES)
    for message, prediction in zip(easy, cascade.predict(easy), strict=True):
        assert prediction is not None
        assert prediction.alternatives[0].intent == LABELS["parcel" in message]
        assert (prediction.tier, prediction.summary) == (FIRST, ())


def test_a_message_with_an_unknown_word_goes_to_the_full_model(cascade: Cascade) -> None:
    strange = unsampled([f"I want my refund {word}" for word in ("zebra", "quasar", "giraffe", "violin")])
    assert strange
    assert cascade.predict(strange) == [None] * len(strange)


def test_a_sampled_message_goes_to_the_full_model_however_easy(cascade: Cascade) -> None:
    sampled = [
        message
        for message in (f"{'I ' * count}want my refund" for count in range(200))
        if is_sampled(message)
    ]
    assert sampled
    assert cascade.predict(sampled) == [None] * len(sampled)
    assert {tier_of(message) for message in sampled} == {SAMPLED}


def test_about_one_message_in_eight_is_sampled() -> None:
    assert 0.1 < np.mean([is_sampled(f"message {number}") for number in range(4_000)]) < 0.15


def test_the_batch_does_not_change_a_prediction(cascade: Cascade) -> None:
    together = cascade.predict(MESSAGES)
    for message, prediction in zip(MESSAGES, together, strict=True):
        alone = cascade.predict([message])[0]
        assert (alone is None) == (prediction is None)
        if alone is not None and prediction is not None:
            assert alone.alternatives[0].confidence == pytest.approx(
                prediction.alternatives[0].confidence, abs=1e-5
            )


def test_the_full_model_is_asked_for_the_rest_alone_and_the_order_is_kept(cascade: Cascade) -> None:
    hard = "quasar zebra violin"
    messages = [*MESSAGES, hard]
    asked: list[int] = []

    def full(rows: list[int]) -> list[Prediction]:
        asked.extend(rows)
        return [Prediction([Alternative("track", 0.6)], 0.7, (1.0,)) for _ in rows]

    found = cascade.overlay(messages, full)
    assert asked == [row for row, message in enumerate(messages) if message == hard or is_sampled(message)]
    assert found[-1].tier == tier_of(hard)
    assert [one.tier for one in found] == [
        FIRST if row not in asked else tier_of(m) for row, m in enumerate(messages)
    ]


def test_a_stricter_threshold_of_the_settings_applies_to_the_tier(tier: Tier, tokenizer: Tokenizer) -> None:
    strict = Cascade(FirstTier(tier, tokenizer), LABELS, OPEN.model_copy(update={"scope": 1.0}))
    assert strict.predict(MESSAGES) == [None] * len(MESSAGES)


def test_a_full_cache_starts_again_and_gives_the_same_sums(
    tier: Tier, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = FirstTier(tier, tokenizer).sums(MESSAGES)
    monkeypatch.setattr("chatbot.model.first_tier._CACHED", 7)
    for found, whole in zip(FirstTier(tier, tokenizer).sums(MESSAGES), expected, strict=True):
        np.testing.assert_allclose(found, whole, atol=1e-6)


def test_the_tensors_of_a_tier_are_read_back(tier: Tier, tokenizer: Tokenizer, tmp_path: Path) -> None:
    save_file(tier.to_tensors(), str(tmp_path / FILE))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    loaded = FirstTier.load(tmp_path, 2, "tokenizer.json")
    assert loaded is not None
    assert loaded.tier.thresholds == tier.thresholds
    np.testing.assert_array_equal(
        loaded.score(MESSAGES).probabilities, FirstTier(tier, tokenizer).score(MESSAGES).probabilities
    )
    with pytest.raises(BundleError, match="3 labels"):
        FirstTier.load(tmp_path, 3, "tokenizer.json")
    save_file(
        {name: value for name, value in load_file(str(tmp_path / FILE)).items() if name != "thresholds"},
        str(tmp_path / FILE),
    )
    with pytest.raises(BundleError, match="is not the first tier"):
        FirstTier.load(tmp_path, 2, "tokenizer.json")


def test_a_bundle_without_the_file_has_no_tier(tmp_path: Path) -> None:
    assert FirstTier.load(tmp_path, 2, "tokenizer.json") is None
