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
from numpy.typing import NDArray

from chatbot.dialog.language import spoken_languages
from chatbot.dialog.rules import Rules
from chatbot.model import bundle as bundles
from chatbot.model.bundle import Bundle, EncoderInfo, KnownMessage, Manifest
from chatbot.model.classifier import Scores
from chatbot.model.encoder import Encoded
from chatbot.records.erasure import REVIEWED
from data.errors import Problem
from training.corpus.reading import Corpus, replies_for
from training.labels.examine import examine
from training.labels.findings import LabelFindings
from training.model.assess import Held, evaluate_out_of_fold
from training.model.blas import one_thread
from training.model.distinct import joined_groups
from training.model.encoder.batch import encode
from training.model.encoder.export import Export, export
from training.model.evaluation.outcome import full_report
from training.model.fit import FOLDS, UNKNOWN_FOLDS, OutsideRows, fit, score_unknown
from training.model.generic_pool import POOL_LANGUAGE, load_pool, uncovered
from training.model.notices import foreign_messages, language_notices, rule_notices
from training.model.operating_points import OperatingPoints, OutOfScope, learn_points
from training.model.params import ENOUGH_OWN, TrainParams
from training.model.pictures import draw
from training.model.reference import write_reference
from training.model.thresholds import Learned, judge
from training.model.titles import titles_of
from training.progress import Steps
from training.provenance import git_commit

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure


ROOT = Path(__file__).resolve().parents[2]
KNOWN_MESSAGES = 8
SUMMARY_AXES = 8


@dataclass(frozen=True, slots=True)
class Trained:
    """Result of a training: the bundle at `folder`, its scores, and the duration.

    `report["evaluated"]` says what the scores are of: `training.model.assess`.
    """

    folder: Path
    digest: str
    manifest: Manifest
    report: dict[str, Any]
    points: OperatingPoints
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
    """Train on every row, evaluate out-of-fold, write the bundle to `out`, replacing an existing one.

    Raises: ChatbotError: the corpus, the encoder, the rules or the replies are unusable; the message has the reason.
    """
    began = time.monotonic()
    bundles.check_replaceable(out)
    rows, tuning = corpus.train, corpus.tuning
    messages, labels = rows["message"].tolist(), rows["intent"].tolist()
    titles = titles_of(labels)
    rules = Rules.load(rules_file)
    rules.check()
    replies, without_reply, notices = replies_for(sorted(set(labels)), replies_source, rows, corpus.replies)
    notices += language_notices(params.encoder, messages)
    notices += rule_notices(rules, messages, labels)

    with steps.wait("copies"):
        taught, outside_groups = _groups(corpus)
        distinct = np.unique(outside_groups, return_index=True)[1]
    languages = spoken_languages(messages) if params.languages is None else params.languages
    # In another language the pool's messages would be too easy to recognise; messages of unknown intents replace them.
    pool_skipped = len(distinct) < ENOUGH_OWN and bool(languages) and POOL_LANGUAGE not in languages
    pool = [] if len(distinct) >= ENOUGH_OWN or pool_skipped else load_pool()

    with steps.wait("encoder"):
        exported = export(params.encoder, cache, messages, labels)
    encoder = exported.load()
    with steps.count("encode", len(rows) + len(tuning) + len(pool)) as advance:
        encoded = encode(encoder, messages, advance)
        encoded_own = encode(encoder, tuning["message"].tolist(), advance)
        encoded_pool = encode(encoder, pool, advance)
    with steps.count("fit", FOLDS + 1) as advance:
        names = encode(encoder, list(titles.values())), list(titles)
        fitted = fit(
            encoded,
            labels,
            taught.tolist(),
            params.seed,
            advance,
            names if titles else None,
            OutsideRows(encoded_own, outside_groups.tolist()),
        )
    with steps.wait("labels"):
        findings = examine(
            list(zip(messages, labels, rows["row_hash"], rows["source"], strict=True)),
            taught.tolist(),
            encoded.vectors,
            *fitted.judged,
            fitted.classifier.labels,
        ).without(corpus.kept)
    with steps.count("unknown intents", UNKNOWN_FOLDS) as advance:
        unknown = score_unknown(encoded, fitted, params.seed, advance, encoded_own)
    with steps.wait("thresholds"):
        used = uncovered(encoded_pool.vectors, encoded.vectors) if pool else np.empty(0, dtype=np.int64)
        generic = fitted.classifier.score(encoded_pool.part(used))
        stand_ins = unknown if pool_skipped else None
        held = Held(rows, tuning, taught, outside_groups, fitted, fitted.outside, generic, stand_ins)
        points = _learn_points(held, distinct, unknown, len(pool), findings, params)

    manifest = Manifest(
        labels=fitted.classifier.labels,
        temperature=fitted.classifier.temperature,
        thresholds=points.in_force.thresholds,
        target=points.as_dict(),
        languages=languages,
        encoder=EncoderInfo(name=exported.name, digest=exported.digest, dim=encoder.dim),
        corpus_digest=corpus.digest,
        git_commit=git_commit(ROOT),
        created=datetime.now(UTC),
    )
    made = Bundle(manifest, rules, replies, "", encoder, fitted.classifier, summarize(encoded))
    with steps.wait("score"):
        scored, outcome = evaluate_out_of_fold(made, held, points.in_force, params)
        report = {
            "evaluated": held.evaluated,
            **full_report(made, outcome, scored["message"].tolist(), scored["category"].tolist()),
        }
    manifest = manifest.model_copy(
        update={
            "scores": {name: value for name, value in report.items() if isinstance(value, float)},
            "target": manifest.target | {"evaluated": report["evaluated"]},
            "known": _known(made, messages, encoded, rows["source"].str.startswith(REVIEWED).tolist()),
        }
    )
    made = replace(made, manifest=manifest)
    with steps.wait("bundle"):
        digest = _save(out, made, exported, rules_file, held, encoded)

    def figures() -> dict[str, Figure]:
        return draw(encoded, fitted, outcome, points.in_force, params.seed)

    seconds = time.monotonic() - began
    return Trained(out, digest, manifest, report, points, without_reply, notices, seconds, figures)


