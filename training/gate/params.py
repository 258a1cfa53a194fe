"""Read the gate's bounds from the section `gate` of params.yaml."""

from __future__ import annotations

from pydantic import Field

from data.params import Params


class GateParams(Params):
    """Bounds of the gate; docs/results.md was measured with the defaults."""

    section = "gate"

    seed: int = Field(default=0, ge=0)
    """Seed of the random draws: the same two bundles and messages give the same verdict."""
    draws: int = Field(default=4_000, ge=100)
    """Number of draws of the paired bootstrap of macro F1."""
    macro_f1_margin: float = Field(default=0.005, ge=0, lt=1)
    """Loss of macro F1 that refuses nobody. Out-of-fold predictions of two trainings come from different folds, which
    alone moves some messages and is not in the bootstrap; on a large corpus, a loss of no weight is significant."""
    level: float = Field(default=0.05, gt=0, lt=1)
    """Significance level of the exact tests: family-wise error rate over all intents and slices."""
    ece_draws: int = Field(default=1_000, ge=100)
    """Number of draws of labels from the model's own confidences, for the ECE expected by chance."""
    ece_margin: float = Field(default=0.015, ge=0, lt=1)
    """Maximum excess of the ECE over that of a perfectly calibrated model on the same number of rows."""
    acceptance: float = Field(default=0.95, gt=0, lt=1)
    """Share of in-scope messages that the scope score accepts when the out-of-scope recall of two versions is
    compared."""
    min_coverage_ratio: float = Field(default=0.75, ge=0, le=1)
    """Minimum share of the in-scope messages that a challenger answers, as a fraction of the champion's share.
    Thresholds are learned from few rows: between trainings the share changed by up to a tenth."""
    new_intent_accuracy: float = Field(default=0.7, ge=0, le=1)
    """Minimum accuracy of a new intent on its own test rows. The weakest intents of the shipped corpus reach
    about this value; an intent significantly below it would be the weakest of all."""
    behaviour_turns: int = Field(default=2, ge=0)
    """Net regressions (regressions minus fixes) that a group may have before its bound applies. Sound trainings
    on more rows of the same kind had up to two."""
    max_suspect_share: float = Field(default=0.5, ge=0, le=1)
    """Maximum share of suspect labels among the rows that came with the challenger."""
    min_suspects: int = Field(default=5, ge=1)
    """Minimum number of suspect labels that refuses a challenger: of fewer rows, a share says little."""
    max_megabytes: float = Field(default=150.0, gt=0)
    """Maximum size of a bundle in megabytes: every replica fetches it at start and holds it in memory."""
    max_growth: float = Field(default=1.25, ge=1)
    """Maximum size of a bundle relative to the champion's; a new intent adds a few kilobytes."""
    retired: tuple[str, ...] = ()
    """Intents that were removed on purpose; their loss does not refuse a challenger."""
