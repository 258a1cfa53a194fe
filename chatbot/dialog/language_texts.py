"""Load the system texts by language: what customers read in the language they wrote in (`language_texts.yaml`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True)
class LanguageTexts:
    """Texts in one language; the file says what each is for."""

    foreign: str
    small_talk: str
    human: str
    clarify: str
    unclear: str
    default_reply: str


TEXTS: Mapping[str, LanguageTexts] = {
    code: LanguageTexts(**texts)
    for code, texts in yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")).items()
}
"""By language code; for a language without texts, the English ones of `chatbot.dialog.router` are used."""
