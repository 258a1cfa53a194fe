"""Evaluate a bundle on labelled messages: route as in production; score overall, per intent and per slice."""

from __future__ import annotations

import re
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, matthews_corrcoef

from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.dialog.router import Prediction, Reply, Router, Thresholds
from chatbot.model.bundle import Bundle
from chatbot.model.encoder import Encoded
from chatbot.settings import SlotSettings
from training.model.encoder.batch import encode
from training.model.evaluation.metrics import auroc, ece
from training.model.evaluation.slices import slices_of, whole_words
from training.progress import Advance, no_progress

Score = float | None
"""None if the score is undefined: no out-of-scope row, no automatic answer."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Evaluation results of n labelled messages; every array has shape (n,).

    Attributes:
        likeliest, confidence: the classifier's first choice, regardless of thresholds, and its confidence.
        scope: the scope score (out-of-distribution score).
        routed: the router's result: `out_of_scope` for a handoff by threshold if the corpus has such rows,
            else the likeliest intent; a clarification counts as its likeliest intent, a rule as its own
            intent if the bundle has that intent, else as a handoff.
        answered: whether the model answered automatically.
        weight: what each message counts: near-duplicates share one count, and a repetition of a training message
            counts nothing; None: one each.
    """

    truth: NDArray[np.str_]
    likeliest: NDArray[np.str_]
    confidence: NDArray[np.float64]
    scope: NDArray[np.float64]
    routed: NDArray[np.str_]
    answered: NDArray[np.bool_]
    weight: NDArray[np.float64] | None = None

    @property
    def weights(self) -> NDArray[np.float64]:
        """Return the weight of each message."""
        return np.ones(len(self.truth)) if self.weight is None else self.weight

    def part(self, mask: NDArray[np.bool_]) -> Outcome:
        """Return the outcome of the selected messages."""
        chosen = {
            name: getattr(self, name)[mask] for name in self.__slots__ if getattr(self, name) is not None
        }
        return Outcome(**chosen)

    @property
    def in_scope(self) -> NDArray[np.bool_]:
        """Return a mask of the messages that are labelled with an intent."""
        return np.asarray(self.truth != OUT_OF_SCOPE)


def evaluate(
    bundle: Bundle,
    messages: Sequence[str],
    labels: Sequence[str],
    encoded: Encoded | None = None,
    advance: Advance = no_progress,
    weight: NDArray[np.float64] | None = None,
) -> Outcome:
    """Route every message through rules, model and the bundle's own thresholds.

    Args:
        labels: the intent of each of n messages, or `out_of_scope`.
        encoded: the messages encoded by the bundle's encoder, if already computed.
        weight: shape (n,): see `Outcome`.
    """
    cleaned = [clean(message) for message in messages]
    predictions = bundle.classify(encoded or encode(bundle.encoder, cleaned, advance))
    return route(bundle, cleaned, labels, predictions, weight)


def route(
    bundle: Bundle,
    messages: Sequence[str],
    labels: Sequence[str],
    predictions: Sequence[Prediction],
    weight: NDArray[np.float64] | None = None,
    thresholds: Sequence[Thresholds] | None = None,
) -> Outcome:
    """Route cleaned messages by predictions that were made before; `thresholds` of each, by default the bundle's own.

    `messages`, `labels` and `weight` are as of `evaluate`.
    """
    slots = SlotSettings().values()
    routers = {
        one: Router(bundle.rules, bundle.replies, one, slots, languages=bundle.manifest.languages)
        for one in dict.fromkeys(thresholds or [bundle.manifest.thresholds])
    }
    replies = [
        routers[at].before_model(message) or routers[at].after_model(message, prediction)
        for message, prediction, at in zip(
            messages, predictions, thresholds or [bundle.manifest.thresholds] * len(messages), strict=True
        )
    ]
    outside = OUT_OF_SCOPE if OUT_OF_SCOPE in labels else None
    intents = frozenset(bundle.manifest.labels)
    return Outcome(
        truth=np.asarray(labels, dtype=np.str_),
        likeliest=np.asarray([p.alternatives[0].intent for p in predictions], dtype=np.str_),
        confidence=np.asarray([p.alternatives[0].confidence for p in predictions], dtype=np.float64),
        scope=np.asarray([p.scope for p in predictions], dtype=np.float64),
        routed=np.asarray(
            [_routed(reply, p, intents, outside) for reply, p in zip(replies, predictions, strict=True)],
            dtype=np.str_,
        ),
        answered=np.asarray([reply.source == "model" for reply in replies], dtype=bool),
        weight=weight,
    )


