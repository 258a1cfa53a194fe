"""Load the page's texts: one YAML file per language, read once; slots are filled from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from chatbot.documents import read_yaml
from chatbot.errors import SettingError

FOLDER = Path(__file__).resolve().parents[1] / "texts"


class Texts:
    """The texts of one language: `texts("feedback.thanks")`, `texts("starters.other", title="Get a refund")`."""

    def __init__(self, entries: Mapping[str, str], slots: Mapping[str, str]) -> None:
        self._entries = entries
        self._slots = slots

    def __call__(self, key: str, **values: object) -> str:
        """Return the text of a dotted key, with its slots filled.

        Raises: KeyError: the text does not exist, or a slot has no value.
        """
        return self._entries[key].format_map({**self._slots, **values})

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    @property
    def language(self) -> str:
        """Language code, for the page's `lang` attribute."""
        return self._entries["language"]


def load(language: str, slots: Mapping[str, str], folder: Path = FOLDER) -> Texts:
    """Read the texts of a language.

    Raises: SettingError: there is no file (the message lists the available languages), or it is not a tree of texts.
    """
    file = folder / f"{language}.yaml"
    if not file.is_file():
        raise SettingError(
            f"no texts for CHATBOT_UI_LANGUAGE={language}: there are {', '.join(languages(folder))}"
        )
    try:
        return Texts(flatten(read_yaml(file)), slots)
    except (yaml.YAMLError, UnicodeDecodeError, TypeError) as error:
        raise SettingError(f"{file} is not a file of texts: {error}") from error


def languages(folder: Path = FOLDER) -> list[str]:
    """Return the available languages."""
    return sorted(file.stem for file in folder.glob("*.yaml"))


def flatten(tree: Any, prefix: str = "") -> dict[str, str]:
    """Flatten a tree of texts to dotted keys.

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
