"""`python -m training.train`: train a bundle on a corpus, evaluate it, record the run.

Each step is a separate function below, in the order in which `train` calls them.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chatbot.dialog.rules import Rules
from chatbot.model import bundle as bundles
from chatbot.model.bundle import Bundle, EncoderInfo, KnownMessage, Manifest
from chatbot.model.classifier import Scores
from chatbot.model.encoder import Encoded
from data.errors import Problem
from training.corpus.reading import Corpus, replies_for
from training.labels.examine import examine
from training.labels.findings import LabelFindings
from training.model.blas import one_thread
from training.model.diagnosis import diagnose
from training.model.distinct import distinct_groups, name_groups, weights
from training.model.encoder.batch import encode
from training.model.encoder.export import Export, export
from training.model.evaluation.outcome import evaluate, full_report
from training.model.fit import UNKNOWN_FOLDS, Fitted, fit, folds, score_unknown
from training.model.generic_pool import ENOUGH_OWN, load_pool, uncovered
from training.model.operating_points import OperatingPoints, OutOfScope, learn_points
from training.model.params import TrainParams
from training.model.pictures import draw
from training.model.reference import write_reference
from training.model.thresholds import Learned, judge
from training.progress import Steps
from training.provenance import git_commit

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure


ROOT = Path(__file__).resolve().parents[2]
PROOF_MESSAGES = 600
KNOWN_MESSAGES = 8
SUMMARY_AXES = 8


@dataclass(frozen=True, slots=True)
class Trained:
    """Result of a training: the bundle at `folder`, its scores on the test part, and the duration."""

    folder: Path
    digest: str
    manifest: Manifest
    report: dict[str, Any]
    points: OperatingPoints
    findings: LabelFindings
    """About the labels of the train part."""
    without_reply: list[str]
    notices: list[Problem]
    """About replies without an intent."""
    seconds: float
    draw: Callable[[], dict[str, Figure]]
    """Draws the run's figures; takes seconds, so it is called only if they are needed."""

    @property
    def learned(self) -> Learned:
        """The thresholds in force."""
        return self.points.in_force


def train(
    corpus: Corpus,
    out: Path,
    params: TrainParams,
    steps: Steps,
    rules_file: Path,
    replies_source: Path | None,
    cache: Path,
) -> Trained:
    """Train on the train part, evaluate on the test part, write the bundle.

    Args:
        out: the bundle's folder; an existing bundle is replaced once the new one is complete.

    Raises:
        ChatbotError: the corpus, the encoder, the rules or the replies are unusable; the message has the
            reason.
    """
    began = time.monotonic()
    rows, tuning, test = corpus.train, corpus.tuning, corpus.test
    messages, labels = rows["message"].tolist(), rows["intent"].tolist()
    rules = Rules.load(rules_file)
    rules.check()
    replies, without_reply, notices = replies_for(sorted(set(labels)), replies_source, rows, corpus.replies)

    with steps.wait("copies"):
        groups = _groups(corpus.rows)
        group_of = dict(zip(corpus.rows.index, groups, strict=True))
        taught, tested = (np.asarray([group_of[row] for row in part.index]) for part in (rows, test))
        own = tuning.loc[~pd.Series([group_of[row] for row in tuning.index], tuning.index).duplicated()]
        # A test row that repeats a training row is no evidence.
        test_weight = np.where(np.isin(tested, taught), 0.0, weights(tested))
    pool = [] if len(own) >= ENOUGH_OWN else load_pool()

    with steps.wait("encoder"):
        exported = _export(params.encoder, cache, messages, labels)
    encoder = exported.load()
    with steps.count("encode", len(rows) + len(own) + len(pool) + len(test)) as advance:
        encoded = encode(encoder, messages, advance)
        encoded_own = encode(encoder, own["message"].tolist(), advance)
        encoded_pool = encode(encoder, pool, advance)
        encoded_test = encode(encoder, test["message"].tolist(), advance)
    with steps.count("fit", folds(len(rows)) + 1) as advance:
        fitted = fit(encoded, labels, taught.tolist(), params.seed, advance)
    with steps.wait("labels"):
        findings = examine(
            list(zip(messages, labels, rows["row_hash"], rows["source"], strict=True)),
            taught.tolist(),
            encoded.vectors,
            *fitted.judged,
            fitted.classifier.labels,
        ).without(corpus.kept)
    with steps.count("unknown intents", UNKNOWN_FOLDS) as advance:
        unknown = score_unknown(encoded, fitted, params.seed, advance)
    with steps.wait("thresholds"):
        used = uncovered(encoded_pool.vectors, encoded.vectors) if pool else np.empty(0, dtype=np.int64)
        both = [fitted.classifier.score(part) for part in (encoded_own, encoded_pool.part(used))]
        outside = Scores(
            np.concatenate([one.probabilities for one in both]), np.concatenate([one.scope for one in both])
        )
        points = learn_points(
            judge(fitted),
            outside,
            unknown,
            params,
            diagnose(fitted, messages, weights(taught)),
            OutOfScope(len(own), len(used), len(pool) - len(used)),
            len(messages),
        )
    learned = points.in_force

    manifest = Manifest(
        labels=fitted.classifier.labels,
        temperature=fitted.classifier.temperature,
        thresholds=learned.thresholds,
        target=points.as_dict(),
        encoder=EncoderInfo(name=exported.name, digest=exported.digest, dim=encoder.dim),
        corpus_digest=corpus.digest,
        git_commit=git_commit(ROOT),
        created=datetime.now(UTC),
    )
    made = Bundle(manifest, rules, replies, "", encoder, fitted.classifier, summarize(encoded))
    with steps.wait("score"):
        outcome = evaluate(
            made, test["message"].tolist(), test["intent"].tolist(), encoded_test, weight=test_weight
        )
        report = full_report(made, outcome, test["message"].tolist(), test["category"].tolist())
    manifest = manifest.model_copy(
        update={
            "scores": {name: value for name, value in report.items() if isinstance(value, float)},
            "known": _known(made, messages, encoded),
        }
    )
    made = replace(made, manifest=manifest)
    with steps.wait("bundle"):
        digest = _save(out, made, exported, rules_file, fitted, messages, encoded)

    def figures() -> dict[str, Figure]:
        return draw(
            encoded, fitted.labels, encoded_test, outcome, fitted.classifier.labels, learned, params.seed
        )

    seconds = time.monotonic() - began
    return Trained(out, digest, manifest, report, points, findings, without_reply, notices, seconds, figures)


