"""Render drift.html: verdict, contributors, checks and Evidently's report. Self-contained: it loads nothing."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from chatbot.loop.drift_verdict import BASELINE, Check, DriftVerdict
from monitoring.drift.columns import NUMBERS, SUMMARY_AXES, Columns
from monitoring.drift.report.sentences import TITLES

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#1d2733;background:#f6f7f9;margin:0}
main{max-width:1000px;margin:0 auto;padding:24px}
h1{font-size:1.6rem;margin:.2em 0}h2{font-size:1.2rem;margin:1.6em 0 .5em}
.verdict{border-left:8px solid;background:#fff;padding:12px 20px;border-radius:6px}
.red{border-color:#b3261e}.green{border-color:#1b7f4b}.silent{border-color:#5f6b7a}
table{border-collapse:collapse;width:100%;background:#fff;border-radius:6px}
th,td{text-align:left;padding:8px 12px;border-bottom:1px solid #e3e7ec;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.tag{font-weight:600;white-space:nowrap}.tag.r{color:#b3261e}.tag.g{color:#1b7f4b}.tag.i{color:#5f6b7a}
.bar{background:#e3e7ec;height:8px;border-radius:4px;min-width:110px}.bar i{display:block;height:8px;border-radius:4px}
.hint{color:#4a5563}iframe{width:100%;height:1400px;border:1px solid #e3e7ec;background:#fff}
""".strip()
_WORDS = {"green": "No drift", "red": "Drift", "silent": "Too few messages to tell"}


def page(verdict: DriftVerdict, evidently: str = "", notes: Sequence[str] = ()) -> str:
    """Render the complete page.

    Args:
        verdict: the drift verdict.
        evidently: Evidently's report as HTML; empty: none.
        notes: sentences about records excluded from the window.
    """
    window = verdict.window
    alarms = [check for check in verdict.checks if check.alarms]
    others = [check for check in verdict.checks if not check.alarms]
    parts = [
        f"<h1>{_WORDS[verdict.verdict]}</h1>",
        f'<div class="verdict {verdict.verdict}"><p><strong>{_text(verdict.sentence)}</strong></p>',
        "".join(f"<p>{_text(check.sentence)}</p>" for check in alarms if check.red),
        f'<p class="hint">{window.records:,} messages from {window.since:%Y-%m-%d %H:%M} to '
        f"{window.until:%Y-%m-%d %H:%M} UTC, model {_text(verdict.model_version)}.</p></div>",
        "".join(f'<p class="hint">{_text(note)}</p>' for note in notes),
        _intents(verdict),
        _messages(verdict),
        _checks("All checks that alarm", alarms),
        _checks("For information: against what the bot was taught", others),
    ]
    if evidently:
        parts.append(
            "<h2>Evidently</h2><p class='hint'>A uniform sample of the window (current) against the same side as "
            "above (reference). Its own tests call any difference drift that is not chance; what alarms is above.</p>"
            f'<iframe title="Evidently\'s report" sandbox="allow-scripts" srcdoc="{html.escape(evidently)}"></iframe>'
        )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Drift: '
        f'{_WORDS[verdict.verdict]}</title><meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"</head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def evidently_report(window: Columns, side: Columns) -> str:
    """Return Evidently's report on a window's sample as HTML: features, scores, summary, intents; no text; offline."""
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    numbers = [*NUMBERS, *(f"summary_{axis + 1}" for axis in range(SUMMARY_AXES))]
    frames = [_frame(columns) for columns in (window, side)]
    # Evidently rejects a column that is empty on one side or both.
    numbers = [name for name in numbers if all(frame[name].notna().any() for frame in frames)]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=["intent"])
    current, reference = (Dataset.from_pandas(frame[[*numbers, "intent"]], definition) for frame in frames)
    return str(Report([DataDriftPreset()]).run(current, reference).get_html_str(as_iframe=False))


def _frame(columns: Columns) -> pd.DataFrame:
    frame = pd.DataFrame(columns.numbers)
    for axis in range(SUMMARY_AXES):
        frame[f"summary_{axis + 1}"] = columns.summary[:, axis].astype(np.float64)
    return frame.assign(intent=columns.intents.astype(str))


def _intents(verdict: DriftVerdict) -> str:
    if not verdict.contributors.intents:
        return ""
    rows = "".join(
        f"<tr><td>{_text(shift.intent)}</td><td class=n>{shift.before:.1%}</td><td class=n>{shift.now:.1%}</td>"
        f"<td class=n>{100 * (shift.now - shift.before):+.1f} points</td></tr>"
        for shift in verdict.contributors.intents
    )
    head = "<tr><th>intent</th><th>before</th><th>now</th><th>change</th></tr>"
    return f"<h2>Intents that moved most</h2><table>{head}{rows}</table>"


def _messages(verdict: DriftVerdict) -> str:
    if not verdict.contributors.messages:
        return ""
    rows = "".join(
        f"<tr><td>{_text(example.message)}</td><td>{_text(example.intent)}</td>"
        f"<td class=n>{example.confidence:.2f}</td>"
        f"<td class=n>{'' if example.scope is None else f'{example.scope:.2f}'}</td></tr>"
        for example in verdict.contributors.messages
    )
    head = "<tr><th>message (redacted)</th><th>answered as</th><th>confidence</th><th>scope</th></tr>"
    return f"<h2>Messages of the kind there is more of now</h2><table>{head}{rows}</table>"


def _checks(title: str, checks: Sequence[Check]) -> str:
    if not checks:
        return ""
    rows = []
    for check in sorted(checks, key=lambda check: -check.effect / check.threshold):
        name = TITLES.get(check.name, check.name)
        tag = ("i", "info") if not check.alarms else ("r", "red") if check.red else ("g", "green")
        share = min(100.0, 50 * check.effect / check.threshold)
        colour = "#b3261e" if check.red and check.alarms else "#5f6b7a"
        rows.append(
            f'<tr><td><span class="tag {tag[0]}">{tag[1]}</span></td><td>{_text(name)}<br>'
            f'<span class="hint">{_text(check.sentence)}</span></td><td><div class="bar" title="half is the threshold">'
            f'<i style="width:{share:.0f}%;background:{colour}"></i></div></td><td class=n>{check.effect:.3f}</td>'
            f"<td class=n>{check.threshold:.3f}</td></tr>"
        )
    side = "the version's first messages" if checks[0].against == BASELINE else "the bundle's reference"
    head = "<tr><th></th><th>check</th><th>half: threshold</th><th>effect</th><th>threshold</th></tr>"
    return f'<h2>{title}</h2><p class="hint">Compared with {side}.</p><table>{head}{"".join(rows)}</table>'


def _text(text: str) -> str:
    return html.escape(text)
