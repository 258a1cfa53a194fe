"""Run one retraining as a sequence of idempotent, deterministic steps.

pull the champion's corpus -> merge accepted rows -> check -> train -> gate -> push the corpus -> push the
bundle -> record the run -> register -> alias `challenger`
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from chatbot.dialog.replies import Replies
from chatbot.errors import ChatbotError
from chatbot.files import write_file
from chatbot.model import bundle_store
from chatbot.records.erasure import forgotten
from chatbot.store import Store, layout, open_store
from chatbot.store.lease import StoreLease
from data.checks import Report, check
from data.processing import (
    CORPUS_FILE,
    SPLITS_FILE,
    process,
    read_processed,
    read_splits,
    write,
)
from training.corpus import versions
from training.corpus.dvc import check_store
from training.corpus.reading import Corpus, read
from training.corpus.versions import REPLIES_FILE, ROWS_FILE, RULES_FILE, Pointer
from training.gate.behaviour_tests import SHIPPED, read_behaviours
from training.gate.judge import judge_folders, mark_new
from training.gate.verdict import GateVerdict
from training.model.train import train
from training.progress import Steps
from training.retraining.merge import Merged, merge, read_rows, write_rows
from training.retraining.publish import RetrainConfig, publish
from training.review.accepted import read_accepted
from training.review.board import queue_length
from training.review.decisions import ACCEPTED, Decisions
from training.tracking.registry import ModelVersion, Registry

LEASE = layout.RETRAIN_LEASE


class RetrainError(ChatbotError):
    """The retraining cannot start; the text says what to do first."""

    type = "retrain"


@dataclass(frozen=True, slots=True)
class RetrainResult:
    """Outcome of a retraining, written as retrain.json. Models are named `<version>@<bundle digest>`."""

    outcome: Literal["accepted", "refused", "needs_review", "busy"]
    why: str
    champion: str | None = None
    challenger: str | None = None
    gate: dict[str, Any] = field(default_factory=dict)
    """The keys `verdict`, `refused_by` and `report` (a store key)."""
    queue: int | None = None
    """Number of messages in the review queue; set only for `needs_review`."""
    corpus: dict[str, Any] = field(default_factory=dict)
    format: int = 1

    def write(self, file: Path) -> None:
        """Write the result as JSON; the write is atomic."""
        write_file(file, json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n", sync=False)


def retrain(config: RetrainConfig, steps: Steps) -> RetrainResult:
    """Merge new review decisions into the champion's corpus, train a challenger, run the gate, and publish it.

    Idempotent: a later run resumes after a failure.

    Args:
        config: the configuration.
        steps: reports the progress.

    Returns:
        The outcome; `needs_review` if nothing changed since the champion was trained.

    Raises:
        LeaseHeld: another retraining holds the lease.
        RetrainError: there is no champion.
        ChatbotError: a dependency is unavailable, or the corpus has errors.
    """
    store, registry = open_store(config.store), Registry(config.tracking)
    with steps.wait("champion"):
        champion = registry.champion()
    if champion is None:
        raise RetrainError(
            f"MLflow has no champion of {config.tracking.model!r}: register the serving bundle first, with: "
            "python -m training.retrain --first"
        )
    check_store(config.store)
    with StoreLease(store, LEASE, config.settings.lease_seconds) as lease:
        shutil.rmtree(config.work, ignore_errors=True)
        config.work.mkdir(parents=True)
        with steps.wait("corpus"):
            before = versions.pull(
                config.store, Pointer.parse(champion.corpus_pointer), config.work / "before"
            )
            merged = _merged(store, before)
        if not merged.changed:
            return _needs_review(store, champion)
        corpus, checked = _corpus(config, before, merged)
        about = {
            "digest": corpus.digest,
            "added": merged.added,
            "removed": merged.removed,
            "new_intents": list(merged.new_intents),
            "warnings": [str(problem) for problem in checked.warnings],
        }
        trained = train(
            corpus,
            config.work / "challenger",
            config.train,
            steps,
            before / RULES_FILE,
            config.work / "corpus" / REPLIES_FILE,
            config.cache,
        )
        with steps.wait("gate"):
            verdict = _gate(config, store, registry, champion, before, trained.folder, corpus)
        lease.check()
        challenger, report = publish(config, steps, lease, champion, corpus, trained, verdict, merged)
    shutil.rmtree(config.work, ignore_errors=True)
    return RetrainResult(
        outcome="accepted" if verdict.passed else "refused",
        why=verdict.sentence,
        champion=str(champion.ref),
        challenger=str(challenger.ref),
        gate={"verdict": verdict.word, "refused_by": list(verdict.refused_by), "report": report},
        corpus=about,
    )


def _merged(store: Store, before: Path) -> Merged:
    accepted = read_accepted(store)
    decisions = Decisions(store).read()
    taken_back = {item_id for item_id, decision in decisions.items() if decision.verdict not in ACCEPTED}
    return merge(
        read_rows(before / ROWS_FILE),
        Replies.load(before / REPLIES_FILE),
        accepted,
        forgotten(store),
        taken_back,
    )


def _needs_review(store: Store, champion: ModelVersion) -> RetrainResult:
    waiting = queue_length(store)
    return RetrainResult(
        outcome="needs_review",
        why="nothing was accepted since the champion was trained, and the same corpus gives the same weights: "
        f"{waiting} messages are in the review queue (python -m training.review)",
        champion=str(champion.ref),
        queue=waiting,
        corpus={"digest": champion.corpus_digest},
    )


def _corpus(config: RetrainConfig, before: Path, merged: Merged) -> tuple[Corpus, Report]:
    """Write the merged corpus as a corpus version into `work/corpus`; existing rows keep their split part.

    Raises:
        CorpusError: rows are invalid; each is named with the review it came from.
    """
    checked = check(merged.rows)
    checked.raise_errors()
    folder = config.work / "corpus"
    done = process(merged.rows, config.process, read_splits(before / SPLITS_FILE))
    write(done, checked, config.process, folder)
    write_rows(merged.rows, folder / ROWS_FILE)
    (folder / REPLIES_FILE).write_text(merged.replies.dump(), encoding="utf-8")
    shutil.copyfile(before / RULES_FILE, folder / RULES_FILE)
    return read(folder / CORPUS_FILE, config.process), checked


def _gate(
    config: RetrainConfig,
    store: Store,
    registry: Registry,
    champion: ModelVersion,
    before: Path,
    challenger: Path,
    corpus: Corpus,
) -> GateVerdict:
    """Run the gate on the test part of the merged corpus, with rows that the champion's corpus lacks as new."""
    held = bundle_store.held(store, champion.bundle_digest)
    serving = (
        bundle_store.fetch(store, champion.bundle_digest, config.work / "bundles")
        if held
        else registry.fetch(champion.number, config.work / "bundles")
    )
    return judge_folders(
        serving,
        challenger,
        mark_new(corpus.test, read_processed(before)),
        params=config.gate,
        behaviours=read_behaviours(SHIPPED),
    )
