"""Intent to reply text: a YAML file of texts with slots, filled once at the start from settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from chatbot.errors import BundleError, SettingError

_SLOT = re.compile(r"\{([a-z_]+)\}")
_BRACE = re.compile(r"[{}]")


class ReplyText(BaseModel):
    """One entry of replies.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    response: str
    """What the customer reads, with slots such as `{support_email}`."""
    category: str = ""
    """The family of intents it belongs to, for reports."""
    description: str = ""
    """What the intent means, in one sentence."""
    title: str = ""
    """The intent as a choice a customer can click; made from the name where it is empty."""
    examples: tuple[str, ...] = ()
    """A few messages of this intent."""


@dataclass(frozen=True, slots=True)
class Replies:
    """The reply of every intent, by intent."""

    texts: Mapping[str, ReplyText]

    @classmethod
    def load(cls, file: Path) -> Replies:
        """Raises: BundleError: the file is missing, is not YAML, or an entry is not a reply (named)."""
        try:
            entries = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
            return cls({intent: ReplyText.model_validate(entry) for intent, entry in entries.items()})
        except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError, AttributeError) as error:
            raise BundleError(f"{file} holds no usable replies: {error}") from error

    def __getitem__(self, intent: str) -> ReplyText:
        return self.texts[intent]

    def dump(self) -> str:
        """The file's text: `load` of it gives the same replies."""
        entries = {
            intent: {k: list(v) if isinstance(v, tuple) else v for k, v in text.model_dump().items() if v}
            for intent, text in self.texts.items()
        }
        return yaml.safe_dump(entries, allow_unicode=True, sort_keys=False, width=110)

    def filled(self, slots: Mapping[str, str]) -> Replies:
        """The same replies with every slot filled.

        Raises:
            SettingError: a reply names a slot that has no value; every such slot is listed with its intents.
        """
        return Replies(
            {
                intent: text.model_copy(
                    update={"response": fill(text.response, slots, f"the reply of {intent}")}
                )
                for intent, text in self.texts.items()
            }
        )


def slots_of(text: str) -> set[str]:
    """The names of the slots in a text."""
    return set(_SLOT.findall(text))


def fill(text: str, slots: Mapping[str, str], where: str) -> str:
    """Fill a text's slots; no brace is ever shown to a customer.

    Raises:
        SettingError: a slot without a value, or a brace that is no slot.
    """
    missing = sorted(name for name in slots_of(text) if not slots.get(name))
    if missing:
        variables = ", ".join(f"CHATBOT_SLOT_{name.upper()}" for name in missing)
        raise SettingError(f"{where} needs {', '.join(missing)}: set {variables}", {"slots": missing})
    if _BRACE.search(_SLOT.sub("", text)):
        raise SettingError(f"{where} has a brace that is no slot: {text!r}")
    return _SLOT.sub(lambda slot: slots[slot[1]], text).strip()
