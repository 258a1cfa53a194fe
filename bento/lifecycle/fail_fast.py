"""Fail-fast start-up checks: settings, the configured model and the preflight check, each error as one line."""

from __future__ import annotations

from typing import TypeVar

from bentoml.exceptions import BentoMLException
from pydantic_settings import BaseSettings

from bento.lifecycle import bundle_source, preflight
from chatbot.errors import SettingError

S = TypeVar("S", bound=BaseSettings)


def read(kind: type[S]) -> S:
    """Read settings from the environment.

    Raises:
        BentoMLException: a variable has an invalid value. BentoML's commands print it as one line.
    """
    try:
        return kind()
    except SettingError as error:
        raise BentoMLException(str(error)) from None


def check_bundle() -> None:
    """Pin the configured model and run the preflight check.

    Raises:
        BentoMLException: the model's setting is invalid, or the check failed; the text says why.
    """
    try:
        bundle_source.pin()
    except SettingError as error:
        raise BentoMLException(str(error)) from None
    if reason := preflight.failure():
        raise BentoMLException(reason)
