"""Run one retraining as a sequence of idempotent, deterministic steps.

pull the champion's corpus -> merge accepted rows -> apply label decisions and declared changes -> check -> process ->
train -> gate -> publish (corpus, bundle, gate report, run, version) -> alias `challenger`

A given corpus takes the place of the champion's. Without a champion, its version is the first one and becomes champion.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from chatbot.dialog.replies import Replies
from chatbot.loop.registry import CHALLENGER, CHAMPION, GATE_AGAINST, GIVEN_CORPUS, ModelVersion
from chatbot.loop.retrain_result import RetrainResult
from chatbot.records.erasure import REVIEWED, forgotten
from chatbot.store import Store, layout, open_store
from chatbot.store.lease import Lease, LeaseHeld, StoreLease
from data.checks import Report, check
from data.declarations import DECLARED_FILE, write_declared
from data.processing import CORPUS_FILE, process, read_processed, write
from training.corpus import versions
from training.corpus.dvc import check_store
from training.corpus.files import without_examples, write_sources
from training.corpus.given import GivenCorpus
from training.corpus.reading import Corpus, read
from training.corpus.versions import REPLIES_FILE, RULES_FILE, Pointer
from training.gate.judge import judge_corpora
from training.gate.params import GateParams
from training.gate.rows import UNFILLED
from training.gate.verdict import GateVerdict
from training.model.train import Trained, train
from training.progress import Steps
from training.retraining.config import ERASURE_WAIT, LEASE, CannotRetrain, RetrainConfig, emptied
from training.retraining.merge import still_right
from training.retraining.publish import publish
from training.retraining.resumption import trained_before
from training.retraining.revision import Champion, Revision, revise
from training.review.board import queue_length
from training.review.labels import put_findings
from training.tracking.bundles import fetch_bundle
from training.tracking.registry import Registry
from training.tracking.runs import Files, Recorded
from training.tracking.training_run import record_training


def retrain(config: RetrainConfig, steps: Steps, given: GivenCorpus | None = None) -> RetrainResult:
    """Merge new decisions and declared changes into the champion's corpus, train a challenger, gate and publish it.

    Idempotent: a later run resumes after a failure. A `given` corpus, in place of the champion's, is trained once.

    Returns: the outcome; `needs_review` if nothing changed since the champion was trained.

    Raises:
        LeaseHeld: another retraining holds the lease.
        CannotRetrain: neither a corpus is given, nor does the registry have a champion; or a row was erased meanwhile,
            or an erasure rewrites copies for longer than an hour.
        ChatbotError: a dependency is unavailable, or the corpus has errors (each row is named with its review).
    """
    store, registry = open_store(config.store), Registry(config.tracking)
    with steps.wait("champion"):
        version = registry.champion()
    if given is not None and (found := trained_before(registry, given.digest)):
        return found
    if version is None and given is None:
        raise CannotRetrain(
            f"MLflow has no champion of {config.tracking.model!r}: register the serving bundle first, with: "
            "python -m training.retrain --first"
        )
    check_store(config.store)
    with StoreLease(store, LEASE, config.settings.lease_seconds) as lease, emptied(config.work) as work:
        with steps.wait("merge"):
            champion = None if version is None else _fetch(config, store, registry, version)
            revision = revise(store, champion, given)
        if champion is not None and given is None and not revision.differs_from(champion):
            return _needs_review(store, champion.version)
        params = config.train.declared(revision.declared)
        with steps.wait("process"):
            checked = check(revision.changed.rows)
            checked.raise_errors()
            corpus = _process(config, revision, checked)
        folder = work / "corpus"
        trained = train(
            corpus, work / "challenger", params, steps, folder / RULES_FILE, work / REPLIES_FILE, config.cache
        )
        with steps.wait("gate"):
            verdict = _judge(config.gate, champion, trained, corpus, revision)

        def record(tags: Mapping[str, str], files: Files) -> Recorded:
            name, key = f"retrain {trained.digest[:12]}", f"retrain-{trained.digest[:24]}"
            return record_training(
                config.tracking, trained, corpus, params, steps, name=name, tags=tags, files=files, key=key
            )

        tags = _tags(revision, version, given)
        # An erasure waits until the version is registered: then it finds all copies.
        with _copies_lease(store, config.settings.lease_seconds) as copies:

            def check_leases() -> None:
                lease.check()
                copies.check()

            _refuse_erased(store, revision, work)
            check_leases()
            put_findings(store, trained.points.findings)
            challenger, report = publish(
                config, steps, check_leases, folder, trained.folder, verdict, record, tags
            )
        registry.set_alias(CHAMPION if version is None else CHALLENGER, challenger.number)
    merged, changed = revision.merged, revision.changed
    new = {*merged.new_intents} - {*revision.declared.successors.values()}
    return RetrainResult(
        outcome="accepted" if verdict.passed else "refused",
        why=verdict.sentence,
        champion=None if version is None else str(version.ref),
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
        only_unset=version is None,
    )


@contextmanager
def _copies_lease(store: Store, seconds: float) -> Iterator[Lease]:
    """Hold the lease of erasures for a block.

    Raises: CannotRetrain: an erasure holds it for longer than `ERASURE_WAIT`; as `LeaseHeld`, this retraining would
        count as busy.
    """
    try:
        with StoreLease(store, layout.ERASURE_LEASE, seconds, ERASURE_WAIT) as lease:
            yield lease
    except LeaseHeld as error:
        raise CannotRetrain(f"an erasure rewrites copies ({error}): run the retraining again") from error


def _fetch(config: RetrainConfig, store: Store, registry: Registry, version: ModelVersion) -> Champion:
    """Fetch the champion's corpus and bundle."""
    sources = versions.pull(config.store, Pointer.parse(version.corpus_pointer), config.work / "before")
    bundle = fetch_bundle(store, registry, version, config.work / "bundles")
    return Champion(version, sources, read_processed(sources), bundle)


