"""Fit the first tier of the cascade, and learn where it may answer (`chatbot.model.first_tier`)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array, diags_array
from scipy.stats import beta
from tokenizers import Tokenizer

from chatbot.model.classifier import Floats, Scores, softmax
from chatbot.model.first_tier import (
    BUCKETS,
    FirstTier,
    Lexical,
    Static,
    Tier,
    TierScores,
    TierThresholds,
    crc,
    pair_features,
    unit,
    word_features,
    words_of,
)
from training.model.blas import one_thread
from training.model.encoder.batch import cores
from training.model.evaluation.metrics import risk
from training.model.fit import FOLDS, LEAST_FAMILIAR, PROTOTYPES, Fitted, cluster_means
from training.model.head import Columns, Doubles, Moments, head_of
from training.model.thresholds import Learned

Table = tuple[NDArray[np.int8], Floats]
"""Vectors of the wordpieces: `tokens` and `scales` of `Static`."""

AXES = 256
# Arora et al.'s parameter: a wordpiece this frequent counts half.
SIF = 1e-3
EPOCHS = 6
# Rows of a minibatch: small enough for the steps a small corpus needs, large enough for speed on a large one.
BATCH, LARGE_BATCH, STEPS = 256, 1024, 16
RATE = 0.3
# A feature that occurs in one message only is not informative about others.
LEAST_MESSAGES = 2
# Number of folds of clusters for a large corpus: two contain enough rows to learn the thresholds.
MANY_ROWS = 6_000
FEW_FOLDS = 2
NO_THRESHOLDS = TierThresholds(0.0, 0.0, 1.0)
# Maximum loss of the cascade against the full model alone, by a one-sided bound.
MOST_LOST = 0.005
# Maximum share, and its upper bound, of out-of-scope messages that the tier answers and the full model does not.
MOST_FOREIGN, MOST_FOREIGN_BOUND = 0.002, 0.01
# Maximum share of messages that the tier answers wrongly and the full model does not: one or two in thousands.
MOST_EXTRA = 0.0005
# A tier that answers fewer held-out messages is not worth its cost; of live messages it answers several times more.
LEAST_ANSWERED = 0.05
# Share of the target risk by which the cascade's counted risk may exceed the full model's.
MORE_RISK = 0.05
_LEVEL_Z = 1.645
_LEVEL = 0.95
_SCOPES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
_UNKNOWN = (0.0, 0.1, 0.2, 0.34)
_MARGINS = 60


@dataclass(frozen=True, slots=True)
class Outside:
    """Out-of-scope messages: their texts and the full model's scores."""

    messages: Sequence[str]
    scores: Scores


