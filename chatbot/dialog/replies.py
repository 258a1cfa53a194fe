"""Load reply texts by intent: a YAML file of templates with slots, filled from settings at start-up."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.documents import read_yaml
from chatbot.errors import BundleError, SettingError

MAX_CATEGORIES, MAX_TITLES = 12, 8
"""Highest number of categories, and of titles, that a list of topics names."""

PLACEHOLDER = re.compile(
    r"\{\{\s*([^\W\d_][\w .-]{0,60}?)\s*\}\}|(?<!\$)\{\s*([^\W\d_]\w*(?:[ -]\w+){0,3})\s*\}"
)
"""A name in braces, such as `{{Order Number}}` or `{name}`; other braces, as in JSON, are text."""

_SLOT = re.compile(r"(?<!\{)\{([a-z_]+)\}(?!\})")


class ReplyText(BaseModel):
    """Entry of replies.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    response: str
    """Text for the customer, with slots such as `{support_email}`."""
    category: str = ""
    """Group of intents, for reports."""
    description: str = ""
    """Meaning of the intent, in one sentence."""
    title: str = ""
    """Label of the intent as a choice in a clarification; empty: derived from the intent's name."""
    examples: tuple[str, ...] = ()
    """Example messages of this intent."""

    @field_validator("response")
    @classmethod
    def _join_halves(cls, text: str) -> str:
        """Join the halves that JSON's escapes make of an emoji; a lone half, which no file can hold, is U+FFFD."""
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@dataclass(frozen=True, slots=True)
class Replies:
    """Reply texts by intent."""

    texts: Mapping[str, ReplyText]

    @classmethod
    def load(cls, file: Path) -> Replies:
        """Load replies.yaml: by intent, a text or the fields of ReplyText.

        Raises:
            BundleError: the file is missing or not YAML, or an entry is invalid (it is named).
        """
        try:
            if (
                file.suffix.lower() == ".json"
            ):  # YAML's parser takes neither its tabs nor its pairs of surrogates
                entries = json.loads(file.read_text("utf-8-sig"), parse_int=str, parse_float=str)
            else:  # BaseLoader keeps every scalar as text: the intent `no` is not False. It constructs nothing else.
                entries = read_yaml(file, yaml.BaseLoader) or {}
            if not isinstance(entries, dict):
                raise ValueError("write `intent: text`")
            return cls({intent: _entry(intent, entry) for intent, entry in entries.items()})
        except FileNotFoundError:
            raise BundleError(f"{file} does not exist: replies are a YAML file of `intent: text`") from None
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            raise BundleError(f"{file} holds no usable replies: {error}") from error

    def __getitem__(self, intent: str) -> ReplyText:
        return self.texts[intent]

    def with_topics(self, slots: Mapping[str, str]) -> dict[str, str]:
        """Return slots in which `topics` has a value: the given one, else what these replies are about."""
        return {**slots, "topics": slots.get("topics") or self._topics()}

    def dump(self) -> str:
        """Serialize to YAML; `load` is the inverse."""
        entries = {
            intent: {k: list(v) if isinstance(v, tuple) else v for k, v in text.model_dump().items() if v}
            for intent, text in self.texts.items()
        }
        return yaml.safe_dump(entries, allow_unicode=True, sort_keys=False, width=110)

    def filled(self, slots: Mapping[str, str]) -> Replies:
        """Return a copy with all slots filled.

        Raises:
            SettingError: a slot of a reply has no value; lists the missing slots of the first such reply.
        """
        slots = self.with_topics(slots)
        return Replies(
            {
                intent: text.model_copy(
                    update={"response": fill(text.response, slots, f"the reply of {intent}")}
                )
                for intent, text in self.texts.items()
            }
        )

    def _topics(self) -> str:
        """Return what the replies are about, as a list in a sentence: their categories, else titles of intents."""
        known = {intent: text for intent, text in self.texts.items() if intent != OUT_OF_SCOPE}
        names = sorted({_topic(text.category) for text in known.values() if text.category})
        if not 2 <= len(names) <= MAX_CATEGORIES:
            titles = [_topic(text.title or intent) for intent, text in known.items()]
            names = list(dict.fromkeys(titles))[:: max(1, -(-len(titles) // MAX_TITLES))]
        return ", ".join(names)


def slots_of(text: str) -> set[str]:
    """Return the names of the slots in a text."""
    return set(_SLOT.findall(text))


def fill(text: str, slots: Mapping[str, str], where: str) -> str:
    """Fill the slots of a text; the result contains no slot and no placeholder. Other braces are unchanged.

    Raises:
        SettingError: a slot has no value, or a name in braces is not a slot; the message names `where`.
    """
    missing = sorted(name for name in slots_of(text) if not slots.get(name))
    if missing:
        variables = ", ".join(f"CHATBOT_SLOT_{name.upper()}" for name in missing)
        raise SettingError(f"{where} needs {', '.join(missing)}: set {variables}", {"slots": missing})
    if found := placeholder_of(text):
        raise SettingError(
            f"{where} has {found} in braces, which is not a slot: write it {{in_lower_case}}, in {text!r}"
        )
    return _SLOT.sub(lambda slot: slots[slot[1]], text).strip()


def placeholder_of(text: str) -> str | None:
    """Return the first name in braces that is not a slot, or None."""
    found = PLACEHOLDER.search(_SLOT.sub("", text))
    return found[0] if found else None


def _topic(name: str) -> str:
    """Return a category or title as a word inside a sentence; braces would be a slot."""
    text = re.sub(r"[\s_{}]+", " ", name).strip()
    return text.lower() if text.isupper() else text[:1].lower() + text[1:]


def _entry(intent: str, entry: object) -> ReplyText:
    if entry is None or isinstance(entry, str):
        return ReplyText(response=entry or "")
    try:
        return ReplyText.model_validate(entry)
    except ValidationError as error:
        wrong = error.errors()[0]
        field = "".join(f", field {part!r}" for part in wrong["loc"][:1])
        raise ValueError(f"intent {intent!r}{field}: {wrong['msg']}; write `intent: text`") from None
