"""Define the result of a retraining (retrain.json): written by training, read by the rollout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field, ValidationError

from chatbot.documents import Document
from chatbot.errors import SettingError
from chatbot.files import write_file

RetrainOutcome = Literal["accepted", "refused", "needs_review", "busy"]
RETRAIN_OUTCOMES: tuple[RetrainOutcome, ...] = get_args(RetrainOutcome)


class RetrainResult(Document):
    """Outcome of a retraining. Models are named `<version>@<bundle digest>`."""

    outcome: RetrainOutcome
    why: str = ""
    champion: str | None = None
    """The model that the gate compared the challenger with."""
    challenger: str | None = None
    """The version to roll out; none if the image contains what is to serve."""
    gate: dict[str, Any] = Field(default_factory=dict)
    """The keys `verdict`, `refused_by` and `report` (a store key)."""
    queue: int | None = None
    """Number of messages in the review queue; set only for `needs_review`."""
    corpus: dict[str, Any] = Field(default_factory=dict)
    only_unset: bool = False
    """Whether to roll out the challenger only where no model has been set yet: the first version of a corpus, or the
    retrained champion of an earlier installation."""
    format: int = 1

    @classmethod
    def load(cls, path: Path) -> RetrainResult:
        """Read a retrain.json.

        Raises: SettingError: the file is missing or malformed.
        """
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(
                f"the retraining result {path} cannot be read: {error}. `python -m training.retrain` writes it"
            ) from error
        except ValidationError as error:
            raise SettingError(f"{path} is not a result of training.retrain: {error.errors()[0]}") from error

    def write(self, file: Path) -> None:
        """Write the result as JSON; the write is atomic."""
        write_file(file, json.dumps(self.model_dump(), indent=2, ensure_ascii=False) + "\n", sync=False)