def scores(outcome: Outcome, among: NDArray[np.bool_] | None = None) -> dict[str, Score]:
    """Compute the scores of an outcome, or of the selected messages.

    Args: among: shape (n,): the messages to score; `scope_auroc` still compares with all out-of-scope rows.

    Returns:
        messages: their number; distinct: the sum of their weights.
        accuracy: of the classifier's first choice, over in-scope messages.
        macro_f1, mcc: of the router's result, over all messages.
        ece: expected calibration error of the first choice, over in-scope messages.
        scope_auroc: in-scope against out-of-scope messages, by the scope score.
        coverage: share of messages answered automatically.
        risk: share of wrong answers among those, answers to out-of-scope messages included.
    """
    part = outcome if among is None else outcome.part(among)
    inside, weight = part.in_scope, part.weights
    right = part.likeliest == part.truth
    outside = outcome.scope[~outcome.in_scope]
    return {
        "messages": float(len(part.truth)),
        "distinct": float(weight.sum()),
        "accuracy": _mean(right[inside], weight[inside]),
        "macro_f1": macro_f1(part.truth, part.routed, weight) if weight.any() else None,
        "mcc": _mcc(part.truth, part.routed, weight),
        "ece": ece(part.confidence[inside], right[inside], weight=weight[inside])
        if weight[inside].any()
        else None,
        "scope_auroc": auroc(part.scope[inside], outside) if inside.any() and outside.size else None,
        "coverage": _mean(part.answered, weight),
        "risk": _mean((part.truth != part.routed)[part.answered], weight[part.answered]),
    }


def scores_of_intent(outcome: Outcome, intent: str) -> dict[str, Score]:
    """Compute `scores` over the messages of one intent; F1 and MCC are one-vs-rest."""
    truth, routed = outcome.truth == intent, outcome.routed == intent
    return scores(outcome, truth) | {
        "macro_f1": float(f1_score(truth, routed, zero_division=0.0, sample_weight=outcome.weights)),
        "mcc": _mcc(truth, routed, outcome.weights),
    }


def macro_f1(
    truth: NDArray[np.str_], guess: NDArray[np.str_], weight: NDArray[np.float64] | None = None
) -> float:
    """Return the mean F1 over the labels that occur in `truth` with a weight."""
    labels = np.unique(truth if weight is None else truth[weight > 0])
    with _of_few_rows():
        return float(
            f1_score(truth, guess, labels=labels, average="macro", zero_division=0.0, sample_weight=weight)
        )


def full_report(
    bundle: Bundle, outcome: Outcome, messages: Sequence[str], categories: Sequence[str]
) -> dict[str, object]:
    """Compute the scores overall, per intent and per slice: the output of `training.evaluate --json`."""
    vocabulary = whole_words(bundle.encoder.vocabulary())
    masks = slices_of(messages, categories, vocabulary)
    return {
        **scores(outcome),
        "per_intent": {str(intent): scores_of_intent(outcome, intent) for intent in np.unique(outcome.truth)},
        "per_slice": {name: scores(outcome, mask) for name, mask in masks.items()},
    }


def flat(report: Mapping[str, object]) -> dict[str, float]:
    """Flatten a report to metrics by name (`per_intent/cancel_order/accuracy`); undefined scores are omitted.

    Characters that MLflow rejects in a name (`?` of an intent) are replaced, and a checksum keeps names distinct.
    """
    metrics: dict[str, float] = {}
    for key, value in report.items():
        key = _metric_name(key)
        if isinstance(value, Mapping):
            metrics |= {f"{key}/{name}": number for name, number in flat(value).items()}
        elif isinstance(value, int | float):
            metrics[key] = float(value)
    return metrics


def _metric_name(name: str) -> str:
    plain = re.sub(r"[^\w. -]", "_", name)[:100]
    if plain == name and name.strip(". "):
        return name
    return f"{plain.strip('. ')}_{zlib.crc32(name.encode()):08x}"


def _mean(values: NDArray[np.bool_], weight: NDArray[np.float64]) -> Score:
    """Return the weighted share; None if nothing counts."""
    return float(np.average(values, weights=weight)) if weight.any() else None


def _mcc(truth: NDArray[Any], guess: NDArray[Any], weight: NDArray[np.float64]) -> Score:
    """Return the Matthews correlation; None if there is only one label, for which it is undefined."""
    truth, guess, weight = truth[weight > 0], guess[weight > 0], weight[weight > 0]
    if len(np.union1d(truth, guess)) < 2:
        return None
    with _of_few_rows():
        return float(matthews_corrcoef(truth, guess, sample_weight=weight))


@contextmanager
def _of_few_rows() -> Iterator[None]:
    """Suppress scikit-learn's warning about many classes: a slice may have fewer rows than labels."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes", category=UserWarning)
        yield


def _routed(reply: Reply, prediction: Prediction, intents: frozenset[str], outside: str | None) -> str:
    """Return the label that the reply counts as.

    A handoff by threshold counts as out of scope, and so does a rule for something that is not an intent of
    the bundle (a threat).
    """
    if reply.source == "human" or reply.intent not in intents:
        return outside or prediction.alternatives[0].intent
    return reply.intent
