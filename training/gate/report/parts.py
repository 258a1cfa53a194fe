"""Render the details of each check in the gate's HTML report: tables with bars, the interval, messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from chatbot.dialog.message import OUT_OF_SCOPE
from training.gate.verdict import Cell, Check

Row = Mapping[str, Cell]

_CHANGES = {
    "broken": "✕ was right, is wrong",
    "mended": "✓ was wrong, is right",
    "other": "wrong before and now",
}
_SHOWN = 12
_BAD = ' class="bad"'


def body(check: Check) -> str:
    """Return the HTML shown below a check's sentence; empty if the check has no details."""
    return _BODIES[check.name](check) if check.name in _BODIES else ""


def _interval(check: Check) -> str:
    """Render the difference of macro F1 with its confidence interval and a mark at zero."""
    if "low" not in check.numbers:
        return ""
    low, value, high = (float(check.numbers[name] or 0) for name in ("low", "difference", "high"))
    reach = 1.15 * max(abs(low), abs(high), 0.01)

    def at(score: float) -> float:
        return 50 + 50 * score / reach

    return (
        '<div class="interval" role="img" aria-label="difference with its 95 % interval">'
        f'<div class="zero" style="left:{at(0):.2f}%"></div>'
        f'<div class="span" style="left:{at(low):.2f}%;width:{at(high) - at(low):.2f}%"></div>'
        f'<div class="dot" style="left:{at(value):.2f}%"></div>'
        + "".join(
            f'<div class="at" style="left:{at(score):.2f}%">{text}</div>'
            for score, text in ((0.0, "no change"), (low, _points(low)), (high, _points(high)))
            if score == 0 or abs(score) > reach / 6
        )
        + "</div>"
    )


def _compared(check: Check) -> str:
    """Render intents or slices with both shares as bars, in the order of the check: worst first."""
    if not check.rows or check.verdict == "unjudged":
        return ""
    lines = [_compared_line(row) for row in check.rows]
    headings = ["", "champion above, challenger below", "before", "now", "broke", "mended", "by chance"]
    legend = (
        '<p class="soft">Messages recognised:<span class="key old"></span>champion'
        '<span class="key new"></span>challenger. '
        "By chance: how likely so lopsided a change is where nothing got worse, all parts considered.</p>"
    )
    return legend + _folded(
        headings, lines, [bool(row["refused"]) for row in check.rows], numbers=range(2, 7)
    )


def _compared_line(row: Row) -> list[str]:
    name = escape(str(row.get("title") or row["name"]))
    return [
        f'{name}<br><span class="soft">{row["messages"]} messages</span>',
        _bars(row),
        percent(row["champion"]),
        percent(row["challenger"]),
        str(row["broken"]),
        str(row["mended"]),
        _chance(row["adjusted"]),
    ]


def _foreign(check: Check) -> str:
    if "p" not in check.numbers or check.verdict == "unjudged":
        return ""
    return table(
        ["recognised as foreign", "before", "now", "no longer", "now first", "by chance"],
        [
            [
                _bars(check.numbers),
                percent(check.numbers["champion"]),
                percent(check.numbers["challenger"]),
                str(check.numbers["broken"]),
                str(check.numbers["mended"]),
                _chance(check.numbers["p"]),
            ]
        ],
        numbers=range(1, 6),
    )


def _calibration(check: Check) -> str:
    numbers = check.numbers
    lines = [
        ["The challenger", percent(numbers["ece"])],
        ["A perfectly calibrated one, by chance", percent(numbers["if_calibrated"])],
        ["The most that passes", percent(numbers["bound"])],
    ]
    if "champion" in numbers:
        lines.append(["The champion", percent(numbers["champion"])])
    return table(["Confidence is off by", ""], lines, numbers=[1])


def _answers(check: Check) -> str:
    if "champion" not in check.numbers:
        return ""
    numbers = check.numbers
    return table(
        ["answered by itself", "before", "now", "wrong answers before", "now", "at most"],
        [
            [
                _bars(numbers),
                *(
                    percent(numbers[name])
                    for name in ("champion", "challenger", "champion_risk", "risk", "target")
                ),
            ]
        ],
        numbers=range(1, 6),
    )


