"""The classifier: learned by scikit-learn, served by numpy, sure of itself only where it is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from chatbot.model.classifier import Classifier, Floats, Likeness
from tests.chatbot.corpora import Blobs, apart, encode
from training.model.evaluation.metrics import auroc, ece
from training.model.fit import Fitted, TooFewIntents, fit


@pytest.fixture(scope="module")
def blobs() -> Blobs:
    return Blobs(intents=8, spread=1.4)


@pytest.fixture(scope="module")
def taught(blobs: Blobs) -> tuple[Fitted, list[str]]:
    encoded, labels = blobs.messages([60] * 8)
    return fit(encoded, labels, apart(len(labels))), labels


def test_messages_it_was_not_taught_are_understood(blobs: Blobs, taught: tuple[Fitted, list[str]]):
    encoded, truth = blobs.messages([50] * 8)
    classifier = taught[0].classifier
    guesses = np.asarray(classifier.labels)[classifier.score(encoded).probabilities.argmax(axis=1)]
    assert (guesses == np.asarray(truth)).mean() > 0.9


def test_of_the_answers_given_with_a_confidence_that_share_is_right(
    blobs: Blobs, taught: tuple[Fitted, list[str]]
):
    encoded, truth = blobs.messages([250] * 8)
    classifier = taught[0].classifier
    probabilities = classifier.score(encoded).probabilities
    right = np.asarray(classifier.labels)[probabilities.argmax(axis=1)] == np.asarray(truth)
    assert ece(probabilities.max(axis=1), right) < 0.03


def test_foreign_messages_are_less_in_scope_than_those_of_an_intent(
    blobs: Blobs, taught: tuple[Fitted, list[str]]
):
    inside, _ = blobs.messages([50] * 8)
    score = taught[0].classifier.score
    assert auroc(score(inside).scope, score(blobs.foreign(400)).scope) > 0.85


def test_one_in_twenty_in_scope_messages_has_a_scope_below_half(taught: tuple[Fitted, list[str]]):
    below = (taught[0].out_of_fold.scope < 0.5).mean()
    assert 0.03 <= below <= 0.07


def test_a_bundle_of_numbers_gives_back_the_same_classifier(
    blobs: Blobs, taught: tuple[Fitted, list[str]], tmp_path: Path
):
    before = taught[0].classifier
    save_file(before.to_tensors(), str(tmp_path / "head.safetensors"))
    after = Classifier.from_tensors(
        before.labels, before.temperature, load_file(str(tmp_path / "head.safetensors"))
    )
    encoded, _ = blobs.messages([3] * 8)
    assert np.array_equal(after.score(encoded).probabilities, before.score(encoded).probabilities)
    assert np.array_equal(after.score(encoded).scope, before.score(encoded).scope)


def test_tensors_for_another_number_of_labels_are_refused(taught: tuple[Fitted, list[str]]):
    classifier = taught[0].classifier
    with pytest.raises(ValueError, match="8 columns for 2 labels"):
        Classifier.from_tensors(("a", "b"), 1.0, classifier.to_tensors())


DAMAGED: dict[str, Callable[[Floats], Floats]] = {
    "not a number": lambda tensor: tensor * np.float32(np.nan),
    "infinite": lambda tensor: np.full_like(tensor, np.inf),
    "too short": lambda tensor: tensor[:-1],
    "of one axis more": lambda tensor: tensor[None],
    "a single number": lambda tensor: np.float32(tensor.flat[0]).reshape(()),
}


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize(
    "name",
    [
        "scope.refusal",
        "scope.prototypes",
        "scope.directions",
        "scope.usual",
        "scope.scale",
        "head.weights",
        "likeness.weight",
    ],
)
def test_a_damaged_tensor_is_refused_and_named(
    taught: tuple[Fitted, list[str]], name: str, damage: str
) -> None:
    classifier = taught[0].classifier
    tensors = classifier.to_tensors()
    if name == "scope.refusal":
        tensors[name] = np.zeros(len(tensors["head.weights"]) + 1, dtype=np.float32)
    if name == "scope.prototypes" and damage == "too short":
        tensors[name] = tensors[name][:1]
    tensors[name] = DAMAGED[damage](tensors[name])
    with pytest.raises(ValueError, match=name):
        Classifier.from_tensors(classifier.labels, classifier.temperature, tensors)


@pytest.mark.parametrize("counts", [[7] * 8, [-8, 24, *[8] * 6], [8.0] * 8, [8] * 7])
def test_counts_that_do_not_fit_the_prototypes_are_refused(
    taught: tuple[Fitted, list[str]], counts: list[float]
) -> None:
    tensors = taught[0].classifier.to_tensors()
    assert tensors["likeness.counts"].tolist() == [8] * 8
    with pytest.raises(ValueError, match=r"likeness\.counts"):
        Classifier.from_tensors(
            taught[0].classifier.labels, 1.0, tensors | {"likeness.counts": np.asarray(counts)}
        )


def test_likeness_is_a_soft_maximum_over_the_prototypes_of_each_label() -> None:
    cosines = np.array([[0.1, 0.8, 0.6, -0.2]], dtype=np.float32)
    found = Likeness(np.array([1, 0, 3]), np.ones(1, dtype=np.float32)).of(cosines)
    three = np.log(np.mean(np.exp(10 * np.array([0.8, 0.6, -0.2])))) / 10
    np.testing.assert_allclose(found, [[0.1 - 1, 0, three - 1]], atol=1e-6)


def test_a_standard_deviation_of_zero_is_refused(taught: tuple[Fitted, list[str]]) -> None:
    classifier = taught[0].classifier
    for name in ("scope.usual", "scope.scale"):
        tensors = classifier.to_tensors()
        tensors[name] = np.zeros_like(tensors[name])
        with pytest.raises(ValueError, match="a standard deviation must be positive"):
            Classifier.from_tensors(classifier.labels, classifier.temperature, tensors)


def test_the_same_corpus_and_seed_give_the_same_weights_bit_for_bit(
    monkeypatch: pytest.MonkeyPatch, blobs: Blobs
):
    encoded, labels = blobs.messages([20] * 8)
    first = fit(encoded, labels, apart(len(labels)), seed=3)
    monkeypatch.setattr("training.model.fit.cores", lambda: 1)
    second = fit(encoded, labels, apart(len(labels)), seed=3)
    assert first.classifier.temperature == second.classifier.temperature
    for name, tensor in first.classifier.to_tensors().items():
        assert tensor.tobytes() == second.classifier.to_tensors()[name].tobytes(), name
    assert first.out_of_fold.probabilities.tobytes() == second.out_of_fold.probabilities.tobytes()


def test_a_message_is_judged_out_of_fold_without_its_near_duplicates():
    # Labels are drawn by lot and every message stands there twice: who has seen the twin knows, who has not guesses.
    draw = np.random.default_rng(0)
    encoded = encode(np.repeat(draw.normal(size=(120, 32)), 2, axis=0))
    labels = [str(column) for column in np.repeat(draw.integers(4, size=120), 2)]
    twins = [str(row // 2) for row in range(240)]

    def right(groups: list[str]) -> float:
        fitted = fit(encoded, labels, groups)
        held = fitted.out_of_fold
        return float((held.probabilities.argmax(axis=1) == fitted.labels[held.rows]).mean())

    assert right(twins) < 0.45
    assert right(apart(240)) > 0.7


@pytest.mark.parametrize("counts", [[1, 1], [1, 2], [1, 1, 1, 40], [100, 1, 2, 3, 5, 8, 13], [2, 2, 2]])
def test_a_small_and_uneven_corpus_trains_and_scores(counts: list[int]):
    blobs = Blobs(len(counts), spread=0.5, seed=len(counts))
    encoded, labels = blobs.messages(counts)
    fitted = fit(encoded, labels, apart(len(labels)))
    scores = fitted.classifier.score(blobs.messages([5] * len(counts))[0])
    assert np.allclose(scores.probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.isfinite(scores.scope).all()
    assert ((scores.scope >= 0) & (scores.scope <= 1)).all()
    assert 0 < len(fitted.out_of_fold.rows) <= len(labels)


def test_identical_messages_do_not_break_the_fit():
    encoded = encode(np.ones((12, 32)))
    fitted = fit(encoded, ["a", "b"] * 6, apart(12))
    assert np.allclose(fitted.classifier.score(encoded).probabilities, 0.5, atol=0.05)


def test_a_single_intent_is_refused_by_name():
    encoded, labels = Blobs(1, spread=0.5).messages([5])
    with pytest.raises(TooFewIntents, match="intent_00"):
        fit(encoded, labels, apart(5))


def test_no_message_gives_no_score(taught: tuple[Fitted, list[str]]):
    scores = taught[0].classifier.score(encode(np.empty((0, 32))))
    assert scores.probabilities.shape == (0, 8)
    assert scores.scope.shape == (0,)
