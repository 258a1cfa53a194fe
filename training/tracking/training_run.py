"""Record a training run in MLflow: parameters, scores overall and per part, figures, provenance."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from chatbot.model import bundle as bundles
from chatbot.settings import TrackingSettings
from training.model.evaluation.outcome import flat
from training.tracking import runs

if TYPE_CHECKING:
    from training.corpus.reading import Corpus
    from training.model.params import TrainParams
    from training.model.train import Trained
    from training.progress import Steps
    from training.tracking.runs import Files, Recorded


def record_training(
    settings: TrackingSettings,
    trained: Trained,
    corpus: Corpus,
    params: TrainParams,
    steps: Steps,
    *,
    name: str = "",
    tags: Mapping[str, str] | None = None,
    files: Files | None = None,
    key: str = "",
) -> Recorded:
    """Draw the figures of a training and record its run, named after the bundle's digest by default.

    To `tags` and `files` (see `training.tracking.runs.record`) the entries common to all trainings are added.
    """
    manifest, learned = trained.manifest, trained.learned
    with steps.wait("pictures"):
        figures = trained.draw()
    parts = {"train_rows": len(corpus.train), "tuning_rows": len(corpus.tuning)}
    thresholds = {f"threshold_{name}": value for name, value in manifest.thresholds.model_dump().items()}
    with steps.wait("record"), tempfile.TemporaryDirectory() as scratch:
        points = Path(scratch) / "operating_points.json"
        points.write_text(
            json.dumps(trained.points.as_dict(), indent=2, ensure_ascii=False), encoding="utf-8"
        )
        return runs.record(
            settings,
            name or f"train {trained.digest[:12]}",
            params={
                **params.model_dump(),
                "out_of_scope_share": learned.share,
                **parts,
                "corpus_digest": corpus.digest,
                "encoder_digest": manifest.encoder.digest,
            },
            metrics={
                **flat(trained.report),
                **thresholds,
                "temperature": manifest.temperature,
                "learned/coverage": learned.coverage,
                "learned/risk": learned.risk,
                "learned/bound": learned.bound,
                "learned/counted": learned.counted,
                "learned/distinct": learned.rows,
                "seconds": trained.seconds,
            },
            tags={
                "corpus_digest": corpus.digest,
                "bundle_digest": trained.digest,
                "git_commit": manifest.git_commit,
                "thresholds": trained.points.sentence,
                "evaluated": trained.report["evaluated"],
                **(tags or {}),
            },
            figures=figures,
            files={"": trained.folder / bundles.MANIFEST, "thresholds": points, **(files or {})},
            key=key,
            seconds=trained.seconds,
        )
