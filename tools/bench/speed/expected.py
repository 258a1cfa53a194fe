"""Compute the expected intent of each message: the bundle's prediction without a server."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from chatbot.dialog.message import clean
from chatbot.model import bundle as bundles
from chatbot.model.bundle import Bundle
from chatbot.privacy import redact_with_core
from chatbot.settings import RouterSettings, SlotSettings
from data.placeholders import fill_all
from tools.bench.quality.corpora import MissingDataError, load_bitext
from tools.processes import ROOT
from training.model.encoder.batch import cores

SEED = 4


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected intent, and the intents within its tie tolerance: the baseline's result depends on padding."""

    intent: str
    near: tuple[str, ...] = ()


def real_messages() -> tuple[list[str], str]:
    """Return distinct messages in a fixed order, and their source."""
    try:
        messages = fill_all(load_bitext())["message"].tolist()
        source = "Bitext, placeholders filled"
    except MissingDataError:
        import pandas as pd

        messages = pd.read_parquet(ROOT / "data/processed/corpus.parquet")["message"].tolist()
        source = "the shipped corpus, because Bitext is missing"
    distinct = sorted({clean(message) for message in messages} - {""})
    random.Random(SEED).shuffle(distinct)
    return distinct, source


def ask_bundle(folder: Path, messages: Sequence[str], cache: Path) -> list[str]:
    """Predict each message alone, one thread per core; cached under `cache` by the digest of the inputs."""
    bundle = bundles.load(folder)
    digest = hashlib.sha256("\n".join([bundle.digest, "redacted", *messages]).encode()).hexdigest()
    file = cache / f"intents-{digest[:16]}.json"
    if not file.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(_ask(bundle, messages)), encoding="utf-8")
    intents: list[str] = json.loads(file.read_text(encoding="utf-8"))
    return intents


def _ask(bundle: Bundle, messages: Sequence[str]) -> list[str]:
    router = bundle.router(RouterSettings(), SlotSettings())

    def intent(message: str) -> str:
        if decided := router.before_model(message):
            return decided.intent
        # As served: the model sees the message without personal data.
        redacted, core = redact_with_core(message)
        return router.after_model(message, bundle.predict([core])[0], redacted).intent

    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(intent, messages))
