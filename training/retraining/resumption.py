"""Find what was trained on a given corpus before: an interrupted run is resumed, and nothing is trained twice."""

from __future__ import annotations

from chatbot.loop.registry import CHALLENGER, CHAMPION, GATE_AGAINST, GIVEN_CORPUS, ModelVersion
from chatbot.loop.retrain_result import RetrainResult
from chatbot.store import layout
from training.gate.report.render import PAGE_FILE
from training.tracking.registry import Registry


def trained_before(registry: Registry, given: str) -> RetrainResult | None:
    """Return the result if a version was trained on the corpus with this digest before: nothing is trained.

    A challenger whose rollout has perhaps not begun is accepted again; a rollout skips one that was rolled back. Else
    the champion stays; it is named as the challenger, for a rollout that was interrupted before it set any model.
    """
    versions = registry.versions()
    trained = [version for version in versions if version.tags.get(GIVEN_CORPUS) == given]
    if not trained:
        return None
    if (champion := registry.champion()) is None:  # interrupted before the alias was set
        champion = trained[-1]
        registry.set_alias(CHAMPION, champion.number)
    elif _awaits_rollout(versions[0], trained, champion):
        return _accepted(registry, versions[0], champion)
    return RetrainResult(
        outcome="accepted",
        why=f"this corpus was trained before, as version {trained[0].number}; champion is version {champion.number}",
        challenger=str(champion.ref),
        corpus={"digest": champion.corpus_digest},
        only_unset=True,
    )


def _awaits_rollout(newest: ModelVersion, trained: list[ModelVersion], champion: ModelVersion) -> bool:
    """Whether the newest version is of this corpus and was accepted against this champion.

    An older one may have been rolled back so long ago that nothing tells it any more.
    """
    return (
        newest in trained
        and newest.number != champion.number
        and newest.may_serve
        and newest.tags.get(GATE_AGAINST) == champion.bundle_digest
    )


def _accepted(registry: Registry, challenger: ModelVersion, champion: ModelVersion) -> RetrainResult:
    if CHALLENGER not in challenger.aliases:  # interrupted before the alias was set
        registry.set_alias(CHALLENGER, challenger.number)
    report = layout.gate_report(challenger.bundle_digest, PAGE_FILE)
    return RetrainResult(
        outcome="accepted",
        why=f"this corpus was trained before, as version {challenger.number}, which the gate accepted",
        champion=str(champion.ref),
        challenger=str(challenger.ref),
        gate={"verdict": challenger.verdict, "refused_by": [], "report": report},
        corpus={"digest": challenger.corpus_digest},
    )