def _needs_review(store: Store, champion: ModelVersion) -> RetrainResult:
    """Return the result of a retraining without anything new."""
    waiting = queue_length(store)
    return RetrainResult(
        outcome="needs_review",
        why="nothing was accepted since the champion was trained, and the same corpus gives the same weights: "
        f"{waiting} messages are in the review queue (python -m training.review)",
        champion=str(champion.ref),
        queue=waiting,
        corpus={"digest": champion.corpus_digest},
    )


def _process(config: RetrainConfig, revision: Revision, checked: Report) -> Corpus:
    """Write the next corpus version into the work folder, and the replies to train with; return the corpus."""
    folder, changed, merged = config.work / "corpus", revision.changed, revision.merged
    write(process(changed.rows, config.process), checked, config.process, folder)
    # With the original labels: decisions and declared changes are applied again in each retraining.
    write_sources(folder, merged.rows, merged.replies, revision.rules)
    write_declared(folder / DECLARED_FILE, revision.own)
    replies = Replies(revision.declared.texts(merged.replies.texts))
    (config.work / REPLIES_FILE).write_text(without_examples(replies).dump(), encoding="utf-8")
    return replace(read(folder / CORPUS_FILE, config.process), kept=changed.kept, declared=revision.declared)


def _judge(
    params: GateParams, champion: Champion | None, trained: Trained, corpus: Corpus, revision: Revision
) -> GateVerdict:
    """Compare the challenger with the champion; without one, the gate warns and never refuses."""
    changed = revision.changed
    unfilled = dict(zip(changed.rows["row_hash"], changed.rows["message"], strict=True))
    right = None if champion is None else still_right(champion.rows, corpus.rows, changed.overruled)
    return judge_corpora(
        None if champion is None else champion.bundle,
        trained.folder,
        right,
        corpus.rows.assign(**{UNFILLED: corpus.rows["row_hash"].map(unfilled)}),
        params=params,
        declared=revision.declared,
        suspects=[s for s in trained.points.findings.suspects if s.row_hash not in changed.known],
        arrived=int((~corpus.rows["row_hash"].isin(changed.known)).sum()),
    )


def _refuse_erased(store: Store, revision: Revision, work: Path) -> None:
    """Check that no row was erased since the merge.

    Raises: CannotRetrain: one was; the work folder is deleted, and nothing published.
    """
    if {REVIEWED + source_id for source_id in forgotten(store)} & {*revision.merged.rows["source"]}:
        shutil.rmtree(work)
        raise CannotRetrain(
            "messages of the new corpus were erased during the training; nothing is published: run the retraining again"
        )


def _tags(revision: Revision, champion: ModelVersion | None, given: GivenCorpus | None) -> dict[str, str]:
    """Return the tags of run and version besides those of every version."""
    merged, changed = revision.merged, revision.changed
    numbers = {
        "rows_added": merged.added,
        "rows_removed": merged.removed,
        "rows_moved": changed.moved,
        "rows_dropped": changed.dropped,
    }
    tags = {name: str(number) for name, number in numbers.items()}
    if champion is not None:
        tags[GATE_AGAINST] = champion.bundle_digest
    if given is not None:
        tags[GIVEN_CORPUS] = given.digest
    return tags
