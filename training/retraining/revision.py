"""Revise the corpus that a retraining starts from: merge review decisions, and apply changes of labels and intents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from chatbot.dialog.replies import Replies
from chatbot.loop.registry import ModelVersion
from chatbot.model import bundle as bundles
from chatbot.records.erasure import forgotten
from chatbot.store import Store
from data.decisions import LabelAction, RowDecision
from data.declarations import DECLARED_FILE, Declared, read_declared
from training.corpus.files import read_rows
from training.corpus.given import GivenCorpus
from training.corpus.versions import REPLIES_FILE, ROWS_FILE, RULES_FILE
from training.gate.declared import declared_promise
from training.retraining.changes import Changed, apply_changes
from training.retraining.config import CannotRetrain
from training.retraining.merge import Merged, merge
from training.review.accepted import read_accepted
from training.review.decisions import Decisions
from training.review.declared import read_stored
from training.review.labels import row_decisions

SHIPPED_RULES = Path(__file__).resolve().parents[2] / "data" / "corpus" / "rules.yaml"


@dataclass(frozen=True, slots=True)
class Champion:
    """The version that a retraining starts from, fetched into the work folder."""

    version: ModelVersion
    sources: Path
    """Folder of the corpus version."""
    rows: pd.DataFrame
    """Its processed rows."""
    bundle: Path


@dataclass(frozen=True, slots=True)
class Revision:
    """The next corpus before it is processed: decisions merged, and changes of labels and intents applied."""

    merged: Merged
    changed: Changed
    declared: Declared
    """The declared changes of the corpus, and after them those in the store."""
    own: Declared
    """The corpus's own declared changes, which a version of it keeps."""
    rules: Path

    def differs_from(self, champion: Champion) -> bool:
        """Whether training on it gives another bundle than the champion's."""
        promise = bundles.read_manifest(champion.bundle).target
        has_new_promise = any(promise.get(n) != v for n, v in declared_promise(self.declared).items())
        return self.merged.changed or self.changed.differs or has_new_promise


def revise(store: Store, champion: Champion | None, given: GivenCorpus | None) -> Revision:
    """Apply decisions and declared changes to the given corpus, else to the champion's.

    Raises: CannotRetrain: there is neither.
    """
    confirmed: list[RowDecision] = []
    if given is not None:
        rows, replies, rules, own = given.rows, given.replies, SHIPPED_RULES, given.declared
        confirmed = [RowDecision(row, LabelAction.KEEP) for row in sorted(given.kept)]
    elif champion is not None:
        before = champion.sources
        rows, replies = read_rows(before / ROWS_FILE), Replies.load(before / REPLIES_FILE)
        rules, own = before / RULES_FILE, read_declared(before / DECLARED_FILE)
    else:
        raise CannotRetrain("neither a champion nor a corpus is given")
    decisions, declared = Decisions(store), own.then(read_stored(store))
    accepted = read_accepted(store, decisions)
    merged = merge(rows, replies, accepted, forgotten(store), decisions.withdrawn())
    earlier = () if champion is None else champion.rows["row_hash"]
    changed = apply_changes(merged.rows, [*confirmed, *row_decisions(decisions)], declared, earlier)
    return Revision(merged, changed, declared, own, rules)
