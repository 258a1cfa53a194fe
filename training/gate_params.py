"""The section `gate` of params.yaml: the bounds that a challenger is judged by."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatbot.errors import SettingError


class GateParams(BaseModel):
    """Every bound of the gate; the defaults are the ones that docs/results.md was measured with."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    seed: int = 0
    """Of the draws: the same two bundles and messages give the same verdict."""
    draws: int = Field(default=4_000, ge=100)
    """Of the paired bootstrap behind macro F1."""
    level: float = Field(default=0.05, gt=0, lt=1)
    """The error that exact tests are allowed, over all intents and slices together."""
    ece_draws: int = Field(default=1_000, ge=100)
    """Of labels from the model's own confidences."""
    ece_margin: float = Field(default=0.015, ge=0, lt=1)
    """How far the calibration error may lie above that of a perfectly calibrated model on as many rows."""
    acceptance: float = Field(default=0.95, gt=0, lt=1)
    """The share of in-scope messages that the scope score lets pass where two versions' out-of-scope recall is
    compared."""
    least_answers: float = Field(default=0.75, ge=0, le=1)
    """How much of the share of messages that the champion answers by itself a challenger has to answer. Thresholds are
    learned from few rows: from one training to the next that share moved by up to a tenth."""
    new_intent_accuracy: float = Field(default=0.7, ge=0, le=1)
    """The least accuracy of a new intent on its own test rows. The weakest intents of the shipped corpus reach about
    this: one that surely lies below would be the worst the bot has."""
    behaviour_turns: int = Field(default=2, ge=0)
    """So many tests of a group may turn from right to wrong, those that turn the other way taken off, before its
    bound counts: honest trainings on more of the same rows turned up to two."""
    max_megabytes: float = Field(default=150.0, gt=0)
    """The largest bundle: every replica fetches it before it is ready, and holds it in memory."""
    max_growth: float = Field(default=1.25, ge=1)
    """How many times as large as the champion's a bundle may be; a new intent adds some kilobytes."""
    retired: tuple[str, ...] = ()
    """Intents that people took out on purpose: that the challenger lost them is no reason to refuse it."""


def read_gate_params(path: Path) -> GateParams:
    """The section `gate` of a params.yaml; defaults where file or section is missing.

    Raises:
        SettingError: a value that cannot work.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
        return GateParams.model_validate((content or {}).get("gate") or {})
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, ValidationError) as error:
        raise SettingError(f"{path}: no usable section `gate`: {error}") from error
