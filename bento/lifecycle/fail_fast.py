"""Fail-fast start-up checks: settings, the desired model and the preflight check, each error as one line."""

from __future__ import annotations

from typing import TypeVar

from bentoml.exceptions import BentoMLException
from pydantic_settings import BaseSettings

from bento.lifecycle import bundle_source, preflight
from chatbot.errors import SettingError
from chatbot.settings import read_settings

S = TypeVar("S", bound=BaseSettings)


def read(kind: type[S]) -> S:
    """Read settings from the environment.

    Raises:
        BentoMLException: a variable has an invalid value. BentoML's commands print it as one line.
    """
    try:
        return read_settings(kind)
    except SettingError as error:
        raise BentoMLException(str(error)) from None


def pin() -> None:
    """Pin the desired model (`fetch.pin`); raise BentoMLException if its setting is invalid."""
    try:
        bundle_source.pin()
    except SettingError as error:
        raise BentoMLException(str(error)) from None


def prove() -> None:
    """Run the preflight check; raise BentoMLException with the reason if it fails."""
    if reason := preflight.failure():
        raise BentoMLException(reason)
