"""The encoder that ships: what a message's vector may depend on, and what not."""

from __future__ import annotations

import numpy as np
import pytest

from chatbot.model.bundle import Bundle
from chatbot.model.encoder import MOST_PADDING, TOKEN_BUDGET, split_runs

# Sums of floats in another order; a range measured anew for each batch would move the second digit.
ROUNDING = 1e-6
MESSAGES = [
    "I want a refund",
    "hi",
    "WHERE IS MY ORDER??? it has been two weeks and nobody answers, this is the third message I send you",
    "how do i change the address of order 4711",
    "¿Dónde está mi pedido?",
    "12345 67890 !!!",
]


@pytest.mark.parametrize("layer", ["vectors", "middle", "bottom"])
def test_a_message_has_the_same_vector_in_any_batch(bundle: Bundle, layer: str) -> None:
    alone = np.concatenate([getattr(bundle.encoder.encode([message]), layer) for message in MESSAGES])
    crowd = [*MESSAGES, "x" * 3000, *(f"message number {n}" for n in range(50))]
    company = getattr(bundle.encoder.encode(crowd), layer)[: len(MESSAGES)]
    assert np.abs(alone - company).max() < ROUNDING


def test_vectors_are_of_length_one_and_in_the_order_given(bundle: Bundle) -> None:
    there = bundle.encoder.encode(MESSAGES).vectors
    back = bundle.encoder.encode(MESSAGES[::-1]).vectors[::-1]
    assert np.allclose(np.linalg.norm(there, axis=1), 1, atol=1e-5)
    assert np.abs(there - back).max() < ROUNDING
    assert np.linalg.norm(there[:, None] - there[None], axis=2)[~np.eye(len(there), dtype=bool)].min() > 0.1


@pytest.mark.parametrize(
    "lengths",
    [[], [256], [256] * 64, list(range(3, 257)), [8, 8, 9, 12, 12, 13, 18, 25], [3] * 500],
    ids=["none", "one", "long", "all", "usual", "short"],
)
def test_runs_hold_every_message_once_with_little_padding_within_the_token_budget(lengths: list[int]) -> None:
    runs = split_runs(lengths)
    assert [place for start, end in runs for place in range(start, end)] == list(range(len(lengths)))
    for start, end in runs:
        padded = (end - start) * lengths[end - 1]
        assert padded - sum(lengths[start:end]) <= MOST_PADDING
        assert padded <= TOKEN_BUDGET


def test_messages_of_one_length_share_a_run() -> None:
    assert split_runs([12] * 20) == [(0, 20)]
