"""Normalise labels: spellings of one label become one intent, and names for out of scope become `out_of_scope`."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import replace
from functools import lru_cache

from chatbot.dialog.message import OUT_OF_SCOPE, clean, plain
from data.columns import INTENT_NAMES, NAMES, column_key
from data.errors import Problem
from data.rows import Row

_UNMARKED = re.compile(r"[_/.]")
_OUT_OF_SCOPE, _OUT_OF_SCOPE_ALONE, _PERHAPS_OUT_OF_SCOPE, _UNLABELLED = (
    frozenset(_UNMARKED.sub("", name) for name in NAMES[what])
    for what in ("out_of_scope", "out_of_scope_alone", "perhaps_out_of_scope", "unlabelled")
)
"""What other products and datasets call out of scope, and a row without a label, as `_name` writes it."""

_SEPARATORS = re.compile(r"[\s_-]+")
_BETWEEN_PARTS = re.compile(r"[/.:>|()\[\]{}]|\s-\s")
_JOINTS = re.compile(r"[_.\s]+|(?<=\w)-(?=\w)|(?<=[a-z])(?=[A-Z][a-z])")
_LAST_NUMBER = re.compile(r"_?\d+\Z")
_FINER = re.compile(r"\A(?:sub|unter|sous)")
_WHOLE = re.compile(r"(-?\d+)\.0+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_BETWEEN_LABELS = re.compile(r"\s*[,;|/+&#]\s*")
_LIST_OF_ONE = re.compile(r"""\[\s*(["'])([^"'\[\]]+)\1\s*\]""")
_LISTED = re.compile(r"[,;|'\"]")
_QUOTES = str.maketrans("", "", "'\"")


@lru_cache(4_096)  # a corpus has many rows of few labels
def label_key(label: str) -> str:
    """Return what spellings of one label have in common: NFKC, no invisible characters, folded case, `_`."""
    visible = "".join(c for c in plain(clean(label)).casefold() if unicodedata.category(c) != "Cf")
    if _NUMBER.fullmatch(visible):
        return visible
    key = unicodedata.normalize("NFKC", _SEPARATORS.sub("_", visible))
    return key.strip("_") or key


def is_out_of_scope(label: str) -> bool:
    """Whether a label is one of the names for out of scope, or begins or ends with one: `chitchat/out_of_scope`."""
    return _name(label) in _OUT_OF_SCOPE | _OUT_OF_SCOPE_ALONE or not _OUT_OF_SCOPE.isdisjoint(_ends(label))


def is_unlabelled(label: str) -> bool:
    """Whether a label says that the row has none: `n/a`, an empty list, marks without a word."""
    return all(unicodedata.category(c)[0] == "P" for c in label_key(label)) or _name(label) in _UNLABELLED


def _name(label: str) -> str:
    """Return what `OutOfScope`, `out.of.scope` and `out of scope` have in common."""
    return _UNMARKED.sub("", label_key(label))


def _ends(label: str) -> tuple[str, ...]:
    """Return the names of the first and the last part of a label: of `Out of scope (OOS)`."""
    parts = [name for part in _BETWEEN_PARTS.split(clean(label)) if (name := _name(part))]
    return (parts[0], parts[-1]) if parts else ()


def _is_perhaps_out_of_scope(label: str) -> bool:
    return _name(label) in _PERHAPS_OUT_OF_SCOPE or not _OUT_OF_SCOPE_ALONE.isdisjoint(_ends(label))


def is_label_column(name: str) -> bool:
    """Whether a column's name says that it holds labels: a usual name, also as its last word, or a finer level."""
    key = column_key(name).rpartition(".")[2]
    unnumbered = _LAST_NUMBER.sub("", key)
    last = _FINER.sub("", unnumbered.rpartition("_")[2])
    return unnumbered in INTENT_NAMES or last in INTENT_NAMES or (last == "level" and unnumbered != key)


def words_of(label: str) -> str:
    """Return a label as words: `cancel_order`, `cancel.order`, `cancel-order` and `CancelOrder` are "cancel order"."""
    return " ".join(_JOINTS.sub(" ", label).lower().split())


def normalise_labels(rows: list[Row], file: str) -> tuple[list[Row], list[Problem]]:
    """Give every row the usual spelling of its intent: the most frequent one, the first of equals.

    Returns: The rows, and a notice for each label that was changed.
    """
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    keys = {intent: label_key(intent) for intent in {row.intent for row in rows}}
    for row in rows:
        spellings[keys[row.intent]][row.intent] += 1
    whole = all(_WHOLE.fullmatch(key) for key in spellings)
    names: dict[str, str] = {}
    notices: list[Problem] = []
    for key, counts in spellings.items():
        usual = clean(max(counts, key=lambda spelling: counts[spelling]))
        if is_out_of_scope(usual):
            usual = OUT_OF_SCOPE
        elif whole:
            usual = usual.partition(".")[0]
        names.update(dict.fromkeys(counts, usual))
        if reason := _changed(key, counts, usual, whole):
            notices.append(Problem(file, None, reason, kind="labels are written in one way"))
        elif _is_perhaps_out_of_scope(usual):
            reason = (
                f"label {usual!r} is trained as an intent: if it means out of scope, call it {OUT_OF_SCOPE}"
            )
            notices.append(Problem(file, None, reason))
    return [
        row if row.intent == names[row.intent] else replace(row, intent=names[row.intent]) for row in rows
    ], notices


def label_notices(rows: list[Row], file: str) -> list[Problem]:
    """Warn of labels that are numbers or dates: replies, reports and the chat page show them."""
    names = sorted({row.intent for row in rows} - {OUT_OF_SCOPE})
    if dates := [name for name in names if _DATE.fullmatch(name)]:
        reason = (
            f"labels are dates ({', '.join(dates[:5])}{', ...' if len(dates) > 5 else ''}): a spreadsheet makes a date "
            "of a name such as 1-2 or May 5; if so, format the column as text and write the name again"
        )
        return [Problem(file, None, reason)]
    if not names or not all(_NUMBER.fullmatch(name) for name in names):
        return []
    reason = (
        f"the labels are numbers ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''}): customers and reports "
        "see them; replace them by names, or put the names into another column and choose it with --intent-column"
    )
    return [Problem(file, None, reason)]


def without_several_labels(rows: list[Row], file: str) -> tuple[list[Row], list[Problem]]:
    """Leave out rows whose cell holds several labels: a list, or names that are labels themselves.

    A list of one, as pandas writes it (`['refund']`), is that label.
    A name with a comma in it is a label, unless each of its parts occurs on its own or in other combinations;
    a name with a slash (`billing/refund`) is one unless each part occurs on its own.

    Returns: The other rows, and a problem for each that is left out.
    """
    rows = [
        replace(row, intent=found[2].strip()) if (found := _LIST_OF_ONE.fullmatch(row.intent)) else row
        for row in rows
    ]
    distinct = {row.intent for row in rows}
    parts = {intent: [label_key(part) for part in _parts(intent)] for intent in distinct}
    alone = {found[0] for found in parts.values() if len(found) == 1}
    uses = Counter(part for found in parts.values() if len(found) > 1 for part in set(found))

    def is_several(intent: str) -> bool:
        listed = _LISTED.search(intent)
        if listed and intent[0] + intent[-1] in ("[]", "{}"):
            return True
        found = parts[intent]
        return len(found) > 1 and all(part in alone or (listed and uses[part] > 1) for part in found)

    several = {intent for intent in distinct if is_several(intent)}
    advice = (
        "a message has one: keep the main one, or repeat the row (--labels-as-written takes it as one name)"
    )
    return [row for row in rows if row.intent not in several], [
        Problem(
            f"{file}/{row.file}" if row.file else file,
            row.line,
            f"several labels in one cell: {row.intent[:80]!r}; {advice}",
            kind=f"cells hold several labels; {advice}",
        )
        for row in rows
        if row.intent in several
    ]


def _parts(intent: str) -> list[str]:
    return [
        part for part in _BETWEEN_LABELS.split(intent.strip("[](){} ").translate(_QUOTES)) if part.strip()
    ]


def _changed(key: str, counts: Counter[str], usual: str, whole: bool) -> str:
    spelt = ", ".join(f"{spelling!r} ({count:,} rows)" for spelling, count in counts.most_common(5))
    undo = "--labels-as-written keeps them apart"
    if usual == OUT_OF_SCOPE and set(counts) != {OUT_OF_SCOPE}:
        return (
            f"{spelt} is read as {OUT_OF_SCOPE} (no intent answers it); --labels-as-written keeps the label"
        )
    if len(counts) > 1:
        return f"{spelt} are one intent, {usual!r}; {undo}"
    if not whole and set(counts) != {usual}:
        return f"{spelt} is read as {usual!r}, without invisible characters; {undo}"
    return ""