@dataclass(frozen=True, slots=True)
class LearnedTier:
    """Result of `learn_tier`; no `thresholds` and `tier` if the cascade was not shown to be as good as the full model.

    Attributes:
        answered: share of the messages held out by cluster that the tier answers.
        accuracy_lost, recall_lost: upper bounds of what the cascade loses, in accuracy and in mean recall of intents.
        foreign, foreign_bound: share of the out-of-scope messages that only the tier answers, and its upper bound.
    """

    thresholds: TierThresholds | None
    tier: Tier | None = None
    answered: float = 0.0
    accuracy_lost: float = 0.0
    recall_lost: float = 0.0
    foreign: float = 0.0
    foreign_bound: float = 0.0
    sentence: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the content of `target["first_tier"]` in model.json."""
        learned = self.thresholds is not None
        names = ("answered", "accuracy_lost", "recall_lost", "foreign", "foreign_bound") if learned else ()
        numbers = {name: round(getattr(self, name), 4) for name in names}
        return numbers | {"in_bundle": learned, "sentence": self.sentence}


@dataclass(frozen=True, slots=True)
class Paired:
    """Held-out messages as the tier and the full model see them; every array has shape (n,).

    `truth` has label indices, `group` what near-duplicates share, `full` the full model's first choice, and
    `full_answers` whether it answers at the thresholds in force.
    """

    tier: TierScores
    truth: Columns
    group: Columns
    full: Columns
    full_answers: NDArray[np.bool_]


@one_thread()
def learn_tier(
    messages: Sequence[str],
    groups: Sequence[str],
    fitted: Fitted,
    learned: Learned,
    outside: Outside,
    vocabulary: Floats,
    tokenizer: Tokenizer,
    seed: int,
) -> LearnedTier:
    """Fit the tier on all messages, and its calibration and thresholds on messages held out from it.

    `messages` and `groups` are the training rows of `fitted`; `vocabulary` is `Encoder.encode_vocabulary`.
    """
    if not fitted.measured:
        return LearnedTier(None, sentence="No first tier: no message could be held out.")
    held_out = fitted.out_of_fold
    place = np.full(len(messages), -1)
    place[held_out.rows] = np.arange(len(held_out.rows))
    folds = FEW_FOLDS if len(messages) > MANY_ROWS else FOLDS
    units = Units.of(messages, tokenizer)
    features = units.lexical()
    table = token_table(vocabulary, units.frequency(len(vocabulary)))
    vectors = units.vectors(table)
    count = len(fitted.classifier.labels)
    fold_of = np.where(place < 0, -1, cluster_folds(vectors, fitted.labels, groups, seed))

    def one(fold: int) -> tuple[Static, Lexical]:
        taught = np.flatnonzero(fold_of != fold)
        columns = fitted.labels[taught]
        static = fit_static(table, vectors, taught, columns, count)
        return static, fit_lexical(features, units.checks_of(taught), taught, columns, count, seed)

    with ThreadPoolExecutor(cores()) as pool:
        # No message has the fold FOLDS: the last model is the final one.
        *by_fold, (static, lexical) = pool.map(one, [*range(folds), FOLDS])
    rows = np.flatnonzero((fold_of >= 0) & (fold_of < folds))
    if not len(rows):
        return LearnedTier(None, sentence="No first tier: no cluster of messages could be held out.")
    chosen = place[rows]
    logits = np.empty((2, len(rows), count), dtype=np.float32)
    nearness, unknown = np.empty(len(rows), np.float32), np.empty(len(rows), np.float32)
    for fold, (of_vectors, of_words) in enumerate(by_fold):
        here = np.flatnonzero(fold_of[rows] == fold)
        held = rows[here]
        logits[0, here] = vectors[held] @ of_vectors.weights + of_vectors.bias
        logits[1, here] = (
            features[held][:, of_words.buckets] @ of_words.weights.astype(np.float32) + of_words.bias
        )
        nearness[here] = of_vectors.nearness(vectors[held], logits[0, here])
        unknown[here] = units.unknown(held, of_words.words)
    scale = np.quantile(nearness, LEAST_FAMILIAR), max(float(nearness.std()), 1e-6)
    static = replace(static, scale=np.array(scale, dtype=np.float32))
    truth = fitted.labels[rows]
    tier = Tier(static, lexical, _temperatures(logits, truth, held_out.weight[chosen]), NO_THRESHOLDS)
    probabilities = held_out.probabilities[chosen]
    at = learned.thresholds
    paired = Paired(
        TierScores(
            tier.join(*logits),
            static.scope(nearness),
            logits[0].argmax(axis=1) == logits[1].argmax(axis=1),
            unknown,
            tier.margin(*logits),
        ),
        truth,
        np.unique(np.asarray(groups)[rows], return_inverse=True)[1],
        probabilities.argmax(axis=1),
        (probabilities.max(axis=1) >= at.answer) & (held_out.scope[chosen] >= at.scope),
    )
    foreign = FirstTier(tier, tokenizer).score(outside.messages)
    refused = ~((outside.scores.probabilities.max(axis=1) >= at.answer) & (outside.scores.scope >= at.scope))
    found = learn_thresholds(paired, foreign, refused, learned)
    if found.thresholds is None:
        return found
    return replace(found, tier=replace(tier, thresholds=found.thresholds))


def cluster_folds(vectors: Floats, columns: Columns, groups: Sequence[str], seed: int) -> Columns:
    """Assign a fold below `FOLDS` to each message, so that messages of an intent that are alike share it.

    Held out with its whole cluster, a message is of a form that the tier was not taught, as customers' messages are.
    -1: never held out, since the fold would have the whole intent.

    Args:
        vectors: static vectors. columns: label indices. groups: near-duplicates share one, and the fold of its first.
    """
    generator = np.random.default_rng(seed)
    fold_of = np.empty(len(columns), dtype=np.int64)
    for column in np.unique(columns):
        rows = np.flatnonzero(columns == column)
        means = cluster_means(vectors[rows], seed)
        dealt = (generator.permutation(len(means)) + generator.integers(FOLDS)) % FOLDS
        fold_of[rows] = dealt[(vectors[rows] @ means.T).argmax(axis=1)]
    _, first, group_of = np.unique(np.asarray(groups), return_index=True, return_inverse=True)
    fold_of = fold_of[first][group_of]
    for column in np.unique(columns):
        rows = np.flatnonzero(columns == column)
        if len(np.unique(fold_of[rows])) == 1:
            fold_of[rows] = -1
    return fold_of


def learn_thresholds(
    inside: Paired, outside: TierScores, refused: NDArray[np.bool_], learned: Learned
) -> LearnedTier:
    """Find the thresholds that answer most, of those whose cascade is shown to be as good as the full model.

    Args: refused: shape (k,): which of the out-of-scope messages `outside` the full model does not answer.

    Returns: its `thresholds` are None if none do.
    """
    at = learned.thresholds
    best = LearnedTier(
        None, sentence="No first tier: no thresholds were shown to cost as little as they may."
    )
    groups = int(inside.group.max(initial=-1)) + 1
    weight = 1 / np.bincount(inside.group)[inside.group]
    right, full_right = inside.tier.probabilities.argmax(axis=1) == inside.truth, inside.full == inside.truth
    lost = full_right.astype(np.float64) - right
    extra = weight * (~right & ~(inside.full_answers & ~full_right))
    sizes = np.bincount(inside.truth, weight, minlength=inside.tier.probabilities.shape[1])
    by_intent = 1 / (np.maximum(sizes, 1e-9) * max(1, (sizes > 0).sum()))[inside.truth]
    count = len(refused)

    def counted_risk(passing: NDArray[np.bool_], foreign: NDArray[np.bool_]) -> float:
        answered = passing | inside.full_answers
        wrong = answered & ~np.where(passing, right, full_right)
        total = weight.sum()
        share = float(np.mean(foreign | ~refused)) if count else 0.0
        wrong_share, answered_share = (np.asarray((weight * one).sum() / total) for one in (wrong, answered))
        return float(risk(wrong_share, answered_share, np.asarray(share), learned.share))

    nobody, no_foreign = np.zeros(len(right), dtype=bool), np.zeros(count, dtype=bool)
    most_risk = counted_risk(nobody, no_foreign) + MORE_RISK * learned.target
    margin = inside.tier.margin.astype(np.float64)
    for quantile in _SCOPES:
        scope = max(float(np.quantile(inside.tier.scope, quantile)), at.scope)
        for unknown in _UNKNOWN:
            eligible = inside.tier.passing(TierThresholds(at.answer, scope, unknown))
            if not eligible.any():
                continue
            for least in np.unique(np.quantile(margin[eligible], np.linspace(0, 1, _MARGINS))):
                thresholds = TierThresholds(at.answer, scope, unknown, float(least))
                passing = inside.tier.passing(thresholds)
                answered = float(passing.mean())
                if answered <= max(best.answered, LEAST_ANSWERED):
                    break
                if extra[passing].sum() > MOST_EXTRA * groups:
                    continue
                foreign = outside.passing(thresholds) & refused
                bound = _upper(int(foreign.sum()), count)
                if count and (foreign.mean() > MOST_FOREIGN or bound > MOST_FOREIGN_BOUND):
                    continue
                accuracy, recall = (
                    _lost(
                        np.bincount(inside.group, passing * lost * counts).astype(np.float64),
                        float(counts.sum()) / groups,
                    )
                    for counts in (weight / groups, weight * by_intent)
                )
                if max(accuracy, recall) > MOST_LOST or counted_risk(passing, foreign) > most_risk:
                    continue
                share = float(foreign.mean()) if count else 0.0
                best = LearnedTier(thresholds, None, answered, accuracy, recall, share, bound)
                break
    return best if best.thresholds is None else replace(best, sentence=_sentence(best, groups, count))


@dataclass(frozen=True, slots=True)
class Units:
    """Messages as counts of words and pairs, and these as features.

    Attributes:
        words, pairs: shape (n, distinct words or pairs): how often each message has each.
        word_features, pair_features: shape (distinct, BUCKETS). squares: of words, then of pairs: squared lengths.
        checks: shape (distinct words,): CRC-32 of each word; 0 for marks, which are never unknown.
        pieces: the wordpiece ids of each word.
    """

    words: csr_array
    pairs: csr_array
    word_features: csr_array
    pair_features: csr_array
    squares: tuple[Doubles, Doubles]
    checks: NDArray[np.uint32]
    pieces: list[list[int]]

    @classmethod
    def of(cls, messages: Sequence[str], tokenizer: Tokenizer) -> Units:
        split = [words_of(message) for message in messages]
        words, word_counts = _counts(split)
        pairs, pair_counts = _counts([list(pairwise(found)) for found in split])
        of_words, of_pairs = [word_features(word) for word in words], [pair_features(pair) for pair in pairs]
        encoded = tokenizer.encode_batch_fast(words, add_special_tokens=False)
        return cls(
            word_counts,
            pair_counts,
            _sparse([one for one, _ in of_words], [one for _, one in of_words], BUCKETS),
            _sparse([one for one, _ in of_pairs], [one for _, one in of_pairs], BUCKETS),
            (_squares(of_words), _squares(of_pairs)),
            np.asarray([crc(word) if word.isalnum() else 0 for word in words], dtype=np.uint32),
            [encoding.ids for encoding in encoded],
        )

    def lexical(self) -> csr_array:
        """Return the lexical features, each row divided by its length, shape (n, BUCKETS)."""
        length = np.sqrt(np.maximum(self.words @ self.squares[0] + self.pairs @ self.squares[1], 1e-9))
        summed = self.words @ self.word_features + self.pairs @ self.pair_features
        return csr_array(diags_array(1 / length) @ summed).astype(np.float32)

    def frequency(self, vocabulary: int) -> Doubles:
        """Return how often the messages have each wordpiece, shape (vocabulary,)."""
        of_words = np.asarray(self.words.sum(axis=0), dtype=np.float64)
        sizes = [len(ids) for ids in self.pieces]
        flat = np.fromiter((one for ids in self.pieces for one in ids), dtype=np.int64)
        return np.asarray(np.bincount(flat, np.repeat(of_words, sizes), vocabulary), dtype=np.float64)

    def vectors(self, table: Table) -> Floats:
        """Return the static vectors, of unit length, shape (n, AXES)."""
        tokens, scales = table
        rows = np.asarray([scales[ids] @ tokens[ids].astype(np.float32) for ids in self.pieces])
        return unit((self.words @ rows).astype(np.float32))

    def checks_of(self, rows: Columns) -> NDArray[np.uint32]:
        """Return the CRC-32 of the words of some messages, ascending."""
        return np.unique(self.checks[np.unique(csr_array(self.words[rows]).indices)])

    def unknown(self, rows: Columns, known: NDArray[np.uint32]) -> Floats:
        """Return the share of unknown words of some messages."""
        part = csr_array(self.words[rows])
        strange = ((self.checks != 0) & ~np.isin(self.checks, known)).astype(np.float64)
        return np.asarray(part @ strange / np.maximum(part.sum(axis=1), 1), dtype=np.float32)


@one_thread()
def fit_lexical(
    rows: csr_array, words: NDArray[np.uint32], taught: Columns, columns: Columns, count: int, seed: int
) -> Lexical:
    """Fit multinomial logistic regression by AdaGrad (Duchi et al., 2011) on minibatches.

    `rows` are of `Units.lexical`, `words` the CRC-32 of the words of the taught ones, `columns` their label indices.
    """
    part = csr_array(rows[taught])
    buckets = np.flatnonzero(np.bincount(part.indices, minlength=BUCKETS) >= LEAST_MESSAGES)
    part = csr_array(part[:, buckets])
    weights = np.zeros((len(buckets), count), dtype=np.float32)
    seen = np.full(len(buckets), 1e-6, dtype=np.float32)
    bias, bias_seen = np.zeros(count, dtype=np.float32), np.float32(1e-6)
    generator = np.random.default_rng(seed)
    size = min(LARGE_BATCH, max(BATCH, len(taught) // STEPS))
    for _ in range(EPOCHS):
        order = generator.permutation(len(taught))
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            some = csr_array(part[batch])
            errors = softmax(some @ weights + bias)
            errors[np.arange(len(batch)), columns[batch]] -= 1
            used = np.flatnonzero(np.bincount(some.indices, minlength=len(buckets)))
            gradient = np.asarray(some[:, used].T @ errors)
            # One learning rate per feature, not per feature and label: a twentieth of the memory, equally accurate.
            seen[used] += np.einsum("ij,ij->i", gradient, gradient)
            gradient *= (RATE / np.sqrt(seen[used]))[:, None]
            weights[used] -= gradient
            bias_gradient = errors.sum(axis=0)
            bias_seen += (bias_gradient**2).sum()
            bias -= np.float32(0.1 * RATE) * bias_gradient / np.sqrt(bias_seen)
    return Lexical(buckets.astype(np.int32), weights.astype(np.float16), bias, words)


def token_table(vectors: Floats, frequency: Doubles) -> Table:
    """Reduce the wordpieces' vectors, shape (vocabulary, dim), to `AXES` principal axes, weight and quantize them.

    `frequency`, shape (vocabulary,), says how often each occurs in the corpus. Returns: tokens and scales of `Static`.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :AXES]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    sif = SIF / (SIF + frequency / max(1.0, float(frequency.sum())))
    reduced = (centred @ axes) * sif[:, None]
    scales = np.maximum(np.abs(reduced).max(axis=1), 1e-12) / 127
    return np.rint(reduced / scales[:, None]).astype(np.int8), scales.astype(np.float32)


