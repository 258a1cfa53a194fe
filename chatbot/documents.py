"""Define the base class of the JSON documents in the object store and in files."""

from __future__ import annotations

from typing import Self

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
