"""The section `train` of params.yaml: what a training is run with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatbot.errors import SettingError
from training.export import DEFAULT_ENCODER


class TrainParams(BaseModel):
    """Everything that changes a bundle beside the corpus."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    encoder: str = DEFAULT_ENCODER
    """Any SentenceTransformers name or folder."""
    seed: int = 0
    """Decides folds and samples; the same corpus and seed give the same weights bit for bit."""
    target: float = Field(default=0.02, gt=0, lt=1)
    """The risk that the thresholds are learned for: wrong automatic answers over all automatic answers."""
    out_of_scope_share: float = Field(default=0.1, ge=0, lt=1)
    """The share of messages without an intent that the risk is stated for."""


def read_params(path: Path, given: Mapping[str, object] | None = None) -> TrainParams:
    """The section `train` of a params.yaml; defaults where file or section is missing.

    Args:
        given: values that go before those of the file.

    Raises:
        SettingError: a value that cannot work.
    """
    try:
        section = (
            (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("train") if path.is_file() else None
        )
        return TrainParams.model_validate({**(section or {}), **(given or {})})
    except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, ValidationError) as error:
        raise SettingError(f"{path}: no usable section `train`: {error}") from error
