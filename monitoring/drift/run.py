"""Run one drift check: find the serving version, load its baseline, read the window, compare, build the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from chatbot.loop import drift_verdict as verdicts
from chatbot.loop.drift_verdict import BASELINE, REFERENCE, Check, DriftVerdict
from chatbot.settings import DriftSettings, ServiceSettings
from chatbot.store import Store
from monitoring.drift import served_model
from monitoring.drift.baseline import Baseline, freeze, load
from monitoring.drift.columns import RecordColumns, of_table
from monitoring.drift.comparison import ALARMS_WITHOUT_BASELINE, Comparison
from monitoring.drift.histograms import Tally
from monitoring.drift.report.contributors import contributors
from monitoring.drift.report.sentences import check_of
from monitoring.drift.served_model import ServedModel
from monitoring.drift.source import Source
from monitoring.drift.window import WindowSample, read

MOST_OTHERS = 20


@dataclass(frozen=True, slots=True)
class DriftResult:
    """Verdict of a drift check, and the data for the report page.

    Attributes:
        verdict: verdict, checks and contributors.
        sample: sample of the window; None if the verdict is silent.
        side: the baseline, or the reference if there is none; None if the verdict is silent.
        notes: sentences about the source, the baseline and the excluded records.
    """

    verdict: DriftVerdict
    sample: RecordColumns | None
    side: RecordColumns | None
    notes: tuple[str, ...]


def check(
    source: Source,
    store: Store | None,
    settings: DriftSettings,
    service: ServiceSettings,
    folder: Path,
    now: datetime,
) -> DriftResult:
    """Check the last window for drift; freeze the baseline if the version has none and enough records.

    Args:
        store: store of bundles and baselines; None: this machine only.
        folder: the log folder, location of the baseline if there is no store.
        now: end of the window.

    Raises:
        StoreError: the store does not respond.
        BundleError: the serving bundle cannot be read.
    """
    serving = served_model.find(service, store, source, now, settings.api_url)
    baseline = load(store, folder, serving)
    sides = _sides(serving, baseline, settings.min_effect_scale)
    tallies = [side.new_tally() for side in sides]
    window = read(
        source,
        serving.version,
        now - timedelta(hours=settings.window_hours),
        now,
        timedelta(seconds=settings.skew_seconds),
        tallies,
        after=baseline.last if baseline else None,
    )
    frozen = False
    if baseline is None and serving.version:
        until = now + timedelta(seconds=settings.skew_seconds)
        frozen = freeze(source, store, folder, serving, settings.baseline_records, until) is not None
    notes = _notes(serving, window, baseline, frozen, settings, source)
    if window.records < settings.min_records or not sides or window.sample is None:
        return DriftResult(_silent(serving, window, settings, now, bool(sides)), None, None, notes)
    sample = of_table(window.sample)
    checks = _checks(sides, tallies, sample, baseline is not None)
    red = any(check.red and check.alarms for check in checks)
    verdict = DriftVerdict(
        verdict="red" if red else "green",
        made=now,
        model_version=serving.version,
        bundle_digest=serving.digest,
        window=_verdict_window(window),
        checks=tuple(checks),
        contributors=contributors(sides[0], tallies[0], window.sample, red),
        sentence=_sentence(checks, baseline is not None),
    )
    side = baseline.columns if baseline else serving.reference
    return DriftResult(verdict, sample, side, notes)


def _sides(serving: ServedModel, baseline: Baseline | None, scale: float) -> list[Comparison]:
    """Return the available comparisons; the one that alarms is first."""
    sides = []
    if baseline is not None:
        sides.append(Comparison(baseline.columns, BASELINE, scale))
    if serving.reference is not None and len(serving.reference):
        sides.append(Comparison(serving.reference, REFERENCE, scale))
    return sides


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


def _verdict_window(window: WindowSample) -> verdicts.Window:
    return verdicts.Window(
        since=window.since,
        until=window.until,
        records=window.records,
        others=dict(window.others.most_common(MOST_OTHERS)),
        skipped=window.skipped,
        ahead=window.ahead,
    )


def _silent(
    serving: ServedModel, window: WindowSample, settings: DriftSettings, now: datetime, has_side: bool
) -> DriftVerdict:
    if has_side or window.records < settings.min_records:
        sentence = (
            f"Silent: {window.records:,} messages of the serving version in the last {settings.window_hours:g} hours, "
            f"{settings.min_records:,} are the least that tell drift from chance."
        )
    else:
        sentence = f"Silent: version {serving.version} has no baseline yet, and its bundle's reference is out of reach."
    return DriftVerdict(
        verdict="silent",
        made=now,
        model_version=serving.version,
        bundle_digest=serving.digest,
        window=_verdict_window(window),
        sentence=sentence,
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
    source: Source,
) -> tuple[str, ...]:
    notes = [f"Read from {source.name}."]
    if baseline is None:
        state = (
            f"The version's first {settings.baseline_records:,} messages were frozen as its baseline now: the next "
            "check compares with them."
            if frozen
            else f"There is no baseline yet: it is frozen once the version has {settings.baseline_records:,} messages."
        )
        notes.append(f"{state} Until then confidence and scope alarm against the training messages.")
    if window.early:
        notes.append(
            f"{window.early:,} messages of the window are part of the baseline and were not compared with it."
        )
    if window.others:
        versions = ", ".join(
            f"{name or 'unnamed'} ({count:,})" for name, count in window.others.most_common(5)
        )
        notes.append(
            f"{sum(window.others.values()):,} messages were answered by other versions and left out: {versions}; "
            f"{serving.version or 'none'} serves."
        )
    if window.ahead:
        notes.append(
            f"{window.ahead:,} messages carry a time in the future and were left out: a replica's clock is wrong."
        )
    if window.skipped:
        notes.append(
            f"{window.skipped:,} parts or lines were no records and were passed over: {'; '.join(window.reasons)}"
        )
    return tuple(notes)
