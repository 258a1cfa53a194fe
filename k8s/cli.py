"""How the commands of this room begin and end: settings from the environment, one line that says why it failed, and
SIGTERM as an end that gives back what was held.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from pydantic import ValidationError

from chatbot.errors import ChatbotError
from chatbot.settings import KubernetesSettings, Settings, TrackingSettings
from k8s.api.runtime import Runtime
from k8s.mlflow_api import MlflowApi

S = TypeVar("S", bound=Settings)


def read_settings(kind: type[S]) -> S:
    """A component's settings.

    Raises:
        ValidationError: one has a value of the wrong type.
    """
    return kind()


def registry(settings: KubernetesSettings, runtime: Runtime) -> MlflowApi:
    """The registry that MLFLOW_TRACKING_URI names."""
    uri = read_settings(TrackingSettings).tracking_uri
    return MlflowApi(uri, settings.request_seconds, settings.patience_seconds, runtime=runtime)


def run(command: Callable[[], int]) -> int:
    """The command's exit code; 1 and one line on standard error where it cannot do its work."""
    signal.signal(signal.SIGTERM, _exit_on_signal)  # as the first process of a container it would be ignored
    try:
        return command()
    except (ChatbotError, ValidationError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _exit_on_signal(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
