"""Publish the results of a retraining: corpus, bundle, gate report, run, version, alias."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chatbot.model import bundle_store
from chatbot.settings import RetrainSettings, StorageSettings, TrackingSettings
from chatbot.store import Store, layout, open_store
from chatbot.store.lease import Lease
from data.processing import ProcessParams
from training.corpus import versions
from training.corpus.reading import Corpus
from training.gate.params import GateParams
from training.gate.report.render import JSON_FILE, PAGE_FILE, write_verdict
from training.gate.verdict import GateVerdict
from training.model.params import TrainParams
from training.model.train import Trained
from training.progress import Steps
from training.retraining.merge import Merged
from training.tracking.client import TrackingError
from training.tracking.registry import (
    BUNDLE_DIGEST,
    CHALLENGER,
    CORPUS_DIGEST,
    CORPUS_POINTER,
    GATE,
    GIT_COMMIT,
    ModelVersion,
    Registry,
)
from training.tracking.training_run import record_training

GATE_AGAINST = "gate_against"
"""Tag with the digest of the champion that the gate compared with."""


@dataclass(frozen=True, slots=True)
class RetrainConfig:
    """Configuration of a retraining.

    Attributes:
        store: the object store.
        tracking: MLflow tracking and registry.
        settings: settings of the retraining, such as the lease duration.
        process: parameters of the corpus processing.
        train: parameters of the training.
        gate: bounds of the gate.
        work: exclusive work folder; it is emptied at the start.
        cache: folder of exported encoders.
    """

    store: StorageSettings
    tracking: TrackingSettings
    settings: RetrainSettings
    process: ProcessParams
    train: TrainParams
    gate: GateParams
    work: Path
    cache: Path


def publish(
    config: RetrainConfig,
    steps: Steps,
    lease: Lease,
    champion: ModelVersion,
    corpus: Corpus,
    trained: Trained,
    verdict: GateVerdict,
    merged: Merged,
) -> tuple[ModelVersion, str]:
    """Publish corpus, bundle, gate report, run, version and alias, in this order: references come last.

    Idempotent: the run (by its idempotency key) and the version are unique per bundle digest.

    Returns:
        The registered challenger, and the store key of the gate's HTML report.

    Raises:
        LeaseLost: the lease was lost.
        TrackingError: MLflow did not record the run; corpus and bundle are in the store, and a later run
            resumes.
    """
    store, registry = open_store(config.store), Registry(config.tracking)
    with steps.wait("push corpus"):
        pointer = versions.push(config.store, config.work / "corpus")
    with steps.wait("push bundle"):
        bundle_store.push(store, trained.folder)
        report = gate_report(store, trained.digest, verdict, config.work)
    tags = {
        CORPUS_DIGEST: corpus.digest,
        CORPUS_POINTER: str(pointer),
        GIT_COMMIT: trained.manifest.git_commit,
        BUNDLE_DIGEST: trained.digest,
        GATE: verdict.word,
        GATE_AGAINST: champion.bundle_digest,
        "rows_added": str(merged.added),
        "rows_removed": str(merged.removed),
    }
    lease.check()
    recorded = record_training(
        config.tracking,
        trained,
        corpus,
        config.train,
        steps,
        name=f"retrain {trained.digest[:12]}",
        tags=tags,
        files={"gate": config.work / JSON_FILE},
        key=f"retrain-{trained.digest[:24]}",
    )
    if recorded.kept is not None:
        raise TrackingError(
            f"{recorded.reason}. Corpus and bundle are in the store; run the retraining again to register them"
        )
    with steps.wait("register"):
        lease.check()
        version = registry.register(recorded.run_id, trained.folder, tags)
        for name in (GATE, GATE_AGAINST):
            if version.tags.get(name) != tags[name]:
                registry.tag(version.number, name, tags[name])
        registry.set_alias(CHALLENGER, version.number)
    return registry.get(version.number), report


def gate_report(store: Store, digest: str, verdict: GateVerdict, scratch: Path) -> str:
    """Upload the verdict to the store under the bundle's digest.

    Args:
        store: the store.
        digest: the bundle digest of the challenger.
        verdict: the verdict.
        scratch: local folder for the files.

    Returns:
        The store key of the HTML report.
    """
    write_verdict(verdict, scratch)
    for name in (JSON_FILE, PAGE_FILE):
        store.put_file(layout.gate_report(digest, name), scratch / name)
    return layout.gate_report(digest, PAGE_FILE)
