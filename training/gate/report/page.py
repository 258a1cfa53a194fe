"""Render the gate verdict as a self-contained HTML report for a support lead: no scripts, nothing external."""

from __future__ import annotations

from html import escape

from training.gate.report.parts import body, percent, table
from training.gate.report.style import CSS
from training.gate.verdict import Check, GateVerdict, Side

_BADGES = {
    "passed": "✓ passed",
    "warned": "! look at it",
    "refused": "✕ refused",
    "unjudged": "not judged",
}
_SCORES = {
    "accuracy": "First guess is right",
    "coverage": "Answered by the bot itself",
    "risk": "Wrong among those answers",
    "ece": "Confidence off by (ECE)",
    "scope_auroc": "Told from foreign messages (AUROC)",
}


def page(verdict: GateVerdict) -> str:
    """Return the report as HTML."""
    kind = "refused" if not verdict.passed else "warned" if verdict.warned else "passed"
    headline = "The new version may not take over" if not verdict.passed else "The new version may take over"
    parts = [
        f'<section class="banner {kind}"><h1>{headline}</h1><p>{escape(verdict.sentence)}</p>'
        f'<p class="soft">Judged {escape(verdict.made.replace("T", " "))} on {verdict.test_rows:,} messages that '
        "neither version was taught. A refusal stops nothing that serves: the present version goes on.</p></section>",
        _sides(verdict),
        *(_card(check) for check in verdict.checks),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Gate: {escape(verdict.challenger.version)} {kind}</title><style>{CSS}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _sides(verdict: GateVerdict) -> str:
    sides: list[tuple[str, Side | None]] = [
        ("Champion (serves now)", verdict.champion),
        ("Challenger", verdict.challenger),
    ]
    present = [(title, side) for title, side in sides if side is not None]
    lines: list[list[str]] = [
        [label, *(escape(str(getattr(side, name)) or "-") for _, side in present)]
        for label, name in (
            ("Version", "version"),
            ("Made", "created"),
            ("Corpus", "corpus_digest"),
            ("Intents", "intents"),
        )
    ]
    lines += [
        [label, *(percent(side.scores.get(name)) for _, side in present)] for name, label in _SCORES.items()
    ]
    return (
        '<section class="card"><h2>The two versions</h2>'
        + table(["", *(title for title, _ in present)], lines)
        + '<p class="soft">Scores over the messages that both are compared on.</p></section>'
    )


def _card(check: Check) -> str:
    return (
        f'<section class="card" id="{escape(check.name)}"><div class="head"><h2>{escape(check.title)}</h2>'
        f'<span class="badge {check.verdict}">{_BADGES[check.verdict]}</span></div>'
        f'<p>{escape(check.sentence)}</p>{body(check)}<p class="soft">Rule: {escape(check.rule)}.</p></section>'
    )