def _behaviour(check: Check) -> str:
    groups = [row for row in check.rows if row["kind"] == "group"]
    failed = [row for row in check.rows if row["kind"] == "test"]
    lines = [
        [
            f'{escape(str(row["title"]))}<br><span class="soft">{escape(str(row["why"]))}</span>',
            _bars(row),
            percent(row["champion"]),
            percent(row["challenger"]),
            percent(1 - float(row["at_most"] or 0)),
        ]
        for row in groups
    ]
    made = table(
        ["tests", "that hold", "before", "now", "at least"],
        lines,
        [bool(row["refused"]) for row in groups],
        numbers=range(2, 5),
    )
    if not failed:
        return made
    told = {"held": "held before", "failed": "failed before too", "": ""}
    return f"{made}<h3>Tests that fail now</h3>" + _folded(
        ["message", "expected", "what the bot did", ""],
        [
            [
                f"<q>{escape(str(row['message']))}</q>",
                escape(str(row["expected"])),
                escape(str(row["now"])),
                told[str(row["before"])] + (" · must never fail" if row["must"] else ""),
            ]
            for row in failed
        ],
        [row["before"] == "held" for row in failed],
    )


def _known(check: Check) -> str:
    if not check.rows:
        return ""
    lines = [
        [
            f"<q>{escape(str(row['message']))}</q>"
            + (
                '<br><span class="soft">one the champion was surest of</span>'
                if row["kind"] == "proof"
                else ""
            ),
            *(_meant(row[name]) for name in ("truth", "before", "now")),
            _CHANGES[str(row["change"])],
        ]
        for row in check.rows
    ]
    return _folded(
        ["message", "meant", "before", "now", ""], lines, [row["change"] == "broken" for row in check.rows]
    )


def _meant(intent: Cell) -> str:
    """Return an intent as HTML; `out_of_scope` as a phrase."""
    return "no intent: a person" if intent == OUT_OF_SCOPE else escape(str(intent))


def _lost(check: Check) -> str:
    if not check.rows:
        return ""
    return table(
        ["intent", ""], [[escape(str(row["intent"])), escape(str(row["what"]))] for row in check.rows]
    )


def _new(check: Check) -> str:
    if not check.rows:
        return ""
    lines = [
        [
            escape(str(row["intent"])),
            str(row["messages"]),
            str(row["right"]),
            percent(row["accuracy"]),
            percent(row["at_best"]),
        ]
        for row in check.rows
    ]
    bad = [row["verdict"] == "refused" for row in check.rows]
    headings = ["new intent", "test messages", "recognised", "accuracy", "at best (95 %)"]
    return table(headings, lines, bad, numbers=range(1, 5))


_BODIES: Mapping[str, Callable[[Check], str]] = {
    "macro_f1": _interval,
    "intents": _compared,
    "slices": _compared,
    "calibration": _calibration,
    "out_of_scope": _foreign,
    "answers": _answers,
    "lost_intents": _lost,
    "new_intents": _new,
    "behaviour": _behaviour,
    "known_messages": _known,
}


def _folded(
    headings: Sequence[str], lines: Sequence[Sequence[str]], bad: Sequence[bool], numbers: Iterable[int] = ()
) -> str:
    """Render a table whose first rows are visible and whose others are collapsed."""
    numbers = tuple(numbers)
    made = table(headings, lines[:_SHOWN], bad[:_SHOWN], numbers)
    if len(lines) > _SHOWN:
        rest = table(headings, lines[_SHOWN:], bad[_SHOWN:], numbers)
        made += f"<details><summary>{len(lines) - _SHOWN} more</summary>{rest}</details>"
    return made


def table(
    headings: Sequence[str],
    lines: Sequence[Sequence[str]],
    bad: Sequence[bool] = (),
    numbers: Iterable[int] = (),
) -> str:
    """Render a table.

    Args:
        headings: the column headings, as HTML.
        lines: the rows; every cell is already HTML.
        bad: whether each row is highlighted; missing entries: False.
        numbers: indices of the right-aligned columns.
    """
    right = frozenset(numbers)

    def cells(tag: str, line: Sequence[str]) -> str:
        return "".join(
            f'<{tag} class="number">{cell}</{tag}>' if place in right else f"<{tag}>{cell}</{tag}>"
            for place, cell in enumerate(line)
        )

    marked = [*bad, *([False] * (len(lines) - len(bad)))]
    rows = "".join(
        f"<tr{_BAD if wrong else ''}>{cells('td', line)}</tr>"
        for line, wrong in zip(lines, marked, strict=True)
    )
    return f'<div class="scroll"><table><tr>{cells("th", headings)}</tr>{rows}</table></div>'


def _bars(row: Row) -> str:
    before, now = (100 * float(row[side] or 0) for side in ("champion", "challenger"))
    return (
        f'<div class="bars"><div class="bar old" style="width:{before:.1f}%"></div>'
        f'<div class="bar new" style="width:{now:.1f}%"></div></div>'
    )


def percent(share: Cell) -> str:
    return "-" if share is None else f"{100 * float(share):.1f} %"


def _points(share: float) -> str:
    return f"{100 * share:+.1f} points"


def _chance(p: Cell) -> str:
    share = float(p or 0)
    return "under 0.1 %" if share < 0.001 else "-" if share >= 1 else f"{100 * share:.1f} %"