def _groups(corpus: Corpus) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return the group of near-duplicates of each row, within and across intents: of what is taught, and outside."""
    groups = joined_groups(corpus.rows["message"].tolist(), corpus.rows["group"].tolist())
    group_of = dict(zip(corpus.rows.index, groups, strict=True))
    taught, outside = (
        np.asarray([group_of[row] for row in part.index], dtype=np.str_)
        for part in (corpus.train, corpus.tuning)
    )
    return taught, outside


def _learn_points(
    held: Held,
    distinct: NDArray[np.int64],
    unknown: Scores,
    pool_size: int,
    findings: LabelFindings,
    params: TrainParams,
) -> OperatingPoints:
    """Learn the thresholds from out-of-fold predictions and all out-of-scope messages.

    Args:
        distinct: one of each group of the corpus's own out-of-scope rows.
        unknown: scores of messages whose intent was left out.
        pool_size: messages of the pool, also those that the corpus covers.
    """
    messages = held.rows["message"].tolist()
    used, stand_ins = len(held.generic.scope), held.stand_ins
    return learn_points(
        judge(held.fitted),
        held.out_of_scope(distinct),
        unknown,
        params,
        findings,
        OutOfScope(
            len(distinct), used, pool_size - used, None if stand_ins is None else len(stand_ins.scope)
        ),
        len(messages),
        foreign_messages(params.encoder, messages),
    )


@one_thread()
def summarize(encoded: Encoded) -> NDArray[np.float32]:
    """Return centre and principal axes of the training vectors (drift check), shape (1 + SUMMARY_AXES, dim)."""
    vectors = encoded.vectors.astype(np.float64)
    centre = vectors.mean(axis=0)
    _values, axes = np.linalg.eigh(np.cov(vectors - centre, rowvar=False, ddof=0))
    largest = axes[:, ::-1][:, :SUMMARY_AXES].T
    signs = np.sign(largest[np.arange(len(largest)), np.abs(largest).argmax(axis=1)])
    return np.vstack([centre, largest * signs[:, None]]).astype(np.float32)


def _known(
    made: Bundle, messages: list[str], encoded: Encoded, reviewed: list[bool]
) -> tuple[KnownMessage, ...]:
    """Select the most confident training message of a few intents, for the check at every load of the bundle.

    No message of a customer: it could not be erased from a bundle.
    """
    surest: dict[str, tuple[float, int]] = {}
    for row, prediction in enumerate(made.classify(encoded)):
        if reviewed[row]:
            continue
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
    held: Held,
    encoded: Encoded,
) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        reference = Path(scratch) / bundles.REFERENCE
        write_reference(reference, held.rows["message"].tolist(), held.fitted, made.summarise(encoded))
        tensors = made.classifier.to_tensors() | {"summary": made.summary} | held.kept()
        digest = bundles.save(
            out, made.manifest, exported.folder, tensors, rules_file, made.replies, reference
        )
    bundles.load(out)
    return digest
