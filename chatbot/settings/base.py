"""Define the base class of all settings."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from chatbot.errors import SettingError

HTTP_ADDRESS = r"^(https?://\S+)?$"
"""Pattern of an address, or none."""

MAX_NUMBER = 10**9
"""Largest number of a setting, about 30 years in seconds: more overflows timers and dates."""

_PREFIX = "CHATBOT_"
_SLOTS = "CHATBOT_SLOT_"
_ELSEWHERE = frozenset({"CHATBOT_BITEXT_URL", "CHATBOT_SHARED_DATA"})
"""Variables with this prefix that are not settings: `data.fetch` and tests read them."""


class Settings(BaseSettings):
    """Base class: an empty variable counts as unset.

    Raises:
        SettingError: a variable has an invalid value or is unknown; every such one is named.
    """

    model_config = SettingsConfigDict(
        env_ignore_empty=True, frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            problems = _explain(type(self), error)
            raise SettingError("; ".join(problems), problems) from None

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Return the fields by the variable that sets each."""
        return {f"{cls.model_config['env_prefix']}{name}".upper(): name for name in cls.model_fields}

    @field_validator("*")
    @classmethod
    def _refuse_huge_numbers(cls, value: Any) -> Any:
        if isinstance(value, int | float) and abs(value) > MAX_NUMBER:
            raise PydanticCustomError("huge_number", "a number between -1e9 and 1e9 is needed")
        return value

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_variables(cls, values: Any) -> Any:
        if unknown := unknown_variables(os.environ):
            raise PydanticCustomError("unknown_setting", "{problems}", {"problems": "; ".join(unknown)})
        return values


def unknown_variables(names: Iterable[str]) -> list[str]:
    """Return one message per variable `CHATBOT_...` that is not a setting, with the closest name.

    A misspelt variable would otherwise leave the default in force, silently. `CHATBOT_SLOT_...` is exempt: the replies
    of a custom corpus have their own slots.
    """
    candidates = [name for name in names if name.startswith(_PREFIX) and not name.startswith(_SLOTS)]
    if not candidates:
        return []
    known = _known_variables(tuple(Settings.__subclasses__()))
    problems = []
    for name in sorted(set(candidates) - known - _ELSEWHERE):
        closest = difflib.get_close_matches(name, known, 1)
        problems.append(
            f"{name} is not a setting"
            + (f": did you mean {closest[0]}?" if closest else ": see docs/settings.md")
        )
    return problems


@lru_cache(1)
def _known_variables(components: tuple[type[Settings], ...]) -> frozenset[str]:
    return frozenset(name for component in components for name in component.variables())


def allowed(kind: type[BaseModel], field: str) -> str:
    """Return the allowed range of a number in parentheses; empty: the field has none."""
    words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    metadata = kind.model_fields[field].metadata if field in kind.model_fields else ()
    bounds = [
        f"{text} {getattr(bound, name):g}"
        for bound in metadata
        for name, text in words.items()
        if hasattr(bound, name)
    ]
    return f" (allowed: {' and '.join(bounds)})" if bounds else ""


def _explain(kind: type[Settings], error: ValidationError) -> list[str]:
    """Return one message per problem of a settings class, naming its variable, value and allowed range."""
    prefix = kind.model_config.get("env_prefix", "")
    return [
        f"{prefix}{e['loc'][0]}".upper() + f"={e['input']!r}: {e['msg']}{allowed(kind, str(e['loc'][0]))}"
        if e["loc"]
        else e["msg"]
        for e in error.errors()
    ]
