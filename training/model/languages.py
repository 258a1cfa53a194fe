"""Compare the languages of a corpus with those of its encoder."""

from __future__ import annotations

from collections.abc import Sequence

from chatbot.dialog.language import NAMES, spoken_languages
from data.errors import Problem
from training.model.encoder.export import DEFAULT_ENCODER

ENGLISH = "en"
"""The only language that DEFAULT_ENCODER understands."""


def language_notices(encoder: str, messages: Sequence[str]) -> list[Problem]:
    """Return a notice if the shipped encoder does not understand the language of many messages."""
    if encoder != DEFAULT_ENCODER:
        return []
    languages = [NAMES[code] for code in spoken_languages(messages) if code != ENGLISH]
    # Without a known language the messages may be terse English; those in another script are not.
    other_script = sum(sum(c.isalpha() and ord(c) > 0x24F for c in m) * 2 > len(m) for m in messages)
    if not languages and 2 * other_script > len(messages):
        languages = ["a language with another script"]
    if not languages:
        return []
    reason = (
        f"messages are in {', '.join(languages)}, and the encoder {encoder} understands English only: expect few and "
        "uncertain answers. Train with a multilingual one, such as --encoder paraphrase-multilingual-MiniLM-L12-v2 "
        "(docs/corpus.md, Languages)"
    )
    return [Problem("", None, reason)]
