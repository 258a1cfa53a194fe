"""Measure the cascade on published corpora: what the first tier answers, and what it costs against the full model."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chatbot.model.cascade import Cascade
from chatbot.model.classifier import Scores, join
from chatbot.model.encoder import TOKENIZER_FILE
from chatbot.model.first_tier import FirstTier
from data.splitting import groups
from tools.bench.figures import CACHE
from tools.bench.quality.corpora import (
    bitext,
    cleaned,
    in_scope,
    intents_of,
    load_banking77,
    load_clinc150,
    out_of_scope,
)
from tools.bench.quality.taught import TEST_SHARE, Guesses, Values
from tools.bench.quality.vectors import Vectors
from tools.processes import ROOT
from training.model.distinct import distinct_groups, name_groups
from training.model.encoder.export import export
from training.model.evaluation.metrics import auroc
from training.model.first_tier import Outside, learn_tier
from training.model.fit import fit
from training.model.generic_pool import load_pool, uncovered
from training.model.params import read_params
from training.model.thresholds import judge, learn_from

_TIMED = 512
_BATCH = 16


def cascade(vectors: Vectors) -> Values:
    """Learn the tier on the training part of each corpus, as a training does, and ask it the test part once.

    Foreign messages are CLINC150's 1,000 out-of-scope test messages, for every corpus.
    """
    rows = bitext()
    split = groups(rows["message"].tolist(), rows["intent"].tolist())
    names = np.unique(split)
    held = np.isin(split, np.random.default_rng(0).permutation(names)[: round(TEST_SHARE * len(names))])
    corpora: dict[str, Callable[[], tuple[pd.DataFrame, pd.DataFrame]]] = {
        "bitext": lambda: (rows[~held], rows[held]),
        "banking77": lambda: (load_banking77("train"), load_banking77("test")),
        "clinc150": lambda: (load_clinc150("train"), load_clinc150("test")),
    }
    found: dict[str, tuple[float, str]] = {}
    for name, load in corpora.items():
        found |= {f"{name}_{key}": value for key, value in _measured(vectors, *load()).items()}
    return found


def _measured(vectors: Vectors, train: pd.DataFrame, test: pd.DataFrame) -> Values:
    taught, test = in_scope(train), in_scope(test)
    messages, intents = cleaned(taught), taught["intent"].tolist()
    encoded = vectors.encode(messages)
    distinct = distinct_groups(messages)
    near = name_groups(distinct, groups(messages, intents).astype(str).tolist()).tolist()
    fitted = fit(encoded, intents, near)
    strange = cleaned(out_of_scope(load_clinc150("test")))
    pool, outside = load_pool(), cleaned(out_of_scope(train))
    encoded_pool = vectors.encode(pool)
    used = uncovered(encoded_pool.vectors, encoded.vectors)
    scores = join(
        fitted.classifier.score(encoded_pool.part(used)), fitted.classifier.score(vectors.encode(outside))
    )
    params = read_params(ROOT / "params.yaml")
    share = params.share(len(outside))
    learned = learn_from(judge(fitted), scores, params.model_copy(update={"out_of_scope_share": share}))
    exported = export(params.encoder, CACHE.parent / "encoders", messages, intents)
    began = time.process_time()
    result = learn_tier(
        messages,
        near,
        fitted,
        learned,
        Outside([*(pool[row] for row in used), *outside], scores),
        exported.vocabulary(),
        exported.tokenizer(),
        params.seed,
    )
    seconds = time.process_time() - began
    if result.tier is None:
        return {"answered": (0.0, result.sentence)}
    tier = FirstTier(result.tier, exported.tokenizer())
    at = learned.thresholds

    def both(asked: Sequence[str]) -> _Both:
        full, first = fitted.classifier.score(vectors.encode(asked)), tier.score(asked)
        passing = first.passing(tier.tier.thresholds)
        joined = Scores(
            np.where(passing[:, None], first.probabilities, full.probabilities),
            np.where(passing, first.scope, full.scope),
        )
        alone, together = (Guesses.of(fitted.classifier, scores) for scores in (full, joined))
        return _Both(passing, alone, together, alone.answered(at))

    texts, truth = cleaned(test), intents_of(test)
    inside, foreign = both(texts), both(strange)
    note = f"{len(texts):,} messages; thresholds of the training part; {result.sentence}"
    lost = (inside.alone.intents == truth).astype(float) - (inside.together.intents == truth)
    error = np.std(lost) / len(truth) ** 0.5
    found: dict[str, tuple[float, str]] = {
        "answered": (100 * float(inside.passing.mean()), note),
        "lost": (100 * float(lost.mean() + 1.645 * error), f"lost {100 * lost.mean():.2f} points, paired"),
    }
    for suffix, side, strangers, answers, wrongly in (
        (
            "",
            inside.together,
            foreign.together,
            inside.answers | inside.passing,
            foreign.answers | foreign.passing,
        ),
        ("_full", inside.alone, foreign.alone, inside.answers, foreign.answers),
    ):
        percents = side.percents(truth) | {
            "coverage": 100 * float(answers.mean()),
            "risk": 100 * float((side.intents != truth)[answers].mean()),
            "auroc": 100 * auroc(side.scope, strangers.scope),
        }
        found |= {f"{name}{suffix}": (percent, "") for name, percent in percents.items()}
        found[f"foreign{suffix}"] = (100 * float(wrongly.mean()), f"{len(strange):,} messages")
    served = Cascade(tier, fitted.classifier.labels, at)
    return {
        **found,
        "cost": (_microseconds(served.predict, texts, 1), "one message a call, words cached"),
        "cost_batch": (_microseconds(served.predict, texts, _BATCH), f"{_BATCH} a call"),
        "cost_full": (
            _microseconds(lambda part: fitted.classifier.score(vectors.encoder.encode(part)), texts, _BATCH),
            f"{_BATCH} messages a call; {TOKENIZER_FILE} included",
        ),
        "training": (seconds, "processor time of fitting the tier and its thresholds, vocabulary cached"),
    }


@dataclass(frozen=True, slots=True)
class _Both:
    """What the full model alone and the cascade make of the same n messages.

    Attributes:
        passing: which messages the tier answers, shape (n,).
        answers: which messages the full model answers, shape (n,).
    """

    passing: NDArray[np.bool_]
    alone: Guesses
    together: Guesses
    answers: NDArray[np.bool_]


def _microseconds(call: Callable[[Sequence[str]], object], texts: Sequence[str], batch: int) -> float:
    """Return the processor time per message, in microseconds, of the second of two rounds."""
    asked = [texts[row] for row in np.random.default_rng(0).permutation(len(texts))[:_TIMED]]
    used = 0.0
    for _ in range(2):
        began = time.process_time()
        for start in range(0, len(asked), batch):
            call(asked[start : start + batch])
        used = time.process_time() - began
    return 1e6 * used / len(asked)
