"""Read structured documents: JSON in the object store and in files, YAML in files."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from chatbot.errors import StoreError

T = TypeVar("T")
Loader = type[yaml.SafeLoader] | type[yaml.BaseLoader]
"""A loader that constructs no objects."""


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


_OPENING = re.compile(r"(?<![^\s\[{,:])[\[{]")
_INDENTATION = re.compile(r"^[ ?:-]+", re.MULTILINE)
_DEEPEST = 1_000
"""Levels of nesting up to which libyaml is used: it has no limit, and crashes some ten thousand levels deeper."""


def parse_fast(parse: Callable[[str, type[Any]], T], text: str, loader: Loader) -> T:
    """Parse YAML by libyaml's form of a loader, which is ten times as fast, or by the loader itself.

    By the loader itself where libyaml is missing, where the text may be nested too deeply for it, and once more where
    it fails: the loader's messages show the place.

    Raises: whatever `parse` raises with the loader itself.
    """
    with contextlib.suppress(yaml.YAMLError):
        return parse(text, _fastest(text, loader))
    return parse(text, loader)


def _fastest(text: str, loader: Loader) -> type[Any]:
    """Choose the loader by a bound on nesting: whatever may be an opening bracket, and the longest indentation."""
    depth = len(_OPENING.findall(text)) + max(map(len, _INDENTATION.findall(text)), default=0)
    return loader if depth > _DEEPEST else getattr(yaml, f"C{loader.__name__}", loader)


def read_yaml(file: Path, loader: Loader = yaml.SafeLoader) -> Any:
    """Return the content of a YAML file.

    Raises:
        OSError: the file cannot be read.
        UnicodeDecodeError: it is not UTF-8.
        YAMLError: it is not YAML, or nested too deeply for the parser.
    """
    text = file.read_text(encoding="utf-8")
    try:
        return parse_fast(yaml.load, text, loader)
    except RecursionError:
        raise yaml.YAMLError("nested too deeply: is a bracket not closed?") from None
