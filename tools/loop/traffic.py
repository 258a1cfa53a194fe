"""Simulate the loop's customers: real messages over HTTP, some with positive or negative feedback."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import aiohttp
import pandas as pd
import yaml

from tools.bench.figures import CORPUS
from tools.bench.quality.corpora import MissingDataError, bitext
from tools.processes import StepError

LAUNCH = Path(__file__).with_name("trade_in.yaml")
CONNECTIONS = 12
_TRIES = 40


@dataclass(frozen=True)
class Launch:
    """A product that the bot was not trained on."""

    intent: str
    title: str
    category: str
    reply: str
    messages: tuple[str, ...]
    """Messages of the first day."""
    later: tuple[str, ...]
    """Messages of the following days; never trained on."""


@dataclass
class TrafficAnswers:
    """The bot's answers, counted."""

    predictions: list[str] = field(default_factory=list)
    """Prediction ids of the answers."""
    by_intent: Counter[str] = field(default_factory=Counter)
    """Automatic answers (of the model and of rules) by intent."""
    by_source: Counter[str] = field(default_factory=Counter)
    by_version: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    """Automatic answers with a wrong intent, where the message's intent is known."""

    @property
    def count(self) -> int:
        """Return the number of answers."""
        return len(self.predictions)

    @property
    def automatic(self) -> int:
        """Return the number of answers without handoff or clarification."""
        return self.by_source["model"] + self.by_source["rule"]


def read_launch() -> Launch:
    """Read the launch from its reviewed YAML file."""
    said = yaml.safe_load(LAUNCH.read_text(encoding="utf-8"))
    messages = {name: tuple(said[name].strip().splitlines()) for name in ("messages", "later")}
    return Launch(said["intent"], said["title"], said["category"], said["reply"].strip(), **messages)


def ordinary(count: int, seed: int) -> tuple[list[tuple[str, str]], str]:
    """Draw an ordinary day of messages. Returns: (message, intent) pairs, their source.

    Drawn with replacement from the shipped corpus, in its own class shares; half of the day comes from Bitext, which
    the bot was not trained on, if the published corpora are on this machine.
    """
    rows = pd.read_parquet(CORPUS)
    draw = random.Random(seed)
    own = _pairs(rows)
    source = f"the shipped corpus, which it was trained on ({len(own):,} messages)"
    try:
        published = _published()
    except MissingDataError:
        return draw.choices(own, k=count), source
    day = draw.choices(own, k=count - count // 2) + draw.sample(published, count // 2)
    draw.shuffle(day)
    return day, f"{source} and Bitext ({len(published):,})"


@cache
def _published() -> Sequence[tuple[str, str]]:
    """Read Bitext once: it takes seconds, and a loop has several days."""
    return _pairs(bitext())


def _pairs(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(rows["message"].astype(str), rows["intent"].astype(str), strict=True))


async def _send(
    url: str, messages: Sequence[tuple[str, str]], feedback_share: float, seed: int
) -> TrafficAnswers:
    seen = TrafficAnswers()
    waiting = iter(messages)
    draw = random.Random(seed)
    timeout = aiohttp.ClientTimeout(total=30)

    async def customer(session: aiohttp.ClientSession) -> None:
        for message, intent in waiting:
            answer = await _ask(session, url, message)
            automatic = answer["source"] in ("model", "rule")
            seen.predictions.append(str(answer["prediction_id"]))
            seen.by_source[str(answer["source"])] += 1
            seen.by_version[str(answer["model_version"])] += 1
            if automatic:
                seen.by_intent[str(answer["intent"])] += 1
                seen.wrong += bool(intent) and answer["intent"] != intent
            if draw.random() < feedback_share:
                body = {
                    "prediction_id": answer["prediction_id"],
                    "helpful": automatic and (not intent or answer["intent"] == intent),
                }
                async with session.post(f"{url}/feedback", json=body) as response:
                    if response.status != 202:
                        raise StepError(f"feedback was answered {response.status}: {await response.text()}")

    async with aiohttp.ClientSession(timeout=timeout) as session:
        await asyncio.gather(*(customer(session) for _ in range(CONNECTIONS)))
    return seen


async def _ask(session: aiohttp.ClientSession, url: str, message: str) -> dict[str, object]:
    """Send one message and return the answer; retries after `Retry-After` on backpressure (429, 503)."""
    for _ in range(_TRIES):
        async with session.post(f"{url}/chat", json={"message": message}) as response:
            if response.status == 200:
                return dict(await response.json())
            if response.status not in (429, 503):
                raise StepError(f"{message!r} was answered {response.status}: {await response.text()}")
            await asyncio.sleep(float(response.headers.get("Retry-After", "1")))
    raise StepError(f"{message!r} was answered 429 or 503 {_TRIES} times")


def send(
    url: str, messages: Sequence[tuple[str, str]], feedback_share: float = 0.0, seed: int = 0
) -> TrafficAnswers:
    """Send messages over a few concurrent connections; where an intent is given, count the wrong answers.

    Args:
        messages: (message, intent or empty).
        feedback_share: share of the answers that get feedback: positive if the answer was right.

    Raises:
        StepError: the bot did not answer.
    """
    try:
        return asyncio.run(_send(url, messages, feedback_share, seed))
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise StepError(f"the bot at {url} does not answer: {error}") from error
