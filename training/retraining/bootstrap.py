"""Register a bundle that no retraining made: corpus in DVC, bundle in the store, version in the registry.

The first version becomes champion. A later one, such as the bundle of a newer image, gets no alias; once it
serves, `k8s.rollout.reconcile` moves the alias.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from chatbot.dialog.replies import Replies
from chatbot.model import bundle as bundles
from chatbot.model import bundle_store
from chatbot.store import open_store
from chatbot.store.lease import StoreLease
from data.checks import check
from data.digest import corpus_digest
from data.loading import load_corpus
from data.processing import (
    CORPUS_FILE,
    LEFT_OUT_FILE,
    REPORT_FILE,
    SPLITS_FILE,
    process,
    read_processed,
    write,
)
from data.splitting import TEST
from training.corpus import versions
from training.corpus.versions import REPLIES_FILE, ROWS_FILE, RULES_FILE
from training.gate.behaviour_tests import SHIPPED, read_behaviours
from training.gate.judge import judge_folders, mark_new
from training.progress import Steps
from training.provenance import git_commit
from training.retraining.merge import without_examples, write_rows
from training.retraining.publish import RetrainConfig, gate_report
from training.retraining.run import LEASE, RetrainError
from training.tracking import runs
from training.tracking.client import TrackingError
from training.tracking.registry import (
    BUNDLE_DIGEST,
    CHAMPION,
    CORPUS_DIGEST,
    CORPUS_POINTER,
    GATE,
    GIT_COMMIT,
    ModelVersion,
    Registry,
)


def bootstrap(
    config: RetrainConfig, steps: Steps, bundle: Path, source: Path, processed: Path
) -> tuple[ModelVersion, bool]:
    """Register a bundle with its training corpus; the first version becomes champion. Idempotent.

    Args:
        config: the configuration.
        steps: reports the progress.
        bundle: the bundle's folder.
        source: the corpus it was made from: a file or a folder of YAML files.
        processed: the output of `data.process`; it is rebuilt if it is missing or of another corpus.

    Returns:
        The version, and whether this call registered it. If the bundle was registered already: the champion,
        False.

    Raises:
        RetrainError: the bundle was trained on another corpus.
        BundleError: the folder is not a complete bundle.
        LeaseHeld: another process holds the lease.
        TrackingError: MLflow did not record the run; a later call resumes.
    """
    store, registry = open_store(config.store), Registry(config.tracking)
    digest = bundles.verify(bundle)
    if found := _champion(registry, digest):
        return found, False
    with StoreLease(store, LEASE, config.settings.lease_seconds) as lease:
        if found := _champion(registry, digest):
            return found, False
        with steps.wait("corpus"):
            folder = version_files(config, bundle, source, processed)
            pointer = versions.push(config.store, folder)
        with steps.wait("gate"):
            # Without a champion, the gate warns and never refuses.
            rows = read_processed(folder)
            verdict = judge_folders(
                None,
                bundle,
                mark_new(rows[rows["part"] == TEST], None),
                params=config.gate,
                behaviours=read_behaviours(SHIPPED),
            )
        with steps.wait("push bundle"):
            bundle_store.push(store, bundle)
            gate_report(store, digest, verdict, config.work)
        manifest = bundles.read_manifest(bundle)
        tags = {
            CORPUS_DIGEST: pointer.corpus_digest,
            CORPUS_POINTER: str(pointer),
            GIT_COMMIT: manifest.git_commit or git_commit(Path(__file__).resolve().parents[2]),
            BUNDLE_DIGEST: digest,
            GATE: verdict.word,
        }
        with steps.wait("register"):
            lease.check()
            recorded = runs.record(
                config.tracking,
                f"first {digest[:12]}",
                params=config.train.model_dump(),
                metrics=manifest.scores,
                tags=tags,
                figures={},
                files={"": bundle / bundles.MANIFEST},
                key=f"first-{digest[:24]}",
            )
            if recorded.kept is not None:
                raise TrackingError(f"{recorded.reason}. Run this again to register the bundle")
            version = registry.register(recorded.run_id, bundle, tags)
            if registry.champion() is None:
                registry.set_alias(CHAMPION, version.number)
    shutil.rmtree(config.work, ignore_errors=True)
    return registry.get(version.number), True


def _champion(registry: Registry, digest: str) -> ModelVersion | None:
    """Return the champion if there is one and this bundle is registered; None otherwise."""
    champion = registry.champion()
    return champion if champion and registry.find(digest) else None


def version_files(config: RetrainConfig, bundle: Path, source: Path, processed: Path) -> Path:
    """Write the files of a corpus version into `work/corpus` and return that folder.

    Raises:
        RetrainError: the bundle was trained on another corpus than `source`.
    """
    wanted = bundles.read_manifest(bundle).corpus_digest
    folder = config.work / "corpus"
    shutil.rmtree(config.work, ignore_errors=True)
    folder.mkdir(parents=True)
    rows = load_corpus(source)
    there = processed / CORPUS_FILE
    if there.is_file() and corpus_digest(there) == wanted:
        for name in (CORPUS_FILE, SPLITS_FILE, LEFT_OUT_FILE, REPORT_FILE):
            shutil.copyfile(processed / name, folder / name)
    else:
        write(process(rows, config.process), check(rows), config.process, folder)
        if (found := corpus_digest(folder / CORPUS_FILE)) != wanted:
            raise RetrainError(
                f"the bundle {bundle} was trained on the corpus {wanted}, but {source} gives {found}: train it on this "
                "corpus first (`make run`, or `python -m data.process` and `python -m training.train`)"
            )
    write_rows(rows, folder / ROWS_FILE)
    replies = without_examples(Replies.load(bundle / bundles.REPLIES))
    (folder / REPLIES_FILE).write_text(replies.dump(), encoding="utf-8")
    shutil.copyfile(bundle / bundles.RULES, folder / RULES_FILE)
    return folder
