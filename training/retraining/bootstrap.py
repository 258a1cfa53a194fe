"""Register a bundle that was not made by a retraining: corpus in DVC, bundle in the store, version in the registry.

The first version becomes champion. A later one, such as the bundle of a newer image, gets no alias; once it
serves, `k8s.rollout.reconcile` moves the alias. A champion that a retraining made serves on, also in a release that is
installed anew over its data: a Deployment that names no model yet gets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from chatbot.dialog.replies import Replies
from chatbot.loop.registry import CHAMPION, ModelVersion
from chatbot.loop.retrain_result import RetrainResult
from chatbot.model import bundle as bundles
from chatbot.store import open_store
from chatbot.store.lease import StoreLease
from data.declarations import DECLARED_FILE, write_declared
from data.digest import corpus_digest
from data.loading import load_checked
from data.processing import CORPUS_FILE, ProcessParams, process, read_processed, write
from training.corpus.files import write_sources
from training.gate.judge import judge_corpora
from training.progress import Steps
from training.retraining.config import LEASE, CannotRetrain, RetrainConfig, emptied
from training.retraining.publish import publish
from training.tracking import runs
from training.tracking.registry import Registry
from training.tracking.runs import Files, Recorded


def bootstrap(config: RetrainConfig, steps: Steps, bundle: Path, source: Path) -> tuple[ModelVersion, bool]:
    """Register a bundle with its training corpus; the first version becomes champion. Idempotent.

    Args: source: the corpus it was made from: a file or a folder of YAML files.

    Returns: the version and True; if the bundle was registered already, the champion and False.

    Raises:
        CannotRetrain: the bundle was trained on another corpus.
        BundleError: the folder is not a complete bundle.
        LeaseHeld: another process holds the lease.
        TrackingFailed: MLflow did not record the run; a later call resumes.
    """
    store, registry = open_store(config.store), Registry(config.tracking)
    digest = bundles.verify(bundle)
    if found := _champion(registry, digest):
        return found, False
    with StoreLease(store, LEASE, config.settings.lease_seconds) as lease, emptied(config.work) as work:
        if found := _champion(registry, digest):
            return found, False
        with steps.wait("process"):
            write_version(work / "corpus", bundle, source, config.process)
        with steps.wait("gate"):
            # Without a champion, the gate warns and never refuses.
            verdict = judge_corpora(None, bundle, None, read_processed(work / "corpus"), params=config.gate)

        def record(tags: Mapping[str, str], files: Files) -> Recorded:
            return runs.record(
                config.tracking,
                f"first {digest[:12]}",
                params=config.train.model_dump(),
                metrics=bundles.read_manifest(bundle).scores,
                tags=tags,
                figures={},
                files={"": bundle / bundles.MANIFEST, **files},
                key=f"first-{digest[:24]}",
            )

        version, _ = publish(config, steps, lease.check, work / "corpus", bundle, verdict, record, {})
        if registry.champion() is None:
            registry.set_alias(CHAMPION, version.number)
    return registry.get(version.number), True


def _champion(registry: Registry, digest: str) -> ModelVersion | None:
    """Return the champion if there is one and this bundle is registered; None otherwise."""
    champion = registry.champion()
    return champion if champion and registry.find(digest) else None


def to_set_where_unset(champion: ModelVersion | None) -> RetrainResult:
    """Return the result that sets a retrained champion where no model has been set; the image has any other one."""
    found = str(champion.ref) if champion and champion.is_retrained else None
    why = f"{found} is champion" if found else "the image contains what is to serve"
    return RetrainResult(outcome="accepted", why=why, challenger=found, only_unset=True)


def write_version(folder: Path, bundle: Path, source: Path, params: ProcessParams) -> None:
    """Write the corpus version that a bundle was trained on.

    Raises: CannotRetrain: the bundle was trained on another corpus than `source`.
    """
    wanted = bundles.read_manifest(bundle).corpus_digest
    loaded, checked = load_checked(source)
    write(process(loaded.table, params), checked, params, folder)
    if (found := corpus_digest(folder / CORPUS_FILE)) != wanted:
        raise CannotRetrain(
            f"the bundle {bundle} was trained on the corpus {wanted}, but {source} gives {found}: train it on this "
            "corpus first (`make run`, or `python -m data.process` and `python -m training.train`)"
        )
    write_sources(folder, loaded.table, Replies.load(bundle / bundles.REPLIES), bundle / bundles.RULES)
    write_declared(folder / DECLARED_FILE, loaded.declared)
