"""Measure the cascade on published corpora: `python -m tools.bench.quality.cascade`, docs/results.d/cascade.md.

What the first tier answers, what it costs, and what changes against the full model alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray

from chatbot.files import write_file
from chatbot.model.cascade import Cascade
from chatbot.model.classifier import Scores, join
from chatbot.model.first_tier import FirstTier
from data.commands import reports_errors
from data.splitting import groups
from tools.bench.figures import BUNDLE, CACHE, commit, markdown
from tools.bench.quality.corpora import (
    bitext,
    cleaned,
    in_scope,
    intents_of,
    load_banking77,
    load_clinc150,
    out_of_scope,
)
from tools.bench.quality.taught import TEST_SHARE, Guesses
from tools.bench.quality.vectors import Vectors
from tools.bench.speed.machine import Machine
from tools.processes import ROOT
from training.model.distinct import distinct_groups, name_groups
from training.model.encoder.export import export
from training.model.evaluation.metrics import auroc
from training.model.first_tier import Outside, learn_tier
from training.model.fit import fit
from training.model.generic_pool import load_pool, uncovered
from training.model.params import read_params
from training.model.thresholds import judge, learn_from

PAGE = ROOT / "docs" / "results.d" / "cascade.md"
Mask = NDArray[np.bool_]
_TIMED = 512
_BATCH = 16
_LIMITS = {
    "accuracy lost, one-sided 95 % bound": "0.5",
    "macro F1": "−0.5",
    "coverage": "−1",
    "calibration error (ECE)": "nothing measurable",
    "AUROC of the scope score": "nothing measurable",
}
_HEAD = """# The cascade: first tier and full model

`python -m tools.bench.quality.cascade` (at commit `{commit}`). {machine}.

The tier is learned on the training part and asked the test part once; foreign are CLINC150's 1,000 out-of-scope test
messages. Percent, full model alone → cascade; processor time of a message, words cached.

"""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
@reports_errors()
def main() -> None:
    """Measure the three corpora and write the page."""
    vectors, rows = Vectors.of(BUNDLE), bitext()
    split = groups(rows["message"].tolist(), rows["intent"].tolist())
    names = np.unique(split)
    held = np.isin(split, np.random.default_rng(0).permutation(names)[: round(TEST_SHARE * len(names))])
    found = {
        "Bitext, split by groups": _measured(vectors, rows[~held], rows[held]),
        "Banking77": _measured(vectors, load_banking77("train"), load_banking77("test")),
        "CLINC150": _measured(vectors, load_clinc150("train"), load_clinc150("test")),
    }
    lines = [
        (name, *(values.get(name, "no tier") for values in found.values()), _LIMITS.get(name, ""))
        for name in max(found.values(), key=len)
    ]
    head = _HEAD.format(commit=commit(), machine=Machine.this().describe())
    write_file(PAGE, head + markdown(("", *found, "limit"), lines), sync=False)
    typer.echo(f"written: {PAGE}")


def _measured(vectors: Vectors, train: pd.DataFrame, test: pd.DataFrame) -> Mapping[str, str]:
    """Return the column of one corpus, by the names of its rows."""
    taught, test = in_scope(train), in_scope(test)
    messages, intents = cleaned(taught), taught["intent"].tolist()
    encoded = vectors.encode(messages)
    distinct = distinct_groups(messages)
    near = name_groups(distinct, groups(messages, intents).astype(str).tolist()).tolist()
    fitted = fit(encoded, intents, near)
    strange = cleaned(out_of_scope(load_clinc150("test")))
    pool, outside = load_pool(), cleaned(out_of_scope(train))
    encoded_pool = vectors.encode(pool)
    used = uncovered(encoded_pool.vectors, encoded.vectors)
    scores = join(
        fitted.classifier.score(encoded_pool.part(used)), fitted.classifier.score(vectors.encode(outside))
    )
    params = read_params(ROOT / "params.yaml")
    share = params.share(len(outside))
    learned = learn_from(judge(fitted), scores, params.model_copy(update={"out_of_scope_share": share}))
    exported = export(params.encoder, CACHE.parent / "encoders", messages, intents)
    began = time.process_time()
    result = learn_tier(
        messages,
        near,
        fitted,
        learned,
        Outside([*(pool[row] for row in used), *outside], scores),
        exported.vocabulary(),
        exported.tokenizer(),
        params.seed,
    )
    seconds = time.process_time() - began
    if result.tier is None:
        return {"test messages": f"{len(test):,}"}
    tier = FirstTier(result.tier, exported.tokenizer())

    def both(asked: Sequence[str]) -> tuple[Mask, tuple[Guesses, Guesses], tuple[Mask, Mask]]:
        """Return which messages the tier answers; first choices and answered ones of the full model and the cascade."""
        full, first = fitted.classifier.score(vectors.encode(asked)), tier.score(asked)
        passing = first.passing(tier.tier.thresholds)
        probabilities = np.where(passing[:, None], first.probabilities, full.probabilities)
        joined = Scores(probabilities, np.where(passing, first.scope, full.scope))
        alone, together = (Guesses.of(fitted.classifier, scores) for scores in (full, joined))
        answered = alone.answered(learned.thresholds)
        return passing, (alone, together), (answered, answered | passing)

    texts, truth = cleaned(test), intents_of(test)
    passing, sides, answered = both(texts)
    _, strangers, wrongly = both(strange)
    lost = (sides[0].intents == truth).astype(float) - (sides[1].intents == truth)
    error = np.std(lost) / len(truth) ** 0.5

    def percents(at: int) -> dict[str, float]:
        own, side = sides[at].percents(truth), sides[at]
        return {
            "accuracy": own["accuracy"],
            "macro F1": own["macro_f1"],
            "coverage": 100 * float(answered[at].mean()),
            "wrong among the answers, in scope": 100 * float((side.intents != truth)[answered[at]].mean()),
            "calibration error (ECE)": own["ece"],
            "AUROC of the scope score": 100 * auroc(side.scope, strangers[at].scope),
            "foreign messages answered": 100 * float(wrongly[at].mean()),
        }

    alone, joined = percents(0), percents(1)
    served = Cascade(tier, fitted.classifier.labels, learned.thresholds)
    full = _microseconds(lambda part: fitted.classifier.score(vectors.encoder.encode(part)), texts, _BATCH)
    return {
        "test messages": f"{len(texts):,}",
        "answered by the first tier": f"{100 * passing.mean():.2f}",
        "accuracy lost, one-sided 95 % bound": f"{100 * (lost.mean() + 1.645 * error):.2f}",
        **{name: f"{alone[name]:.2f} → {joined[name]:.2f}" for name in alone},
        "tier, one message a call": f"{_microseconds(served.predict, texts, 1):,.0f} µs",
        f"tier, {_BATCH} a call": f"{_microseconds(served.predict, texts, _BATCH):,.0f} µs",
        f"full model, {_BATCH} a call": f"{full:,.0f} µs",
        "processor time of making the tier": f"{seconds:.1f} s",
    }


def _microseconds(call: Callable[[Sequence[str]], object], texts: Sequence[str], batch: int) -> float:
    """Return the processor time per message, in microseconds, of the second of two rounds."""
    asked = [texts[row] for row in np.random.default_rng(0).permutation(len(texts))[:_TIMED]]
    used = 0.0
    for _ in range(2):
        began = time.process_time()
        for start in range(0, len(asked), batch):
            call(asked[start : start + batch])
        used = time.process_time() - began
    return 1e6 * used / len(asked)


if __name__ == "__main__":
    app()
