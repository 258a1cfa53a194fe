"""Base class of the JSON documents in the object store and in files."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """A JSON document; immutable, and forward compatible: fields that a newer writer added are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)
