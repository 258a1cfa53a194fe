"""Read structured documents: JSON in the object store and in files, YAML in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from chatbot.errors import StoreError


class Document(BaseModel):
    """A JSON document; immutable, and forward compatible: fields that a newer writer added are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @classmethod
    def from_json(cls, content: bytes, problem: str) -> Self:
        """Parse a document; raise StoreError with this problem and the reason if the content is not one."""
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            raise StoreError(f"{problem}: {error}") from error


def read_yaml(file: Path, loader: type[yaml.SafeLoader | yaml.BaseLoader] = yaml.SafeLoader) -> Any:
    """Return the content of a YAML file.

    Raises:
        OSError: the file cannot be read.
        UnicodeDecodeError: it is not UTF-8.
        YAMLError: it is not YAML, or nested too deeply for the parser.
    """
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506  # constructs no objects
    except RecursionError:
        raise yaml.YAMLError("nested too deeply: is a bracket not closed?") from None
