"""Run one retraining as a sequence of idempotent, deterministic steps.

pull the champion's corpus -> merge accepted rows -> apply label decisions and declared changes -> check -> process ->
train -> gate -> publish (corpus, bundle, gate report, run, version) -> alias `challenger`

A given corpus takes the place of the champion's. Without a champion, its version is the first one and becomes champion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from chatbot.dialog.replies import Replies
from chatbot.loop.registry import CHALLENGER, CHAMPION
from chatbot.loop.retrain_result import RetrainResult
from chatbot.model import bundle as bundles
from chatbot.records.erasure import forgotten
from chatbot.store import open_store
from chatbot.store.lease import StoreLease
from data.checks import check
from data.processing import CORPUS_FILE, process, read_processed, write
from training.corpus import versions
from training.corpus.dvc import check_store
from training.corpus.files import read_rows, without_examples, write_sources
from training.corpus.given import GivenCorpus
from training.corpus.reading import read
from training.corpus.versions import REPLIES_FILE, ROWS_FILE, RULES_FILE, Pointer
from training.gate.judge import judge_corpora
from training.model.train import train
from training.progress import Steps
from training.retraining.changes import apply_changes
from training.retraining.config import LEASE, RetrainConfig, RetrainError, emptied
from training.retraining.merge import merge, still_right
from training.retraining.publish import GATE_AGAINST, publish
from training.review.accepted import read_accepted
from training.review.board import queue_length
from training.review.decisions import Decisions
from training.review.declared import read_stored
from training.review.labels import put_findings, row_decisions
from training.tracking.bundles import fetch_bundle
from training.tracking.registry import Registry
from training.tracking.runs import Files, Recorded
from training.tracking.training_run import record_training

SHIPPED_RULES = Path(__file__).resolve().parents[2] / "data" / "corpus" / "rules.yaml"


GIVEN_CORPUS = "given_corpus"
"""Tag with the digest of the given corpus that a version was trained on."""


def retrain(config: RetrainConfig, steps: Steps, given: GivenCorpus | None = None) -> RetrainResult:
    """Merge new decisions and declared changes into the champion's corpus, train a challenger, gate and publish it.

    Idempotent: a later run resumes after a failure. A `given` corpus, in place of the champion's, is trained once.

    Returns: the outcome; `needs_review` if nothing changed since the champion was trained.

    Raises:
        LeaseHeld: another retraining holds the lease.
        RetrainError: there is no champion.
        ChatbotError: a dependency is unavailable, or the corpus has errors (each row is named with its review).
    """
    store, registry = open_store(config.store), Registry(config.tracking)
    with steps.wait("champion"):
        champion = registry.champion()
    if given is not None and (found := _trained_before(registry, given)):
        return found
    if champion is None and given is None:
        raise RetrainError(
            f"MLflow has no champion of {config.tracking.model!r}: register the serving bundle first, with: "
            "python -m training.retrain --first"
        )
    check_store(config.store)
    with StoreLease(store, LEASE, config.settings.lease_seconds) as lease, emptied(config.work) as work:
        with steps.wait("merge"):
            before = None
            if champion is not None:
                before = versions.pull(config.store, Pointer.parse(champion.corpus_pointer), work / "before")
            rows, replies, rules = _base(before, given)
            decisions = Decisions(store)
            accepted = read_accepted(store, decisions)
            merged = merge(rows, replies, accepted, forgotten(store), decisions.withdrawn())
            declared = read_stored(store)
            changed = apply_changes(
                merged.rows,
                row_decisions(decisions),
                declared,
                () if before is None else read_processed(before)["row_hash"],
            )
            replies = Replies(declared.texts(merged.replies.texts))
            params = config.train.declared(declared.target)
            served = None
            if champion is not None:
                served = fetch_bundle(store, registry, champion, work / "bundles")
            has_new_target = (
                served is not None
                and declared.target is not None
                and bundles.read_manifest(served).target.get("target") != declared.target
            )
        is_new = given is not None or merged.changed or changed.differs or has_new_target
        if champion is not None and not is_new:
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
            write(process(changed.rows, config.process), checked, config.process, folder)
            # With the original labels: decisions and declared changes are applied again in each retraining.
            write_sources(folder, merged.rows, merged.replies, rules)
            (work / REPLIES_FILE).write_text(without_examples(replies).dump(), encoding="utf-8")
            corpus = replace(read(folder / CORPUS_FILE, config.process), kept=changed.kept)
        trained = train(
            corpus, work / "challenger", params, steps, folder / RULES_FILE, work / REPLIES_FILE, config.cache
        )
        with steps.wait("gate"):
            # Without a champion, the gate warns and never refuses.
            right = still_right(read_processed(before), corpus.rows, changed.overruled) if before else None
            verdict = judge_corpora(
                served,
                trained.folder,
                right,
                corpus.rows,
                params=config.gate,
                declared=declared,
                suspects=[s for s in trained.points.findings.suspects if s.row_hash not in changed.known],
                arrived=int((~corpus.rows["row_hash"].isin(changed.known)).sum()),
            )
        lease.check()
        put_findings(store, trained.points.findings)

        def record(tags: Mapping[str, str], files: Files) -> Recorded:
            name, key = f"retrain {trained.digest[:12]}", f"retrain-{trained.digest[:24]}"
            return record_training(
                config.tracking, trained, corpus, params, steps, name=name, tags=tags, files=files, key=key
            )

        tags = {
            "rows_added": str(merged.added),
            "rows_removed": str(merged.removed),
            "rows_moved": str(changed.moved),
            "rows_dropped": str(changed.dropped),
        }
        if champion is not None:
            tags[GATE_AGAINST] = champion.bundle_digest
        if given is not None:
            tags[GIVEN_CORPUS] = given.digest
        challenger, report = publish(config, steps, lease, folder, trained.folder, verdict, record, tags)
        registry.set_alias(CHAMPION if champion is None else CHALLENGER, challenger.number)
    new = {*merged.new_intents} - {*declared.successors.values()}
    return RetrainResult(
        outcome="accepted" if verdict.passed else "refused",
        why=verdict.sentence,
        champion=None if champion is None else str(champion.ref),
        challenger=str(challenger.ref),
        gate={"verdict": verdict.word, "refused_by": list(verdict.refused_by), "report": report},
        corpus={
            "digest": corpus.digest,
            "added": merged.added,
            "removed": merged.removed,
            "moved": changed.moved,
            "dropped": changed.dropped,
            "new_intents": sorted(new & {*corpus.rows["intent"]}),
            "warnings": [str(problem) for problem in (given.report if given else checked).warnings],
        },
        only_unset=champion is None,
    )


def _base(before: Path | None, given: GivenCorpus | None) -> tuple[pd.DataFrame, Replies, Path]:
    """Return the rows, replies and rules that decisions are merged into: the given corpus's, else the champion's."""
    if given is not None:
        return given.rows, given.replies, SHIPPED_RULES
    if before is None:
        raise RetrainError("neither a champion nor a corpus is given")
    return read_rows(before / ROWS_FILE), Replies.load(before / REPLIES_FILE), before / RULES_FILE


def _trained_before(registry: Registry, given: GivenCorpus) -> RetrainResult | None:
    """Return the result if a version was trained on this corpus before: nothing is trained, and the champion stays.

    The champion is named as the challenger, for a rollout that was interrupted before it set any model.
    """
    trained = [version for version in registry.versions() if version.tags.get(GIVEN_CORPUS) == given.digest]
    if not trained:
        return None
    if (champion := registry.champion()) is None:  # interrupted before the alias was set
        champion = trained[-1]
        registry.set_alias(CHAMPION, champion.number)
    return RetrainResult(
        outcome="accepted",
        why=f"this corpus was trained before, as version {trained[0].number}; champion is version {champion.number}",
        challenger=str(champion.ref),
        corpus={"digest": champion.corpus_digest},
        only_unset=True,
    )
