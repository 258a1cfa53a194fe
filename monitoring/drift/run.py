"""Run one drift check: find the serving version, load its baseline, read the window, compare, build the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from chatbot.loop.drift_verdict import BASELINE, REFERENCE, Check, DriftVerdict, Window
from chatbot.records.erasure import forgotten
from chatbot.records.part import leave_out
from chatbot.settings import DriftSettings, ServiceSettings
from chatbot.store import Store
from monitoring.drift import served_model
from monitoring.drift.baseline import Baseline, earliest, first_records, first_time, freeze, load
from monitoring.drift.columns import RecordColumns, of_table
from monitoring.drift.comparison import ALARMS_WITHOUT_BASELINE, Comparison
from monitoring.drift.histograms import Tally, most_common
from monitoring.drift.out_of_scope import out_of_scope_share
from monitoring.drift.report.contributors import contributors
from monitoring.drift.report.sentences import check_of
from monitoring.drift.served_model import ServedModel
from monitoring.drift.source import RecordSource
from monitoring.drift.window import SKEW, WindowSample, read

MOST_OTHERS = 20


@dataclass(frozen=True, slots=True)
class DriftResult:
    """Verdict of a drift check, and the data for the report page.

    Attributes:
        sample: sample of the window; None if the verdict is silent.
        side: the baseline, or the reference if there is none; None if the verdict is silent.
        notes: sentences about the source, the baseline and the excluded records.
    """

    verdict: DriftVerdict
    sample: RecordColumns | None
    side: RecordColumns | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckInputs:
    """What a check compares, at the end of the window `now`; of the available sides, the one that alarms is first.

    Attributes:
        sampled_until: end of the version's first hours, of which the baseline is a sample; None if the version has a
            baseline, or no record.
    """

    now: datetime
    serving: ServedModel
    baseline: Baseline | None
    sides: tuple[Comparison, ...]
    sampled_until: datetime | None


@dataclass(slots=True)
class DriftCounts:
    """What a check counts in the records. Those of the shards of the records merge into those of the whole.

    Attributes:
        tallies: histograms of the window, one over the grid of each side.
        first: the version's first records, to be frozen; None if it has a baseline, no record, or its first hours still
            last.
    """

    window: WindowSample
    tallies: list[Tally]
    first: pa.Table | None

    def merge(self, other: DriftCounts, inputs: CheckInputs, baseline_records: int) -> None:
        """Add the counts of other records."""
        self.window.merge(other.window)
        for tally, more in zip(self.tallies, other.tallies, strict=True):
            tally.merge(more)
        held = [table for table in (self.first, other.first) if table is not None]
        if held and inputs.sampled_until is not None:
            self.first = earliest(held, inputs.sampled_until, baseline_records)


def check(
    source: RecordSource,
    store: Store | None,
    settings: DriftSettings,
    service: ServiceSettings,
    folder: Path,
    now: datetime,
) -> DriftResult:
    """Check the window that ends `now` for drift; freeze the baseline if the version has none and enough records.

    Without a store, bundle and baseline are of this machine alone; `folder` is the log folder.

    Raises: BundleError: the serving bundle cannot be read.
    """
    serving = served_model.find(service, store, source, now, settings.api_url)
    baseline = load(store, folder, serving)
    begin = first_time(baseline, source, serving, now)
    inputs = prepare(serving, baseline, begin, settings, now)
    return judge(inputs, count(inputs, source, settings), source, store, settings, folder)


def prepare(
    serving: ServedModel,
    baseline: Baseline | None,
    begin: datetime | None,
    settings: DriftSettings,
    now: datetime,
) -> CheckInputs:
    """Prepare what the records of the serving version are compared with.

    Args: begin: time of the version's first record, if it has no baseline.
    """
    sampled_until = begin + settings.baseline_length if begin is not None else None
    sides = _sides(serving, baseline, settings.min_effect_scale)
    return CheckInputs(now, serving, baseline, sides, sampled_until)


def count(inputs: CheckInputs, source: RecordSource, settings: DriftSettings) -> DriftCounts:
    """Count the records of a source, or of a shard of it: the step whose cost grows with the traffic."""
    serving, baseline, now = inputs.serving, inputs.baseline, inputs.now
    tallies = [side.new_tally() for side in inputs.sides]
    since = now - timedelta(hours=settings.window_hours)
    # A window shares records with a baseline of its length while the version is new. Without them it would cover some
    # hours of the day only, and the daily rhythm would count as drift.
    is_short = settings.baseline_length < now - since
    after = baseline.last if baseline is not None and is_short else None
    window = read(source, serving, since, now, tallies, after)
    first = None
    # Earlier, nothing is frozen: the records of a day that is not over need not be read.
    if inputs.sampled_until is not None and inputs.sampled_until <= now:
        first = first_records(source, serving, inputs.sampled_until, settings.baseline_records, now + SKEW)
    return DriftCounts(window, tallies, first)


def judge(
    inputs: CheckInputs,
    counts: DriftCounts,
    source: RecordSource,
    store: Store | None,
    settings: DriftSettings,
    folder: Path,
) -> DriftResult:
    """Form the verdict on the counts of all records of the window; freeze the baseline if there is none.

    What was erased since it was read is neither in the sample nor in the baseline.
    """
    serving, baseline, sides, now = inputs.serving, inputs.baseline, inputs.sides, inputs.now
    window, tallies = counts.window, counts.tallies
    gone = frozenset[str]() if store is None else forgotten(store)
    window.sample, first = (_without(table, gone) for table in (window.sample, counts.first))
    made = None
    if first is not None and first.num_rows >= settings.baseline_records and inputs.sampled_until is not None:
        made = freeze(first, inputs.sampled_until, source, store, folder, serving)
    notes = _notes(serving, window, baseline, made is not None, settings, source)
    about: dict[str, Any] = {
        "made": now,
        "model_version": serving.version,
        "bundle_digest": serving.digest,
        "window": Window(
            since=window.since,
            until=window.until,
            records=window.records,
            others=dict(most_common(window.others, MOST_OTHERS)),
            skipped=window.skipped,
            ahead=window.ahead,
        ),
    }
    if window.records < settings.min_records or not sides or window.sample is None:
        sentence = _why_silent(serving, window, settings, bool(sides))
        return DriftResult(DriftVerdict(verdict="silent", sentence=sentence, **about), None, None, notes)
    sample = of_table(window.sample)
    checks = _checks(sides, tallies, sample, baseline is not None)
    red = any(check.red and check.alarms for check in checks)
    verdict = DriftVerdict(
        verdict="red" if red else "green",
        checks=tuple(checks),
        contributors=contributors(sides[0], tallies[0], window.sample, red),
        out_of_scope=next(
            (
                out_of_scope_share(serving.target, side.tally, tally)
                for side, tally in zip(sides, tallies, strict=True)
                if side.against == REFERENCE
            ),
            None,
        ),
        sentence=_sentence(checks, baseline is not None),
        **about,
    )
    side = baseline.columns if baseline else serving.reference
    return DriftResult(verdict, sample, side, notes)


def _without(table: pa.Table | None, gone: frozenset[str]) -> pa.Table | None:
    """Return the records that are not erased; None if there are none."""
    kept = leave_out(table, ["prediction_id"], gone) if table is not None and gone else table
    return kept if kept is not None and kept.num_rows else None


def _sides(serving: ServedModel, baseline: Baseline | None, scale: float) -> tuple[Comparison, ...]:
    sides = []
    if baseline is not None:
        sides.append(Comparison(baseline.columns, BASELINE, scale))
    if serving.reference is not None and len(serving.reference):
        sides.append(Comparison(serving.reference, REFERENCE, scale))
    return tuple(sides)


def _checks(
    sides: Sequence[Comparison], tallies: Sequence[Tally], sample: RecordColumns, has_baseline: bool
) -> list[Check]:
    found = []
    for side, tally in zip(sides, tallies, strict=True):
        for finding in side.judge(tally, sample):
            alarms = side.against == BASELINE or (
                not has_baseline and finding.name in ALARMS_WITHOUT_BASELINE
            )
            found.append(check_of(finding, side.against, alarms, side.tally, tally))
    return found


def _why_silent(serving: ServedModel, window: WindowSample, settings: DriftSettings, has_side: bool) -> str:
    if has_side or window.records < settings.min_records:
        return (
            f"Silent: {window.records:,} messages of the serving version in the last {settings.window_hours:g} hours, "
            f"{settings.min_records:,} are the least that tell drift from chance."
        )
    return (
        f"Silent: version {serving.version} has no baseline yet, and its bundle's reference is out of reach."
    )


def _sentence(checks: Sequence[Check], has_baseline: bool) -> str:
    red = [check for check in checks if check.red and check.alarms]
    if not red:
        than = "the version's first messages" if has_baseline else "the training messages"
        return f"What customers write has not changed from {than} by more than chance and habit explain."
    worst = max(red, key=lambda check: check.effect / check.threshold)
    return f"What customers write has changed: {len(red)} of the checks that alarm are red. {worst.sentence}"


def _notes(
    serving: ServedModel,
    window: WindowSample,
    baseline: Baseline | None,
    frozen: bool,
    settings: DriftSettings,
    source: RecordSource,
) -> tuple[str, ...]:
    notes = [f"Read from {source.name}."]
    if baseline is None:
        state = (
            f"{settings.baseline_records:,} of the version's first messages were frozen as its baseline now: the next "
            "check compares with them."
            if frozen
            else f"No baseline exists yet: it is frozen once the version has {settings.baseline_records:,} messages "
            f"and has served for {settings.baseline_length / timedelta(hours=1):g} hours."
        )
        notes.append(f"{state} Until then confidence and scope alarm against the training messages.")
    if window.early:
        early = f"{window.early:,} messages of the window are part of the baseline"
        notes.append(f"{early} and were not compared with it.")
    if window.others:
        most = most_common(window.others, 5)
        versions = ", ".join(f"{name or 'unnamed'} ({count:,})" for name, count in most)
        notes.append(
            f"{sum(window.others.values()):,} messages were answered by other versions and left out: {versions}; "
            f"{serving.version or 'none'} serves."
        )
    if window.ahead:
        notes.append(
            f"{window.ahead:,} messages carry a time in the future and were left out: a replica's clock is wrong."
        )
    if window.skipped:
        reasons = "; ".join(window.reasons)
        notes.append(f"{window.skipped:,} parts or lines are not records and were skipped: {reasons}")
    return tuple(notes)
