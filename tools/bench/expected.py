"""Which intent each message must be answered with: what the bundle says when it is asked without a server."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from chatbot import bundle as bundles
from chatbot.bundle import Bundle
from chatbot.message import OUT_OF_SCOPE, clean
from chatbot.router import Prediction, Router
from chatbot.settings import SlotSettings
from data.benchmarks import MissingDataError, load_bitext
from data.placeholders import fill_all
from tools.bench.servers import ROOT
from training.encoding import cores

SEED = 4
_COMPANY = 64
_SAMPLE = 1024


@dataclass(frozen=True, slots=True)
class Expected:
    """An intent, and the intents that are as good as a tie with it."""

    intent: str
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the bundle says of messages, each asked alone.

    int8 activations are rounded by what a batch holds, so a message in company gets other probabilities than
    alone. Two intents are a tie when each moving as far as was seen could swap them; the same for the scope
    threshold.

    Attributes:
        movement: by how much the likeliest intent's probability differs in company, the largest of a sample.
        scope_movement: the same for the scope score, which has a scale of its own.
    """

    answers: list[Expected]
    movement: float
    scope_movement: float

    @property
    def ties(self) -> int:
        """How many messages have more than one right answer."""
        return sum(bool(answer.near) for answer in self.answers)


def real_messages() -> tuple[list[str], str]:
    """Distinct messages in an order that is always the same, and where they are from."""
    try:
        messages = fill_all(load_bitext())["message"].tolist()
        source = "Bitext, placeholders filled"
    except MissingDataError:
        import pandas as pd

        messages = pd.read_parquet(ROOT / "data/processed/corpus.parquet")["message"].tolist()
        source = "the shipped corpus, for want of Bitext"
    distinct = sorted({clean(message) for message in messages} - {""})
    random.Random(SEED).shuffle(distinct)
    return distinct, source


def ask_bundle(folder: Path, messages: Sequence[str], cache: Path) -> Asked:
    """Ask the bundle, one thread a core; remembered under `cache` by the digests of bundle and messages."""
    digest = hashlib.sha256("\n".join([bundles.verify(folder), *messages]).encode()).hexdigest()
    file = cache / f"expected-{digest[:16]}.json"
    if file.is_file():
        noted = json.loads(file.read_text(encoding="utf-8"))
        answers = [Expected(intent, tuple(near)) for intent, near in noted["answers"]]
        return Asked(answers, noted["movement"], noted["scope_movement"])
    asked = _ask(bundles.load(folder), messages)
    cache.mkdir(parents=True, exist_ok=True)
    content = {
        "answers": [[answer.intent, answer.near] for answer in asked.answers],
        "movement": asked.movement,
        "scope_movement": asked.scope_movement,
    }
    file.write_text(json.dumps(content), encoding="utf-8")
    return asked


def _ask(bundle: Bundle, messages: Sequence[str]) -> Asked:
    with ThreadPoolExecutor(cores()) as pool:
        alone = [part[0] for part in pool.map(bundle.predict, [[message] for message in messages])]
        crowds = [
            list(messages[start : start + _COMPANY])
            for start in range(0, min(_SAMPLE, len(messages)), _COMPANY)
        ]
        company = [prediction for part in pool.map(bundle.predict, crowds) for prediction in part]
    pairs = list(zip(alone, company, strict=False))
    movement = max(
        abs(a.alternatives[0].confidence - _confidence(b, a.alternatives[0].intent)) for a, b in pairs
    )
    scope_movement = max(abs(a.scope - b.scope) for a, b in pairs)
    router = Router(bundle.rules, bundle.replies, bundle.manifest.thresholds, SlotSettings().values())
    answers = [
        _expected(router, message, prediction, 2 * movement, scope_movement)
        for message, prediction in zip(messages, alone, strict=True)
    ]
    return Asked(answers, movement, scope_movement)


def _expected(router: Router, message: str, prediction: Prediction, tie: float, scope_tie: float) -> Expected:
    decided = router.before_model(message)
    if decided is not None:
        return Expected(decided.intent)
    intent = router.after_model(message, prediction).intent
    likeliest = prediction.alternatives[0].confidence
    above = prediction.scope - router.thresholds.scope
    near = (
        {a.intent for a in prediction.alternatives if likeliest - a.confidence <= tie}
        if above > -scope_tie
        else set()
    )
    if above < scope_tie:
        near.add(OUT_OF_SCOPE)
    return Expected(intent, tuple(sorted(near - {intent})))


def _confidence(prediction: Prediction, intent: str) -> float:
    return next((a.confidence for a in prediction.alternatives if a.intent == intent), 0.0)
