"""Render drift.html: verdict, contributors, checks and Evidently's report. Self-contained: it loads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from chatbot.loop.drift_verdict import DriftVerdict
from monitoring.drift.checks import CHECKS
from monitoring.drift.columns import NUMBERS, SUMMARY_AXES, RecordColumns
from monitoring.pages import environment

_pages = environment(Path(__file__).parent)


def page(verdict: DriftVerdict, evidently: str = "", notes: Sequence[str] = ()) -> str:
    """Render the page; `evidently` is its report as HTML or empty, `notes` are sentences about excluded records."""
    checks = sorted(verdict.checks, key=lambda check: (not check.red, -check.effect / check.threshold))
    titles = {name: check["title"] for name, check in CHECKS.items()}
    return _pages.get_template("page.html.j2").render(
        verdict=verdict, checks=checks, evidently=evidently, notes=notes, titles=titles
    )


def evidently_report(window: RecordColumns, side: RecordColumns) -> str:
    """Return Evidently's report on a window's sample as HTML: features, scores, summary, intents; no text; offline."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    numbers = [*NUMBERS, *(f"summary_{axis + 1}" for axis in range(SUMMARY_AXES))]
    frames = [_frame(columns) for columns in (window, side)]
    # Evidently rejects a column that is empty on one side or both.
    numbers = [name for name in numbers if all(frame[name].notna().any() for frame in frames)]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=["intent"])
    current, reference = (Dataset.from_pandas(frame[[*numbers, "intent"]], definition) for frame in frames)
    return str(Report([DataDriftPreset()]).run(current, reference).get_html_str(as_iframe=False))


def _frame(columns: RecordColumns) -> pd.DataFrame:
    frame = pd.DataFrame(columns.numbers)
    for axis in range(SUMMARY_AXES):
        frame[f"summary_{axis + 1}"] = columns.summary[:, axis].astype(np.float64)
    return frame.assign(intent=columns.intents.astype(str))
