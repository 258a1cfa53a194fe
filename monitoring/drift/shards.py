"""Run a drift check in several processes: each counts one shard of the records, and the last one forms the verdict.

A shard writes its counts to the store as a summary: `reports/drift/shards/<run>/<index>of<count>.parquet`, the sample
as rows, the histograms in the metadata. Then it looks for the summaries of all shards. The one that finds all merges
them and forms the verdict; each shard writes before it looks, so the last one finds them all. A shard that was killed
and runs again takes its summary as it is, or writes it as a whole; if two form the verdict, it is the same one.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from chatbot.errors import ChatbotError, Conflict, StoreError
from chatbot.records.part import to_parquet
from chatbot.records.shard import Shard
from chatbot.settings import DriftSettings, ServiceSettings
from chatbot.store import Store, layout
from monitoring.drift import served_model
from monitoring.drift.baseline import first_time, load
from monitoring.drift.comparison import Comparison
from monitoring.drift.histograms import Tally
from monitoring.drift.run import CheckInputs, DriftCounts, DriftResult, count, judge, prepare
from monitoring.drift.source import StoreSource
from monitoring.drift.window import WindowSample

_PLAN = "plan.json"
_COUNTS = b"counts"
_NUMBERS = ("rows", "handoffs", "knows_handoffs", "said", "negative")
_WINDOW = ("records", "early", "ahead", "skipped", "reasons")
_NEAR = 1e-3
"""Tolerance of topic means, which two machines may compute with different rounding."""


class ShardsDiffer(ChatbotError):
    """The shards of a run compared with different baselines, so that their counts do not merge."""


def check_shard(
    store: Store,
    settings: DriftSettings,
    service: ServiceSettings,
    folder: Path,
    now: datetime,
    shard: Shard,
    run: str,
) -> DriftResult | None:
    """Count one shard of the last window, and form the verdict if all others are counted; None: another one will.

    Args:
        folder: the log folder.
        now: end of the window, if this shard is the first of the run.
        run: name of the check; the same in all its shards, and in no other check.

    Raises:
        ShardsDiffer: the baseline was deleted or replaced between shards.
        StoreError: a summary is damaged.
        BundleError: the serving bundle cannot be read.
    """
    source = StoreSource(store)
    inputs = _agreed(store, settings, service, folder, now, run)
    key = _key(run, shard)
    if store.head(key) is None:
        counts = count(inputs, StoreSource(store, shard), settings)
        # Read only beside the summary, so it is written before it.
        if counts.first is not None:
            store.put(_key(run, shard, "-first"), _parquet(counts.first))
        store.put(key, _parquet(counts.window.sample, _metadata(counts)))
    shards = [Shard(index, shard.count) for index in range(shard.count)]
    if any(store.head(_key(run, each)) is None for each in shards):
        return None
    hours = timedelta(hours=settings.window_hours)
    merged = _counts(store, run, shards[0], inputs, hours)
    for each in shards[1:]:
        merged.merge(_counts(store, run, each, inputs, hours), inputs, settings.baseline_records)
    return judge(inputs, merged, source, store, settings, folder)


def _agreed(
    store: Store, settings: DriftSettings, service: ServiceSettings, folder: Path, now: datetime, run: str
) -> CheckInputs:
    """Return what all shards of the run compare, which the first one determines."""
    key = layout.drift_summary(run, _PLAN)
    if store.head(key) is None:
        source = StoreSource(store)
        served = served_model.find(service, store, source, now, settings.api_url)
        frozen = load(store, folder, served)
        begin = first_time(frozen, source, served, now)
        plan = {
            "now": now, "since": served.since, "version": served.version, "digest": served.digest,
            "baseline": frozen and frozen.last, "begin": begin,
        }  # fmt: skip
        with contextlib.suppress(Conflict):
            store.put(key, json.dumps(plan, default=datetime.isoformat).encode(), new=True)
    plan = json.loads(store.get(key))
    now, since = (datetime.fromisoformat(plan[name]) for name in ("now", "since"))
    last, begin = (
        datetime.fromisoformat(plan[name]) if plan[name] else None for name in ("baseline", "begin")
    )
    found = served_model.in_store(plan["version"], plan["digest"], None, store, service.bundle_cache, now)
    serving = replace(found, since=since)
    # One that a shard of this run has frozen is for the next check.
    baseline = load(store, folder, serving) if last else None
    if (baseline and baseline.last) != last:
        raise ShardsDiffer(
            f"the baseline that ends {last} was deleted or replaced during the check. Run it again"
        )
    return prepare(serving, baseline, begin, settings, now)


def _key(run: str, shard: Shard, what: str = "") -> str:
    return layout.drift_summary(run, f"{shard.index}of{shard.count}{what}.parquet")


def _metadata(counts: DriftCounts) -> dict[str, Any]:
    window = counts.window
    return {
        "window": {name: getattr(window, name) for name in _WINDOW} | {"others": window.others},
        "tallies": [_tally_to_json(tally) for tally in counts.tallies],
        "first": counts.first is not None,
    }


def _counts(store: Store, run: str, shard: Shard, inputs: CheckInputs, hours: timedelta) -> DriftCounts:
    """Read the summary of a shard."""
    key = _key(run, shard)
    try:
        sample = _table(store, key)
        body = json.loads(sample.schema.metadata[_COUNTS])
        window = WindowSample(
            inputs.now - hours, inputs.now, **{name: body["window"][name] for name in _WINDOW}
        )
        window.others = Counter(body["window"]["others"])
        window.sample = sample.replace_schema_metadata() if sample.num_rows else None
        tallies = [
            _tally_from_json(side, tally) for side, tally in zip(inputs.sides, body["tallies"], strict=True)
        ]
        first = _table(store, _key(run, shard, "-first")) if body["first"] else None
    except (pa.ArrowException, KeyError, ValueError, TypeError) as error:
        raise StoreError(f"{key} is not a summary of a drift check ({error}): run the check again") from error
    return DriftCounts(window, tallies, first)


def _tally_to_json(tally: Tally) -> dict[str, Any]:
    return {name: getattr(tally, name) for name in _NUMBERS} | {
        "intents": tally.intents,
        "counts": {name: counts.tolist() for name, counts in tally.counts.items()},
        "topic_intents": tally.topic_intents,
        "edges": {name: edges.tolist() for name, edges in tally.grid.edges.items()},
        "topics": tally.grid.topics.tolist(),
    }


def _tally_from_json(side: Comparison, body: Mapping[str, Any]) -> Tally:
    tally = side.new_tally()
    ours: list[NDArray[Any]] = [*tally.grid.edges.values(), tally.grid.topics.ravel()]
    theirs: list[NDArray[Any]] = [
        *(np.array(body["edges"][name]) for name in tally.grid.edges),
        np.ravel(body["topics"]),
    ]
    if any(
        one.shape != other.shape or not np.allclose(one, other, atol=_NEAR)
        for one, other in zip(ours, theirs, strict=True)
    ):
        raise ShardsDiffer(
            f"the histograms against the {side.against} have other bins than this shard's: run the same image in all"
        )
    for name in _NUMBERS:
        setattr(tally, name, body[name])
    tally.intents = Counter(body["intents"])
    tally.counts = {name: np.array(counts, dtype=np.int64) for name, counts in body["counts"].items()}
    tally.topic_intents = {int(topic): Counter(intents) for topic, intents in body["topic_intents"].items()}
    return tally


def _parquet(table: pa.Table | None, metadata: Mapping[str, Any] | None = None) -> bytes:
    rows = pa.table({"prediction_id": pa.array([], pa.string())}) if table is None else table
    named = {_COUNTS: json.dumps(metadata).encode()} if metadata else None
    return to_parquet(rows.replace_schema_metadata(named))


def _table(store: Store, key: str) -> pa.Table:
    return pq.read_table(pa.BufferReader(store.get(key)))
