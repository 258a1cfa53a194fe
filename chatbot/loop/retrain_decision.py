"""Decide whether a drift verdict justifies a retraining, and record the decision in the history.

Used by `k8s.trigger` in a cluster and by `monitoring.retrain_if_needed` on one machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from chatbot.errors import ChatbotError, Missing, StoreError
from chatbot.loop.drift_verdict import DriftVerdict
from chatbot.loop.retrain_history import (
    BEGUN,
    BUSY,
    FAILED,
    REQUESTED,
    RetrainHistory,
    RetrainInputs,
    read_history,
    read_inputs,
    write_history,
)
from chatbot.store import Store, layout


class RetrainDecision(NamedTuple):
    """Whether to retrain, with the reason in one sentence."""

    run: bool
    why: str


@dataclass(frozen=True)
class RetrainProposal:
    """A decision with what is recorded if it is acted on.

    Attributes:
        history: the requests before this one.
        etag: ETag of the stored history; empty if none is stored.
    """

    decision: RetrainDecision
    verdict: DriftVerdict
    inputs: RetrainInputs
    now: datetime
    history: RetrainHistory
    etag: str

    @property
    def earlier_requests(self) -> int:
        """Count the recorded requests with the same inputs and the same red checks."""
        return sum(entry.is_for(self.inputs, self.verdict.red_checks) for entry in self.history.asked)

    def record(self, store: Store, outcome: str = REQUESTED, job: str = "") -> RetrainProposal:
        """Write the request to the history; return the proposal whose next `record` replaces a `begun` one.

        Raises: Conflict: the history was changed concurrently.
        """
        history = self.history.add(self.inputs, self.verdict.red_checks, self.now, outcome, job)
        return replace(self, history=history, etag=write_history(store, history, self.etag))


def propose_retrain(
    store: Store,
    verdict: DriftVerdict,
    now: datetime,
    cooldown: timedelta,
    revise: Callable[[RetrainHistory], RetrainHistory] = lambda history: history,
) -> RetrainProposal:
    """Decide whether a drift verdict triggers a retrain. The caller holds the lease.

    Args:
        cooldown: minimum time between two retrains.
        revise: corrects the outcomes in the history first; what it changed is stored, whatever is decided.

    Raises:
        StoreError: the store does not respond, or holds an invalid history or reviewer's decision.
        Conflict: the history was changed concurrently.
    """
    stored, etag = read_history(store)
    if (history := revise(stored)) != stored:
        etag = write_history(store, history, etag)
    inputs = read_inputs(store, verdict)
    decision = decide(history, verdict, inputs, now, cooldown)
    return RetrainProposal(decision, verdict, inputs, now, history, etag)


def decide(
    history: RetrainHistory, verdict: DriftVerdict, inputs: RetrainInputs, now: datetime, cooldown: timedelta
) -> RetrainDecision:
    """Decide whether a drift verdict triggers a retrain, given the history and the inputs.

    The same drift does not trigger twice: same champion, corpus and accepted rows (which would give the same
    weights), and no newly red check. A retrain that failed or was killed does not count as done, but its
    cool-down applies.
    """
    if verdict.verdict != "red":
        return RetrainDecision(False, f"the drift verdict is {verdict.verdict}: nothing to do")
    red = verdict.red_checks
    for earlier in reversed(history.asked):
        if (
            earlier.inputs == inputs
            and set(red) <= set(earlier.red_checks)
            and earlier.outcome not in (BEGUN, FAILED, BUSY)
        ):
            return RetrainDecision(
                False,
                f"the same drift ({', '.join(red)}) was answered on {earlier.when:%Y-%m-%d %H:%M} UTC with "
                f"the same champion, corpus and accepted rows (outcome: {earlier.outcome}). New rows change "
                "that: python -m training.review",
            )
    # abs: a timestamp from a wrong clock, far in the future, must neither block retraining nor hide the last one.
    if recent := [entry.when for entry in history.asked if abs(now - entry.when) < cooldown]:
        last = max(recent)
        return RetrainDecision(
            False,
            f"the last retrain was asked for on {last:%Y-%m-%d %H:%M} UTC: the cool-down lasts until "
            f"{last + cooldown:%Y-%m-%d %H:%M} UTC",
        )
    return RetrainDecision(True, f"drift: {', '.join(red)}")


def read_verdict(store: Store, file: Path | None = None) -> DriftVerdict:
    """Read the drift verdict from a file, or the latest one from the store.

    Raises:
        ChatbotError: the verdict is missing (names the command that writes it) or invalid, or the store does not
            respond.
    """
    place = str(file) if file else f"{layout.DRIFT_VERDICT} of {store}"
    try:
        return DriftVerdict.model_validate_json(
            file.read_bytes() if file else store.get(layout.DRIFT_VERDICT)
        )
    except (Missing, OSError) as error:
        kind = ChatbotError if file else StoreError
        raise kind(
            f"no drift verdict at {place}: {error}. `python -m monitoring.drift_report` writes it"
        ) from error
    except ValidationError as error:
        kind = ChatbotError if file else StoreError
        raise kind(f"{place} is not a drift verdict: {error.errors()[0]}") from error
