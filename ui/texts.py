"""The page's texts: one YAML file a language, read once, slots filled from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "texts"


class TextsError(Exception):
    """A file of texts that is missing, or one that cannot be shown: says which, and what to do."""


class Texts:
    """The texts of one language: `texts("feedback.thanks")`, `texts("sure.percent", value=87)`."""

    def __init__(self, entries: Mapping[str, str], slots: Mapping[str, str]) -> None:
        self._entries = entries
        self._slots = slots

    def __call__(self, key: str, **values: object) -> str:
        """The text under a dotted key, its slots filled.

        Raises: KeyError: no such text, or a slot of it without a value.
        """
        return self._entries[key].format_map({**self._slots, **values})

    @property
    def language(self) -> str:
        """The language's code, for the page's `lang` attribute."""
        return self._entries["language"]


def load(language: str, slots: Mapping[str, str], folder: Path = FOLDER) -> Texts:
    """Read the file of a language.

    Raises: TextsError: there is none (the ones there are get listed), or it is not a tree of texts.
    """
    file = folder / f"{language}.yaml"
    if not file.is_file():
        raise TextsError(
            f"no texts for CHATBOT_UI_LANGUAGE={language}: there are {', '.join(languages(folder))}"
        )
    try:
        return Texts(flatten(yaml.safe_load(file.read_text(encoding="utf-8"))), slots)
    except (yaml.YAMLError, UnicodeDecodeError, TypeError) as error:
        raise TextsError(f"{file} is not a file of texts: {error}") from error


def languages(folder: Path = FOLDER) -> list[str]:
    """The languages there is a file for."""
    return sorted(file.stem for file in folder.glob("*.yaml"))


def flatten(tree: Any, prefix: str = "") -> dict[str, str]:
    """A tree of texts as dotted keys.

    Raises: TypeError: a leaf is not a text.
    """
    if isinstance(tree, str):
        return {prefix: tree}
    if not isinstance(tree, dict):
        raise TypeError(f"{prefix or 'the file'} holds {type(tree).__name__}, not a text")
    entries: dict[str, str] = {}
    for name, branch in tree.items():
        entries |= flatten(branch, f"{prefix}.{name}" if prefix else str(name))
    return entries
