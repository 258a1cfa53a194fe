"""Trainings and verdicts that are made once for a run of the tests: the same corpus gives the same bundle to the bit.

That it does is tested in test_retrain.py, and that the same bundles give the same verdict in test_gate.py.
"""

from __future__ import annotations

import pickle
import shutil
import tempfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Unpack

import pandas as pd

from chatbot.dialog.rules import Rules
from chatbot.model import bundle as bundles
from tests.support.shared import locked
from training.corpus.reading import Corpus
from training.gate.judge import JudgeOptions, judge_corpora
from training.gate.verdict import GateVerdict
from training.model.params import TrainParams
from training.model.train import Trained, train
from training.progress import Steps

_load_rules = Rules.load
_rules: dict[bytes, Rules] = {}


def load_rules(file: Path) -> Rules:
    """Stand in for `Rules.load`: the same rules, which nothing changes, are compiled once for a process."""
    if not file.is_file():
        return _load_rules(file)  # says what is missing
    content = file.read_bytes()
    if content not in _rules:
        _rules[content] = _load_rules(file)
    return _rules[content]


class Trainings:
    """A folder of trainings and of verdicts on them, which processes may share."""

    def __init__(self, folder: Path) -> None:
        """Begins with what is there."""
        self.folder = folder

    def train(
        self,
        corpus: Corpus,
        out: Path,
        params: TrainParams,
        steps: Steps,
        rules_file: Path,
        replies_source: Path | None,
        cache: Path,
    ) -> Trained:
        """Stand in for `training.model.train.train`; draws no pictures, which test_train.py looks at."""
        assert replies_source is not None
        given = (corpus.digest, params.model_dump_json(), rules_file.read_text(), replies_source.read_text())
        kept = self.folder / sha256("\0".join(given).encode()).hexdigest()
        with locked(kept.with_suffix(".lock")):
            if not kept.is_dir():
                trained = train(corpus, out, params, steps, rules_file, replies_source, cache)
                with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
                    draft = Path(scratch) / "draft"
                    shutil.copytree(out, draft / "bundle")
                    (draft / "trained").write_bytes(pickle.dumps(replace(trained, draw=dict)))
                    draft.rename(kept)
        trained = pickle.loads((kept / "trained").read_bytes())
        assert isinstance(trained, Trained)
        if not out.exists():
            shutil.copytree(kept / "bundle", out)
        return replace(trained, folder=out)

    def judge(
        self,
        champion: Path | None,
        challenger: Path,
        before: pd.DataFrame | None,
        now: pd.DataFrame,
        **options: Unpack[JudgeOptions],
    ) -> GateVerdict:
        """Stand in for `training.gate.judge.judge_corpora`."""
        given = [
            *("" if folder is None else bundles.verify(folder) for folder in (champion, challenger)),
            *("" if rows is None else rows.to_json() for rows in (before, now)),
            repr(sorted(options.items())),
        ]
        kept = self.folder / sha256("\0".join(given).encode()).hexdigest()
        with locked(kept.with_suffix(".lock")):
            if not kept.is_file():
                verdict = judge_corpora(champion, challenger, before, now, **options)
                draft = kept.with_suffix(".draft")
                draft.write_bytes(pickle.dumps(verdict))
                draft.rename(kept)
        verdict = pickle.loads(kept.read_bytes())
        assert isinstance(verdict, GateVerdict)
        return verdict