def _groups(rows: pd.DataFrame) -> NDArray[np.str_]:
    """Return the group of distinct messages of each row; it joins the split's groups with those across intents."""
    return name_groups(distinct_groups(rows["message"].tolist()), rows["group"].tolist())


def _export(name: str, cache: Path, messages: list[str], labels: list[str]) -> Export:
    """Export the encoder, verified on messages sampled evenly over the intents."""
    step = max(1, len(messages) // PROOF_MESSAGES)
    order = np.argsort(labels, kind="stable")[::step]
    return export(name, cache, [messages[row] for row in order], [labels[row] for row in order])


@one_thread()
def summarize(encoded: Encoded) -> NDArray[np.float32]:
    """Return centre and principal axes of the training vectors (drift check), shape (1 + SUMMARY_AXES, dim)."""
    vectors = encoded.vectors.astype(np.float64)
    centre = vectors.mean(axis=0)
    _values, axes = np.linalg.eigh(np.cov(vectors - centre, rowvar=False, ddof=0))
    largest = axes[:, ::-1][:, :SUMMARY_AXES].T
    signs = np.sign(largest[np.arange(len(largest)), np.abs(largest).argmax(axis=1)])
    return np.vstack([centre, largest * signs[:, None]]).astype(np.float32)


def _known(made: Bundle, messages: list[str], encoded: Encoded) -> tuple[KnownMessage, ...]:
    """Select the most confident training message of a few intents, for the check at every load of the bundle."""
    surest: dict[str, tuple[float, int]] = {}
    for row, prediction in enumerate(made.judge(encoded)):
        first = prediction.alternatives[0]
        surest[first.intent] = max(surest.get(first.intent, (0.0, -1)), (first.confidence, -row))
    chosen = sorted(surest.values(), reverse=True)[:KNOWN_MESSAGES]
    asked = [messages[-row] for _, row in chosen]
    return tuple(
        KnownMessage(message=message, intent=first.intent, confidence=round(first.confidence, 4))
        for message, first in zip(asked, (p.alternatives[0] for p in made.predict(asked)), strict=True)
    )


def _save(
    out: Path,
    made: Bundle,
    exported: Export,
    rules_file: Path,
    fitted: Fitted,
    messages: list[str],
    encoded: Encoded,
) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        reference = Path(scratch) / bundles.REFERENCE
        write_reference(reference, messages, fitted, made.summarise(encoded))
        tensors = made.classifier.to_tensors() | {"summary": made.summary}
        digest = bundles.save(
            out, made.manifest, exported.folder, tensors, rules_file, made.replies, reference
        )
    bundles.load(out)
    return digest
