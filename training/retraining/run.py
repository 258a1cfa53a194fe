"""Run one retraining as a sequence of idempotent, deterministic steps.

pull the champion's corpus -> merge accepted rows -> apply label decisions and declared changes -> check -> process ->
train -> gate -> publish (corpus, bundle, gate report, run, version) -> alias `challenger`
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from chatbot.dialog.replies import Replies
from chatbot.files import write_file
from chatbot.model import bundle as bundles
from chatbot.records.erasure import forgotten
from chatbot.store import open_store
from chatbot.store.lease import StoreLease
from data.checks import check
from data.processing import (
    CORPUS_FILE,
    LEFT_OUT_FILE,
    SPLITS_FILE,
    process,
    read_left_out,
    read_processed,
    read_splits,
    write,
)
from training.corpus import versions
from training.corpus.dvc import check_store
from training.corpus.files import read_rows, without_examples, write_sources
from training.corpus.reading import read
from training.corpus.versions import REPLIES_FILE, ROWS_FILE, RULES_FILE, Pointer
from training.gate.judge import judge_folders, mark_new
from training.model.train import train
from training.progress import Steps
from training.retraining.changes import apply_changes, replies_after
from training.retraining.config import LEASE, RetrainConfig, RetrainError, emptied
from training.retraining.merge import merge
from training.retraining.publish import GATE_AGAINST, publish
from training.review.accepted import read_accepted
from training.review.board import queue_length
from training.review.decisions import Decisions
from training.review.declared import read_stored
from training.review.labels import put_findings, row_decisions
from training.tracking.bundles import fetch_bundle
from training.tracking.registry import CHALLENGER, Registry
from training.tracking.runs import Files, Recorded
from training.tracking.training_run import record_training


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
    """Merge new decisions and declared changes into the champion's corpus, train a challenger, gate and publish it.

    Idempotent: a later run resumes after a failure.

    Args:
        config: the configuration.
        steps: reports the progress.

    Returns:
        The outcome; `needs_review` if nothing changed since the champion was trained.

    Raises:
        LeaseHeld: another retraining holds the lease.
        RetrainError: there is no champion.
        ChatbotError: a dependency is unavailable, or the corpus has errors (each row is named with its review).
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
    with StoreLease(store, LEASE, config.settings.lease_seconds) as lease, emptied(config.work) as work:
        with steps.wait("merge"):
            before = versions.pull(config.store, Pointer.parse(champion.corpus_pointer), work / "before")
            decisions = Decisions(store)
            merged = merge(
                read_rows(before / ROWS_FILE),
                Replies.load(before / REPLIES_FILE),
                read_accepted(store, decisions),
                forgotten(store),
                decisions.withdrawn(),
            )
            declared = read_stored(store)
            changed = apply_changes(
                merged.rows,
                row_decisions(decisions),
                declared,
                read_processed(before),
                read_left_out(before / LEFT_OUT_FILE),
                read_splits(before / SPLITS_FILE),
            )
            replies = replies_after(merged.replies, declared)
            params = config.train.declared(declared.target)
            has_new_target = False
            if declared.target is not None:
                served = fetch_bundle(store, registry, champion, work / "bundles")
                has_new_target = bundles.read_manifest(served).target.get("target") != declared.target
        if not (merged.changed or changed.differs or has_new_target):
            waiting = queue_length(store)
            return RetrainResult(
                outcome="needs_review",
                why="nothing was accepted since the champion was trained, and the same corpus gives the same weights: "
                f"{waiting} messages are in the review queue (python -m training.review)",
                champion=str(champion.ref),
                queue=waiting,
                corpus={"digest": champion.corpus_digest},
            )
        with steps.wait("process"):
            checked = check(changed.rows)
            checked.raise_errors()
            folder = work / "corpus"
            # Rows of the previous version keep their part.
            processed = process(changed.rows, config.process, changed.splits)
            write(processed, checked, config.process, folder)
            # As labelled: decisions and declared changes are applied again in each retraining.
            write_sources(folder, merged.rows, merged.replies, before / RULES_FILE)
            (work / REPLIES_FILE).write_text(without_examples(replies).dump(), encoding="utf-8")
            corpus = replace(read(folder / CORPUS_FILE, config.process), kept=changed.kept)
        trained = train(
            corpus,
            work / "challenger",
            params,
            steps,
            folder / RULES_FILE,
            work / REPLIES_FILE,
            config.cache,
        )
        with steps.wait("gate"):
            known = frozenset(changed.known["row_hash"])
            verdict = judge_folders(
                fetch_bundle(store, registry, champion, work / "bundles"),
                trained.folder,
                mark_new(corpus.test, changed.known),
                params=config.gate,
                declared=declared,
                suspects=[s for s in trained.findings.suspects if s.row_hash not in known],
            )
        lease.check()
        put_findings(store, trained.findings)

        def record(tags: Mapping[str, str], files: Files) -> Recorded:
            name, key = f"retrain {trained.digest[:12]}", f"retrain-{trained.digest[:24]}"
            return record_training(
                config.tracking,
                trained,
                corpus,
                params,
                steps,
                name=name,
                tags=tags,
                files=files,
                key=key,
            )

        tags = {
            GATE_AGAINST: champion.bundle_digest,
            "rows_added": str(merged.added),
            "rows_removed": str(merged.removed),
            "rows_moved": str(changed.moved),
            "rows_dropped": str(changed.dropped),
        }
        challenger, report = publish(config, steps, lease, folder, trained.folder, verdict, record, tags)
        registry.set_alias(CHALLENGER, challenger.number)
    return RetrainResult(
        outcome="accepted" if verdict.passed else "refused",
        why=verdict.sentence,
        champion=str(champion.ref),
        challenger=str(challenger.ref),
        gate={"verdict": verdict.word, "refused_by": list(verdict.refused_by), "report": report},
        corpus={
            "digest": corpus.digest,
            "added": merged.added,
            "removed": merged.removed,
            "moved": changed.moved,
            "dropped": changed.dropped,
            "new_intents": sorted(
                {*merged.new_intents} & {*corpus.rows["intent"]} - {*declared.successors.values()}
            ),
            "warnings": [str(problem) for problem in checked.warnings],
        },
    )
