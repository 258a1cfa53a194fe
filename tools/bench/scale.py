"""Compute what a message rate needs, from measurements of this machine: `python -m tools.bench.scale`.

Reads what `python -m tools.bench.speed` and `python -m tools.bench.drift.scale` measured, and writes docs/scale.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from chatbot.dialog.router import Alternative, Prediction, Reply
from chatbot.ids import new_id
from chatbot.records.part import encode, to_table
from chatbot.records.schema import Record
from chatbot.settings import UploadSettings
from data.commands import command
from tools.bench.drift import scale as drift_scale
from tools.bench.figures import read, render
from tools.bench.rows import CORE_HOUR_DOLLARS
from tools.bench.speed import command as speed
from tools.bench.speed.expected import real_messages
from tools.bench.speed.servers import BenchError
from tools.processes import ROOT

_TEMPLATE = Path(__file__).with_name("scale.md.j2")
PAGE = ROOT / "docs" / "scale.md"
RATES = (10, 1_000, 10_000)
UTILISATION = 0.6
"""Share of the processor time that a pod may use on average: arrivals come in bursts, and a node may be lost."""
POD_CORES = 2
CHECK_SECONDS = 600.0
"""Duration of a drift check above which it is shared by shards."""
DAY = 86_400
_ENCODED = 20_000


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured on one machine.

    Attributes:
        message_seconds: processor time of a message, all processes of the service.
        record_bytes: of a record in the store.
        drift: processor seconds and peak MB of a drift check by number of records, ascending.
        machine: its description.
        speed: command, day and commit of the speed measurement.
    """

    message_seconds: float
    record_bytes: float
    drift: tuple[tuple[int, float, float], ...]
    machine: str
    speed: str = "`python -m tools.bench.speed`"

    def drift_seconds(self, count: float) -> float:
        """Extrapolate the processor time of a drift check linearly from the two largest sizes."""
        (_, fast, _), (many, slow, _) = self.drift[-2:]
        return max(fast, slow + (count - many) * self.record_seconds)

    @property
    def record_seconds(self) -> float:
        """Return the processor time of one more record in a drift check."""
        (few, fast, _), (many, slow, _) = self.drift[-2:]
        return (slow - fast) / (many - few)


@dataclass(frozen=True, slots=True)
class Need:
    """What a rate of messages per second needs.

    Attributes:
        rate: messages per second.
        puts: uploads to the store per second, of all pods.
        log_gb_a_day: size of the records in the store.
        drift_seconds: of the drift check of a day, in one process.
        shards: of the drift check, so that each takes at most `CHECK_SECONDS`.
        dollars_a_month: for the cores of the pods, busy or not.
    """

    rate: int
    cores: float
    pods: int
    puts: float
    log_gb_a_day: float
    drift_seconds: float
    shards: int
    dollars_a_month: float


def need(rate: int, measured: Measured, upload: UploadSettings) -> Need:
    """Compute what a rate of messages per second needs."""
    cores = rate * measured.message_seconds / UTILISATION
    # Two at least: one may be replaced or lost.
    pods = max(2, math.ceil(cores / POD_CORES))
    per_pod = rate / pods
    counted = rate * DAY * measured.record_seconds
    puts = pods * max(1 / upload.part_seconds, per_pod / upload.part_rows) if rate else 0.0
    return Need(
        rate,
        cores,
        pods,
        puts,
        rate * DAY * measured.record_bytes / 1e9,
        measured.drift_seconds(rate * DAY),
        max(1, math.ceil(counted / (CHECK_SECONDS - measured.drift[0][1]))),
        pods * POD_CORES * CORE_HOUR_DOLLARS * 24 * 30.4,
    )


def measured(speed_file: Path | None = None, drift_file: Path = drift_scale.FILE) -> Measured:
    """Read the measurements, and encode records to see their size.

    Args:
        speed_file: kept by the speed bench; None: of a whole run, or else of a quick one.
        drift_file: kept by `tools.bench.drift.scale`.

    Raises:
        BenchError: one was not measured yet; names the command.
    """
    if speed_file is None:
        speed_file = speed.FILE if speed.FILE.is_file() else speed.QUICK_FILE
    for file, name in ((speed_file, "speed"), (drift_file, "drift.scale")):
        if not file.is_file():
            raise BenchError(f"there is no {file}: run `python -m tools.bench.{name}` first")
    content: dict[str, Any] = read(speed_file)[1]
    row = next(row for row in content["table"] if row["side"] == "service" and row["connections"] == 64)
    kept = to_table(Record, _records(real_messages()[0], _ENCODED))
    drift = json.loads(drift_file.read_text())
    return Measured(
        row["processor_seconds"],
        len(encode(kept, [("bench", kept.num_rows)])) / kept.num_rows,
        tuple((int(each["records"]), float(each["cpu"]), float(each["mb"])) for each in drift["sizes"]),
        str(content["machine"]["description"]),
        f"`python -m tools.bench.speed{' --quick' if speed_file == speed.QUICK_FILE else ''}` "
        f"({content['measured'][:10]}, commit `{content['commit']}`)",
    )


def _records(messages: Sequence[str], count: int) -> Iterator[Record]:
    """Yield records of real messages, ten a second."""
    begin = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    for number in range(count):
        likely = [Alternative(f"intent_{number % 27}", 0.5 + number % 500 / 1000), Alternative("other", 0.05)]
        summary = [((number * 7919 + k * 104729) % 10_007) / 10_007 - 0.5 for k in range(8)]
        prediction = Prediction(likely, 1.0 + number % 900 / 1000, summary)
        reply = Reply(likely[0].intent, "", likely[0].confidence, "model", prediction=prediction)
        when = new_id(b"k" * 32, begin + number / 10)
        yield Record.of(reply, messages[number % len(messages)], when, model_version="0123456789ab")


def page(found: Measured, needs: list[Need], upload: UploadSettings) -> str:
    """Return docs/scale.md."""
    return render(
        _TEMPLATE,
        found=found,
        needs=needs,
        upload=upload,
        pod_cores=POD_CORES,
        utilisation=UTILISATION,
        price=CORE_HOUR_DOLLARS,
        check_minutes=CHECK_SECONDS / 60,
        duration=_time,
    )


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


@command()
def main() -> None:
    """Compute and write docs/scale.md."""
    console = Console()
    found = measured()
    upload = UploadSettings()
    PAGE.write_text(page(found, [need(rate, found, upload) for rate in RATES], upload), encoding="utf-8")
    console.print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
