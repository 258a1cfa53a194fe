"""Records as a bot would have logged them, for tests of the drift check: three intents, a new kind where asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np

from chatbot.ids import new_id
from chatbot.records.log_store import write_part
from chatbot.records.schema import Feedback, Record, features, header, to_line
from chatbot.store import Store
from tests.monitoring.log_tools import KEY

NOW = datetime.now(UTC).replace(microsecond=0)
VERSION = "v7"
KINDS = {
    "track_order": (-1.0, "where is my parcel"),
    "get_refund": (0.0, "i want my money back"),
    "invoice": (1.0, "send me the invoice"),
}
NEW = "does the drone have a night camera"


def traffic(
    count: int, seed: int, begin: datetime, end: datetime, new: float = 0.0, version: str = VERSION
) -> list[Record]:
    """Records at random times between begin and end; a share of them is about a product missing from the corpus."""
    return list(_traffic(count, seed, begin, end, new, version))


@cache
def _traffic(
    count: int, seed: int, begin: datetime, end: datetime, new: float, version: str
) -> tuple[Record, ...]:
    generator = np.random.default_rng(seed)
    names = list(KINDS)
    made = []
    for _ in range(count):
        name = names[int(generator.integers(3))]
        centre, text = KINDS[name]
        scope, confidence = generator.beta(8, 2), generator.beta(20, 1)
        if generator.random() < new:
            centre, text, scope, confidence = 3.0, NEW, generator.beta(5, 3), generator.beta(8, 2)
        text = f"{text} {int(generator.integers(10_000))} " + "please " * int(generator.integers(4))
        text = text.strip()
        when = begin + (end - begin) * generator.random()
        when = when.replace(microsecond=when.microsecond // 1000 * 1000)
        summary = generator.normal(centre, 0.5, 8).round(4)
        made.append(
            Record(
                when,
                text,
                name,
                round(float(confidence), 4),
                new_id(KEY, when.timestamp()),
                "",
                version,
                "model",
                "",
                round(float(scope), 4),
                bool(scope < 0.5),
                ((name, float(confidence)),),
                *features(text),
                tuple(float(value) for value in summary),
                1.0,
            )
        )
    return tuple(made)


def week(new: float = 0.0, seed: int = 1, window: int = 1_000, before: int = 3_000) -> list[Record]:
    """Return records of the days before, and a window of the last day."""
    earlier = traffic(before, seed, NOW - timedelta(days=4), NOW - timedelta(days=2))
    return earlier + traffic(window, seed + 1, NOW - timedelta(hours=20), NOW - timedelta(minutes=1), new)


def put(store: Store, records: list[Record]) -> list[str]:
    """Into the store, a part a day; their keys."""
    days = sorted({record.timestamp.date() for record in records})
    return [
        write_part(store, Record, day, f"r1-{place}", [r for r in records if r.timestamp.date() == day])
        for place, day in enumerate(days)
    ]


def write_csv(folder: Path, records: list[Record], feedback: list[Feedback] | None = None) -> Path:
    """The CSV of old; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "inference_log.csv"
    file.write_text(header(Record) + "".join(map(to_line, records)), encoding="utf-8")
    if feedback:
        (folder / "feedback.csv").write_text(
            header(Feedback) + "".join(map(to_line, feedback)), encoding="utf-8"
        )
    return file


def shifted(records: list[Record], by: timedelta) -> list[Record]:
    """The same records at another time."""
    return [replace(record, timestamp=record.timestamp + by) for record in records]
