"""Run one retraining as a sequence of idempotent, deterministic steps.

pull the champion's corpus -> merge accepted rows -> check -> process -> train -> gate -> publish (corpus, bundle,
gate report, run, version) -> alias `challenger`
"""

from __future__ import annotations

from collections.abc import Mapping

from chatbot.dialog.replies import Replies
from chatbot.loop.retrain_result import RetrainResult
from chatbot.records.erasure import forgotten
from chatbot.store import open_store
from chatbot.store.lease import StoreLease
from data.checks import check
from data.processing import CORPUS_FILE, SPLITS_FILE, process, read_processed, read_splits, write
from training.corpus import versions
from training.corpus.dvc import check_store
from training.corpus.files import read_rows, write_sources
from training.corpus.reading import read
from training.corpus.versions import REPLIES_FILE, ROWS_FILE, RULES_FILE, Pointer
from training.gate.judge import judge_corpora
from training.model.train import train
from training.progress import Steps
from training.retraining.config import LEASE, RetrainConfig, RetrainError, emptied
from training.retraining.merge import merge, still_right
from training.retraining.publish import GATE_AGAINST, publish
from training.review.accepted import read_accepted
from training.review.board import queue_length
from training.review.decisions import Decisions
from training.tracking.bundles import fetch_bundle
from training.tracking.registry import CHALLENGER, Registry
from training.tracking.runs import Files, Recorded
from training.tracking.training_run import record_training


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
        if not merged.changed:
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
            checked = check(merged.rows)
            checked.raise_errors()
            folder = work / "corpus"
            # Rows of the previous version keep their part.
            processed = process(merged.rows, config.process, read_splits(before / SPLITS_FILE))
            write(processed, checked, config.process, folder)
            write_sources(folder, merged.rows, merged.replies, before / RULES_FILE)
            corpus = read(folder / CORPUS_FILE, config.process)
        trained = train(
            corpus,
            work / "challenger",
            config.train,
            steps,
            folder / RULES_FILE,
            folder / REPLIES_FILE,
            config.cache,
        )
        with steps.wait("gate"):
            verdict = judge_corpora(
                fetch_bundle(store, registry, champion, work / "bundles"),
                trained.folder,
                still_right(read_processed(before), corpus.rows),
                corpus.rows,
                params=config.gate,
            )
        lease.check()

        def record(tags: Mapping[str, str], files: Files) -> Recorded:
            name, key = f"retrain {trained.digest[:12]}", f"retrain-{trained.digest[:24]}"
            return record_training(
                config.tracking,
                trained,
                corpus,
                config.train,
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
            "new_intents": list(merged.new_intents),
            "warnings": [str(problem) for problem in checked.warnings],
        },
    )
