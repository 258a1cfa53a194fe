"""Share what the commands need: settings, one-line errors, release of resources on SIGTERM."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType

from chatbot.errors import ChatbotError
from chatbot.interrupt import exit_on_interrupt
from chatbot.loop.pushgateway import PushgatewayClient
from chatbot.loop.registry import RegistryClient, RegistryUnavailable
from chatbot.runtime import Runtime
from chatbot.settings import KubernetesSettings, LoopSettings, TrackingSettings, read_settings


def registry(settings: KubernetesSettings, runtime: Runtime) -> RegistryClient:
    """Return a client of the registry at MLFLOW_TRACKING_URI."""
    return RegistryClient(
        read_settings(TrackingSettings),
        seconds=settings.request_seconds,
        retry_seconds=settings.patience_seconds,
        runtime=runtime,
    )


def pushgateway(job: str, settings: KubernetesSettings, runtime: Runtime) -> PushgatewayClient:
    """Return a Pushgateway client with this label `job`."""
    gateway = read_settings(LoopSettings).pushgateway
    return PushgatewayClient(gateway, job, settings.request_seconds, runtime)


def run(command: Callable[[], int]) -> int:
    """Run a command and return its exit code; on an expected error write one line to standard error and return 1."""
    exit_on_interrupt()
    signal.signal(signal.SIGTERM, _exit_on_signal)  # PID 1 of a container ignores it by default
    try:
        return command()
    except RegistryUnavailable as error:
        sys.stderr.write(
            f"{error}. The serving model is unchanged; run this again when MLflow is available\n"
        )
        return 1
    except ChatbotError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _exit_on_signal(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
