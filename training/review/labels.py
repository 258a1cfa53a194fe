"""Review suspect labels of the corpus: the queue of the latest label check, and decisions on its rows.

A decision is a `ReviewDecision` under `reviews/labels/`, keyed by the row hash: accepted (the label is right),
corrected (the row is moved to another intent), rejected (the row is dropped), or reopened (undone). Retraining applies
all of them to the corpus as it was labelled, so that an undone decision leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chatbot.errors import InvalidMessage
from chatbot.records.erasure import REVIEWED, forgotten
from chatbot.store import Store, find, layout
from data.decisions import LabelAction, RowDecision
from training.labels.findings import LabelFindings, SuspectLabel
from training.review.decisions import DecisionKind, Decisions, ReviewDecision, check_intent, now

_KINDS = {
    LabelAction.KEEP: DecisionKind.ACCEPT,
    LabelAction.MOVE: DecisionKind.CORRECT,
    LabelAction.DROP: DecisionKind.REJECT,
}
_ACTIONS = {kind: action for action, kind in _KINDS.items()}
_PREFIX = layout.LABEL_DECISIONS.removeprefix(layout.REVIEWS)


@dataclass(frozen=True, slots=True)
class LabelQueue:
    """The suspect labels that wait for a decision, worst first; None: no label check has run."""

    suspects: tuple[SuspectLabel, ...] | None
    decided: int = 0
    """Decisions on labels in total."""


def put_findings(store: Store, findings: LabelFindings) -> None:
    """Make the suspects of a label check the queue of the staff pages."""
    store.put(layout.LABEL_FINDINGS, findings.model_dump_json(indent=1).encode())


def read_label_queue(store: Store, decisions: Decisions) -> LabelQueue:
    """Return the suspects of the latest label check without decided and erased rows.

    Raises: StoreError: the store is unavailable, or an object in it is damaged (the text names it).
    """
    closed = {row_hash_of(d) for d in decisions.labels() if d.verdict is not DecisionKind.REOPENED}
    if (content := find(store, layout.LABEL_FINDINGS)) is None:
        return LabelQueue(None, len(closed))
    findings = LabelFindings.from_json(content, f"{layout.LABEL_FINDINGS} is not the result of a label check")
    gone = {REVIEWED + source_id for source_id in forgotten(store)}
    suspects = (s for s in findings.suspects if s.row_hash not in closed and s.source not in gone)
    return LabelQueue(tuple(suspects), len(closed))


def decide_label(
    decisions: Decisions,
    suspect: SuspectLabel,
    action: LabelAction,
    reviewer: str,
    intent: str = "",
    known: Iterable[str] = (),
) -> ReviewDecision:
    """Record a decision on a suspect label; moving it to its own label keeps it.

    `intent` is the right one, of MOVE, among the `known`.

    Raises: InvalidMessage: the intent does not exist, or no reviewer.
    """
    if not reviewer.strip():
        raise InvalidMessage("a decision needs the name of its reviewer")
    if action is LabelAction.MOVE:
        check_intent(intent, known)
        action = LabelAction.KEEP if intent == suspect.label else action
    label = {LabelAction.KEEP: suspect.label, LabelAction.MOVE: intent, LabelAction.DROP: ""}[action]
    return decisions.decide(
        ReviewDecision(
            item_id=label_item_id(suspect.row_hash),
            message=suspect.message,
            verdict=_KINDS[action],
            intent=label,
            reviewer=reviewer.strip(),
            when=now(),
            said=suspect.label,
            reasons=("suspect_label",),
            source=suspect.source,
        )
    )


def row_decisions(decisions: Decisions) -> list[RowDecision]:
    """Return the decisions on labels that hold, in the order of time."""
    return [
        RowDecision(row_hash_of(d), action, d.intent if action is LabelAction.MOVE else "")
        for d in decisions.labels()
        if (action := _ACTIONS.get(d.verdict)) is not None
    ]


def label_item_id(row_hash: str) -> str:
    """Return the item id of a decision on a row's label."""
    return f"{_PREFIX}{row_hash}"


def row_hash_of(decision: ReviewDecision) -> str:
    """Return the row hash that a decision on a label is about."""
    return decision.item_id.removeprefix(_PREFIX)
