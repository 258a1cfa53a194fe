"""Publish the results of a retraining: corpus, bundle, gate report, run, version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from chatbot.loop.registry import (
    BUNDLE_DIGEST,
    CORPUS_DIGEST,
    CORPUS_POINTER,
    GATE,
    GATE_AGAINST,
    GIT_COMMIT,
    GIVEN_CORPUS,
    ModelVersion,
)
from chatbot.model import bundle as bundles
from chatbot.model import bundle_store
from chatbot.store import layout, open_store
from training.corpus import versions
from training.gate.report.render import JSON_FILE, PAGE_FILE, write_verdict
from training.gate.verdict import GateVerdict
from training.progress import Steps
from training.provenance import git_commit
from training.retraining.config import RetrainConfig
from training.tracking.client import TrackingFailed
from training.tracking.registry import Registry
from training.tracking.runs import Files, Recorded

RecordRun = Callable[[Mapping[str, str], Files], Recorded]
"""Records the run in MLflow, given its tags and its files by artifact folder."""


def publish(
    config: RetrainConfig,
    steps: Steps,
    check_lease: Callable[[], None],
    corpus: Path,
    bundle: Path,
    verdict: GateVerdict,
    record: RecordRun,
    tags: Mapping[str, str],
) -> tuple[ModelVersion, str]:
    """Publish corpus, bundle, gate report, run and version, in this order: references come last.

    Idempotent: the run (by its idempotency key) and the version are unique per bundle digest. `check_lease` is
    called before every visible step, and raises if a lease is lost. `tags` are those of run and version besides those
    of every version.

    Returns: the registered version, and the store key of the gate's HTML report.

    Raises: TrackingFailed: MLflow did not record the run; corpus and bundle are in the store, and a later run resumes.
    """
    store, registry = open_store(config.store), Registry(config.tracking)
    manifest, digest = bundles.read_manifest(bundle), verdict.challenger.digest
    write_verdict(verdict, config.work)
    gate_files = {name: config.work / name for name in (JSON_FILE, PAGE_FILE)}
    with steps.wait("push corpus"):
        pointer = versions.push(config.store, corpus)
    with steps.wait("push bundle"):
        bundle_store.push(store, bundle)
        for name, file in gate_files.items():
            store.put_file(layout.gate_report(digest, name), file)
    tags = {
        CORPUS_DIGEST: manifest.corpus_digest,
        CORPUS_POINTER: str(pointer),
        GIT_COMMIT: manifest.git_commit or git_commit(Path(__file__).resolve().parents[2]),
        BUNDLE_DIGEST: digest,
        GATE: verdict.word,
        **tags,
    }
    check_lease()
    # The description that MLflow shows at the top of the run's page.
    note = f"Gate: {verdict.sentence} Report: artifact gate/{PAGE_FILE}."
    recorded = record({**tags, "mlflow.note.content": note}, {"gate": list(gate_files.values())})
    if recorded.kept is not None:
        raise TrackingFailed(
            f"{recorded.reason}. Corpus and bundle are in the store; run the retraining again to register them"
        )
    with steps.wait("register"):
        check_lease()
        version = registry.register(recorded.run_id, bundle, tags)
        for name in (GATE, GATE_AGAINST, GIVEN_CORPUS):
            if name in tags and version.tags.get(name) != tags[name]:
                registry.tag(version.number, name, tags[name])
    return version, layout.gate_report(digest, PAGE_FILE)
