"""The classifier that training makes: right on small and messy corpora, and the same bits each time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chatbot.model.classifier import Classifier
from chatbot.model.encoder import Encoded
from training.model import head
from training.model.encoder.batch import concatenate
from training.model.fit import Fitted, OutsideRows, TooFewIntents, fit, score_unknown
from training.model.params import ENOUGH_OWN


def corpus(
    sizes: list[int], seed: int = 0, dim: int = 16, spread: float = 0.3
) -> tuple[Encoded, list[str], list[str]]:
    """Intents as clouds around directions of their own, each with wordpieces of its own and some in common."""
    generator = np.random.default_rng(seed)
    directions = np.random.default_rng(99).normal(size=(len(sizes), dim))
    columns = np.repeat(np.arange(len(sizes)), sizes)

    def view() -> np.ndarray:
        cloud = directions[columns] + generator.normal(
            scale=spread * np.sqrt(dim) / 2, size=(len(columns), dim)
        )
        return (cloud / np.linalg.norm(cloud, axis=1, keepdims=True)).astype(np.float32)

    tokens = [
        np.array(
            [*generator.integers(100, 200, 3), *(column * 10 + generator.integers(0, 10, 2))], dtype=np.int32
        )
        for column in columns
    ]
    return (
        Encoded(view(), view(), view(), tokens),
        [f"intent_{c}" for c in columns],
        [str(r) for r in range(len(columns))],
    )


def test_what_was_taught_is_found_again_in_new_messages() -> None:
    fitted = fit(*corpus([40] * 6))
    test, labels, _ = corpus([20] * 6, seed=1)
    guesses = np.asarray(fitted.classifier.labels)[fitted.classifier.score(test).probabilities.argmax(axis=1)]
    assert (guesses == labels).mean() > 0.9


def test_probabilities_of_a_message_add_up_to_one() -> None:
    encoded, *rest = corpus([20] * 4)
    scores = fit(encoded, *rest).classifier.score(encoded)
    np.testing.assert_allclose(scores.probabilities.sum(axis=1), 1, atol=1e-5)


def test_foreign_messages_score_below_taught_ones() -> None:
    encoded, *rest = corpus([40] * 6)
    classifier = fit(encoded, *rest).classifier
    foreign, _, _ = corpus([30] * 12, seed=2)
    outside = foreign.part(np.arange(180, 360))
    inside, _, _ = corpus([30] * 6, seed=3)
    assert np.median(classifier.score(outside).scope) < np.quantile(classifier.score(inside).scope, 0.2)


def test_the_same_corpus_and_seed_give_the_same_bits() -> None:
    first, second = (fit(*corpus([15] * 5), seed=7).classifier for _ in range(2))
    for name, tensor in first.to_tensors().items():
        assert tensor.tobytes() == second.to_tensors()[name].tobytes(), name
    assert first.temperature == second.temperature


@pytest.mark.parametrize("sizes", [[1, 1], [1, 100, 3], [2] * 20, [1] * 30, [100, 1, 1, 50]])
def test_small_and_messy_corpora_train(sizes: list[int]) -> None:
    encoded, labels, groups = corpus(sizes)
    fitted = fit(encoded, labels, groups)
    scores = fitted.classifier.score(encoded)
    assert np.isfinite(scores.probabilities).all()
    assert np.isfinite(scores.scope).all()
    assert len(fitted.out_of_fold.rows) > 0


def test_near_duplicates_are_never_on_both_sides_of_a_fold() -> None:
    """Twins with a wrong label each would be known by heart, were one taught while the other is held out."""
    encoded, labels, _ = corpus([60] * 4, spread=0.2)
    twins = Encoded(
        np.repeat(encoded.vectors, 2, axis=0),
        np.repeat(encoded.middle, 2, axis=0),
        np.repeat(encoded.bottom, 2, axis=0),
        [t for t in encoded.tokens for _ in "ab"],
    )
    generator = np.random.default_rng(0)
    wrong = [f"intent_{generator.integers(4)}" for _ in labels]
    fitted = fit(
        twins, [label for label in wrong for _ in "ab"], [str(row) for row in range(len(wrong)) for _ in "ab"]
    )
    held = fitted.out_of_fold
    right = held.probabilities.argmax(axis=1) == fitted.labels[held.rows]
    assert right.mean() < 0.5


def test_a_single_intent_is_refused() -> None:
    encoded, labels, groups = corpus([10])
    with pytest.raises(TooFewIntents, match="two intents"):
        fit(encoded, labels, groups)


def test_a_classifier_survives_the_way_through_its_tensors() -> None:
    encoded, *rest = corpus([20] * 4)
    before = fit(encoded, *rest).classifier
    after = Classifier.from_tensors(before.labels, before.temperature, before.to_tensors())
    assert (after.score(encoded).probabilities == before.score(encoded).probabilities).all()


def test_names_of_intents_teach_where_messages_are_few_and_are_never_scored() -> None:
    encoded, labels, groups = corpus([2] * 6, spread=0.9)
    names, intents, _ = corpus([1] * 6, seed=5, spread=0.05)
    test, truth, _ = corpus([50] * 6, seed=1, spread=0.9)

    def accuracy(fitted: Fitted) -> float:
        likeliest = fitted.classifier.score(test).probabilities.argmax(axis=1)
        return float((np.asarray(fitted.classifier.labels)[likeliest] == truth).mean())

    without, fitted = fit(encoded, labels, groups), fit(encoded, labels, groups, titles=(names, intents))
    assert accuracy(fitted) > accuracy(without) + 0.02
    assert len(fitted.labels) == 12
    assert fitted.out_of_fold.rows.max() == 11
    assert fitted.classifier.likeness.counts.tolist() == [3] * 6
    assert without.classifier.likeness.counts.tolist() == [2] * 6


def near_misses(count: int, copies: int = 1) -> OutsideRows:
    """Out-of-scope messages near to intents, in a direction of their own; `copies` of each, in one group."""
    generator = np.random.default_rng(5)
    shift = np.random.default_rng(7).normal(size=16)
    near, _, _ = corpus([count // 4] * 4, seed=6)

    def moved(view: np.ndarray) -> np.ndarray:
        away = view + 0.8 * shift / np.linalg.norm(shift) + generator.normal(scale=0.02, size=view.shape)
        return (away / np.linalg.norm(away, axis=1, keepdims=True)).astype(np.float32)

    encoded = Encoded(moved(near.vectors), moved(near.middle), moved(near.bottom), near.tokens)
    rows = np.repeat(np.arange(count // 4 * 4), copies)
    return OutsideRows(encoded.part(rows), [str(row) for row in rows])


def test_own_out_of_scope_rows_teach_the_scope_score_and_are_scored_out_of_fold() -> None:
    encoded, labels, groups = corpus([40] * 4)
    outside = near_misses(ENOUGH_OWN)
    before, fitted = fit(encoded, labels, groups), fit(encoded, labels, groups, outside=outside)
    fresh, _, _ = corpus([30] * 4, seed=8)

    def recall(classifier: Classifier, scores: np.ndarray) -> float:
        return float((scores < np.quantile(classifier.score(fresh).scope, 0.05)).mean())

    unlearned = recall(before.classifier, before.classifier.score(outside.encoded).scope)
    assert recall(fitted.classifier, fitted.outside.scope) > unlearned + 0.2
    assert fitted.outside.probabilities.shape == (ENOUGH_OWN, 4)
    again = fit(encoded, labels, groups, outside=outside)
    np.testing.assert_array_equal(again.classifier.scope.refusal, fitted.classifier.scope.refusal)


def test_a_model_that_scores_an_out_of_scope_row_learned_from_none_of_its_copies() -> None:
    encoded, labels, groups = corpus([40] * 4)
    outside = near_misses(ENOUGH_OWN)
    lonely, _, _ = corpus([1] * 5, seed=9)
    copies = concatenate([outside.encoded, *[lonely.part(np.array([4]))] * 200])
    fitted = fit(encoded, labels, groups, outside=OutsideRows(copies, [*outside.groups, *["the same"] * 200]))
    learned = fitted.classifier.score(copies).scope
    assert learned[-1] < fitted.outside.scope[-1] / 2


def test_copies_of_few_out_of_scope_rows_teach_nothing() -> None:
    encoded, labels, groups = corpus([20] * 4)
    few = near_misses(ENOUGH_OWN // 5 * 4, copies=2)
    fitted = fit(encoded, labels, groups, outside=few)
    assert not fitted.classifier.scope.refusal.size
    np.testing.assert_array_equal(fitted.outside.scope, fitted.classifier.score(few.encoded).scope)
    assert (
        len(fit(encoded, labels, groups, outside=OutsideRows(encoded.part(np.arange(0)), [])).outside.scope)
        == 0
    )


def test_the_penalty_rewards_no_message_and_messages_of_unknown_intents_get_it_too() -> None:
    encoded, labels, groups = corpus([20] * 6)
    outside = near_misses(ENOUGH_OWN)
    fitted = fit(encoded, labels, groups, outside=outside)
    assert fitted.classifier.measure(encoded)[1][:, -1].max() <= 0
    plain, taught = score_unknown(encoded, fitted), score_unknown(encoded, fitted, outside=outside.encoded)
    assert (taught.scope <= plain.scope).all()
    assert (taught.scope < plain.scope).any()


def test_the_penalty_is_part_of_the_calibration_of_the_scope_score() -> None:
    many, _, rows = corpus([250] * 4, seed=6)  # like the messages: each has a penalty that weighs
    fitted = fit(*corpus([40] * 4), outside=OutsideRows(many, rows))
    assert 0.03 <= (fitted.out_of_fold.scope < 0.5).mean() <= 0.07


def test_scores_of_out_of_scope_rows_are_in_the_order_of_the_rows() -> None:
    encoded, labels, groups = corpus([40] * 4)
    near, like = near_misses(ENOUGH_OWN), encoded.part(np.arange(0, 160, 4))
    mixed = concatenate([near.encoded, like])
    fitted = fit(encoded, labels, groups, outside=OutsideRows(mixed, [str(row) for row in range(len(mixed))]))
    learned = fitted.classifier.score(mixed).probabilities
    assert (np.abs(fitted.outside.probabilities - learned).max(axis=1) < 0.3).mean() > 0.9


def test_many_out_of_scope_rows_do_not_outweigh_the_messages() -> None:
    """Of rows that are like the messages nothing can be learned: the odds stay even, however many they are."""
    many, _, rows = corpus([250] * 4, seed=6)
    fitted = fit(*corpus([40] * 4), outside=OutsideRows(many, rows))
    penalties = fitted.classifier.measure(corpus([40] * 4, seed=1)[0])[1][:, -1]
    assert np.median(penalties) == pytest.approx(-np.log(2), abs=0.3)


def test_messages_of_unknown_intents_are_scored_on_the_scale_of_the_final_model() -> None:
    encoded, labels, groups = corpus([40] * 6)
    fitted = fit(encoded, labels, groups)
    unknown = score_unknown(encoded, fitted)
    assert np.median(unknown.scope) < np.quantile(fitted.out_of_fold.scope, 0.2)
    assert len(unknown.scope) == 240
    np.testing.assert_allclose(unknown.probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_classifier_of_bundle_format_1_scores_without_a_penalty() -> None:
    encoded, labels, groups = corpus([20] * 4)
    classifier = fit(encoded, labels, groups, outside=near_misses(ENOUGH_OWN)).classifier
    tensors = classifier.to_tensors()
    del tensors["scope.refusal"]
    old = Classifier.from_tensors(classifier.labels, classifier.temperature, tensors)
    assert not old.measure(encoded)[1][:, -1].any()
    assert (old.score(encoded).scope >= classifier.score(encoded).scope).all()
    del tensors["scope.scale"]
    with pytest.raises((KeyError, TypeError)):
        Classifier.from_tensors(classifier.labels, classifier.temperature, tensors)


def headless(classifier: Classifier) -> Classifier:
    """The classifier as it would be with its head alone."""
    return replace(classifier, likeness=replace(classifier.likeness, weight=np.zeros(1, dtype=np.float32)))


def test_likeness_to_prototypes_helps_where_messages_are_few() -> None:
    def noisy(sizes: list[int], seed: int = 0) -> tuple[Encoded, list[str], list[str]]:
        """The lower layers say nothing of the intent, and the head overfits them."""
        encoded, labels, groups = corpus(sizes, seed, dim=64, spread=0.55)
        noise = np.random.default_rng(seed + 50).normal(size=(2, *encoded.vectors.shape)).astype(np.float32)
        return Encoded(encoded.vectors, *(noise / 8), encoded.tokens), labels, groups

    classifier = fit(*noisy([6] * 12)).classifier
    test, truth, _ = noisy([50] * 12, seed=1)

    def accuracy(asked: Classifier) -> float:
        return float(
            (np.asarray(asked.labels)[asked.score(test).probabilities.argmax(axis=1)] == truth).mean()
        )

    assert classifier.likeness.weight[0] > 0
    assert accuracy(classifier) > accuracy(headless(classifier)) + 0.05


def test_likeness_that_says_nothing_of_the_intent_has_no_weight() -> None:
    encoded, labels, groups = corpus([40] * 4, dim=64, spread=0.5)
    noise = np.random.default_rng(3).normal(size=encoded.vectors.shape).astype(np.float32)
    fitted = fit(Encoded(noise / 8, encoded.middle, encoded.bottom, encoded.tokens), labels, groups)
    assert fitted.classifier.likeness.weight.tolist() == [0]


def test_messages_that_cannot_be_held_out_give_likeness_no_weight() -> None:
    encoded, labels, _ = corpus(
        [40] * 4, dim=4, spread=4.0
    )  # a message is the most like itself, whatever its label
    fitted = fit(encoded, labels, labels)
    assert not fitted.measured
    assert fitted.classifier.likeness.weight.tolist() == [0]


def test_models_without_some_intents_use_the_likeness_of_the_final_one() -> None:
    encoded, labels, groups = corpus([6] * 12, dim=64, spread=0.55)
    fitted = fit(encoded, labels, groups)
    heavy = replace(fitted.classifier.likeness, weight=np.full(1, 50, dtype=np.float32))
    other = replace(fitted, classifier=replace(fitted.classifier, likeness=heavy))
    found, expected = score_unknown(encoded, other), score_unknown(encoded, fitted)
    assert np.abs(found.probabilities - expected.probabilities).max() > 0.05


def test_a_classifier_of_bundle_format_2_scores_with_its_head_alone() -> None:
    encoded, labels, groups = corpus([6] * 12, dim=64, spread=0.55)
    classifier = fit(encoded, labels, groups).classifier
    tensors = {
        name: tensor for name, tensor in classifier.to_tensors().items() if not name.startswith("likeness.")
    }
    old = Classifier.from_tensors(classifier.labels, classifier.temperature, tensors)
    np.testing.assert_array_equal(
        old.score(encoded).probabilities, headless(classifier).score(encoded).probabilities
    )


@pytest.mark.parametrize("count", [2, 10, 47])
def test_fewer_rows_than_dimensions_get_the_axes_that_their_covariance_has(count: int) -> None:
    # Correlated columns far from zero, as embeddings are; a copy of a row leaves an axis without variance.
    generator = np.random.default_rng(7)
    rows = (generator.normal(size=(count, 48)) @ generator.normal(size=(48, 48)) + 3).astype(np.float32)
    rows[-1] = rows[0]
    others = generator.normal(size=(20, 48)).astype(np.float32)
    centre, projection = head.whitening(head.Moments.of(rows.astype(np.float64)))
    few_centre, few_projection = head.whitening_of_few(rows)
    np.testing.assert_allclose(few_centre, centre, atol=1e-5)
    # Axes without variance have an arbitrary direction in the covariance's decomposition, and none here.
    told = count - 2
    np.testing.assert_allclose(others @ few_projection[:, :told], others @ projection[:, :told], atol=1e-3)
    np.testing.assert_allclose((rows - centre) @ few_projection, (rows - centre) @ projection, atol=1e-3)
    assert np.isfinite(few_projection).all()


def test_few_rows_are_decomposed_by_their_gram_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def eigh(matrix: np.ndarray, decompose: Callable[[np.ndarray], Any] = np.linalg.eigh) -> Any:
        sizes.append(len(matrix))
        return decompose(matrix)

    monkeypatch.setattr(np.linalg, "eigh", eigh)
    encoded, labels, _ = corpus([5, 5], dim=64)
    columns = np.array([int(label.split("_")[1]) for label in labels])
    head.fit_head(encoded, columns, 2)
    assert sizes == [10]