@one_thread()
def fit_static(table: Table, vectors: Floats, taught: Columns, columns: Columns, count: int) -> Static:
    """Fit the linear head and the scope detector on message vectors, shape (n, k).

    Args: table: result of `token_table`. columns: label index of each taught row, below `count`.
    """
    part = vectors[taught]
    head = head_of(vectors, taught, columns, count, Moments.of(part))
    centred = unit(part - head.centre)
    # An intent with fewer messages repeats its prototypes; one without messages is near none.
    nearest = np.zeros((count, PROTOTYPES, centred.shape[1]), dtype=np.float32)
    for column in np.unique(columns):
        means = cluster_means(centred[columns == column], 0)
        nearest[column] = means[np.arange(PROTOTYPES) % len(means)]
    weights = head.projection @ head.weights
    bias = head.bias - head.centre @ weights
    return Static(*table, weights, bias, head.centre, nearest, np.array([0, 1], dtype=np.float32))


def _counts(split: Sequence[Sequence[Any]]) -> tuple[list[Any], csr_array]:
    """Return the distinct units of all messages, in order of appearance, and how often each message has each."""
    place: dict[Any, int] = {}
    rows = [[place.setdefault(one, len(place)) for one in found] for found in split]
    return list(place), _sparse(rows, [[1.0] * len(row) for row in rows], len(place))


def _squares(features: Sequence[tuple[list[int], list[float]]]) -> Doubles:
    return np.asarray([sum(weight**2 for weight in weights) for _, weights in features], dtype=np.float64)


def _sparse(indices: Sequence[Sequence[int]], values: Sequence[Sequence[float]], width: int) -> csr_array:
    starts = np.cumsum([0, *map(len, indices)])
    flat = np.fromiter((one for row in indices for one in row), dtype=np.int32, count=starts[-1])
    data = np.fromiter((one for row in values for one in row), dtype=np.float64, count=starts[-1])
    made = csr_array((data, flat, starts), shape=(len(indices), width))
    made.sum_duplicates()
    return made


def _lost(by_group: Doubles, smoothing: float) -> float:
    """Return the upper bound of a sum of losses; one more group is assumed lost, to account for unseen messages."""
    return float(by_group.sum() + smoothing + _LEVEL_Z * np.sqrt((by_group**2).sum() + smoothing**2))


def _upper(found: int, count: int) -> float:
    """Return the upper bound of a share (Clopper and Pearson, 1934)."""
    return float(beta.ppf(_LEVEL, found + 1, count - found)) if found < count else 1.0


def _temperatures(logits: Floats, truth: Columns, weight: Doubles) -> Floats:
    """Find the two temperatures with the least negative log-likelihood (temperature scaling; Guo et al., 2017)."""
    rows, wide = np.arange(len(truth)), logits.astype(np.float64)

    def loss(point: Doubles) -> float:
        shares = softmax(np.tensordot(np.exp(-np.clip(point, -4, 4)), wide, axes=1).astype(np.float32))
        return float(-np.average(np.log(np.maximum(shares[rows, truth], 1e-30)), weights=weight))

    found = minimize(loss, [0.0, 0.0], method="Nelder-Mead", options={"maxiter": 60}).x
    return np.asarray(np.exp(np.clip(found, -4, 4)).round(6), dtype=np.float32)


def _sentence(found: LearnedTier, groups: int, outside: int) -> str:
    return (
        f"First tier: answers {found.answered:.1%} of the messages held out by cluster without the encoder; accuracy "
        f"loses at most {found.accuracy_lost:.2%} and mean recall {found.recall_lost:.2%} (one-sided 95 % bounds on "
        f"{groups:,} distinct messages), {found.foreign:.2%} more out-of-scope messages are answered (at most "
        f"{found.foreign_bound:.2%}, {outside:,} messages)."
    )
